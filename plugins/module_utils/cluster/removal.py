# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take members out of a cluster of any engine, one after the other. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Removes the member of that name and address; tells whether something was to be done. Raises Refused.
Step = Callable[[str, str], bool]


class Refused(Exception):
    """The member was not removed; the message says why and what to do."""


def remove(members: Sequence[Mapping[str, Any]], steps: Mapping[str, Step], removed: list[str]) -> list[str]:
    """Remove whoever can be removed by the step for its C(part), noting names in C(removed); returns the refusals.

    C(removed) is complete up to the place where a step fails. Raises KeyError where a member lacks what it needs.
    """
    refused = []
    for member in members:
        step = steps[member["part"]]
        try:
            if step(member["name"], member["address"]):
                removed.append(member["name"])
        except Refused as error:
            refused.append(str(error))
    return refused
