# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall that is loaded anew flushes all rules of the packet filter: what the cluster needs of them comes back by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lab.applications import deployed
from lab.servers import Lab, Server
from lab.state import assert_whole
from lab.waiting import wait

RULES = "iptables-save; ip6tables-save"


def rules(lab: Lab, host: Server) -> set[str]:
    """The nft tables of a host but for those of iptables, and its iptables rules."""
    tables = {
        line for line in lab.ssh(host, "nft list tables").splitlines() if "keelson" in line or "kube-proxy" in line
    }
    return tables | {line for line in lab.ssh(host, RULES).splitlines() if line.startswith("-A ")}


@pytest.mark.parametrize("part", ["managers", "nodes"])
def test_flushed_rules_come_back(cluster: Lab, tmp_path: Path, part: str) -> None:
    """Within a minute, with every rule that was there, on all hosts of a part; the application's ports answer again."""
    hosts = getattr(cluster, part)

    def answers() -> bool:
        urls = cluster.driver.published(cluster, name)
        asked = " ".join(f"-o /dev/null {url}/healthz" for url in urls)
        cluster.ssh(cluster.managers[-1], f"curl -sf --fail-early -m 5 {asked}")
        return True

    with deployed(cluster, tmp_path) as name:
        wait("answers at every published address", answers, 60)
        time.sleep(15)  # what the host remembers is from its last round
        before = {host.name: rules(cluster, host) for host in hosts}
        if not any(before.values()):
            pytest.skip(f"the {part} of this engine have no rules")
        for host in hosts:
            cluster.ssh(host, "nft flush ruleset")
        start = time.monotonic()

        def back() -> bool:
            missing = {host.name: sorted(before[host.name] - rules(cluster, host)) for host in hosts}
            assert not any(missing.values()), missing
            return True

        wait("all rules that were there", back, 60)
        print(f"{part}: all rules are back after {time.monotonic() - start:.0f} s", flush=True)
        wait("answers at every published address", answers, 60 - (time.monotonic() - start))
        print(f"{part}: all addresses answer after {time.monotonic() - start:.0f} s", flush=True)
    assert_whole(cluster)
