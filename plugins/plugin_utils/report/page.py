# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page."""

from __future__ import annotations

from collections.abc import Iterable

from ..contract import MANAGER
from ..pages.drawing import Band, Box, Frame, draw
from ..pages.html import render as page
from .model import HostRow, Report

_LEGEND = (
    ("background:var(--good)", "all checks passed"),
    ("background:var(--bad)", "a check failed"),
    ("background:var(--off)", "did not answer"),
    (
        "border-radius:3px;background:var(--instance)",
        "instance of the sample application (dashed: where it was before a drill)",
    ),
)


def bands(report: Report) -> list[Band]:
    """Return the networks that have hosts, the managers' first; in them the managers, then the pools."""
    used = {host.network for host in report.hosts}
    leading = {host.network for host in report.hosts if host.part == MANAGER}
    known = sorted((name for name in report.networks if name in used), key=lambda name: name not in leading)
    boxes = _boxes(report)
    found = []
    for network in [*known, ""] if "" in used else known:
        title = f"network {network}" if network else "no known network"
        groups = _groups(host for host in report.hosts if host.network == network)
        frames = tuple(
            Frame(name, tuple(boxes[host.name] for host in hosts), "managers" if hosts[0].part == MANAGER else "pool")
            for name, hosts in groups.items()
        )
        found.append(Band(title, report.networks.get(network, ""), frames))
    return found


def _groups(hosts: Iterable[HostRow]) -> dict[str, list[HostRow]]:
    found: dict[str, list[HostRow]] = {}
    for host in sorted(hosts, key=lambda h: h.part != MANAGER):
        found.setdefault("cluster managers" if host.part == MANAGER else f"pool {host.pool}", []).append(host)
    return found


def _boxes(report: Report) -> dict[str, Box]:
    troubled = report.troubled()
    instances: dict[str, list[dict[str, object]]] = {}
    for ran in report.instances:
        title = f"instance {ran['id']} at {ran['address']}:{ran['port']}"
        instances.setdefault(ran["host"], []).append({"title": title, "moved": ran["moved"]})
    return {
        host.name: Box(
            host.name,
            host.address if host.reachable else "did not answer",
            "off" if not host.reachable else "bad" if host.name in troubled else "good",
            instances.get(host.name, ()),
        )
        for host in report.hosts
    }


def render(report: Report) -> str:
    """Return the HTML document."""
    failed, total = len(report.failed), len(report.checks)
    verdict = f"{total - failed} of {total} checks passed" if failed else f"All {total} checks passed"
    return page(
        "report.html.j2",
        title=f"Cluster {report.cluster}",
        verdict=verdict if total else "Nothing was checked",
        good=report.passed,
        facts={
            "Engine": f"{report.engine} {report.version}".strip(),
            "Environment": report.environment,
            "Endpoint": report.endpoint,
            "Hosts": len(report.hosts),
            "Verified": report.time,
            "Duration": f"{report.seconds:.0f} s" if report.seconds else "",
            "Collection": report.collection,
        },
        drawing=draw(
            bands(report), f"{len(report.hosts)} hosts of cluster {report.cluster} in their networks and pools"
        ),
        legend=_LEGEND,
        diagrams=report.diagrams,
        failed=report.failed,
        groups=report.grouped(),
        numbers={name: number for number, name in enumerate(sorted({check["host"] for check in report.checks}))},
    )
