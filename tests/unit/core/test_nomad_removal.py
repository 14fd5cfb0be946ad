# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members leave Nomad by their identity: managers when they are dead and the others know, host nodes with their work."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import Member
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import (
    Changed,
    Conditions,
    Evidence,
    Refused,
)
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import nodes, removal
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.members import members
from fake_nomad import TOKEN, A, B, C, FakeNomad

M3 = Member("m3", C, "manager", f"id-{C}")
W1 = Member("w1", "10.0.2.1", "node", "id-w1")


def how(*reached: str, timeout: float = 0, check: bool = False) -> Conditions:
    """Two of three managers looked for everybody, and reached these."""
    seen = {address: address in reached for address in (A, B, C, W1.address)}
    return Conditions(1, timeout, check, Evidence({"m1": seen, "m2": seen}, 3))


def remove(nomad: FakeNomad, conditions: Conditions, member: Member = M3) -> bool:
    return removal.manager(nomad.api(TOKEN), member, conditions)


def peers(nomad: FakeNomad) -> list[str]:
    return [entry["Address"] for entry in nomad.servers]


def left(nomad: FakeNomad) -> list[str]:
    """What was asked that changes something."""
    return [path for method, path in nomad.requests if method != "GET"]


def test_one_that_answers_is_refused(ruled: FakeNomad) -> None:
    with pytest.raises(Refused, match=r"m3 \(10\.0\.0\.3\) was not removed, for it may live: it answers m1, m2"):
        remove(ruled, how(C))
    with pytest.raises(Refused, match="0 of 3 managers could look for it"):
        remove(ruled, Conditions(evidence=Evidence({}, 3)))
    assert len(peers(ruled)) == 3 and not left(ruled)


def test_one_that_died_just_now_goes_when_the_others_noticed(ruled: FakeNomad) -> None:
    with pytest.raises(Refused, match="does not answer, but the other managers still take it for healthy"):
        remove(ruled, how())
    assert len(peers(ruled)) == 3
    assert remove(ruled, how(check=True)) and len(peers(ruled)) == 3
    threading.Timer(0.3, ruled.set_servers, [f"{A}*", B, f"{C}-"]).start()
    assert remove(ruled, how(timeout=5))
    assert peers(ruled) == [f"{A}:4647", f"{B}:4647"]
    assert left(ruled) == [f"/v1/operator/raft/peer?id=id-{C}"]  # and with it, in this fake, from the gossip


def test_one_that_autopilot_took_off_meanwhile_leaves_the_gossip_too(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*", B, f"{C}-")
    ruled.unknown_peers = {f"id-{C}"}
    assert remove(ruled, how())
    assert ("PUT", "/v1/agent/force-leave?node=m3.global&prune=true") in ruled.requests


def test_one_that_is_no_peer_is_nothing_to_do(ruled: FakeNomad) -> None:
    assert not remove(ruled, how(), Member("m9", "10.0.0.9", "manager", "id-9"))


def test_a_new_server_of_that_name_is_left_alone(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*", B, "10.0.0.33")
    ruled.servers[2]["Name"] = "m3.global"
    assert not remove(ruled, how()) and not left(ruled)
    ruled.servers[2]["ID"] = f"id-{C}"
    with pytest.raises(Changed, match=r"m3 \(10.0.0.3\) is m3.global \(10.0.0.33\) by now"):
        remove(ruled, how())
    assert not left(ruled)


def test_nobody_leaves_where_no_quorum_stays(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*", f"{B}-", f"{C}-")
    with pytest.raises(Refused, match="of the 2 managers left 1 would be healthy, and the quorum is 2"):
        remove(ruled, how())
    assert not left(ruled)


def test_a_dead_host_node_is_forgotten_when_nobody_reaches_it(ruled: FakeNomad) -> None:
    ruled.add_node("w1", W1.address, "down")
    assert removal.node(ruled.api(TOKEN), W1, how(check=True)) and ruled.nodes
    assert removal.node(ruled.api(TOKEN), W1, how()) and not ruled.nodes
    assert not removal.node(ruled.api(TOKEN), W1, how())


def test_a_host_node_called_down_that_answers_is_drained(ruled: FakeNomad) -> None:
    ruled.add_node("w1", W1.address, "down")
    assert removal.node(ruled.api(TOKEN), W1, how(W1.address))
    assert ruled.nodes[0]["SchedulingEligibility"] == "ineligible"


def test_a_host_node_that_died_just_now_is_forgotten_once_nomad_knows(ruled: FakeNomad) -> None:
    entry = ruled.add_node("w1", W1.address)
    with pytest.raises(Refused, match="does not answer, but Nomad still calls it ready"):
        removal.node(ruled.api(TOKEN), W1, how())
    threading.Timer(0.3, entry.update, [{"Status": "down"}]).start()
    assert removal.node(ruled.api(TOKEN), W1, how(timeout=5)) and not ruled.nodes


def test_a_host_that_was_emptied_is_forgotten_while_nomad_still_calls_it_ready(ruled: FakeNomad) -> None:
    """After an election that lasts minutes, and a host that comes back meanwhile would be taken for a member."""
    ruled.add_node("w1", W1.address)["SchedulingEligibility"] = "ineligible"
    assert not removal.node(ruled.api(TOKEN), W1, how(W1.address)) and ruled.nodes
    assert removal.node(ruled.api(TOKEN), W1, how()) and not ruled.nodes


def test_the_new_node_of_a_replaced_server_is_left_alone(ruled: FakeNomad) -> None:
    ruled.add_node("w1", "10.0.2.9", number="id-new")
    assert not removal.node(ruled.api(TOKEN), W1, how()) and not left(ruled)
    ruled.nodes[0]["ID"] = "id-w1"
    with pytest.raises(Changed, match=r"w1 \(10.0.2.1\) is w1 \(10.0.2.9\) by now, so it was left alone"):
        removal.node(ruled.api(TOKEN), W1, how())
    assert not left(ruled)


def test_a_dead_node_whose_address_another_has_by_now_is_forgotten(ruled: FakeNomad) -> None:
    ruled.add_node("w1", W1.address, "down")
    ruled.add_node("w9", W1.address)
    assert removal.node(ruled.api(TOKEN), W1, how(W1.address))
    assert [entry["Name"] for entry in ruled.nodes] == ["w9"]


def test_members_have_ids_and_canonical_addresses(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*")
    ruled.add_node("w1", "FD00:0::1")
    listed = [(entry["name"], entry["address"], entry["id"]) for entry in members(ruled.api(TOKEN))]
    assert listed == [("m1", A, f"id-{A}"), ("w1", "fd00::1", "id-w1")]


def test_a_node_that_is_called_ready_may_be_gone(ruled: FakeNomad) -> None:
    ruled.add_node("w1", W1.address)
    ruled.disconnected = {"id-w1"}
    want = [nodes.Desired("w1", W1.address, "web")]
    fault = nodes.wait_ready(ruled.api(TOKEN), want, [], 0)
    assert fault == "the agent of node w1 is not connected to the managers (No path to node)"
