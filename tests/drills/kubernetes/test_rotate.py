# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates, CAs and keys of a Kubernetes cluster are replaced while applications and the API go on."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import accepted
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import client_context
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from lab import kubernetes
from lab.away import away
from lab.kubernetes_load import SPACE, endpoint, load
from lab.servers import Lab, Server
from lab.state import assert_whole
from lab.waiting import wait

PKI = "/etc/kubernetes/pki"
# A run that was killed holds the lease for a while.
WAIT = ("-e", "cluster_lease_wait=120")
# What holds a CA's certificate, and at which port which hosts show one by it: all (True), or managers alone.
AUTHORITIES = {
    "ca": ("", "CA", {6443: False, 10250: True}),
    "etcd_ca": ("etcd_", "etcd CA", {2379: False, 2380: False}),
}

# By what is replaced and the phase, where runs are cut off. A phase has "Secrets | Share" five times: the sixth is that of the next one.
CUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "ca": {
        "prepare": (
            "Secrets | Share",  # the new one is stored, and nobody trusts it yet
            "Rotate | Give the manager what is secret#2",  # on disk, and no service has read it
            "Rotate | Start the management services#2@3",  # within the task
            "Identity | Bring kubelet#2.first",
            "Rotate_settle | Bring kubelet.first",
            "Trust | Have everything@5",
        ),
        "use": (
            "Secrets | Share#6",  # it is to be used, and nobody does yet
            "Rotate | Give the manager what is secret#1",  # of two CAs one manager signs by another than the others
            "Rotate | Start the management services#1@2",
            "Identity | Bring kubelet#1@1",
            "Identity | Bring kubelet#2.first",
            "Rotate_settle | Bring kubelet.first",
            "Trust | Give metrics-server",
        ),
        "finish": (
            "Secrets | Share#6",  # the old one is to be refused, and nobody does yet
            "Rotate | Start the management services#2@3",
            "Identity | Bring kubelet#2.first",
            "Trust | Have everything@5",
        ),
    },
    "etcd_ca": {
        "prepare": ("Secrets | Share", "Rotate | Start the management services#2@4"),
        "use": (
            "Secrets | Share#6",
            "Rotate | Give the manager what is secret#1",
            "Rotate | Start the management services#1@2",
            "Rotate | Start the management services#2",
        ),
        "finish": ("Secrets | Share#6", "Rotate | Start the management services#2@4"),
    },
    "encryption_key": {
        "prepare": ("Secrets | Share", "Rotate | Start the management services#2@3"),
        "use": ("Secrets | Share#6", "Rotate | Start the management services#2", "Rotate_settle | Encrypt@1"),
        "finish": ("Secrets | Share#6", "Rotate | Start the management services#1@3"),
    },
    "service_account_key": {
        "prepare": ("Secrets | Share", "Rotate | Start the management services#2@3"),
        "use": ("Secrets | Share#6", "Identity | Bring kubelet#2.first", "Account_tokens | See"),
        "finish": ("Secrets | Share#6", "Rotate | Start the management services#2"),
    },
}


def authority(lab: Lab, what: str, of: int) -> str:
    """The name of a CA."""
    return f"CN=keelson {lab.name} {what}{f' {of}' if of > 1 else ''}"


def trusted(lab: Lab, host: Server, path: str) -> set[str]:
    """The names of the CAs in a file of a host."""
    found = x509.load_pem_x509_certificates(lab.ssh(host, f"cat {path}").encode())
    return {ca.subject.rfc4514_string() for ca in found}


def issuers(lab: Lab, ports: dict[int, bool]) -> set[str]:
    """The names of the CAs of the certificates that hosts show."""
    found = set()
    for port, everywhere in ports.items():
        for host in lab.hosts if everywhere else lab.managers:
            pem = ssl.get_server_certificate((host.address, port), timeout=10)
            found.add(x509.load_pem_x509_certificate(pem.encode()).issuer.rfc4514_string())
    return found


def administrator(payload: dict[str, Any]) -> pki.Pair:
    """A client's certificate of whom the API lets do anything, by the CA in use."""
    key = certificate.make_key()
    ca, subject = (payload["ca_certificate"], payload["ca_key"]), "/O=system:masters/CN=drill"
    return pki.Pair(certificate.sign(certificate.make_request(key), *ca, subject, [], 3600), key)


def answers(lab: Lab, ca: str, client: pki.Pair) -> set[int]:
    """What API servers answer to a client that trusts a CA: HTTP statuses, 0 for one that the client does not know."""
    found = set()
    for manager in lab.managers:
        context = client_context(ca, client.certificate, client.key)
        link = http.client.HTTPSConnection(manager.address, 6443, timeout=10, context=context)
        try:
            link.request("GET", "/api/v1/nodes")
            found.add(link.getresponse().status)
        except ssl.SSLCertVerificationError:
            found.add(0)
        finally:
            link.close()
    return found


