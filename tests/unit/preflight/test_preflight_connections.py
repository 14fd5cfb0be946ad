# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts try each other's ports before anything is installed: what is opened, who tries what, what the table says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.preflight import connections as host_side
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import connections
from preflight_world import cluster, host, with_facts, with_host

HERE = "127.0.0.1"


def free(protocol: str, address: str = HERE) -> dict[str, Any]:
    with host_side._socket(address, protocol) as link:
        link.bind((address, 0))
        return {"address": address, "port": link.getsockname()[1], "protocol": protocol}


@pytest.fixture(name="served")
def _served() -> Iterator[list[dict[str, Any]]]:
    """Ports that are open for the moment, one of each kind."""
    ports = [free("tcp"), free("udp")]
    sockets, states = host_side.listen(HERE, ports)
    assert set(states.values()) == {host_side.OPENED}
    thread = threading.Thread(target=host_side.serve, args=(sockets, 3), daemon=True)
    thread.start()
    yield ports
    thread.join(5)
    for link in sockets:
        link.close()


def test_what_is_open_is_reached_again_and_again(served: list[dict[str, Any]]) -> None:
    assert host_side.faults(served * 3) == []


def test_what_is_closed_says_why() -> None:
    closed = [free("tcp"), free("udp")]
    assert [(entry["port"], entry["error"]) for entry in host_side.faults(closed, timeout=0.3)] == [
        (entry["port"], "Connection refused") for entry in closed
    ]


def test_silence_says_how_long() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((HERE, 0))
        silent = {"address": HERE, "port": mute.getsockname()[1], "protocol": "udp"}
        assert host_side.fault(silent, timeout=0.3) == "no answer in 0 s"


def test_a_port_in_use_is_left_alone() -> None:
    with socket.socket() as used:
        used.bind((HERE, 0))
        used.listen()
        port = {"port": used.getsockname()[1], "protocol": "tcp"}
        sockets, states = host_side.listen(HERE, [port])
        assert (sockets, states) == ([], {f"{port['port']}/tcp": host_side.TAKEN})
        assert host_side.faults([{**port, "address": HERE}]) == []


def test_an_address_of_another_host_opens_nothing() -> None:
    assert host_side.listen("192.0.2.77", [{"port": 4646, "protocol": "tcp"}]) == ([], {})


def test_a_process_holds_the_ports_until_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host_side, "PID_FILE", str(tmp_path / "run/probe.pid"))
    ports = [free("tcp"), free("udp")]
    assert set(host_side.open_ports(HERE, ports, 30).values()) == {host_side.OPENED}
    assert host_side.faults(ports) == []
    assert host_side.close_ports() is True and host_side.close_ports() is False
    assert len(host_side.faults(ports, timeout=0.3)) == 2
    assert list((tmp_path / "run").iterdir()) == []


def test_the_process_ends_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host_side, "PID_FILE", str(tmp_path / "run/probe.pid"))
    ports = [free("tcp")]
    host_side.open_ports(HERE, ports, 0)
    number = int((tmp_path / "run/probe.pid").read_text())
    for _ in range(100):
        if not host_side._is_ours(number):
            break
        threading.Event().wait(0.05)
    assert not host_side._is_ours(number) and host_side.close_ports() is False


def test_another_process_of_that_number_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "probe.pid").write_text("1")
    monkeypatch.setattr(host_side, "PID_FILE", str(tmp_path / "probe.pid"))
    assert host_side.close_ports() is False


def opened(engine: str = "nomad") -> dict[str, dict[str, str]]:
    """Every port of every host, open for the moment."""
    found = replace(cluster(), engine=components.engine(engine))
    return {
        h.name: {
            f"{port['port']}/{port['protocol']}": "opened"
            for part in found.parts(h)
            for port in connections.ports(part.listeners)
        }
        for h in found.hosts
    }


def who(plan: dict[str, list[dict[str, Any]]], port: int, target: str) -> list[str]:
    return sorted(name for name, entries in plan.items() for e in entries if (e["host"], e["port"]) == (target, port))


