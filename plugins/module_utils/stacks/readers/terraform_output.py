# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outputs that `terraform output -json` and `tofu output -json` print."""

from __future__ import annotations

from typing import Any

from ..model import Stack
from .terraform_state import add_outputs

KIND = "the text of `terraform output -json`"


def recognise(document: dict[str, Any]) -> bool:
    """Every member is an object with a value, or with a mark of sensitivity; no outputs at all is {}."""
    return all(isinstance(body, dict) and ("value" in body or "sensitive" in body) for body in document.values())


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Read the outputs; such a text knows no resources, serial or lineage."""
    stack = Stack(name, "terraform", place)
    add_outputs(stack, document, "Give the text of `terraform output -json`")
    return stack
