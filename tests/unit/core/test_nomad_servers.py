# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of the managers, and when one of them may be restarted."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import raft
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import wait_for
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import servers
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import ApiError
from fake_nomad import TOKEN, A, B, C, FakeNomad


def test_health(ruled: FakeNomad) -> None:
    health = raft.read_health(ruled.api(TOKEN))
    assert health.healthy and health.failure_tolerance == 1
    assert health.leader is not None and health.leader.address == A
    assert [server.address for server in health.servers] == [A, B, C]


def test_429_is_an_answer_and_means_unhealthy(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*", B, f"{C}-")
    assert ruled.api(TOKEN).exchange("GET", "/v1/operator/autopilot/health")[0] == 429
    health = raft.read_health(ruled.api(TOKEN))
    assert not health.healthy and raft.missing_from(health, [A, B, C]) == [C]


def test_other_refusals_are_errors(ruled: FakeNomad) -> None:
    with pytest.raises(ApiError, match="HTTP 403"):
        raft.read_health(ruled.api("unknown"))


def test_a_peer_that_has_no_vote_yet_is_missing(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*", B, f"{C}?")
    assert raft.missing_from(raft.read_health(ruled.api(TOKEN)), [A, B, C, "10.0.0.4"]) == [C, "10.0.0.4"]


@pytest.mark.parametrize(("address", "host"), [("10.0.0.1:4647", "10.0.0.1"), ("[fd00::1]:4647", "fd00::1")])
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert raft.host_of(address) == host


@pytest.mark.parametrize(
    ("peers", "address", "refusal"),
    [
        # A lone manager may always restart.
        ([f"{A}*"], A, None),
        ([f"{A}*-"], A, None),
        # Two cannot lose one; the sick one of them has no quorum to lose.
        ([f"{A}*", B], B, "only 1 of 2 voters would remain"),
        # Three, all healthy: any of them.
        ([f"{A}*", B, C], A, None),
        ([f"{A}*", B, C], B, None),
        # One is sick: only itself.
        ([f"{A}*", B, f"{C}-"], C, None),
        ([f"{A}*", B, f"{C}-"], B, "m3.global not healthy"),
        ([f"{A}*", B, f"{C}-"], A, "m3.global not healthy"),
        # Two are sick: nobody.
        ([f"{A}*", f"{B}-", f"{C}-"], C, "m2.global not healthy"),
        # A new peer that has no vote yet does not count as one that would remain.
        ([f"{A}*", B, f"{C}?"], B, "only 1 of 2 voters would remain"),
        # Five: one sick is refused though the quorum would hold; the failure tolerance shall not fall to nothing.
        ([f"{A}*", B, C, "10.0.0.4", "10.0.0.5-"], B, "m5.global not healthy"),
        ([f"{A}*", B, C, "10.0.0.4", "10.0.0.5"], B, None),
        # One that is no peer at all, such as a new manager.
        ([f"{A}*", B, C], "10.0.0.9", None),
    ],
)
def test_who_may_be_restarted(ruled: FakeNomad, peers: list[str], address: str, refusal: str | None) -> None:
    ruled.set_servers(*peers)
    assert raft.refuse_restart(raft.read_health(ruled.api(TOKEN)), address) == refusal


def test_a_peer_that_just_died_keeps_the_others_from_restarting(
    ruled: FakeNomad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raft, "answers", lambda address, _port: address != C)
    assert raft.wait_dispensable(ruled.api(TOKEN), B, 0) == "m3.global not answering"
    assert raft.wait_dispensable(ruled.api(TOKEN), C, 0) is None
    monkeypatch.setattr(raft, "answers", lambda _address, _port: True)
    assert raft.wait_dispensable(ruled.api(TOKEN), B, 0) is None


def test_the_leadership_is_handed_over_before_a_restart(ruled: FakeNomad) -> None:
    ruled.leader = f"{A}:4647"
    assert raft.step_down(ruled.api(TOKEN), B, 1) is False
    assert raft.step_down(ruled.api(TOKEN), A, 1) is True
    assert ruled.leader == f"{B}:4647"


def test_only_a_healthy_voter_inherits(ruled: FakeNomad) -> None:
    ruled.set_servers(f"{A}*", f"{B}-", f"{C}?")
    assert raft.step_down(ruled.api(TOKEN), A, 1) is False
    ruled.set_servers(f"{A}*", f"{B}-", C)
    assert raft.step_down(ruled.api(TOKEN), A, 1) is True
    assert ruled.leader == f"{C}:4647"


def test_a_manager_that_is_away_for_a_while(ruled: FakeNomad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.Api, "from_env", lambda _cluster: ruled.api(TOKEN))
    monkeypatch.setattr(raft, "answers", lambda _address, _port: True)
    ruled.leader = f"{A}:4647"
    assert servers.begin_absence("product", A, [A, B, C], 0) is None
    assert ruled.leader == f"{B}:4647"
    assert servers.end_absence("product", A, [A, B, C], 0) is None
    ruled.set_servers(A, f"{B}*", f"{C}-")
    assert servers.begin_absence("product", B, [A, B, C], 0) == "m3.global not healthy"
    assert ruled.leader == f"{B}:4647"
    assert servers.end_absence("product", A, [A, B, C], 0) == f"no healthy voter at {C}"


class Clock:
    """A clock that only sleeping moves."""

    now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_waiting_ends_with_the_last_reason() -> None:
    clock = Clock()
    reasons = iter(["first", *["later"] * 100])
    assert wait_for(lambda: next(reasons), 2, clock.read, clock.sleep) == "later"
    assert 2 <= clock.now < 3


def test_waiting_outlives_an_api_that_is_away() -> None:
    clock = Clock()

    def probe() -> str | None:
        if clock.now < 1:
            raise ApiError(0, "away")
        return None

    assert wait_for(probe, 2, clock.read, clock.sleep) is None
    clock.now = -10.0
    assert wait_for(probe, 2, clock.read, clock.sleep) == "away"


def test_waiting_for_health_says_who_is_missing(ruled: FakeNomad) -> None:
    assert raft.wait_healthy(ruled.api(TOKEN), [A, B, C], 0) is None
    assert raft.wait_healthy(ruled.api(TOKEN), [A, "10.0.0.4"], 0) == "no healthy voter at 10.0.0.4"
    # Somebody who is not of the inventory is sick: the managers are not healthy either.
    ruled.set_servers(f"{A}*", B, C, "10.0.0.4-")
    assert raft.wait_healthy(ruled.api(TOKEN), [A, B, C], 0) == "autopilot calls the managers unhealthy"


def test_waiting_for_a_leader(ruled: FakeNomad) -> None:
    assert raft.wait_leader(ruled.api(), 0) is None
    ruled.leader = ""
    assert "No cluster leader" in (raft.wait_leader(ruled.api(), 0) or "")


def test_managers_call_one_that_the_gossip_refused(ruled: FakeNomad) -> None:
    ruled.set_servers("127.0.0.1*", B)
    ruled.servers[1]["Healthy"] = False
    api = ruled.api(TOKEN)
    assert servers.gather(api, ["127.0.0.1", B, "FD00:0::3"], 0) == "fd00::3 unknown to the leader"
    assert ruled.joins == ["[fd00::3]:4648"]
    threading.Timer(0.3, ruled.set_servers, ["127.0.0.1*", B, "fd00::3"]).start()
    assert servers.gather(api, ["127.0.0.1", B, "FD00:0::3"], 5, 0.1) is None
    ruled.joins.clear()
    assert servers.gather(api, ["127.0.0.1", B], 0) is None and not ruled.joins
