# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that should be there and are not, and the other way round; who probes at whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks import host
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.assign import assign

ADDRESS = "10.0.0.11"
MANAGER = [listener.as_data() for listener in components.load("nomad").parts["manager"].listeners]
NODE = [listener.as_data() for listener in components.load("nomad").parts["node"].listeners]


def open_socket(port: int, address: str = ADDRESS, protocol: str = "tcp", process: str = "nomad") -> dict[str, Any]:
    """A listening socket."""
    return {"port": port, "address": address, "protocol": protocol, "process": process, "pid": 7}


RIGHT = [
    *(open_socket(port) for port in (4646, 4647, 4648)),
    open_socket(4648, protocol="udp"),
    open_socket(4650, process="python3"),
]
SSH = open_socket(22, "0.0.0.0", process="sshd")


def test_a_manager_as_it_should_be() -> None:
    assert host.unexpected([*RIGHT, SSH], MANAGER, ADDRESS).passed
    assert host.missing(RIGHT, MANAGER, ADDRESS).passed


@pytest.mark.parametrize(
    ("socket", "words"),
    [
        (open_socket(8500, process="consul"), "10.0.0.11:8500/tcp consul (pid 7)"),
        (open_socket(4646, "0.0.0.0"), "0.0.0.0:4646/tcp nomad"),
        (open_socket(4646, "::"), "[::]:4646/tcp nomad"),
        (open_socket(4646, process="nginx"), "nginx"),
        (open_socket(4646, "127.0.0.1"), "127.0.0.1:4646/tcp"),
        (open_socket(5353, "0.0.0.0", "udp", ""), "unknown process"),
    ],
)
def test_a_port_left_open(socket: dict[str, Any], words: str) -> None:
    verdict = host.unexpected([*RIGHT, socket], MANAGER, ADDRESS)
    assert not verdict.passed and words in verdict.evidence, verdict


@pytest.mark.parametrize(
    "socket",
    [
        open_socket(6010, "127.0.0.1", process="sshd"),
        open_socket(40123, "127.0.0.1", process="containerd"),
        open_socket(2222, "::", process="sshd"),
        open_socket(68, "0.0.0.0", "udp", "dhclient"),
    ],
)
def test_what_is_no_door(socket: dict[str, Any]) -> None:
    assert host.unexpected([*RIGHT, socket], MANAGER, ADDRESS).passed


def test_applications_may_listen_on_host_nodes_only() -> None:
    application = open_socket(25000, "0.0.0.0", process="java")
    assert host.unexpected([open_socket(4646), application], NODE, ADDRESS).passed
    assert not host.unexpected([*RIGHT, application], MANAGER, ADDRESS).passed
    assert not host.unexpected([open_socket(4646), open_socket(32001, process="java")], NODE, ADDRESS).passed


def test_a_port_that_should_be_open() -> None:
    verdict = host.missing(RIGHT[1:], MANAGER, ADDRESS)
    assert not verdict.passed and verdict.evidence == "nothing listens on 10.0.0.11:4646/tcp (HTTPS API)"
    assert not host.missing([open_socket(4646, process="nginx")], NODE, ADDRESS).passed


def test_a_service_that_leaves_loopback() -> None:
    """Kubernetes' controller manager must be on loopback, and there it must be."""
    desired = [{"port": 10257, "protocol": "tcp", "address": "loopback", "process": "kube-controller", "purpose": "c"}]
    local, everywhere = (open_socket(10257, where, process="kube-controller") for where in ("127.0.0.1", "0.0.0.0"))
    assert host.missing([local], desired, ADDRESS).passed and host.unexpected([local], desired, ADDRESS).passed
    assert not host.unexpected([everywhere], desired, ADDRESS).passed
    verdict = host.missing([everywhere], desired, ADDRESS)
    assert not verdict.passed and verdict.evidence == "nothing listens on loopback:10257/tcp (c)"


@pytest.mark.parametrize(("state", "good"), [("active", True), ("failed", False), ("activating", False), ("", False)])
def test_services(state: str, good: bool) -> None:
    assert host.service(state, 0).passed is good


def test_every_host_is_knocked_at_by_a_manager_and_a_node() -> None:
    managers, nodes = ["m1", "m2", "m3"], ["w1", "w2"]
    found = assign(managers + nodes, [managers, nodes])
    for target in managers + nodes:
        probers = {prober for prober, targets in found.items() if target in targets}
        assert probers & set(managers) and probers & set(nodes) and target not in probers
    assert max(map(len, found.values())) <= 4


def test_a_lone_manager_is_knocked_at_by_the_nodes() -> None:
    assert assign(["m1", "w1"], [["m1"], ["w1"]]) == {"m1": ["w1"], "w1": ["m1"]}
    assert assign(["m1"], [["m1"], []]) == {}


def test_work_is_shared() -> None:
    nodes = [f"w{number}" for number in range(50)]
    found = assign(nodes, [["m1", "m2", "m3"], nodes])
    assert max(len(targets) for name, targets in found.items() if name.startswith("w")) <= 3


@pytest.mark.parametrize(
    ("text", "name"), [('{"name": "host-node-1"}', "host-node-1"), ("{", ""), ("[]", ""), (None, "")]
)
def test_the_image_that_a_host_was_made_from(tmp_path: Path, text: str | None, name: str) -> None:
    path = tmp_path / "image.json"
    if text is not None:
        path.write_text(text)
    assert host.image(str(path)) == name
