# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move work off nodes for a while, as disruption budgets allow. Standard library only."""

from __future__ import annotations

import time
from typing import Any

from ..cluster.drain import DrainError
from . import view
from .api import Api


class Drains:
    """How Kubernetes drains nodes: pods of Jobs may end until the deadline; those without a controller stay."""

    def __init__(self, api: Api) -> None:
        """Remember whom to ask."""
        self.api = api
        self.start = time.monotonic()

    def status(self, node: str, address: str) -> tuple[bool, str]:
        """Whether it takes work, and else for what we have drained it. Raises DrainError."""
        entry = self.api.find(f"{view.NODES}/{node}")
        if entry is None:
            raise DrainError(f"The cluster knows no host node {node} ({address}).")
        found = view.parse_node(entry)
        return not found.cordoned, found.mark

    def begin(self, node: str, purpose: str, _deadline: float) -> None:
        """Keep new work off; what is there leaves by left()."""
        view.cordon(self.api, node, {view.MARK: purpose})

    def left(self, node: str, deadline: float) -> str | None:
        """One round of evictions: what has not left yet, with the budgets that keep it, or None."""

        def send(space: str, pod: dict[str, Any]) -> str:
            of_job = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or ())
            waits = of_job and time.monotonic() - self.start < deadline
            return "" if waits else view.evict(self.api, space, pod)

        return view.left(node, view.work(self.api, node), send)

    def end(self, node: str) -> None:
        """Let it take work again."""
        view.uncordon(self.api, node, (view.MARK,))