def test_who_tries_what_with_nomad() -> None:
    plan = connections.targets(cluster(), opened())
    assert who(plan, 4647, "m1") == ["m2", "m3", "w1", "w2"]
    assert who(plan, 4648, "m1") == ["m2", "m2", "m3", "m3"]  # by TCP and by UDP
    assert who(plan, 4646, "w1") == ["m1", "m2", "m3"]
    assert who(plan, 20000, "w1") == ["m1", "m2", "m3", "w2"]


def test_who_tries_what_with_kubernetes() -> None:
    plan = connections.targets(replace(cluster(), engine=components.engine("kubernetes")), opened("kubernetes"))
    assert who(plan, 6443, "m2") == ["m1", "m3", "w1", "w2"]
    assert who(plan, 2380, "m2") == ["m1", "m3"] and who(plan, 2380, "w1") == []
    assert who(plan, 4789, "w2") == ["m1", "m2", "m3", "w1"]


def test_the_number_of_pairs_is_that_of_the_hosts() -> None:
    managers = cluster().hosts[:3]
    for count in (50, 100):
        nodes = tuple(host(f"w{number}", number, "node") for number in range(20, 20 + count))
        many = replace(cluster(), hosts=(*managers, *nodes))
        ports = {h.name: dict.fromkeys(("4646/tcp", "4647/tcp", "20000/tcp"), "opened") for h in many.hosts}
        plan = connections.targets(many, ports)
        assert max(len(entries) for name, entries in plan.items() if name[0] == "w") <= 4
        assert sum(map(len, plan.values())) <= 11 * count


def test_what_the_engine_answers_itself_is_not_asked_by_udp() -> None:
    running = {name: dict.fromkeys(ports, "taken") for name, ports in opened().items()}
    plan = connections.targets(cluster(), running)
    assert {e["protocol"] for entries in plan.values() for e in entries} == {"tcp"} and who(plan, 4647, "m1")


def test_hosts_outside_the_run_are_neither_asked_nor_tried() -> None:
    some = {name: ports for name, ports in opened().items() if name in ("m1", "w1")}
    plan = connections.targets(cluster(), some)
    assert set(plan) == {"m1", "w1"} and {e["host"] for entries in plan.values() for e in entries} == {"m1", "w1"}
    assert who(plan, 20000, "w1") == ["m1"]


def test_a_pair_is_one_row_with_from_to_and_ports() -> None:
    plan = connections.targets(cluster(), opened())
    wrong = [{**e, "error": "no answer in 3 s"} for e in plan["m2"] if e["host"] == "m1"]
    found = list(connections.faults(plan, {"m2": wrong}))
    assert len(found) == 1 and found[0].host == "m2" and found[0].kind == "connection"
    assert found[0].text.startswith(
        "does not reach m1 (10.0.0.11): port 4646/tcp (HTTPS API): no answer in 3 s; port 4647/"
    )
    assert found[0].remedy == "let what is between them pass 4646/tcp, 4647/tcp, 4648/tcp, 4648/udp to 10.0.0.11"


def test_a_port_that_nobody_reaches_is_one_row_of_its_host() -> None:
    plan = connections.targets(cluster(), opened())
    wrong = {
        name: [{**e, "error": "no answer in 3 s"} for e in entries if (e["host"], e["port"]) == ("m1", 4647)]
        for name, entries in plan.items()
    }
    found = list(connections.faults(plan, wrong))
    assert [(f.host, f.text) for f in found] == [
        ("m1", "no host reaches its port 4647/tcp (RPC between agents): no answer in 3 s")
    ]


def test_what_hosts_registered_is_read() -> None:
    target = {"host": "m1", "address": "10.0.0.11", "port": 4647, "protocol": "tcp", "purpose": "RPC"}
    answer = {"targets": [target], "unreached": [{**target, "error": "Connection refused"}]}
    tried = with_host(cluster(), "w1", variables={"tried": answer})
    assert [f.host for f in connections.told(tried, "tried")] == ["w1"]
    assert [f.level for f in connections.told(tried, "tried")] == ["error"]
    trace = {"component": "nomad", "name": "product", "evidence": "x"}
    assert [f.level for f in connections.told(with_facts(tried, "w1", clusters=[trace]), "tried")] == ["warning"]
    assert connections.told(tried, "") == connections.told(cluster(), "tried") == []
