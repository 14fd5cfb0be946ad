# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and secrets of a Nomad cluster are replaced, by hand and by themselves, while applications and the API go on."""

from __future__ import annotations

import json
import socket
import ssl
import time
from dataclasses import replace

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from lab.away import away
from lab.nomad_load import apis_of, endpoint, load
from lab.servers import Lab, Server
from lab.state import assert_whole, await_ready
from lab.waiting import wait

FOLDER = "/etc/nomad.d/tls"
# A run that was killed holds the lease for a while.
WAIT = ("-e", "cluster_lease_wait=120")
TIMER = """[Timer]
OnCalendar=
OnCalendar=*:*:0/20
RandomizedDelaySec=0
AccuracySec=1s
"""


def kept(lab: Lab) -> dict[str, x509.Certificate]:
    """By host, the certificate on its disk."""
    return {host.name: x509.load_pem_x509_certificate(read(lab, host).encode()) for host in lab.hosts}


def read(lab: Lab, host: Server) -> str:
    """The certificate on a host's disk."""
    return lab.ssh(host, f"cat {FOLDER}/cert.pem")


def served(lab: Lab) -> dict[str, int]:
    """By host, the serial number of the certificate that its agent shows."""
    shown = {host.name: ssl.get_server_certificate((host.address, 4646), timeout=10) for host in lab.hosts}
    return {name: x509.load_pem_x509_certificate(pem.encode()).serial_number for name, pem in shown.items()}


def agents(lab: Lab) -> dict[str, str]:
    """By host, the process of its agent."""
    return {host.name: lab.ssh(host, "systemctl show nomad -P MainPID") for host in lab.hosts}


def numbers(certificates: dict[str, x509.Certificate]) -> dict[str, int]:
    """Their serial numbers."""
    return {name: certificate.serial_number for name, certificate in certificates.items()}


def test_certificates_are_rotated_under_load(cluster: Lab) -> None:
    """Every host shows another one, no agent was restarted, no request failed; a run that is killed is gone on with."""
    lab = cluster
    lab.play("install").expect()
    before, processes = numbers(kept(lab)), agents(lab)
    with load(lab) as asking:
        assert lab.play("rotate", cut="Rotate | Let the agent read it").cut
        lab.play("rotate", *WAIT).expect()
        wait("the new certificates", lambda: served(lab) == numbers(kept(lab)), 60)
        time.sleep(10)
    after = numbers(kept(lab))
    assert not set(before.values()) & set(after.values())
    assert agents(lab) == processes
    print(f"requests: {asking.asked}, failed: {len(asking.failed)}")
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    assert_whole(lab)
    assert not lab.play("install").expect().changed()


def short_lived(lab: Lab, seconds: float) -> None:
    """Give every host a certificate that ends soon, and a timer that runs often."""
    secrets = lab.secrets()
    ca = pki.Pair(secrets["ca_certificate"], secrets["ca_key"])
    for host in lab.hosts:
        pair = pki.issue(ca, pki.names_of(kept(lab)[host.name]), seconds / 86400)  # type: ignore[arg-type]
        for name, text in (("cert", pair.certificate), ("key", pair.key)):
            lab.ssh(host, f"cat > {FOLDER}/{name}.pem", given=text)
        lab.ssh(host, "mkdir -p /run/systemd/system/keelson-renewal.timer.d")
        lab.ssh(host, "cat > /run/systemd/system/keelson-renewal.timer.d/often.conf", given=TIMER)
        lab.ssh(host, "systemctl daemon-reload; systemctl reload nomad; systemctl restart keelson-renewal.timer")


@pytest.mark.parametrize("seconds", [360])
def test_certificates_renew_themselves(cluster: Lab, seconds: int) -> None:
    """Without a controller, each is replaced twice before it ends; with one manager dead as well."""
    lab = cluster
    lab.play("install").expect()
    off = lab.managers[-1]
    with load(lab) as asking:
        short_lived(lab, seconds)
        first, start = kept(lab), time.monotonic()
        lab.podman("stop", off, "-t", "0")
        lab.disconnect()
        lab.hosts.remove(off)

        def renewed(times: int) -> bool:
            now = kept(lab)
            return all((now[n].not_valid_after_utc - first[n].not_valid_after_utc).total_seconds() > times for n in now)

        wait("the first renewal", lambda: renewed(0), seconds)
        second = kept(lab)
        wait("the second renewal", lambda: renewed(seconds), seconds)
        assert time.monotonic() - start > seconds / 2
        wait("what agents show", lambda: served(lab) == numbers(kept(lab)), 30)
        assert not set(numbers(first).values()) & set(numbers(second).values())
        lab.hosts.insert(len(lab.managers), off)
        lab.podman("start", off)
    print(f"requests: {asking.asked}, failed: {len(asking.failed)}")
    assert asking.failed == [], asking.failed[:5]
    for host in lab.hosts:
        lab.ssh(host, "rm -r /run/systemd/system/keelson-renewal.timer.d; systemctl daemon-reload")
    lab.play("install").expect()  # those that end soon are replaced
    assert_whole(lab)


