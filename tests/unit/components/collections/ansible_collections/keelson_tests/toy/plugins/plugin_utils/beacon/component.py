# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A component of a collection of its own: one unit, one port, one artifact, one check."""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import OutageScope
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import (
    NODE,
    Component,
    Listener,
    Owned,
    Part,
    Probe,
    Requirements,
    ServerImage,
    Trace,
)

COMPONENT = Component(
    name="keelson_tests.toy.beacon",
    parts={
        NODE: Part(
            requirements=Requirements(memory_mib=4000, disk_mib={"/srv": 10}, features=("vxlan",)),
            listeners=(Listener(7777, "tcp", "cluster", "beacon", "beacon", probe=Probe("https_members")),),
            services=("beacon.service",),
            artifacts=("beacon",),
            owned=Owned(trees=("/var/lib/beacon",)),
            outage=OutageScope(units=("beacon.service",), groups=("beacon.service",)),
        )
    },
    image=ServerImage(artifacts=("beacon",), units=("beacon.service",), unshared=("var/lib/beacon/*",)),
    traces=(Trace("/etc/beacon.json", name="cluster"),),
    processes=("beacon",),
    checks_module="keelson_tests.toy.beacon_checks",
    groups={"Beacons": ("beacon",)},
    reserved_names=("beacon.internal",),
    diagrams=lambda hosts, checks: {"Beacons in sight": f"<svg>{len(hosts)} hosts, {len(checks)} checks</svg>"},
)
