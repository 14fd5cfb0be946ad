# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruption budgets keep pods on a node that is drained: the message names them, and the node comes back."""

from __future__ import annotations

from typing import Any

from lab import kubernetes
from lab.kubernetes_load import SPACE, apply, load
from lab.servers import Lab
from lab.state import assert_whole

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
