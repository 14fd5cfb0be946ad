# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruption budgets keep pods on a node that is drained: the message names them, and the node comes back."""

from __future__ import annotations

from typing import Any

from lab import kubernetes
from lab.kubernetes_load import SPACE, apply, load, sample_image
from lab.servers import Lab
from lab.state import assert_whole
from lab.upgrades import at, old, upgraded
from lab.waiting import wait

BUDGET: dict[str, Any] = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "tight", "namespace": SPACE},
    "spec": {"minAvailable": "100%"},
}


def test_a_budget_blocks_a_drain_and_an_upgrade(cluster: Lab) -> None:
    """Until it is gone: nobody is evicted, and no request fails."""
    lab = cluster
    kubectl = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl"
    with load(lab) as asking:
        own = kubernetes.kubectl(lab, "get", "pdb", "-n", SPACE)["items"][0]
        meta = {key: own["metadata"][key] for key in ("name", "namespace")}
        apply(lab, {**BUDGET, "spec": {**BUDGET["spec"], "selector": own["spec"]["selector"]}})
        pods = kubernetes.kubectl(lab, "get", "pods", "-n", SPACE)["items"]
        host = next(node for node in lab.nodes if any(p["spec"]["nodeName"] == node.name for p in pods))
        drain = ("drain", "-e", f"drain_hosts={host.name} drain_deadline=5")
        drained = lab.play(*drain).expect(2)
        assert "more than one PodDisruptionBudget" in drained.words() and f"{SPACE}/" in drained.words()
        lab.ssh(lab.managers[0], f"{kubectl} delete pdb {meta['name']} -n {SPACE}")
        drained = lab.play(*drain).expect(2)
        assert "tight" in drained.words() and "Not drained after 5 s" in drained.words(), drained.output[-3000:]
        assert host.name not in kubernetes.ready(lab)
        upgraded = lab.play("upgrade", "-e", f"upgrade_to={lab.driver.NEW}").expect()
        assert not upgraded.changed()  # it has that version, and stays drained
        lab.play("drain", "-e", f"drain_hosts={host.name} drain_state=ready").expect()
        apply(lab, {key: own[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": meta})
        lab.ssh(lab.managers[0], f"{kubectl} delete pdb tight -n {SPACE}")
        lab.play("drain", "-e", f"drain_hosts={host.name}").expect()
        lab.play("drain", "-e", f"drain_hosts={host.name} drain_state=ready").expect()
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    assert_whole(lab)


def cramped(image: str, pool: str) -> list[dict[str, Any]]:
    """Pods that must not share a node, one more than their pool has nodes: the one that waits makes their budget block every drain."""
    labels = {"app": "cramped"}
    apart = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    spec = {
        "nodeSelector": {"keelson.node-restriction.kubernetes.io/pool": pool},
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
        "containers": [{"name": "one", "image": image, "imagePullPolicy": "Never"}],
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    pods = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    budget = {"minAvailable": 1, "selector": {"matchLabels": labels}}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cramped"}, "spec": pods},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "cramped"}, "spec": budget},
    ]


def test_a_budget_blocks_a_drain_of_an_upgrade(lab: Lab) -> None:
    """Before the run it could be met, so the drain waits, names it and ends; the cluster works with both versions, and the next run finishes."""
    old(lab)
    host = lab.nodes[-1]  # the only one of its pool
    assert [node.name for node in lab.nodes if node.pool == host.pool] == [host.name]
    asked = ("upgrade", "-e", f"upgrade_to={lab.driver.NEW}")
    with load(lab) as asking:
        apply(lab, *cramped(sample_image(lab), host.pool))

        def placed() -> bool:
            found = kubernetes.kubectl(lab, "get", "pods", "-n", SPACE, "-l", "app=cramped")["items"]
            return sorted(pod["spec"].get("nodeName", "") for pod in found) == ["", host.name]

        wait("one pod that runs and one that waits", placed, 60)
        blocked = lab.play(*asked, variables={"cluster_drain_deadline": 10}).expect(2).words()
        assert "Not drained after 10 s" in blocked and "cramped" in blocked, blocked[-3000:]
        found = lab.driver.versions(lab)
        assert found == {h.name: lab.driver.OLD if h == host else lab.driver.NEW for h in lab.hosts}, found
        assert lab.driver.drained(lab) == [host.name]
        kubectl = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl"
        lab.ssh(lab.managers[0], f"{kubectl} delete pdb cramped -n {SPACE}")
        lab.play(*asked).expect()
        wait("the new version", lambda: at(lab, lab.driver.NEW), 120)
    assert asking.failed == [] and asking.asked > 300, (asking.asked, asking.failed[:5])
    upgraded(lab)
