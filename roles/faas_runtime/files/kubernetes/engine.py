# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway asks of Knative: its gateway Kourier holds a call until an instance is there, and scales by the calls."""

from __future__ import annotations

from typing import Any

from calls import Answer, CallFailed

START = 90  # seconds until an instance is there
LATE = (b"activator request timeout", b"request timeout")


class Engine:
    """The address of Kourier inside the cluster."""

    HELD = START  # seconds that it holds a call which is handed to an instance
    # Each call has a connection of its own: one that is kept leads to one instance of Kourier, and breaks when that ends.
    KEPT = False
    # Beginnings of headers that it would read itself: the activator finds the function by them, and Envoy its limits.
    OWN = ("knative-", "k-", "x-envoy-")

    def __init__(self, access: dict[str, str]) -> None:
        self.address = access["address"]

    async def call(self, function: dict[str, Any], request: dict[str, Any], token: str) -> Answer:
        """An instance for one call alone: preflight refuses such a function. Raises CallFailed."""
        raise CallFailed(501, "per_request does not run here")

    async def sweep(self, namespaces: set[str]) -> int:
        """Nothing is left of calls."""
        return 0

    def headers(self, function: dict[str, Any]) -> dict[str, str]:
        """What a call needs to find its function."""
        return {"Host": f"{function['service']}.{function['namespace']}.svc.cluster.local"}

    def check(self, function: dict[str, Any], status: int, headers: Any, body: bytes) -> None:
        """Whether an answer is one of the function. Raises CallFailed: Kourier's own has not been upstream, and Knative's programs tell in
        plain text that they waited in vain."""
        if status == 504 and body in LATE:
            raise CallFailed(504, "the function did not answer in time")
        if status in (404, 503) and "x-envoy-upstream-service-time" not in headers:
            where = f"kubectl -n {function['namespace']} describe ksvc {function['service']}"
            told = "the function has no instance that works, so it crashes at its start or is being deployed"
            raise CallFailed(502, f"{told}: {where}")

    async def instances(self, function: dict[str, Any]) -> list[str]:
        """Where calls are handed to; Kourier and the activator know the instances."""
        return [self.address]

    async def scale(self, function: dict[str, Any], count: int, down: bool = False) -> None:
        """Knative's autoscaler does it."""
