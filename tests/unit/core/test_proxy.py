# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's proxy, and what is reached without it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.proxy_environment import environment_file
from ansible_collections.keelson.cluster.plugins.plugin_utils.proxy import environment

PROXY = {"http": "http://proxy:3128", "https": "http://proxy:3128", "no_proxy": [".example.com"]}
NODE = {
    "cluster_engine": "nomad",
    "cluster_part": "node",
    "cluster_address": "10.0.0.21",
    "cluster_networks": {"all": "10.0.0.0/24"},
}


def direct(proxy: dict[str, Any] = PROXY, managers: tuple[str, ...] = ("10.0.0.11",), **more: Any) -> list[str]:
    return environment(proxy, {**NODE, **more}, managers)["NO_PROXY"].split(",")


def test_both_spellings_and_nothing_without_a_proxy() -> None:
    found = environment({"https": "http://p:1"}, NODE, [])
    assert found["https_proxy"] == found["HTTPS_PROXY"] == "http://p:1" and "http_proxy" not in found
    assert environment({}, NODE, []) == environment({"no_proxy": ["x"]}, NODE, []) == {}


@pytest.mark.parametrize(
    ("variables", "reached"),
    [
        ({}, ["localhost", "127.0.0.0/8", "::1", "10.0.0.0/24", "172.17.0.0/16", "172.26.64.0/20", ".example.com"]),
        ({"cluster_networks": None}, ["10.0.0.11", "10.0.0.21"]),
        ({"cluster_vip": "10.1.0.9", "cluster_networks": ["10.0.0.0/24"]}, ["10.1.0.9"]),
        ({"cluster_endpoint": "https://api.example.org:6443/"}, ["api.example.org"]),
        ({"cluster_endpoint": "https://[fd00::9]:6443"}, ["fd00::9"]),
        ({"cluster_bundle": "http://10.0.0.5:8080/bundle#key=bundle.pub"}, ["10.0.0.5"]),
        ({"cluster_endpoint": "fd00::9"}, ["fd00::9"]),
        ({"cluster_engine": "kubernetes"}, ["10.244.0.0/16", "10.96.0.0/16", ".svc", ".cluster.local"]),
        (
            {"cluster_engine": "kubernetes", "cluster_pod_subnet": "10.1.0.0/16,fd01::/56"},
            ["10.1.0.0/16", "fd01::/56"],
        ),
    ],
)
def test_what_is_reached_without_it(variables: dict[str, Any], reached: list[str]) -> None:
    assert set(reached) <= set(direct(**variables))


def test_a_host_more_changes_nothing_for_the_others() -> None:
    assert "10.0.0.21" not in direct() and "10.0.0.11" not in direct()


def test_a_unit_reads_the_variables() -> None:
    assert environment_file({"b": "http://u:p%40x@proxy:1", "a": "x,y"}) == 'a="x,y"\nb="http://u:p%40x@proxy:1"\n'
    with pytest.raises(AnsibleFilterError, match="http_proxy has a quote"):
        environment_file({"http_proxy": 'http://"'})
