# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit policy logs of whom, as the API server reads it: the first rule that fits decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.checks import controls
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import kernel
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes.benchmark import BENCHMARK

ROLES = Path(__file__).parents[3] / "roles"
NODE, SYSTEM, PERSON = ["system:nodes"], ["system:serviceaccounts", "system:serviceaccounts:kube-system"], ["dev"]


def level(verb: str, group: str, resource: str, groups: list[str], user: str = "u") -> str:
    """At which level a request for a resource is logged."""
    policy = yaml.safe_load((ROLES / "cluster_manager/vars/main/kubernetes_apiserver.yml").read_text())
    return next(
        rule["level"]
        for rule in policy["__cluster_manager_audit"]["rules"]
        if "nonResourceURLs" not in rule
        and verb in rule.get("verbs", [verb])
        and user in rule.get("users", [user])
        and (not rule.get("userGroups") or set(groups) & set(rule["userGroups"]))
        and (not rule.get("resources") or any(_fits(entry, group, resource) for entry in rule["resources"]))
    )


def _fits(entry: dict[str, Any], group: str, resource: str) -> bool:
    return entry["group"] == group and resource in entry.get("resources", [resource])


@pytest.mark.parametrize("resource", ["secrets", "serviceaccounts/token"])
@pytest.mark.parametrize("verb", ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"])
@pytest.mark.parametrize("groups", [NODE, SYSTEM, PERSON, ["system:masters"]])
def test_who_read_a_secret_or_got_a_token(resource: str, verb: str, groups: list[str]) -> None:
    for user in ("u", "system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:node:w1"):
        assert level(verb, "", resource, groups, user) == "Metadata"


def test_what_else_is_logged() -> None:
    assert level("get", "", "pods", NODE) == level("watch", "", "configmaps", SYSTEM) == "None"
    assert level("get", "", "pods", PERSON) == level("create", "", "pods/exec", PERSON) == "Metadata"
    assert level("create", "", "pods", NODE) == level("delete", "apps", "deployments", SYSTEM) == "Metadata"
    assert level("patch", "rbac.authorization.k8s.io", "clusterroles", PERSON) == "Request"
    assert level("create", "", "events", NODE) == "None"


def test_kubelet_insists_on_the_kernels_parameters_that_the_role_sets() -> None:
    """With protectKernelDefaults kubelet does not start on others (pkg/kubelet/cm, setupKernelTunables)."""
    variables = yaml.safe_load((ROLES / "host_node/vars/main/kubernetes.yml").read_text())
    ours = {name.replace(".", "/") for name in variables["__host_node_kubelet_sysctls"]}
    assert ours == {*kernel.TUNABLES, "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"}
    free = {"cgroup": 2, "oom_score": True}
    assert kernel.requirements({**free, "confined": False})["protect_kernel_defaults"]
    assert not kernel.requirements({**free, "confined": True})["protect_kernel_defaults"]


def test_kubelet_is_configured_as_the_benchmark_asks(tmp_path: Path) -> None:
    """What the role sets itself; the other settings are kubeadm's."""
    variables = yaml.safe_load((ROLES / "cluster_manager/vars/main/kubernetes_kubeadm.yml").read_text())
    given = {**variables["__cluster_manager_kubelet"], "tlsCipherSuites": variables["__cluster_manager_ciphers"]}
    ours = [entry for entry in BENCHMARK.controls if entry.kind == "setting" and entry.name in given]
    names = {
        "serverTLSBootstrap",
        "rotateCertificates",
        "readOnlyPort",
        "tlsCipherSuites",
        "seccompDefault",
        "podPidsLimit",
    }
    assert {entry.name for entry in ours} == names
    path = tmp_path / ours[0].target.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(given))
    assert [fault for entry in ours if (fault := controls.fault(vars(entry), str(tmp_path)))] == []