# By the phase that the rotation is in when the run begins: where the run is cut off.
CUTS = (
    "Secrets | Share",  # the new CA is stored, and nobody trusts it yet
    "Certificate | Give the manager its certificate#2",
    "Certificate | Give the host node its certificate.first",
    "Rotate_settle | Await that every member",  # between the phases
    "Secrets | Share#6",  # it is to be used, and nobody does yet
    "Rotate | Let the agent read it#2@0.5",  # within the task
    "Rotate | Let the agent read it#4.first",
    "Secrets | Share#6",  # the old one is to be refused, and nobody does yet
    "Certificate | Give the manager its certificate#2",
    "Certificate | Give the host node its certificate.first",
)


def ca_names(lab: Lab) -> dict[str, set[str]]:
    """By host, the names of the CAs on its disk."""
    found = {host.name: lab.ssh(host, f"cat {FOLDER}/ca.pem") for host in lab.hosts}
    return {
        name: {ca.subject.rfc4514_string() for ca in x509.load_pem_x509_certificates(text.encode())}
        for name, text in found.items()
    }


def refused(lab: Lab, pair: pki.Pair, trusted: str) -> list[str]:
    """The hosts whose agents do not take a client with a certificate."""
    (lab.folder / "old.pem").write_text(pair.certificate + pair.key)
    context = ssl.create_default_context(cadata=trusted)
    context.check_hostname = False
    context.load_cert_chain(lab.folder / "old.pem")
    found = []
    for host in lab.hosts:
        try:
            with socket.create_connection((host.address, 4646), 10) as link, context.wrap_socket(link) as secure:
                secure.sendall(b"GET /v1/status/leader HTTP/1.0\r\n\r\n")
                assert secure.recv(100)
        except OSError:
            found.append(host.name)
    return found


def test_the_ca_is_replaced_under_load(cluster: Lab) -> None:
    """Cut off within and between all phases: no request fails, no agent is restarted, one CA is in use, the old one is refused."""
    lab = cluster
    lab.play("install").expect()
    old, processes, number = lab.secrets(), agents(lab), lab.number("ca")
    asked = ("-e", f"rotate_ca={number + 1}", *WAIT)
    assert lab.play("rotate", *asked, "--check").expect().changed() and lab.secrets() == old
    with load(lab) as asking, away(endpoint(lab)) as gone:
        for cut in CUTS:
            assert lab.play("rotate", *asked, cut=cut).cut, cut
        lab.play("rotate", *asked).expect()
        time.sleep(10)
    lab.generations += 3
    new = lab.secrets()
    assert new["ca_certificate"] != old["ca_certificate"]
    assert set(map(frozenset, ca_names(lab).values())) == {frozenset({f"CN=keelson {lab.name} CA {number + 1}"})}
    client = pki.issue(pki.Pair(old["ca_certificate"], old["ca_key"]), pki.sort_names("client", ["localhost"]), 1)
    assert refused(lab, client, new["ca_certificate"]) == [host.name for host in lab.hosts]
    assert agents(lab) == processes
    print(f"requests: {asking.asked}, failed: {len(asking.failed)}; the API was away for {gone.longest:.1f} s at most")
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    assert gone.longest <= lab.driver.AWAY, sorted(gone.times)[-5:]
    assert_whole(lab)
    assert not lab.play("rotate", *asked).expect().changed()
    assert not lab.play("rotate", *asked, "--check").expect().changed()
    assert not lab.play("install").expect().changed()


