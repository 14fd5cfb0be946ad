# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers that die, restart and change while the cluster lives on."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab import nomad
from lab.servers import Lab, Server, server
from lab.state import assert_whole
from lab.waiting import wait

# Ask every manager five times a second who leads; runs on a host node with its certificate until its input ends.
POLLER = r"""
import json, http.client, select, ssl, sys, time
context = ssl.create_default_context(cafile="/etc/nomad.d/tls/ca.pem")
context.load_cert_chain("/etc/nomad.d/tls/cert.pem", "/etc/nomad.d/tls/key.pem")
while True:
    row = {}
    for address in sys.argv[1:]:
        try:
            connection = http.client.HTTPSConnection(address, 4646, timeout=1, context=context)
            connection.request("GET", "/v1/status/leader")
            answer = connection.getresponse()
            row[address] = json.loads(answer.read()) if answer.status == 200 else ""
        except OSError:
            row[address] = None
    print(json.dumps([time.time(), row]), flush=True)
    if select.select([sys.stdin], [], [], 0.2)[0]:
        break
"""


def leader(lab: Lab, among: list[Server] | None = None) -> Server:
    """The manager that leads, asked of those in `among`."""
    address = nomad.ask(lab, "/v1/status/leader", (among or lab.managers)[0]).rpartition(":")[0]
    return next(manager for manager in lab.managers if manager.address == address)


