# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call whom in a mesh, and who did, as a drawing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check
from ansible_collections.keelson.cluster.plugins.module_utils.texts import some

from ..pages.graph import Arrow, graph
from .model import Gateway, Mesh, Rule, Service

CALLS = "mesh_calls"
TITLE = "Who may call whom, and who did (green: answered, red: all refused, grey: no call yet)"
OUTSIDE = "outside"


def draw(mesh: Mesh, checks: Iterable[Check]) -> str:
    """Return the SVG element; the calls that there were are among the checks."""
    called: dict[str, list[Check]] = {}
    for check in checks:
        if check["check"] == CALLS:
            called.setdefault(check["target"], []).append(check)
    boxes = {OUTSIDE: "clients of the cluster"} if any(gateway.routes for gateway in mesh.gateways.values()) else {}
    boxes.update({key: _where(one) for key, one in mesh.workloads.items() if key in mesh.callers})
    boxes.update({key: f"by {one.gateway}, outside" for key, one in mesh.destinations.items()})
    return graph(boxes, list(_arrows(mesh, called)), TITLE)


def _where(one: Service | Gateway) -> str:
    return ", ".join(sorted({instance.host or "pods" for instance in one.instances})) or "nowhere"


def _arrows(mesh: Mesh, called: dict[str, list[Check]]) -> Iterator[Arrow]:
    for key, gateway in mesh.gateways.items():
        if gateway.routes:
            yield Arrow(OUTSIDE, key, some([f"{route.host}{route.path}" for route in gateway.routes], 1))
    for key, caller in mesh.callers.items():
        for upstream in caller.upstreams:
            found = called.get(f"{key} → {upstream.key}", [])
            state = "none" if not found else "good" if all(check["passed"] for check in found) else "bad"
            for target in {
                target.key: target for target, _subset, weight in mesh.shares(upstream.key) if weight
            }.values():
                rules = [_told(rule) for rule in target.allow if rule.covers(key)]
                title = "; ".join(rules) or "no rule allows it"
                told = "; ".join(f"{check['host']}: {check['evidence']}" for check in found)
                yield Arrow(key, target.key, rules[0] if rules else "refused", f"{title}. {told}", state)


def _told(rule: Rule) -> str:
    return " ".join((",".join(rule.methods) or "all methods", ",".join(rule.paths) or "/*"))
