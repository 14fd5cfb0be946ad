# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's drills and benches know of engine kubernetes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes.defaults import NETWORKS
from local_servers.servers import numbered

from .servers import Lab, Server
from .waiting import wait

UNIT = "kubelet"
#: A change that is good for host nodes, and one that is not.
GOOD: dict[str, Any] = {"host_node_kubernetes_kubelet": {"maxPods": 77}}
WRONG: dict[str, Any] = {"host_node_kubernetes_kubelet": {"featureGates": {"NoSuchGate": True}}}
#: A change for which every manager is restarted.
MANAGERS: dict[str, Any] = {"cluster_manager_audit_days": 7}
#: What tells a host node's families of addresses.
FAMILIES = "grep -o 'node-ip=[^ \"]*' /var/lib/kubelet/kubeadm-flags.env | tr -dc '=,\\n'; cat /etc/cni/net.d/10-calico.conflist | grep assign"
#: Of the bench of an install: the plain script, tasks of one host, servers.
SCRIPT, TASKS, HOSTS = "install_kubernetes.sh", 40, ("m1", "m2", "m3", "w1", "w2")
#: Hosts of the bench of growth, and the most MiB of a server image.
SIZES, IMAGE_MIB = (5, 50), 900.0

#: Of the bench of an upgrade: the plain script, and how long the API may be away, in seconds.
UPGRADE_SCRIPT, AWAY = "upgrade_kubernetes.sh", 3.0
#: In how many seconds the cluster is back when all hosts were off.
COLD_START = 300.0
#: Of the bench of a backup: what is much in a cluster's state, and its engine's own command.
MUCH = "etcd of 500 MB"
ETCDCTL = (
    "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt"
    " --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key"
)
SNAPSHOT = f"{ETCDCTL} snapshot save {{file}}"

#: The versions of the drills of upgrades, what the bundle needs for them, and the task that changes a manager.
OLD, NEW = "1.35.4", "1.36.3"
VERSIONED = ("kubeadm", "kubectl", "kubelet", "kubernetes-images")
MANAGER_TASK = "Exchange the management services"
#: The task after which a host node has joined.
JOIN_TASK = "Delete the token"

#: Packages that applications run on: the container runtime comes with the bundle.
HELD = ()

#: Where its secrets may lie on a host.
SECRET_PLACES = ("/etc/kubernetes/", "/var/lib/kubelet/pki/")
#: Tasks that hand over secrets, and at which module with some on one host the controller is killed: some read before they write.
SECRET_CUTS = [("Secrets |", 2), ("what is secret", 1)]


def secrets(payload: Mapping[str, Any]) -> dict[str, str]:
    """The secrets of a generation by their names."""
    keys = {name: text for name, text in payload.items() if name.endswith("ca_key") or name == "service_account_key"}
    return keys | {"encryption_key": payload["encryption_keys"][0]["secret"]}


def host_key(lab: Lab, host: Server) -> str:
    """The private key of a host, '' where it has none yet."""
    path = "/var/lib/kubelet/pki/kubelet-client-current.pem" if host.pool else "/etc/kubernetes/pki/apiserver.key"
    return lab.ssh(host, f"sed -n '/PRIVATE KEY/,/PRIVATE KEY/p' {path} 2>/dev/null", check=False)


def variables(subnet: str) -> dict[str, Any]:
    """Variables of a cluster on servers of that network, which share one disk."""
    families = [6 if ":" in part else 4 for part in subnet.split(",")]
    networks = {name: ",".join(of[family] for family in families) for name, of in NETWORKS.items()}
    return {
        "cluster_vip": numbered(subnet, 100)[0],
        **(networks if 6 in families else {}),
        "host_node_kubernetes_kubelet": {
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "2Gi", "imagefs.available": "2Gi"}
        },
    }


def kubectl(lab: Lab, *arguments: str, manager: Server | None = None) -> Any:
    """The JSON of `kubectl ARGUMENTS`, asked on a manager."""
    command = f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl {' '.join(arguments)} -o json"
    return json.loads(lab.ssh(manager or lab.managers[0], command))


