# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole cluster is, asked of the cluster and of its hosts."""

from __future__ import annotations

from typing import Any

from .servers import Lab


def store(lab: Lab) -> dict[str, str]:
    """By manager, the digests of all generations of secrets it holds; those without any are left out."""
    script = f"cd /etc/keelson/{lab.name}/secrets 2>/dev/null && sha256sum *.json"
    held = {manager.name: lab.ssh(manager, script, check=False) for manager in lab.managers}
    return {name: text for name, text in held.items() if text}


def authorities(lab: Lab) -> set[str]:
    """The digests of the CA certificates that the hosts trust."""
    return {lab.ssh(host, "sha256sum < /etc/nomad.d/tls/ca.pem") for host in lab.hosts}


def tokens(lab: Lab) -> list[dict[str, Any]]:
    """The management tokens; reading them proves that the stored one works."""
    return [token for token in lab.nomad("/v1/acl/tokens") if token["Type"] == "management"]


def assert_whole(lab: Lab, stores: bool = True) -> None:
    """Managers healthy, one bootstrap, one store, one CA, every host node ready in its pool with its drivers.

    Without `stores` the managers keep no stores of ours.
    """
    health = lab.nomad("/v1/operator/autopilot/health")
    assert health["Healthy"], health
    voters = {entry["Address"].rpartition(":")[0] for entry in health["Servers"] if entry["Voter"] and entry["Healthy"]}
    assert voters == {manager.address for manager in lab.managers}, health

    assert [token["Name"] for token in tokens(lab)] == ["Bootstrap Token"]
    if stores:
        held = store(lab)
        assert set(held) == {manager.name for manager in lab.managers}, held
        assert len(set(held.values())) == 1, held
        assert len(held[lab.managers[0].name].splitlines()) == 1, held
    assert len(authorities(lab)) == 1, authorities(lab)

    nodes = {
        entry["Name"]: (entry["Status"], entry["NodePool"], entry["SchedulingEligibility"], _drivers(entry))
        for entry in lab.nomad("/v1/nodes")
        if entry["Status"] != "down"
    }
    assert nodes == {host.name: ("ready", host.pool, "eligible", {"docker", "exec"}) for host in lab.nodes}


def _drivers(entry: dict[str, Any]) -> set[str]:
    return {name for name, driver in entry["Drivers"].items() if driver["Healthy"]}
