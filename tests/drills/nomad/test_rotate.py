# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of a Nomad cluster are made anew, by hand and by themselves, while applications and the API go on."""

from __future__ import annotations

import ssl
import time

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from lab.nomad_load import load
from lab.servers import Lab, Server
from lab.state import assert_whole
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
