# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole cluster is, asked of the cluster and of its hosts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components

from .servers import Lab, Server
from .waiting import wait


def store(lab: Lab) -> dict[str, str]:
    """By manager, the digests of all generations of secrets it holds; those without any are left out."""
    script = f"cd /etc/keelson/{lab.name}/secrets 2>/dev/null && sha256sum *.json"
    held = {manager.name: lab.ssh(manager, script, check=False) for manager in lab.managers}
    return {name: text for name, text in held.items() if text}


def authorities(lab: Lab) -> set[str]:
    """The digests of the CA certificates that the hosts trust."""
    file = components.engine(lab.engine).identity.ca
    return {lab.ssh(host, f"sha256sum < {file}") for host in lab.hosts}


def tokens(lab: Lab) -> list[dict[str, Any]]:
    """The management tokens; reading them proves that the stored one works."""
    return [token for token in lab.nomad("/v1/acl/tokens") if token["Type"] == "management"]


def assert_whole(lab: Lab, stores: bool = True) -> None:
    """One store, one CA, and what a whole cluster of the engine is. Without `stores` the managers keep none of ours."""
    {"nomad": _nomad, "kubernetes": _kubernetes}[lab.engine](lab)
    if stores:
        held = store(lab)
        assert set(held) == {manager.name for manager in lab.managers}, held
        assert len(set(held.values())) == 1, held
        assert len(held[lab.managers[0].name].splitlines()) == 1, held
    assert len(authorities(lab)) == 1, authorities(lab)


def _nomad(lab: Lab) -> None:
    """Managers healthy, one bootstrap, every host node ready in its pool with its drivers."""
    health = lab.nomad("/v1/operator/autopilot/health")
    assert health["Healthy"], health
    voters = {entry["Address"].rpartition(":")[0] for entry in health["Servers"] if entry["Voter"] and entry["Healthy"]}
    assert voters == {manager.address for manager in lab.managers}, health

    assert [token["Name"] for token in tokens(lab)] == ["Bootstrap Token"]

    nodes = {
        entry["Name"]: (entry["Status"], entry["NodePool"], entry["SchedulingEligibility"], _drivers(entry))
        for entry in lab.nomad("/v1/nodes")
        if entry["Status"] != "down"
    }
    assert nodes == {host.name: ("ready", host.pool, "eligible", {"docker", "exec"}) for host in lab.nodes}


def _kubernetes(lab: Lab) -> None:
    """Every host a ready node, etcd's members the managers and well, every manager serves, no token is left."""
    nodes = {
        entry["metadata"]["name"]: (
            entry["metadata"]["labels"].get("keelson.cluster/pool", ""),
            {condition["type"]: condition["status"] for condition in entry["status"]["conditions"]}["Ready"],
        )
        for entry in lab.kubectl("get", "nodes")["items"]
    }
    assert nodes == {host.name: (host.pool, "True") for host in lab.hosts}, nodes
    pki = "/etc/kubernetes/pki/etcd"
    files = f"--cacert={pki}/ca.crt --cert={pki}/healthcheck-client.crt --key={pki}/healthcheck-client.key"
    etcdctl = f"etcdctl --endpoints=https://127.0.0.1:2379 {files}"
    members = json.loads(lab.ssh(lab.managers[0], f"{etcdctl} member list -w json"))["members"]
    assert {entry.get("name") for entry in members} == {manager.name for manager in lab.managers}, members
    assert not [entry for entry in members if entry.get("isLearner")], members
    lab.ssh(lab.managers[0], f"{etcdctl} endpoint health --cluster")
    for manager in lab.managers:  # one may be slow for a moment on a busy machine
        wait(f"{manager.name} serves", partial(_serves, lab, manager), 30)
    tokens_left = lab.kubectl(
        "get", "secrets", "-n", "kube-system", "--field-selector=type=bootstrap.kubernetes.io/token"
    )
    assert tokens_left["items"] == []


def _serves(lab: Lab, manager: Server) -> bool:
    """Whether a manager's API server is ready; raise AssertionError with what it says of itself when not."""
    ask = f"curl -sS --cacert /etc/kubernetes/pki/ca.crt 'https://{manager.address}:6443/readyz?verbose' 2>&1"
    said = lab.ssh(manager, f"{ask} | grep -v '^\\[+\\]'", check=False).strip()
    assert said == "readyz check passed", said
    return True


def ready(lab: Lab) -> dict[str, str]:
    """Pools of the host nodes that take work, by name."""
    if lab.engine == "nomad":
        return {n["Name"]: n["NodePool"] for n in lab.nomad("/v1/nodes") if n["Status"] == "ready"}
    return {
        node["metadata"]["name"]: node["metadata"]["labels"].get("keelson.cluster/pool", "")
        for node in lab.kubectl("get", "nodes")["items"]
        if not node["spec"].get("taints")
        and {condition["type"]: condition["status"] for condition in node["status"]["conditions"]}["Ready"] == "True"
    }


def await_ready(lab: Lab, hosts: Sequence[Server]) -> None:
    """Wait until these hosts are ready in their pools; the API may be gone for a moment."""
    desired = {host.name: host.pool for host in hosts}
    wait(f"ready in their pools: {desired}", lambda: desired.items() <= ready(lab).items(), 180)


def forget(lab: Lab, names: set[str]) -> None:
    """Let the cluster forget host nodes that are gone."""
    script = f"set -a; . /etc/keelson/{lab.name}/nomad.env; nomad operator api -X POST /v1/node/%s/purge </dev/null"
    if lab.engine == "nomad":
        for node in lab.nomad("/v1/nodes"):
            if node["Name"] in names:
                lab.ssh(lab.managers[0], script % node["ID"])
    else:
        known = names & {entry["metadata"]["name"] for entry in lab.kubectl("get", "nodes")["items"]}
        if known:
            lab.ssh(
                lab.managers[0], f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl delete node {' '.join(sorted(known))}"
            )


def _drivers(entry: dict[str, Any]) -> set[str]:
    return {name for name, driver in entry["Drivers"].items() if driver["Healthy"]}
