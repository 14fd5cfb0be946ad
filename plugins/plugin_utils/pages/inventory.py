# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks, clusters, pools and hosts as one HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Stack

from .drawing import Band, Box, Frame, draw
from .html import render as page

SHOWN = 24  # hosts of a part that are drawn; all are in the table


def render(inventory: Inventory, stacks: Iterable[Stack], title: str) -> str:
    """Return the HTML document. TITLE: the stacks file."""
    stacks, clusters = list(stacks), inventory.groups["clusters"].children
    counts = f"{len(stacks)} stacks, {len(clusters)} clusters, {len(inventory.hosts)} hosts"
    bands = [Band("stacks", "", (Frame("read", tuple(_stack(stack) for stack in stacks), "stacks"),))] if stacks else []
    return page(
        "inventory.html.j2",
        title="Stacks and clusters",
        verdict=f"{len(inventory.warnings)} warnings" if inventory.warnings else counts,
        good=not inventory.warnings,
        facts={"Stacks file": title, "Holds": counts if inventory.warnings else ""},
        drawing=draw([*bands, *(_cluster(inventory, name) for name in clusters)], "Stacks, clusters, parts and hosts"),
        warnings=inventory.warnings,
        tables=(
            (
                "Hosts",
                ("Host", "Address", "Cluster", "Part", "Stack", "Resource"),
                [_row(*host) for host in inventory.hosts.items()],
            ),
            (
                "What is no host, and why",
                ("Stack", "Address", "Reason"),
                [(item.stack, item.address, item.reason) for item in inventory.skipped],
            ),
        ),
    )


def _stack(stack: Stack) -> Box:
    told = [stack.kind, stack.workspace or "", f"serial {stack.serial}" if stack.serial is not None else ""]
    return Box(stack.name, " · ".join(text for text in told if text))


def _cluster(inventory: Inventory, cluster: str) -> Band:
    variables = inventory.groups[cluster].variables
    told = [variables.get(key) for key in ("cluster_engine", "cluster_environment", "cluster_endpoint")]
    told += [f"{name} {network}" for name, network in variables["cluster_networks"].items()]
    groups = [f"{cluster}_managers", *inventory.groups[f"{cluster}_nodes"].children]
    frames = (_frame(inventory, cluster, group, inventory.groups[group].hosts) for group in groups)
    return Band(
        f"cluster {cluster}",
        " · ".join(str(text) for text in told if text),
        tuple(frame for frame in frames if frame.boxes),
    )


def _frame(inventory: Inventory, cluster: str, group: str, hosts: Sequence[str]) -> Frame:
    part = group.removeprefix(f"{cluster}_").replace("pool_", "pool ", 1)
    sources = dict.fromkeys(_source(inventory.hosts[host]) for host in hosts)
    boxes = tuple(Box(host, inventory.hosts[host]["cluster_address"]) for host in hosts[:SHOWN])
    title = f"{part} ({len(hosts)}) from {', '.join(sources)}"
    return Frame(title, boxes, "pool" if part.startswith("pool ") else part, len(hosts) - len(boxes))


def _source(variables: dict[str, Any]) -> str:
    return str(variables["stack"]["name"] or "the stacks file")


def _row(name: str, variables: dict[str, Any]) -> tuple[str, ...]:
    part = f"pool {variables['cluster_pool']}" if variables["cluster_pool"] else "manager"
    address = variables["cluster_address"] or variables["stack"]["note"]
    return name, address, variables["cluster_name"], part, _source(variables), variables["stack"]["address"]
