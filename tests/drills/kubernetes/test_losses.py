# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses and bad input that only a Kubernetes cluster knows."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import pod_network
import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from lab import kubernetes
from lab.kubernetes_load import SPACE, apply
from lab.servers import Lab, Server
from lab.state import assert_whole, await_ready
from lab.waiting import wait
from local_servers.servers import numbered


def answers(lab: Lab, asker: Server, timeout: float = 60) -> float:
    """Seconds until the endpoint is ready again, asked from a server."""
    vip, start = numbered(lab.subnet, 100)[0], time.monotonic()
    ask = f"curl -s --cacert /etc/kubernetes/pki/ca.crt -m 2 https://{bracketed(vip)}:6443/readyz"
    while lab.ssh(asker, ask, check=False) != "ok":
        assert time.monotonic() < start + timeout, f"the endpoint does not answer within {timeout} s"
    return time.monotonic() - start


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_endpoint_outlives_any_manager(cluster: Lab, number: int) -> None:
    """Each manager stopped in turn."""
    outage_host = cluster.managers[number]
    cluster.podman("stop", outage_host, "-t", "0")
    try:
        seconds = answers(cluster, cluster.nodes[0])
        print(f"{outage_host.name} stopped: the endpoint answers after {seconds:.1f} s", flush=True)
    finally:
        cluster.podman("start", outage_host)
    wait("a whole cluster", lambda: assert_whole(cluster) is None, 180)


def test_the_address_is_held_without_any_proxy(cluster: Lab) -> None:
    """A check that fails, or is late on a busy host, costs priority: one manager holds the address all the same."""
    held = f"ip -brief address | grep -c {numbered(cluster.subnet, 100)[0]}/"
    try:
        for manager in cluster.managers:
            cluster.ssh(manager, "systemctl stop haproxy")
        time.sleep(8)
        assert sum(int(cluster.ssh(manager, held, check=False)) for manager in cluster.managers) == 1
    finally:
        for manager in cluster.managers:
            cluster.ssh(manager, "systemctl start haproxy")
    answers(cluster, cluster.nodes[0])


def test_kube_proxy_is_started_again(cluster: Lab) -> None:
    """It finds its own rules, and services go on: one whose image does not know protocols by name deletes them."""
    node = cluster.nodes[0]
    rules = "nft list map ip kube-proxy service-ips | grep -c ' : goto '"
    running = "crictl ps --quiet --name kube-proxy"
    before, old = cluster.ssh(node, rules, check=False), cluster.ssh(node, running)
    assert int(before) > 2
    cluster.ssh(node, f"crictl stop --timeout 1 {old.strip()}")
    wait("another kube-proxy", lambda: cluster.ssh(node, running).strip() not in ("", old.strip()), 120)
    time.sleep(10)
    assert cluster.ssh(node, rules, check=False) == before


class Watch:
    """Asks the endpoint all the time, from a host node; `refusals` counts the answers that were none."""

    def __init__(self, lab: Lab) -> None:
        url = f"https://{bracketed(numbered(lab.subnet, 100)[0])}:6443/readyz"
        ask = f"curl -s --cacert /etc/kubernetes/pki/ca.crt -m 5 -o /dev/null -w '%{{http_code}} ' {url}"
        self.lab, self.asker = lab, lab.nodes[0]
        script = f"while [ ! -e /run/watched ]; do {ask} >> /run/watch; sleep 0.2; done"
        lab.ssh(self.asker, "rm -f /run/watch /run/watched")
        lab.ssh(self.asker, f"systemd-run --quiet --unit=watch sh -c {shlex.quote(script)}")

    def end(self) -> list[str]:
        """The answers, as statuses of HTTP; 000 is none."""
        self.lab.ssh(self.asker, "touch /run/watched; sleep 6")
        return self.lab.ssh(self.asker, "cat /run/watch").split()


def commands(lab: Lab, service: str) -> list[list[str]]:
    """The command line of a management service on each manager, as the API tells it."""
    pods = kubernetes.kubectl(lab, "get", "pods", "-n", "kube-system", "-l", f"component={service}")["items"]
    return [pod["spec"]["containers"][0]["command"] for pod in pods]


