# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole cluster is, asked of the cluster and of its hosts."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.keelson.cluster.plugins.plugin_utils import components

from .servers import Lab, Server
from .waiting import wait


def store(lab: Lab) -> dict[str, str]:
    """By manager, the digests of all generations of secrets it holds; those without any are left out."""
    script = f"cd /etc/keelson/{lab.name}/secrets 2>/dev/null && sha256sum *.json"
    held = {manager.name: lab.ssh(manager, script, check=False) for manager in lab.managers}
    return {name: text for name, text in held.items() if text}


def boots(lab: Lab) -> dict[str, str]:
    """By host, when its first process was started."""
    return {host.name: lab.ssh(host, "cut -d' ' -f22 /proc/1/stat") for host in lab.hosts}


def authorities(lab: Lab) -> set[str]:
    """The digests of the CA certificates that the hosts trust."""
    file = components.engine(lab.engine).identity.ca
    return {lab.ssh(host, f"sha256sum < {file}") for host in lab.hosts}


def assert_whole(lab: Lab, stores: bool = True) -> None:
    """One store, one CA, and what a whole cluster of the engine is. Without `stores` the managers keep none of ours."""
    lab.driver.assert_whole(lab)
    if stores:
        held = store(lab)
        assert set(held) == {manager.name for manager in lab.managers}, held
        assert len(set(held.values())) == 1, held
        assert len(held[lab.managers[0].name].splitlines()) == lab.generations, held
    assert len(authorities(lab)) == 1, authorities(lab)


def await_ready(lab: Lab, hosts: Sequence[Server]) -> None:
    """Wait until these hosts are ready in their pools; the API may be gone for a moment."""
    desired = {host.name: host.pool for host in hosts}
    wait(f"ready in their pools: {desired}", lambda: desired.items() <= lab.driver.ready(lab).items(), 180)
