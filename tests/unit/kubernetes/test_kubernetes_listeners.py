# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes may open on a host, and what counts as a door left open."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks import host
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, contract

ADDRESS = "10.0.0.11"
MANAGER = [entry.as_data() for entry in components.engine("kubernetes").parts[contract.MANAGER].listeners]


def listening(port: int, address: str, process: str, protocol: str = "tcp") -> dict[str, Any]:
    """A listening socket."""
    return {"port": port, "address": address, "protocol": protocol, "process": process, "pid": 7}


RIGHT = [
    listening(6443, ADDRESS, "kube-apiserver"),
    listening(2379, ADDRESS, "etcd"),
    listening(2379, "127.0.0.1", "etcd"),
    listening(2380, ADDRESS, "etcd"),
    listening(2381, "127.0.0.1", "etcd"),
    listening(10250, ADDRESS, "kubelet"),
    listening(10248, "127.0.0.1", "kubelet"),
    listening(10249, "127.0.0.1", "kube-proxy"),
    listening(10256, "127.0.0.1", "kube-proxy"),
    listening(10257, "127.0.0.1", "kube-controller"),
    listening(10259, "127.0.0.1", "kube-scheduler"),
    listening(38211, "127.0.0.1", "containerd"),
    listening(4789, "0.0.0.0", "", "udp"),
]


def test_a_manager_as_it_should_be() -> None:
    assert host.unexpected(RIGHT, MANAGER, ADDRESS).passed
    assert host.missing(RIGHT, MANAGER, ADDRESS).passed


@pytest.mark.parametrize(
    ("port", "process"),
    [(10257, "kube-controller"), (10259, "kube-scheduler"), (10249, "kube-proxy"), (2381, "etcd"), (10255, "kubelet")],
)
def test_what_leaves_loopback_is_a_door(port: int, process: str) -> None:
    verdict = host.unexpected([*RIGHT, listening(port, "::", process)], MANAGER, ADDRESS)
    assert not verdict.passed and f"[::]:{port}/tcp {process}" in verdict.evidence


@pytest.mark.parametrize("index", range(11))
def test_every_service_is_missed(index: int) -> None:
    rest = [*RIGHT[:index], *RIGHT[index + 1 :]]
    assert not host.missing(rest, MANAGER, ADDRESS).passed