def test_a_change_rolls_through_one_manager_at_a_time(cluster: Lab) -> None:
    """Of the API server and of all kubelets; the endpoint answers nearly all the time, and the next run is at rest."""
    change = {"cluster_manager_audit_days": 7, "cluster_manager_kubelet_config": {"maxPods": 64}}
    foreseen = cluster.play("install", "--check", variables=change).expect()
    watch = Watch(cluster)
    run = cluster.play("install", variables=change).expect()
    answers_given = watch.end()
    bad = [answer for answer in answers_given if answer != "200"]
    print(f"{len(answers_given)} answers of the endpoint, {len(bad)} not 200: {sorted(set(bad))}", flush=True)
    # Clients that are connected to a manager that goes must ask again: haproxy notices by its next health check.
    assert len(bad) <= len(answers_given) / 10, bad
    told = {task for task, _host in foreseen.changed()}
    assert {task for task, _host in run.changed()} - told <= {
        "keelson.cluster.host_node : Restart | Bring kubelet's configuration up to date"
    }
    assert all("--audit-log-maxage=7" in command for command in commands(cluster, "kube-apiserver"))
    for host in cluster.hosts:
        assert "maxPods: 64" in cluster.ssh(host, "cat /var/lib/kubelet/config.yaml")
    assert_whole(cluster)
    assert not cluster.play("install", variables=change).expect().changed()
    cluster.play("install").expect()
    assert all("--audit-log-maxage=30" in command for command in commands(cluster, "kube-apiserver"))
    assert_whole(cluster)


def test_a_change_that_does_not_start_is_taken_back(cluster: Lab) -> None:
    """The first manager refuses it, the others are left alone, and the cluster serves all the while."""
    wrong = {"apiServer": {"extraArgs": [{"name": "no-such-flag", "value": "x"}]}}
    refused = cluster.play("install", variables={"cluster_manager_kubernetes_config": wrong}).expect(2)
    assert "The other managers were left alone" in refused.words(), refused.output[-3000:]
    assert not any("no-such-flag" in word for command in commands(cluster, "kube-apiserver") for word in command)
    cluster.play("install").expect()
    assert_whole(cluster)
    assert not cluster.play("install").expect().changed()


def test_certificates_are_renewed_in_time(cluster: Lab) -> None:
    """With a year left and more desired, every manager gets new ones, and its services show them."""
    ask = "openssl s_client -connect {}:6443 </dev/null 2>/dev/null | openssl x509 -noout -serial"
    before = [cluster.ssh(manager, ask.format(manager.address)) for manager in cluster.managers]
    cluster.play("install", variables={"cluster_manager_certificate_renew_days": 370}).expect()
    after = [cluster.ssh(manager, ask.format(manager.address)) for manager in cluster.managers]
    assert not set(before) & set(after)
    assert_whole(cluster)
    assert not cluster.play("install").expect().changed()