def assert_whole(lab: Lab) -> None:
    """Every host a ready node, etcd's members the managers and well, every manager serves, no token is left."""
    nodes = {
        entry["metadata"]["name"]: (
            entry["metadata"]["labels"].get("keelson.node-restriction.kubernetes.io/pool", ""),
            {condition["type"]: condition["status"] for condition in entry["status"]["conditions"]}["Ready"],
        )
        for entry in kubectl(lab, "get", "nodes")["items"]
    }
    assert nodes == {host.name: (host.pool, "True") for host in lab.hosts}, nodes
    pki = "/etc/kubernetes/pki/etcd"
    files = f"--cacert={pki}/ca.crt --cert={pki}/healthcheck-client.crt --key={pki}/healthcheck-client.key"
    loopback = "[::1]" if ":" in lab.managers[0].address else "127.0.0.1"
    etcdctl = f"etcdctl --endpoints=https://{loopback}:2379 {files}"
    members = json.loads(lab.ssh(lab.managers[0], f"{etcdctl} member list -w json"))["members"]
    assert {entry.get("name") for entry in members} == {manager.name for manager in lab.managers}, members
    assert not [entry for entry in members if entry.get("isLearner")], members
    lab.ssh(lab.managers[0], f"{etcdctl} endpoint health --cluster")
    for manager in lab.managers:  # one may be slow for a moment on a busy machine
        wait(f"{manager.name} serves", partial(_serves, lab, manager), 30)
    tokens_left = kubectl(
        lab, "get", "secrets", "-n", "kube-system", "--field-selector=type=bootstrap.kubernetes.io/token"
    )
    assert tokens_left["items"] == []


def _serves(lab: Lab, manager: Server) -> bool:
    """Whether a manager's API server is ready; raise AssertionError with what it says of itself when not."""
    ask = (
        f"curl -sS --cacert /etc/kubernetes/pki/ca.crt 'https://{bracketed(manager.address)}:6443/readyz?verbose' 2>&1"
    )
    said = lab.ssh(manager, f"{ask} | grep -v '^\\[+\\]'", check=False).strip()
    assert said == "readyz check passed", said
    return True


def versions(lab: Lab) -> dict[str, str]:
    """By name, the version each node's kubelet runs."""
    nodes = kubectl(lab, "get", "nodes")["items"]
    return {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"].lstrip("v") for node in nodes}


def application(lab: Lab, name: str) -> tuple[str, int] | None:
    """The release that an application's deployment names, and how many instances are ready; None where there is none."""
    found = [d for d in kubectl(lab, "get", "deployments")["items"] if d["metadata"]["name"] == name]
    if not found:
        return None
    variables = {v["name"]: v["value"] for v in found[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    return variables["RELEASE"], found[0]["status"].get("readyReplicas", 0)


def ready(lab: Lab) -> dict[str, str]:
    """Pools of the host nodes that take work, by name."""
    return {
        node["metadata"]["name"]: node["metadata"]["labels"].get("keelson.node-restriction.kubernetes.io/pool", "")
        for node in kubectl(lab, "get", "nodes")["items"]
        if not node["spec"].get("taints")
        and {condition["type"]: condition["status"] for condition in node["status"]["conditions"]}["Ready"] == "True"
    }


def drained(lab: Lab) -> list[str]:
    """The host nodes that take no work."""
    return [n["metadata"]["name"] for n in kubectl(lab, "get", "nodes")["items"] if n["spec"].get("unschedulable")]


def addresses(lab: Lab) -> dict[str, str]:
    """By name, where members are that live."""
    return {
        node["metadata"]["name"]: next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        for node in kubectl(lab, "get", "nodes")["items"]
        if {condition["type"]: condition["status"] for condition in node["status"]["conditions"]}["Ready"] == "True"
    }


def published(lab: Lab, name: str) -> list[str]:
    """Where the instances of an application answer, as URLs; the last one is its service's."""
    service = kubectl(lab, "get", "service", name)["spec"]
    slices = kubectl(lab, "get", "endpointslices", "-l", f"kubernetes.io/service-name={name}")["items"]
    found = [(address, s["ports"][0]["port"]) for s in slices for e in s["endpoints"] for address in e["addresses"]]
    return [
        f"http://{bracketed(a)}:{port}" for a, port in [*found, (service["clusterIP"], service["ports"][0]["port"])]
    ]


def fill(lab: Lab) -> None:
    """Make a large state: 500 values of 1 MB that do not shrink, beside the cluster's own."""
    loop = (
        f"for n in $(seq 500); do head -c 750000 /dev/urandom | base64 -w 0 | {ETCDCTL} put /bench/$n >/dev/null; done"
    )
    lab.ssh(lab.managers[0], loop, timeout=3000)


def forget(lab: Lab, names: set[str]) -> None:
    """Let the cluster forget host nodes that are gone."""
    known = names & {entry["metadata"]["name"] for entry in kubectl(lab, "get", "nodes")["items"]}
    if known:
        lab.ssh(lab.managers[0], f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl delete node {' '.join(sorted(known))}")
