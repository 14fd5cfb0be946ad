# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move work off host nodes of any engine, or let them take work again. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .remote import wait_for

#: The options that the draining modules of all engines take.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "nodes": {"type": "list", "elements": "dict", "required": True},
    "purpose": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["drained", "ready"], "default": "drained"},
    "deadline": {"type": "int", "default": 600},
    "timeout": {"type": "int", "default": 60},
}


def way_back(node: str, purpose: str, otherwise: str) -> str:
    """What has a node take work again that we have drained for a purpose, or that somebody else has kept work off."""
    if purpose == "maintenance":
        return f"run the drain playbook with -e drain_hosts={node} -e drain_state=ready"
    # Those that drain by themselves are called as what they drain for.
    return f"run the {purpose} playbook again: it was interrupted" if purpose in ("upgrade", "patch") else otherwise


class DrainError(Exception):
    """Something stays on a node, or the cluster knows no such node; the message says what and what to do."""


class Drains(Protocol):
    """What an engine does; C(node) is its name, which it is looked up by."""

    def status(self, node: str, address: str) -> tuple[bool, str]:
        """Whether it takes work, and else for what we have drained it. Raises DrainError."""

    def begin(self, node: str, purpose: str, deadline: float) -> None:
        """Keep new work off, and move away what it has."""

    def left(self, node: str, deadline: float) -> str | None:
        """What has not left yet, or None."""

    def end(self, node: str) -> None:
        """Let it take work again."""


def perform(drains: Drains, params: Mapping[str, Any], check: bool) -> list[str]:
    """Bring the nodes to the desired state; returns the names of those that changed. Raises DrainError."""
    purpose, deadline = params["purpose"], params["deadline"]
    if deadline < 1:
        raise DrainError(f"deadline: {deadline} is not a number of seconds, 1 at least, that work has to leave.")
    status = {entry["name"]: drains.status(entry["name"], entry["address"]) for entry in params["nodes"]}
    if params["state"] == "ready":
        changed = [name for name, (takes, mark) in status.items() if not takes and mark == purpose]
        for name in () if check else changed:
            drains.end(name)
        return changed
    changed = [name for name, (takes, _mark) in status.items() if takes]
    for name in () if check else changed:
        drains.begin(name, purpose, deadline)
    ours = [name for name, (takes, mark) in status.items() if takes or mark == purpose]

    def left() -> str | None:
        found = (drains.left(name, deadline) for name in ours)
        return "; ".join(text for text in found if text) or None

    reason = None if check else wait_for(left, deadline + params["timeout"], interval=1)
    if reason:
        raise DrainError(
            f"Not drained after {deadline} s: {reason}. See to that, then run again; the node takes no new work until then."
        )
    return changed
