# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outputs that `terraform output -json` and `tofu output -json` print."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks.documents import flag
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Output, Stack

KIND = "the text of `terraform output -json`"


def recognise(document: dict[str, Any]) -> bool:
    """Every member is an object with a value and a mark of sensitivity; no outputs at all is {}."""
    return all(
        isinstance(body, dict) and "value" in body and body.keys() <= {"value", "type", "sensitive"}
        for body in document.values()
    )


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Read the outputs; such a text knows no resources, serial or lineage."""
    stack = Stack(name, "terraform", place)
    for output, body in document.items():
        if not isinstance(body, dict) or "value" not in body:
            raise StackError(place, f"output {output} has no value", "Give the text of `terraform output -json`")
        stack.outputs[output] = Output(
            body["value"], flag(body, "sensitive", place, f"output {output}"), body.get("type")
        )
    return stack
