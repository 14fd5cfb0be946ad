# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bundle lacks is told before anything is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.requests import Request
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import artifacts
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster
from preflight_world import cluster, with_facts, with_host

NAMES = ("nomad", "docker", "cni-plugins", "pause")


def index(*names: str, architecture: str = "amd64") -> dict[str, Any]:
    """The index of a bundle that has the default versions of artifacts."""
    return {"artifacts": {name: {Request(name).chosen(): {architecture: {}}} for name in names}}


def told(fit: Cluster, has: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = artifacts.faults(fit, lambda _bundle: has, "/bundle", {"hostvars": {}, "groups": {}})
    return [(fault.host, fault.level, fault.text) for fault in found]


def test_a_full_bundle_is_no_fault() -> None:
    assert told(cluster(), index(*NAMES)) == []


def test_an_empty_bundle_is_one_error_for_each_part() -> None:
    nomad = f"nomad {Request('nomad').chosen()}"
    managers, nodes = told(cluster(), index())
    assert managers == ("", "error", f"the bundle has not for amd64: {nomad}; needed on m1, m2, m3")
    assert nodes[1] == "error" and nodes[2].startswith(f"the bundle has not for amd64: {nomad}, docker ")
    assert nodes[2].endswith("; needed on w1, w2")


def test_what_some_clusters_do_without_is_a_warning() -> None:
    [(_host, level, text)] = told(cluster(), index("nomad", "docker", "cni-plugins"))
    assert level == "warning" and text.startswith("the bundle has not for amd64: pause ")


def test_the_architecture_and_the_version_count() -> None:
    arm = with_facts(cluster(), "w2", architecture="aarch64")
    [(_host, level, text)] = told(arm, index(*NAMES))
    assert (
        level == "error" and text.startswith("the bundle has not for arm64: nomad ") and text.endswith("needed on w2")
    )
    asked = with_host(cluster(), "m1", variables={"cluster_engine": "nomad", "cluster_nomad_version": "1.10.5"})
    assert [text for _host, _level, text in told(asked, index(*NAMES))] == [
        "the bundle has not for amd64: nomad 1.10.5; needed on m1, m2, m3"
    ]


def test_hosts_that_have_their_artifacts_need_no_bundle() -> None:
    fit = cluster()
    for host in fit.hosts:
        fit = with_facts(fit, host.name, receipts=["nomad"])
    assert told(fit, index()) == []


def test_each_host_is_judged_by_its_own_bundle() -> None:
    fit = with_host(cluster(), "w1", variables={"cluster_bundle": "/other"})
    read = {"/bundle": index(*NAMES), "/other": index()}
    [fault] = artifacts.faults(fit, lambda bundle: read[bundle], "/bundle", {"hostvars": {}, "groups": {}})
    assert fault.text.endswith("needed on w1")


def test_a_bundle_that_cannot_be_read_is_told() -> None:
    def read(_bundle: str) -> dict[str, Any]:
        raise BundleError("index.json: not JSON")

    found = list(artifacts.faults(cluster(), read, "/bundle", {"hostvars": {}, "groups": {}}))
    assert [(fault.kind, fault.text) for fault in found] == [("bundle", "/bundle: index.json: not JSON")] * 2


def test_variables_that_cannot_be_resolved_are_not_asked_for() -> None:
    class Variables(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            assert name != "later", "a variable that is defined by a later play"
            return super().__getitem__(name)

    fit = with_host(cluster(), "w1", variables=Variables(cluster_engine="nomad", later=""))
    assert told(fit, index(*NAMES)) == []
