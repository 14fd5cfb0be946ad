# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try a cluster with the sample application: every step is a check. Standard library only."""

from __future__ import annotations

import collections
import time
from typing import Any, Callable

from ..checks.http import Instance, Load, answers
from ..checks.model import Check, Verdict, answer
from .sample import Sample, await_, elapsed

COUNT = 3
_CURE = "look at nomad job status keelson-sample and at the host nodes' logs (journalctl -u nomad -u docker)"


def spread(instances: list[Instance], nodes: int) -> Verdict:
    """Judge that the instances lie on at least two hosts where there are two."""
    hosts = collections.Counter(instance["host"] for instance in instances)
    text = ", ".join(f"{host}: {count}" for host, count in sorted(hosts.items()))
    wanted = min(2, nodes, len(instances))
    return Verdict(len(hosts) >= max(wanted, 1), f"instances by host node: {text or 'none'}")


def _step(name: str, title: str, question: Callable[[], Verdict]) -> Check:
    return answer(f"sample_{name}", title, "sample application", _CURE, question)


def deploy(sample: Sample) -> list[Check]:
    """Deploy, answer, scale up and down, update under load. Ends early where a step leaves nothing to go on with."""

    def placed() -> Verdict:
        start = time.monotonic()
        sample.submit(COUNT, "1")
        judged = spread(sample.instances(), len(sample.placed.nodes))
        return Verdict(judged.passed, f"pool {sample.placed.pool}, {elapsed(start)}, {judged.evidence}")

    def scaled(count: int) -> Verdict:
        start = time.monotonic()
        sample.scale(count)
        return Verdict(True, f"{count} instances after {elapsed(start)}")

    def updated() -> Verdict:
        with Load(sample.instances) as load:
            sample.submit(COUNT, "2")
        calm = load.verdict()
        fresh = answers(sample.instances())
        moved = fresh.passed and fresh.evidence.count("release 2") == COUNT
        return Verdict(calm.passed and moved, f"{calm.evidence}; then {fresh.evidence}")

    steps: list[tuple[str, str, Callable[[], Verdict]]] = [
        ("deploy", "The sample application deploys, spread over host nodes", placed),
        ("answer", "Every instance answers a manager", lambda: answers(sample.instances())),
        ("scale_up", "It scales up", lambda: scaled(COUNT + 1)),
        ("scale_down", "It scales down", lambda: scaled(COUNT)),
        ("update", "It is updated without a failed request", updated),
    ]
    found: list[Check] = []
    for name, title, question in steps:
        found.append(_step(name, title, question))
        if not found[0]["passed"]:
            break
    return found


def drain(sample: Sample) -> Check:
    """Drain the busiest host node under load; the application moves without a failed request."""

    def moved() -> Verdict:
        node, start = sample.busiest(), time.monotonic()
        with Load(sample.instances) as load:
            sample.drain(node, COUNT)
        calm = load.verdict()
        return Verdict(calm.passed, f"left {node.name} in {elapsed(start)}; {calm.evidence}")

    return _step("drain", "It moves when its host node is drained", moved)


def outage(sample: Sample, victim: dict[str, Any], timeout: float) -> Check:
    """Wait until the instances of a host node that was killed run and answer elsewhere."""

    def moved() -> Verdict:
        start = time.monotonic()
        await_(lambda: sample.moved_wrong(victim["name"], COUNT), timeout)
        verdict = answers(sample.instances())
        return Verdict(verdict.passed, f"{victim['name']} died; moved {elapsed(start)} later: {verdict.evidence}")

    return _step("outage", "It moves when its host node is killed", moved)
