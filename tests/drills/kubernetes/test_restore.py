# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes cluster comes back from a backup: on its managers when most of them are lost, and on others when all are."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from lab.backup import Backups, other_managers
from lab.kubernetes import ETCDCTL, kubectl
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait

KUBECTL = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl"


def objects() -> list[dict[str, Any]]:
    """A namespace with a secret, a kind of objects of its own with one of them, and an application."""
    pause = manifest.load("pause")
    image = pause[1]["images"][0]["name"].format(version=manifest.default_version(*pause))
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    labels = {"app": "sleeper"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "team-a"},
            "stringData": {"password": "hunter2"},
        },
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "boats.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"kind": "Boat", "plural": "boats"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "sleeper", "namespace": "team-a"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "sleeper", "image": image, "imagePullPolicy": "Never"}]},
                },
            },
        },
    ]


BOAT = {
    "apiVersion": "example.com/v1",
    "kind": "Boat",
    "metadata": {"name": "b1", "namespace": "team-a"},
    "spec": {"size": 7},
}


def apply(lab: Lab, *entries: dict[str, Any]) -> None:
    """Apply objects, by the first manager."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(entries)}
    lab.ssh(lab.managers[0], f"{KUBECTL} apply -f -", given=json.dumps(listed))


def containers(lab: Lab) -> list[str]:
    """The containers of the application, which change when one is started anew; only those of ready pods."""
    pods = kubectl(lab, "get", "pods", "-n", "team-a", "-l", "app=sleeper")["items"]
    statuses = [status for pod in pods for status in pod["status"].get("containerStatuses", [])]
    return sorted(status["containerID"] for status in statuses if status["ready"])


def seed(lab: Lab) -> list[str]:
    """Make what is to be there again; returns the application's containers."""
    apply(lab, *objects())
    lab.ssh(lab.managers[0], f"{KUBECTL} wait --for=condition=Established crd/boats.example.com --timeout=60s")
    apply(lab, BOAT)
    wait("the application", lambda: len(containers(lab)) == 2, 120)
    return containers(lab)


def assert_restored(lab: Lab, before: list[str]) -> None:
    """All that was there at the time of the backup is, nothing that came later, and the application was never stopped."""
    assert_whole(lab, stores=False)
    assert kubectl(lab, "get", "boat", "b1", "-n", "team-a")["spec"] == {"size": 7}
    assert kubectl(lab, "get", "secret", "db", "-n", "team-a")["data"] == {"password": "aHVudGVyMg=="}
    assert "late" not in {m["metadata"]["name"] for m in kubectl(lab, "get", "configmap", "-n", "team-a")["items"]}
    wait("the application", lambda: len(containers(lab)) == 2, 120)
    assert containers(lab) == before, "the application was stopped"


def test_managers_are_lost(cluster: Lab, tmp_path: Path) -> None:
    """Two of three, then all: the first time the servers are made anew, the second time others take their place."""
    lab, backups = cluster, Backups(cluster, tmp_path)
    backups.prepare()
    backups.play("install").expect()
    before = seed(lab)
    backups.take().expect()
    sealed = backups.fetch()
    apply(lab, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": "team-a"}})

    refused = backups.restore(sealed).expect(2)
    assert f"To go on, add -e restore_confirm={lab.name}" in refused.output
    assert not refused.changed()

    lab.make(*lab.managers[1:])
    backups.prepare()
    # The run is killed when the backup lies on a manager, and done again.
    backups.restore(sealed, cut="Load | Put the manager on the state of the backup")
    done = backups.restore(sealed).expect()
    print(f"restored after the loss of two managers: {done.seconds:.0f} s", flush=True)
    assert_restored(lab, before)
    assert not backups.play("install").expect().changed()

    with other_managers(lab):
        backups.prepare()
        done = backups.restore(sealed).expect()
        print(f"restored on other managers: {done.seconds:.0f} s", flush=True)
        assert_restored(lab, before)
        assert not backups.play("install").expect().changed()


def test_a_manager_of_before_the_restore_comes_back(cluster: Lab, tmp_path: Path) -> None:
    """It was off while the others were put back, and is left out without a limit: it finds nobody, and the next installation lets it join anew."""
    lab, backups, off = cluster, Backups(cluster, tmp_path), cluster.managers[-1]
    backups.prepare()
    backups.play("install").expect()
    before = seed(lab)
    backups.take().expect()
    sealed = backups.fetch()
    with lab.off(off):
        told = backups.restore(sealed, "-e", f"restore_confirm={lab.name}").expect().words()
        assert f"{off.name} does not answer and is left out" in told, told[-3000:]
    wait("its kubelet", lambda: lab.ssh(off, "systemctl is-active kubelet", check=False).strip() == "active", 120)
    time.sleep(30)
    listed = json.loads(lab.ssh(lab.managers[0], f"{ETCDCTL} member list -w json"))["members"]
    assert off.name not in {member.get("name") for member in listed}, listed
    backups.play("install").expect()
    wait("a whole cluster", lambda: assert_whole(lab, stores=False) is None, 180)
    assert_restored(lab, before)
