# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nomad requirements of its hosts and opens on them.

Ports: https://developer.hashicorp.com/nomad/docs/install/production/requirements#ports-used
"""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.module_utils.nomad.ports import HTTP, RPC, SERF

from ..components import ANY_PORT, ENROLLMENT, MANAGER, NODE, Identity, Listener, Part, Profile, Requirements

_HTTP = Listener(HTTP, "tcp", "cluster", "nomad", "HTTPS API", probe="https")

PROFILE = Profile(
    name="nomad",
    architectures={"x86_64": "amd64", "aarch64": "arm64"},
    systems={"debian": ("12",)},
    odd_managers=True,
    identity=Identity("/etc/nomad.d/tls/ca.pem", "/etc/nomad.d/tls/cert.pem", "/etc/nomad.d/tls/key.pem"),
    guarded=("/v1/nodes", "/v1/jobs", "/v1/agent/members"),
    members_module="keelson.cluster.nomad_members",
    checks_module="keelson.cluster.nomad_checks",
    sample_module="keelson.cluster.nomad_sample",
    outage_module="keelson.cluster.nomad_outage",
    parts={
        MANAGER: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 500, "/var/lib": 2000},
                features=("systemd",),
            ),
            listeners=(
                _HTTP,
                Listener(RPC, "tcp", "cluster", "nomad", "RPC between agents", probe="nomad_rpc"),
                Listener(SERF, "tcp", "cluster", "nomad", "gossip between managers", probe="gossip"),
                Listener(SERF, "udp", "cluster", "nomad", "gossip between managers"),
                Listener(ENROLLMENT, "tcp", "cluster", "python3", "enrollment service", optional=True),
            ),
            services=("nomad.service",),
        ),
        NODE: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 500, "/var/lib": 5000},
                features=("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables"),
            ),
            listeners=(
                _HTTP,
                Listener(ANY_PORT, "tcp", "loopback", "containerd", "streaming server of containerd"),
                # Applications that use the host's network: client.min_dynamic_port and client.max_dynamic_port.
                Listener(20000, "tcp", "any", "", "applications", last=32000),
            ),
            services=("nomad.service", "docker.service"),
        ),
    },
)