def pods(lab: Lab) -> dict[str, int]:
    """The application's pods, by their identity, with how often containers of theirs were started again."""
    found = kubernetes.kubectl(lab, "get", "pods", "-n", SPACE)["items"]
    return {pod["metadata"]["uid"]: sum(c["restartCount"] for c in pod["status"]["containerStatuses"]) for pod in found}


def encrypted_by(lab: Lab) -> set[str]:
    """The keys by which all Secrets and ConfigMaps lie encrypted in etcd, as they are named there; 'none' for plain text."""
    found = set()
    for resource in ("secrets", "configmaps"):
        read = lab.ssh(lab.managers[0], f"{kubernetes.ETCDCTL} get /registry/{resource}/ --prefix -w json")
        for entry in json.loads(read).get("kvs", ()):
            words = base64.b64decode(entry["value"])[:120].split(b":", 5)
            found.add(words[4].decode() if words[:2] == [b"k8s", b"enc"] else "none")
    return found


def test_certificates_are_renewed_under_load(cluster: Lab) -> None:
    """Without a number managers get other certificates of the same CA, also after a run that was cut off."""
    lab = cluster
    lab.play("install").expect()
    before = {m.name: ssl.get_server_certificate((m.address, 6443), timeout=10) for m in lab.managers}
    with load(lab) as asking:
        assert lab.play("rotate", cut="Rotate | Start the management services#2@3").cut
        lab.play("rotate", *WAIT).expect()
    after = {m.name: ssl.get_server_certificate((m.address, 6443), timeout=10) for m in lab.managers}
    assert not set(before.values()) & set(after.values())
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    assert_whole(lab)
    assert not lab.play("install").expect().changed()


def test_certificates_renew_themselves_under_load(cluster: Lab) -> None:
    """All managers' timers at the same moment: one after the other, with no controller, and the cluster serves all the while."""
    lab, leaf = cluster, f"{PKI}/apiserver.crt"
    lab.play("install").expect()
    begin = "systemctl start keelson-renewal.service"
    told = f"journalctl -u keelson-renewal -o cat --since @{int(time.time())}"
    for manager in lab.managers:
        lab.ssh(manager, begin)
        assert "were renewed" not in lab.ssh(manager, told), "none is due"
        lab.ssh(manager, f"touch -d '-750 days' {leaf}")  # of its three years a third is left
    before = {m.name: ssl.get_server_certificate((m.address, 6443), timeout=10) for m in lab.managers}
    with load(lab) as asking, away(endpoint(lab)) as gone:
        for _turn in lab.managers:
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda manager: lab.ssh(manager, begin, timeout=900), lab.managers))
        after = {m.name: ssl.get_server_certificate((m.address, 6443), timeout=10) for m in lab.managers}
    assert not set(before.values()) & set(after.values())
    words = "".join(lab.ssh(manager, told) for manager in lab.managers)
    assert words.count("the certificates of this manager were renewed") == len(lab.managers), words
    assert "wait for the next time" in words, "they took turns"
    print(
        f"requests: {asking.asked}, failed: {len(asking.failed)}; the endpoint was away for {gone.longest:.1f} s at most"
    )
    assert asking.failed == [] and asking.asked > 100, (asking.asked, asking.failed[:5])
    assert gone.longest <= lab.driver.AWAY, sorted(gone.times)[-5:]
    assert_whole(lab)
    assert not lab.play("install").expect().changed()


@pytest.mark.parametrize("name", list(CUTS))
def test_a_secret_is_replaced_under_load(cluster: Lab, name: str) -> None:
    """Cut off within and between all phases: no request fails, no pod is restarted, verify passes after each phase, a second run changes nothing."""
    lab = cluster
    lab.play("install").expect()
    old, to, sealed = lab.secrets(), lab.number(name) + 1, encrypted_by(lab)
    asked = ("-e", f"rotate_{name}={to}", *WAIT)
    assert lab.play("rotate", *asked, "--check").expect().changed() and lab.secrets() == old
    with load(lab) as asking, away(endpoint(lab)) as gone:
        running = pods(lab)
        for phase, cuts in CUTS[name].items():
            for cut in cuts:
                assert lab.play("rotate", *asked, "-e", f"rotate_until={phase}", cut=cut).cut, (phase, cut)
            lab.play("rotate", *asked, "-e", f"rotate_until={phase}").expect()
            lab.generations += 1
            assert_phase(lab, name, phase, to)
            lab.play("verify").expect()
            assert_whole(lab)
        time.sleep(10)
        assert pods(lab) == running, "pods were restarted"
    print(
        f"requests: {asking.asked}, failed: {len(asking.failed)}; the endpoint was away for {gone.longest:.1f} s at most"
    )
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    assert gone.longest <= lab.driver.AWAY, sorted(gone.times)[-5:]
    new = lab.secrets()
    changed = {field for field in new if new[field] != old.get(field)} - {"rotations"}
    assert changed and not any(accepted(new, field)[1:] for field in changed)
    assert len(encrypted_by(lab)) == 1 and (encrypted_by(lab) == sealed) is (name != "encryption_key")
    if name == "ca":
        assert answers(lab, new["ca_certificate"], administrator(new)) == {200}
        assert answers(lab, new["ca_certificate"], administrator(old)) == {401}
        assert answers(lab, old["ca_certificate"], administrator(new)) == {0}
    assert not lab.play("rotate", *asked).expect().changed()
    assert not lab.play("rotate", *asked, "--check").expect().changed()
    assert not lab.play("install").expect().changed()


