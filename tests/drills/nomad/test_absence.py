# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that were off for a month come back by themselves, or say why not: what the cluster and time do meanwhile is done at once.

A host node is forgotten by the managers after a day, a manager by the others after a moment, and a certificate may end.
"""

from __future__ import annotations

import time

from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from lab import nomad
from lab.servers import Lab
from lab.state import assert_whole, await_ready
from lab.waiting import wait

FOLDER = "/etc/nomad.d/tls"
SHORT = 60  # seconds


def voters(lab: Lab) -> set[str]:
    """The addresses of the managers that vote."""
    listed = nomad.ask(lab, "/v1/operator/raft/configuration?stale=true")["Servers"]
    return {server["Address"].rpartition(":")[0] for server in listed if server["Voter"]}


def test_a_host_node_that_was_forgotten_comes_back(cluster: Lab) -> None:
    """By itself, and an installation has nothing to do."""
    lab, host = cluster, cluster.nodes[0]
    with lab.off(host):
        wait("its end", lambda: host.name not in nomad.ready(lab), 120)
        nomad.forget(lab, {host.name})
        assert host.name not in {entry["Name"] for entry in nomad.ask(lab, "/v1/nodes")}
    await_ready(lab, [host])
    assert_whole(lab)
    assert not lab.play("install").expect().changed()


def test_a_manager_that_was_forgotten_comes_back(cluster: Lab) -> None:
    """The others have taken it out of raft; it votes again by itself."""
    lab, host = cluster, cluster.managers[-1]
    with lab.off(host):
        wait("its end as a voter", lambda: host.address not in voters(lab), 180)
    wait("its return", lambda: host.address in voters(lab), 180)
    wait("a whole cluster", lambda: assert_whole(lab) is None, 120)
    assert not lab.play("install").expect().changed()


def test_a_certificate_that_ended_meanwhile(cluster: Lab) -> None:
    """The host says so, stays out, and an installation brings it back."""
    lab, host = cluster, cluster.nodes[0]
    secrets = lab.secrets()
    present = x509.load_pem_x509_certificate(lab.ssh(host, f"cat {FOLDER}/cert.pem").encode())
    ca = pki.Pair(secrets["ca_certificate"], secrets["ca_key"])
    pair = pki.issue(ca, pki.names_of(present), SHORT / 86400)  # type: ignore[arg-type]
    lab.ssh(host, "systemctl stop keelson-renewal.timer")
    for name, text in (("cert", pair.certificate), ("key", pair.key)):
        lab.ssh(host, f"cat > {FOLDER}/{name}.pem", given=text)
    with lab.off(host):
        time.sleep(SHORT + 5)
    wait("its agent", lambda: lab.ssh(host, "systemctl is-active nomad", check=False).strip() == "active", 60)
    lab.ssh(host, "systemctl start keelson-renewal.service", check=False)
    told = lab.ssh(host, "journalctl -u keelson-renewal -o cat")
    assert f"{FOLDER}/cert.pem is not renewed: it ended at" in told, told
    assert host.name not in nomad.ready(lab)
    lab.play("install").expect()
    await_ready(lab, [host])
    assert_whole(lab)
    assert not lab.play("install").expect().changed()
