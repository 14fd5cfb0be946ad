# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that no stack made: a YAML or JSON file whose members are read like the outputs of a stack."""

from __future__ import annotations

from typing import Any

from .. import documents
from ..errors import StackError
from ..model import Output, Stack

KIND = "a static description"


def recognise(document: dict[str, Any]) -> bool:
    """Any object would do, so it is never guessed."""
    return False


def load(data: bytes, place: str) -> dict[str, Any]:
    """Parse the file as YAML, of which JSON is a part."""
    document = documents.load_yaml(data, place)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise StackError(
            place,
            "is no mapping of names",
            "Give names with lists of hosts, such as `web: [{name: w1, address: 10.0.0.5}]`",
        )
    documents.whole(document, place)
    return document


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Every member is an output."""
    return Stack(name, "static", place, outputs={key: Output(value) for key, value in document.items()})
