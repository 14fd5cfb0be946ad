# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that were off for so long that their certificates ended: a manager comes back by itself, a host node says why not."""

from __future__ import annotations

import time

from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import authorities
from lab import kubernetes
from lab.servers import Lab, Server
from lab.state import assert_whole, await_ready
from lab.waiting import wait

PKI = "/etc/kubernetes/pki"
CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
SHORT = 60  # seconds


def shorten(lab: Lab, host: Server, authority: str, cert: str, key: str = "") -> None:
    """Give a host another certificate of the same names that ends in a moment; with its key in a file of its own, or in the same."""
    ca = [lab.ssh(lab.managers[0], f"cat {PKI}/{authority}.{kind}") for kind in ("crt", "key")]
    present = certificate.read(authorities.first(lab.ssh(host, f"cat {cert}")))
    subject = present.subject if key else f"/O=system:nodes/CN=system:node:{host.name}"
    pair = certificate.make_key()
    pem = certificate.sign(certificate.make_request(pair), *ca, subject, present.names, SHORT)
    lab.ssh(host, f"cat > {cert}", given=pem if key else pem + pair)
    if key:
        lab.ssh(host, f"cat > {key}", given=pair)


def test_a_host_node_whose_certificate_ended(cluster: Lab) -> None:
    """kubelet says so and stays out; an installation has it join anew, and it has its pool."""
    lab, host = cluster, cluster.nodes[0]
    shorten(lab, host, "ca", CLIENT)
    with lab.off(host):
        wait("its end", lambda: host.name not in kubernetes.ready(lab), 120)
        time.sleep(SHORT + 5)
    wait("its word", lambda: "expired" in lab.ssh(host, "journalctl -b -u kubelet -o cat", check=False), 120)
    assert host.name not in kubernetes.ready(lab)
    lab.play("install").expect()
    await_ready(lab, [host])
    assert_whole(lab)
    assert not lab.play("install").expect().changed()


def test_a_manager_whose_certificates_ended(cluster: Lab) -> None:
    """Its timer renews what the API server, etcd and kubelet have, without the others and with no controller."""
    lab, host = cluster, cluster.managers[-1]
    lab.play("install").expect()
    for authority, leaf in (("ca", "apiserver"), ("etcd/ca", "etcd/peer")):
        shorten(lab, host, authority, f"{PKI}/{leaf}.crt", f"{PKI}/{leaf}.key")
    shorten(lab, host, "ca", CLIENT)
    with lab.off(host):
        time.sleep(SHORT + 5)
    wait("its boot", lambda: lab.ssh(host, "echo up", check=False).strip() == "up", 120)
    lab.ssh(host, "systemctl start keelson-renewal.service", timeout=900)
    told = lab.ssh(host, "journalctl -b -u keelson-renewal -o cat")
    assert "the certificates of this manager were renewed" in told and "kubelet has another certificate" in told, told
    wait("a whole cluster", lambda: assert_whole(lab) is None, 180)
    assert not lab.play("install").expect().changed()