def assert_phase(lab: Lab, name: str, phase: str, to: int) -> None:
    """After a phase of a CA every host trusts and shows what it shall, and every manager's access works."""
    for manager in lab.managers:
        assert kubernetes.kubectl(lab, "get", "nodes", manager=manager)["items"]
    if name not in AUTHORITIES:
        return
    prefix, what, ports = AUTHORITIES[name]
    old, new = (authority(lab, what, of) for of in (to - 1, to))
    desired = {new} if phase == "finish" else {old, new}
    assert trusted(lab, lab.managers[0], f"{PKI}/{prefix.replace('_', '/')}ca.crt") == desired
    assert issuers(lab, ports) == {old if phase == "prepare" else new}
    if name == "ca":
        assert all(trusted(lab, host, f"{PKI}/ca.crt") == desired for host in lab.hosts)
        roots = kubernetes.kubectl(lab, "get", "configmaps", "-A", "--field-selector=metadata.name=kube-root-ca.crt")
        for entry in roots["items"]:
            found = x509.load_pem_x509_certificates(entry["data"]["ca.crt"].encode())
            assert {ca.subject.rfc4514_string() for ca in found} == desired, entry["metadata"]["namespace"]


def test_a_host_node_that_was_off_is_named_and_brought_back(cluster: Lab) -> None:
    """The new CA is not used before that host trusts it; the next install brings it along."""
    lab = cluster
    lab.play("install").expect()
    off, to = lab.nodes[-1], lab.number("ca") + 1
    old, new = (authority(lab, "CA", of) for of in (to - 1, to))
    asked = ("-e", f"rotate_ca={to}", *WAIT)
    lab.podman("stop", off, "-t", "0")
    lab.disconnect()
    told = lab.play("rotate", *asked).expect(2).words()
    assert f"node {off.name} has taken no part. What was used before stays accepted" in told
    lab.podman("start", off)
    wait("its return", lambda: lab.ssh(off, "systemctl is-active kubelet", check=False).strip() == "active", 120)
    assert trusted(lab, off, f"{PKI}/ca.crt") == {old} and trusted(lab, lab.nodes[0], f"{PKI}/ca.crt") == {old, new}
    lab.play("install").expect()
    assert trusted(lab, off, f"{PKI}/ca.crt") == {old, new} and issuers(lab, {10250: True}) == {old}
    for phase in ("prepare", "use", "finish"):
        lab.play("rotate", *asked, "-e", f"rotate_until={phase}").expect()
    lab.generations += 3
    assert {frozenset(trusted(lab, host, f"{PKI}/ca.crt")) for host in lab.hosts} == {frozenset({new})}
    assert_whole(lab)


def test_a_manager_that_was_off_is_named_and_catches_up(cluster: Lab) -> None:
    """New secrets are refused while it is off; within a rotation it comes back, and the same run again takes it along."""
    lab, off = cluster, cluster.managers[-1]
    lab.play("install").expect()
    to = lab.number("encryption_key") + 1
    asked, old = ("-e", f"rotate_encryption_key={to}", *WAIT), lab.secrets()
    with lab.off(off):
        told = lab.play("rotate", *asked).expect(2).words()
        assert off.name in told and "start or remove it first" in told and lab.secrets() == old
    wait("its return", lambda: assert_whole(lab) is None, 180)
    assert lab.play("rotate", *asked, cut="Secrets | Share").cut
    with lab.off(off):
        told = lab.play("rotate", *asked).expect(2).words()
        assert off.name in told and "start or remove it first" in told
    wait("its return", lambda: lab.ssh(off, "systemctl is-active kubelet", check=False).strip() == "active", 180)
    lab.play("rotate", *asked).expect()
    lab.generations += 3
    wait("a whole cluster", lambda: assert_whole(lab) is None, 120)
    assert len(encrypted_by(lab)) == 1
    assert not lab.play("install").expect().changed()