@contextmanager
def watched(lab: Lab) -> Iterator[list[tuple[float, dict[str, str | None]]]]:
    """Fill a list with (time, {manager: who it says leads, '' for nobody, None without an answer})."""
    seen: list[tuple[float, dict[str, str | None]]] = []
    node = lab.nodes[0]
    command = f"python3 -c '{POLLER}' {' '.join(manager.address for manager in lab.managers)}"
    process = subprocess.Popen(
        ["ssh", "-F", str(lab.folder / "ssh_config"), node.address, command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    try:
        yield seen
    finally:
        output = process.communicate("stop\n", timeout=30)[0]
        seen.extend((entry[0], entry[1]) for entry in map(json.loads, output.splitlines()))


def started(lab: Lab, manager: Server) -> int:
    """When its agent was started, in microseconds of the clock all local servers share."""
    return int(lab.ssh(manager, "systemctl show nomad --value --property=ExecMainStartTimestampMonotonic"))


def test_a_killed_leader_comes_back(cluster: Lab) -> None:
    """The others elect another one, the killed one returns, and an installation finds nothing to do."""
    first = leader(cluster)
    cluster.ssh(first, "systemctl kill --signal=KILL nomad")
    others = [manager for manager in cluster.managers if manager != first]
    wait("another leader", lambda: leader(cluster, others) in cluster.managers)
    wait("a whole cluster", lambda: assert_whole(cluster) is None)
    assert not cluster.play("install").expect().changed()


def test_a_leader_that_is_cut_from_power(cluster: Lab) -> None:
    """Its server is switched off and on again."""
    first = leader(cluster)
    others = [manager for manager in cluster.managers if manager != first]
    cluster.podman("kill", first)
    try:
        wait("another leader", lambda: leader(cluster, others) != first)
    finally:
        cluster.podman("start", first)
        cluster.disconnect()
    wait("a whole cluster", lambda: assert_whole(cluster) is None, 120)
    assert not cluster.play("install").expect().changed()


def test_the_first_manager_is_lost_for_good(cluster: Lab) -> None:
    """Preflight says so, a new host node is joined without it, and a bare server in its place becomes a manager."""
    secrets = cluster.secrets()
    first, second = cluster.managers[:2]
    cluster.podman("kill", first)
    cluster.podman("rm", first, "-f", "-v")
    cluster.disconnect()
    rest = cluster.play("install", "--limit", f"!{first.name}").expect()
    assert not rest.changed()
    lost = cluster.play("preflight").expect(2)
    assert any(first.name in line and "reach" in line for line in lost.output.splitlines()), lost.output[-3000:]

    new = server("w3")
    cluster.hosts.append(new)
    try:
        cluster.make(new)
        cluster.play("install", "--limit", new.name).expect()
        ready = [node["Name"] for node in nomad.ask(cluster, "/v1/nodes", second) if node["Status"] == "ready"]
        assert set(ready) == {node.name for node in cluster.nodes}

        cluster.make(first)
        cluster.play("install").expect()
        assert_whole(cluster)
        assert cluster.secrets() == secrets
        assert not cluster.play("install").expect().changed()
    finally:
        cluster.hosts.remove(new)
        cluster.destroy(new)
        forget(cluster, new)


def forget(lab: Lab, node: Server) -> None:
    """Make the managers forget a server that is gone."""
    script = f'set -a; . /etc/keelson/{lab.name}/nomad.env; nomad node status -json | python3 -c "import json, sys; '
    script += f"print(*[n['ID'] for n in json.load(sys.stdin) if n['Address'] == '{node.address}'])\" | "
    script += "xargs -n1 -I% nomad operator api -X POST /v1/node/%/purge </dev/null"
    lab.ssh(lab.managers[0], script, check=False)


def test_a_change_rolls_through_one_manager_at_a_time(cluster: Lab) -> None:
    """Two of three always answer, the leader is restarted last, and nobody is without a leader for long."""
    first = leader(cluster)
    before = {manager: started(cluster, manager) for manager in cluster.managers}
    with watched(cluster) as seen:
        cluster.play("install", variables={"cluster_manager_nomad_config": {"log_level": "DEBUG"}}).expect()
    after = {manager: started(cluster, manager) for manager in cluster.managers}
    assert all(after[manager] > before[manager] for manager in cluster.managers)
    assert max(cluster.managers, key=lambda manager: after[manager]) == first
    assert len(seen) > 20
    for moment, row in seen:
        assert sum(answer is not None for answer in row.values()) >= 2, f"at {moment} only {row} answered"
    assert longest_without_leader(seen) < 5
    assert any(None in row.values() for _moment, row in seen), "the watch saw no restart at all"
    assert_whole(cluster)
    again = cluster.play("install", variables={"cluster_manager_nomad_config": {"log_level": "DEBUG"}}).expect()
    assert not again.changed()
    cluster.play("install").expect()


def longest_without_leader(seen: list[tuple[float, dict[str, str | None]]]) -> float:
    """Seconds of the longest time in which no manager named a leader."""
    longest, since = 0.0, None
    for moment, row in seen:
        if any(row.values()):
            since = None
        else:
            since = since or moment
            longest = max(longest, moment - since)
    return longest


def test_a_change_waits_for_the_sick(cluster: Lab) -> None:
    """With one manager down nobody else is restarted; when it is back, the same run goes through."""
    change = {"cluster_manager_nomad_config": {"log_level": "WARN"}, "cluster_manager_timeout": 15}
    stopped = next(manager for manager in cluster.managers if manager != leader(cluster))
    others = [manager for manager in cluster.managers if manager != stopped]
    before = {manager: started(cluster, manager) for manager in others}
    cluster.ssh(stopped, "iptables -I INPUT -p tcp --dport 4647 -j DROP; iptables -I INPUT -p udp --dport 4648 -j DROP")
    try:
        refused = cluster.play("install", variables=change).expect(2)
        said = refused.words()
        # The leader's view, or, until it has noticed, the sick one's own.
        views = (f"no healthy voter at {stopped.address}", f"The manager {stopped.address} was not restarted")
        assert any(view in said for view in views), refused.output[-3000:]
        assert {manager: started(cluster, manager) for manager in others} == before
    finally:
        cluster.ssh(stopped, "iptables -F INPUT")
    cluster.play("install", variables=change).expect()
    assert_whole(cluster)
    cluster.play("install").expect()