def test_a_manager_that_dies_during_its_join(lab: Lab) -> None:
    """Its half-made etcd member is removed, and the rerun ends well."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()
    acting_manager, outage_host = lab.managers[0], lab.managers[1]
    # As soon as its etcd member is there, everything of the join on that host is killed.
    script = "until [ -d /var/lib/etcd/member ]; do sleep 0.05; done; pkill -9 kubeadm; systemctl kill -s KILL kubelet; rm -rf /var/lib/etcd/*"
    lab.ssh(outage_host, f"systemd-run --quiet --unit=killer sh -c '{script}'")
    lab.play("install").expect(2)
    lab.ssh(outage_host, "systemctl stop killer", check=False)
    lab.play("install").expect()
    assert_whole(lab)
    assert not lab.play("install").expect().changed()
    assert lab.ssh(acting_manager, "ls /etc/kubernetes/super-admin.conf 2>/dev/null", check=False) == ""


class Thief:
    """Asks the API from another host with the credentials of a kubelet, as they were on its host."""

    SECRET = f"/api/v1/namespaces/{SPACE}/secrets/of-a-pod"

    def __init__(self, lab: Lab, owner: Server, asker: Server) -> None:
        self.lab, self.owner, self.asker = lab, owner, asker
        pair = lab.ssh(owner, "cat /var/lib/kubelet/pki/kubelet-client-current.pem")
        lab.ssh(asker, "umask 077; cat > /run/stolen.pem", given=pair)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        """Status and text of one answer."""
        vip = bracketed(numbered(self.lab.subnet, 100)[0])
        ask = (
            f"curl -s -m 10 -w '\\n%{{http_code}}' --cacert /etc/kubernetes/pki/ca.crt --cert /run/stolen.pem"
            f" --key /run/stolen.pem -X {method} 'https://{vip}:6443{path}'"
        )
        sent = " -H 'Content-Type: application/json' -d @-" if body else ""
        text, _line, status = self.lab.ssh(self.asker, ask + sent, given=json.dumps(body or {})).rpartition("\n")
        return int(status), text

    def secret(self) -> int:
        """How the API answers who reads the secret of a pod on its host."""
        return self.ask("GET", self.SECRET)[0]

    def node(self) -> tuple[int, str]:
        """How the API answers who makes the Node of its host."""
        return self.ask("POST", "/api/v1/nodes", {"kind": "Node", "metadata": {"name": self.owner.name}})

    def certificate(self) -> tuple[int, str]:
        """How the API answers who asks for another certificate of the same name."""
        key = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null"
        subject = f"/O=system:nodes/CN=system:node:{self.owner.name}"
        asked = self.lab.ssh(self.asker, f"{key} | openssl req -new -key /dev/stdin -subj {subject} | base64 -w 0")
        signer = "kubernetes.io/kube-apiserver-client-kubelet"
        spec = {"request": asked.strip(), "signerName": signer, "usages": ["digital signature", "client auth"]}
        body = {"kind": "CertificateSigningRequest", "metadata": {"generateName": "stolen-"}, "spec": spec}
        return self.ask("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", body)


def with_a_secret(lab: Lab, host: Server) -> None:
    """A pod on a host that may read a Secret. Its image is nowhere: where it is bound to decides, not whether it runs."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "of-a-pod"}, "stringData": {"value": "x"}}
    container = {"name": "none", "image": "none.invalid/none", "imagePullPolicy": "Never"}
    volume = {"name": "secret", "secret": {"secretName": "of-a-pod"}}
    spec = {"nodeName": host.name, "containers": [container], "volumes": [volume]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader"}, "spec": spec}
    apply(lab, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    wait("the account of pods", lambda: bool(kubernetes.kubectl(lab, "get", "sa", "-n", SPACE)["items"]), 60)
    apply(lab, secret, pod)


def test_the_certificate_of_a_removed_host_is_of_no_use(cluster: Lab) -> None:
    """Kept by a thief, it makes no Node, gets no other certificate and reads no secret; nor does the host when it comes back."""
    gone, asker = cluster.nodes[0], cluster.nodes[1]
    with_a_secret(cluster, gone)
    thief = Thief(cluster, gone, asker)
    try:
        wait("the secret of a pod on its host", lambda: thief.secret() == 200, 60)
        assert thief.node()[0] == 409 and thief.certificate()[0] == 201  # it is there, and it may
        cluster.podman("stop", gone, "-t", "0")
        cluster.disconnect()
        cluster.play("remove", "-e", f"remove_hosts={gone.name}").expect()
        for status, text in (thief.node(), thief.certificate()):
            assert status == 403 and "was removed from the cluster" in text, (status, text)
        wait("no secret", lambda: thief.secret() == 403, 180)  # until the pods that were on it are collected
        cluster.podman("start", gone)
        refused = "journalctl -u kubelet --since '1 minute ago' | grep -c 'Unable to register node'"
        wait("its kubelet is refused", lambda: cluster.ssh(gone, refused, check=False).strip() not in ("", "0"), 120)
        assert gone.name not in {n["metadata"]["name"] for n in kubernetes.kubectl(cluster, "get", "nodes")["items"]}
        cluster.play("install").expect()
        await_ready(cluster, [gone])
        assert not cluster.play("install").expect().changed()
    finally:
        cluster.podman("start", gone)
        cluster.ssh(asker, "rm -f /run/stolen.pem")
        command = f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl delete namespace {SPACE} --ignore-not-found"
        cluster.ssh(cluster.managers[0], command, check=False)
    wait("a whole cluster", lambda: assert_whole(cluster) is None, 120)


def test_a_pod_network_by_manifest(lab: Lab, tmp_path: Path) -> None:
    """A site's own, pinned and from the bundle; the cluster is made with it, and its pods reach each other."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()
    lab.play("bundle", "-e", json.dumps(pod_network.lay_out(tmp_path))).expect()
    variables = {
        "cluster_pod_network": "manifest",
        "cluster_pod_network_artifact": f"{pod_network.NAME}={pod_network.VERSION}",
    }
    try:
        lab.play("install", variables=variables).expect()
        assert_whole(lab)
        assert not lab.play("install", variables=variables).expect().changed()
        report = tmp_path / "report"
        lab.play("verify", "-e", f"verify_report={report}", variables=variables)
        failed = [check for check in json.loads((report / "report.json").read_text())["checks"] if not check["passed"]]
        assert {check["check"] for check in failed} <= {"sample_policy"}, failed  # this network has none
    finally:
        lab.make()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"cluster_pod_subnet": "10.96.0.0/12"}, "cluster_pod_subnet 10.96.0.0/12 overlaps"),
        ({"cluster_vip": ""}, "the cluster has no endpoint"),
        ({"cluster_endpoint": "nowhere.invalid"}, "the endpoint nowhere.invalid resolves to nothing here"),
        ({"cluster_pod_subnet": "10.32.0.0/16"}, "the cluster was made with pod_subnet 10.244.0.0/16"),
    ],
)
def test_bad_input(cluster: Lab, variables: dict[str, str], message: str) -> None:
    """One clear message in the table, and nothing changed."""
    refused = cluster.play("install", variables=variables).expect(2)
    assert all(word in refused.output for word in message.split()), refused.output[-3000:]
    assert not refused.changed()
