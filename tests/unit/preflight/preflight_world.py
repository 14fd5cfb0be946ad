# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster without a fault, for tests that put one in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster, Host

NOW = 1_800_000_000.0


def file_system(**changes: Any) -> dict[str, Any]:
    """A file system with room, on which programs run."""
    return {"free_mib": 50_000, "device": 1, "read_only": False, "noexec": False, **changes}


def facts(number: int, **changes: Any) -> dict[str, Any]:
    """What host_facts finds on a fit server with address 10.0.0.`number`."""
    good: dict[str, Any] = {
        "os_id": "debian",
        "os_version": "12",
        "architecture": "x86_64",
        "root": True,
        "machine_id": f"{number:032x}",
        "hostname": f"host-{number}",
        "addresses": [f"10.0.0.{number}"],
        "memory_mib": 4096,
        "file_systems": {path: file_system() for path in ("/etc", "/opt", "/tmp", "/usr", "/var/lib")},
        "features": dict.fromkeys(("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables"), ""),
        "listeners": [],
        "clusters": [],
        "runtimes": dict.fromkeys(("docker", "containerd"), {"running": False, "configured": False, "containers": 0}),
        "firewalls": [],
        "receipts": [],
        "time": NOW + 0.1,
        "clock": {"before": NOW, "after": NOW + 0.2},
    }
    return {**good, **changes}


def host(name: str, number: int, part: str, **changes: Any) -> Host:
    """A host of the cluster `product` at 10.0.0.`number`."""
    return Host(
        name=name,
        cluster="product",
        part=part,
        address=f"10.0.0.{number}",
        connect=f"10.0.0.{number}:22",
        facts=facts(number, **changes),
        groups=("clusters", "product", f"product_{part}s"),
    )


def cluster() -> Cluster:
    """Three managers and two host nodes, all fit."""
    return Cluster(
        name="product",
        engine=components.engine("nomad"),
        networks={"all": "10.0.0.0/24"},
        hosts=(
            host("m1", 11, "manager"),
            host("m2", 12, "manager"),
            host("m3", 13, "manager"),
            host("w1", 21, "node"),
            host("w2", 22, "node"),
        ),
    )


def with_host(fit: Cluster, name: str, **changes: Any) -> Cluster:
    """Change fields of one host."""
    return replace(fit, hosts=tuple(replace(h, **changes) if h.name == name else h for h in fit.hosts))


def with_facts(fit: Cluster, name: str, **changes: Any) -> Cluster:
    """Change facts of one host."""
    known: Mapping[str, Any] = next(h for h in fit.hosts if h.name == name).facts or {}
    return with_host(fit, name, facts={**known, **changes})
