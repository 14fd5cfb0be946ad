# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades of a Kubernetes cluster: under load, cut off, refused, and taken back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from lab import kubernetes
from lab.kubernetes_load import begin_once, ended_once, from_inside, load
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait

OLD, NEW = kubernetes.OLD, kubernetes.NEW
INSTALLED = {"cluster_kubernetes_version": OLD}
WRONG = {"cluster_manager_kubernetes_config": {"apiServer": {"extraArgs": [{"name": "no-such-option", "value": "x"}]}}}
# A run that was killed holds the lease for a while.
WAIT = ("-e", "cluster_lease_wait=120")


def versions(lab: Lab) -> dict[str, str]:
    """By name, the version each node's kubelet runs, and by component those of what runs in pods."""
    nodes = kubernetes.kubectl(lab, "get", "nodes")["items"]
    found = {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}
    for pod in kubernetes.kubectl(lab, "get", "pods", "-n", "kube-system")["items"]:
        image = pod["spec"]["containers"][0]["image"]
        if re.search("/kube-(apiserver|controller-manager|scheduler|proxy):", image):
            found[pod["metadata"]["name"]] = image.partition(":")[2]
    return {name: version.removeprefix("v") for name, version in found.items()}


def at(lab: Lab, version: str) -> bool:
    """Whether every member, and all that Kubernetes runs in pods, is of the version, and every node takes work."""
    found = versions(lab)
    assert set(found.values()) == {version} and set(found) >= {host.name for host in lab.hosts}, found
    assert_whole(lab)
    assert set(kubernetes.ready(lab)) == {host.name for host in lab.nodes}
    return True


@pytest.fixture
def old(lab: Lab) -> Iterator[Lab]:
    """A whole cluster of the old version on bare servers, unless there is one already."""
    try:
        at(lab, OLD)
    except (AssertionError, ValueError):
        lab.make()
        lab.play("install", variables=INSTALLED).expect()
        wait("the old version", lambda: at(lab, OLD), 60)
    yield lab


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["upgrade_to=9.9.9"], {}, f"has no version 9.9.9 (it lists {NEW}, {OLD})"),
        ([f"upgrade_to={NEW}", "upgrade_max_unavailable=0"], {}, "upgrade_max_unavailable: '0' is neither a number"),
        ([f"upgrade_to={NEW}", "upgrade_pause_after=wbe"], {}, "there is no pool 'wbe'; there are web"),
        ([f"upgrade_to={NEW}"], {"cluster_bundle": "/tmp/no-such-bundle"}, f"lacks kubeadm={NEW}, kubectl={NEW}"),
    ],
)
def test_bad_input(old: Lab, arguments: list[str], variables: dict[str, Any], message: str) -> None:
    """One message, and nothing was changed."""
    refused = old.play("upgrade", "-e", " ".join(arguments), variables=variables).expect(2)
    assert message in refused.words(), refused.output[-3000:]
    assert not refused.changed() and at(old, OLD)


def test_a_manager_that_is_not_well_is_put_back(old: Lab) -> None:
    """One manager was tried, and all run the old version with their old configuration."""
    refused = old.play("upgrade", variables=WRONG).expect(2)
    assert "It has its old version back and is well" in refused.words(), refused.output[-3000:]
    wait("the old version", lambda: at(old, OLD), 120)
    assert not old.play("install", variables=INSTALLED).expect().changed()


def test_a_host_node_that_is_not_well_is_put_back(old: Lab) -> None:
    """Managers are upgraded by then; it takes work with its old version, the others were left alone, and the next run finishes."""
    lab = old
    lab.play("upgrade", "-e", f"upgrade_to={NEW}", "--limit", f"{lab.name}_managers").expect()
    mixed = {host.name: OLD if host.pool else NEW for host in lab.hosts}
    refused = lab.play("upgrade", "-e", f"upgrade_to={NEW}", variables=lab.driver.WRONG).expect(2)
    assert "The old one is back and runs" in refused.words(), refused.output[-3000:]
    wait("the nodes as they were", lambda: lab.driver.versions(lab) == mixed and assert_whole(lab) is None, 120)
    assert set(kubernetes.ready(lab)) == {host.name for host in lab.nodes}
    lab.play("upgrade", "-e", f"upgrade_to={NEW}").expect()
    wait("the new version", lambda: at(lab, NEW), 120)
    assert not lab.play("upgrade", "-e", f"upgrade_to={NEW}").expect().changed()


def test_an_upgrade_under_load_that_is_cut_off_twice(old: Lab) -> None:
    """No request fails, a Job ends once, installation keeps the old version, and the last run changes nothing."""
    lab = old
    kept = lab.play("install").expect()
    assert not kept.changed() and versions(lab)["m1"] == OLD
    foreseen = lab.play("upgrade", "--check").expect()
    assert f"1 of {len(lab.hosts)}" in foreseen.output and at(lab, OLD)
    with load(lab) as asking, from_inside(lab) as inside:
        start = time.monotonic()
        assert lab.play("upgrade", "-e", f"upgrade_to={NEW}", cut="Exchange the management services").cut
        found = versions(lab)
        assert NEW in found.values() and all(found[host.name] == OLD for host in lab.hosts), found
        assert lab.play("upgrade", *WAIT, cut="Move work off").cut
        found = versions(lab)
        assert {host.name: found[host.name] for host in lab.hosts} == {
            h.name: OLD if h.pool else NEW for h in lab.hosts
        }
        assert len(kubernetes.ready(lab)) == len(lab.nodes) - 1
        begin_once(lab, 60)  # on a node that is not drained yet
        lab.play("upgrade", *WAIT).expect()
        print(f"upgrade: {time.monotonic() - start:.0f} s")
        wait("the new version", lambda: at(lab, NEW), 60)
        assert ended_once(lab)
    for where, requests in (("outside", asking), ("inside", inside)):
        print(f"requests from {where}: {requests.asked}, failed: {len(requests.failed)}")
        assert requests.failed == [] and requests.asked > 500, (where, requests.asked, requests.failed[:5])
    again = lab.play("upgrade", "-e", f"upgrade_to={NEW}").expect()
    assert not again.changed() and "every member has it already" in again.output
    assert not lab.play("install").expect().changed()
    lab.play("verify").expect()
    back = lab.play("upgrade", "-e", f"upgrade_to={OLD}").expect(2)
    assert f"{OLD} is older than {NEW}" in back.words() and not back.changed()
