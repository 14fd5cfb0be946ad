# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses and bad input that only a Kubernetes cluster knows."""

from __future__ import annotations

import time

import pytest
from lab.servers import Lab, Server, server
from lab.state import assert_whole


def answers(lab: Lab, asker: Server, timeout: float = 60) -> float:
    """Seconds until the endpoint is ready again, asked from a server."""
    vip, start = f"{server('m1').address.rpartition('.')[0]}.100", time.monotonic()
    ask = f"curl -s --cacert /etc/kubernetes/pki/ca.crt -m 2 https://{vip}:6443/readyz"
    while lab.ssh(asker, ask, check=False) != "ok":
        assert time.monotonic() < start + timeout, f"the endpoint does not answer within {timeout} s"
    return time.monotonic() - start


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_endpoint_outlives_any_manager(cluster: Lab, number: int) -> None:
    """Each manager stopped in turn."""
    victim = cluster.managers[number]
    cluster.podman("stop", victim, "-t", "0")
    try:
        seconds = answers(cluster, cluster.nodes[0])
        print(f"{victim.name} stopped: the endpoint answers after {seconds:.1f} s", flush=True)
    finally:
        cluster.podman("start", victim)
    deadline = time.monotonic() + 180
    while True:
        try:
            assert_whole(cluster)
            return
        except AssertionError:
            assert time.monotonic() < deadline
            time.sleep(2)


def test_a_manager_that_dies_during_its_join(lab: Lab) -> None:
    """Its half-made etcd member is removed, and the rerun ends well."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()
    seat, victim = lab.managers[0], lab.managers[1]
    # As soon as its etcd member is there, everything of the join on that host is killed.
    script = "until [ -d /var/lib/etcd/member ]; do sleep 0.05; done; pkill -9 kubeadm; systemctl kill -s KILL kubelet; rm -rf /var/lib/etcd/*"
    lab.ssh(victim, f"systemd-run --quiet --unit=killer sh -c '{script}'")
    lab.play("install").expect(2)
    lab.ssh(victim, "systemctl stop killer", check=False)
    lab.play("install").expect()
    assert_whole(lab)
    assert not lab.play("install").expect().changed()
    assert lab.ssh(seat, "ls /etc/kubernetes/super-admin.conf 2>/dev/null", check=False) == ""


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"cluster_pod_subnet": "10.96.0.0/12"}, "cluster_pod_subnet 10.96.0.0/12 overlaps"),
        ({"cluster_vip": ""}, "the cluster has no endpoint"),
        ({"cluster_endpoint": "nowhere.invalid"}, "the endpoint nowhere.invalid resolves to nothing here"),
        ({"cluster_kubernetes_version": "1.38.0"}, "no minor may be skipped"),
        ({"cluster_kubernetes_version": "1.35.4"}, "there is no way back"),
    ],
)
def test_bad_input(cluster: Lab, variables: dict[str, str], message: str) -> None:
    """One clear message in the table, and nothing changed."""
    refused = cluster.play("install", variables=variables).expect(2)
    assert all(word in refused.output for word in message.split()), refused.output[-3000:]
    assert not refused.changed()
