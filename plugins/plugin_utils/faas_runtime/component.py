# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the function runtime needs of managers, opens and owns on them, whatever engine runs the functions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ..contract import MANAGER, Component, Listener, Owned, Part, Probe, Requirements, Trace

GATEWAY, METRICS, CLIENTS, ROUTES, MONITOR = 8480, 8481, 4222, 6222, 8222

# A client of NATS that sends its first command in TLS, where it has a certificate.
_NATS = Probe("tls", request=b"PING\r\n")


def own_secrets(
    _cluster: str, _variables: Mapping[str, Any], present: Mapping[str, Any] | None, _change: str
) -> dict[str, Any]:
    """What the passwords of NATS are made from; it stays when other secrets of the cluster are replaced."""
    return dict(present or {"events_key": secrets.token_hex(32)})


COMPONENT = Component(
    name="faas_runtime",
    own_secrets=own_secrets,
    parts={
        MANAGER: Part(
            requirements=Requirements(memory_mib=300, disk_mib={"/opt": 100, "/var/lib": 1000}, features=("systemd",)),
            listeners=(
                Listener(
                    GATEWAY,
                    "tcp",
                    "cluster",
                    "python3",
                    "gateway of functions",
                    probe=Probe("https_login", guarded=("/events/x", "/")),
                ),
                Listener(METRICS, "tcp", "loopback", "python3", "metrics of the gateway"),
                Listener(CLIENTS, "tcp", "cluster", "nats-server", "events for the gateway", probe=_NATS),
                # One manager alone has no routes.
                Listener(
                    ROUTES, "tcp", "cluster", "nats-server", "events between managers", probe=_NATS, optional=True
                ),
                Listener(MONITOR, "tcp", "loopback", "nats-server", "metrics of the events"),
            ),
            services=("keelson-nats.service", "keelson-faas-gateway.service"),
            secrets=(
                "/etc/keelson-faas/tls/key.pem",
                "/etc/keelson-faas/nats.json",
                "/etc/keelson-faas/gateway.json",
            ),
            account="faas",
            artifacts=("nats-server", "nats-py", "faas-gateway"),
            owned=Owned(trees=("/var/lib/faas",)),
        ),
    },
    traces=(Trace("/etc/keelson-faas/cluster.json", name="cluster"),),
    processes=("nats-server",),
    groups={"Functions": ("gateway", "events", "function", "isolation")},
)