def test_a_host_node_that_was_off_is_named_and_brought_back(cluster: Lab) -> None:
    """The old CA stays until it is back; it missed that the new one is trusted, and the next install brings it along."""
    lab = cluster
    lab.play("install").expect()
    off, number = lab.nodes[-1], lab.number("ca")
    asked = ("-e", f"rotate_ca={number + 1}", *WAIT)
    old, new = (f"CN=keelson {lab.name} CA{f' {n}' if n > 1 else ''}" for n in (number, number + 1))
    lab.podman("stop", off, "-t", "0")
    lab.disconnect()
    told = lab.play("rotate", *asked).expect(2).words()
    assert f"{off.name} does not answer. The old CA stays trusted until all have taken part" in told
    lab.podman("start", off)
    wait("its return", lambda: bool(lab.ssh(off, "systemctl is-active nomad", check=False)), 60)
    assert ca_names(lab)[off.name] == {old} and ca_names(lab)[lab.nodes[0].name] == {old, new}
    lab.play("install").expect()
    await_ready(lab, lab.nodes)
    assert set(map(frozenset, ca_names(lab).values())) == {frozenset({old, new})}
    lab.play("rotate", *asked).expect()
    lab.generations += 3
    assert set(map(frozenset, ca_names(lab).values())) == {frozenset({new})}
    assert_whole(lab)


KEYRING = "/var/lib/nomad/server/serf.keyring"
SERVERS = "set -a; . /etc/keelson/{cluster}/nomad.env; nomad server members </dev/null | grep -c alive"


def test_the_gossip_key_and_the_management_token_are_replaced_under_load(cluster: Lab) -> None:
    """Cut off within and between all phases, with a manager that goes and comes back: the old key is gone, the old token gets 403."""
    lab = cluster
    lab.play("install").expect()
    old, processes, off = lab.secrets(), agents(lab), lab.managers[-1]
    names = ("gossip_key", "management_token")
    asked = (*(f"-erotate_{name}={lab.number(name) + 1}" for name in names), *WAIT)
    with load(lab) as asking, away(endpoint(lab)) as gone:
        for cut in (
            "Rotate_secrets | Have another management token",  # made, and stored nowhere
            "Secrets | Share",
            "Rotate | Have all managers use the gossip keys#2",
            "Rotate_settle | Await that every member",
        ):
            assert lab.play("rotate", *asked, cut=cut).cut, cut
        lab.podman("stop", off, "-t", "0")
        lab.disconnect()
        assert f"{off.name} does not answer; start or remove it first" in " ".join(
            lab.play("rotate", *asked).expect(2).output.split()
        )
        lab.podman("start", off)
        wait("its return", lambda: lab.ssh(off, SERVERS.format(cluster=lab.name), check=False).strip() == "3", 120)
        for cut in (
            "Secrets | Share#6",  # to be used
            "Secret_files | Give the agent what is secret#2",
            "Rotate | Have all managers use the gossip keys@0.5",
            "Secrets | Share#6",  # the old ones are to be refused
            "Rotate | Have all managers use the gossip keys#1",
        ):
            assert lab.play("rotate", *asked, cut=cut).cut, cut
        lab.play("rotate", *asked).expect()
    lab.generations += 3
    new = lab.secrets()
    assert not {old[field] for field in ("gossip_key", "bootstrap_token")} & {new["gossip_key"], new["bootstrap_token"]}
    for manager in lab.managers:
        assert json.loads(lab.ssh(manager, f"cat {KEYRING}")) == [new["gossip_key"]]
        assert lab.ssh(manager, SERVERS.format(cluster=lab.name)).strip() == "3"
    for api in apis_of(lab):
        assert api.exchange("GET", "/v1/agent/members")[0] == 200
        assert replace(api, token=old["bootstrap_token"]).exchange("GET", "/v1/agent/members")[0] == 403
    now = agents(lab)
    assert {name for name in now if now[name] != processes[name]} == {off.name}
    print(f"requests: {asking.asked}, failed: {len(asking.failed)}; the API was away for {gone.longest:.1f} s at most")
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    assert gone.longest <= lab.driver.AWAY, sorted(gone.times)[-5:]
    assert_whole(lab)
    assert not lab.play("rotate", *asked).expect().changed()
    assert not lab.play("install").expect().changed()
    lab.ssh(lab.managers[0], "systemctl restart nomad")
    wait("its return", lambda: lab.ssh(off, SERVERS.format(cluster=lab.name), check=False).strip() == "3", 120)
    assert_whole(lab)
