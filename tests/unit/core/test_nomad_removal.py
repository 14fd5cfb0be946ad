# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager leaves Nomad's raft peers only when it is dead and the others know."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import removal
from fake_nomad import TOKEN, A, B, C, FakeNomad


def remove(nomad: FakeNomad, address: str, timeout: float = 0, check: bool = False) -> bool:
    return removal.manager(nomad.api(TOKEN), "m3", address, 0, timeout, check)


def peers(nomad: FakeNomad) -> list[str]:
    return [entry["Address"] for entry in nomad.servers]


def test_one_that_answers_is_refused(ruled: FakeNomad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "answers", lambda _address, _port: True)
    with pytest.raises(removal.Refused, match=r"m3 \(10\.0\.0\.3\) lives"):
        remove(ruled, C)
    assert len(peers(ruled)) == 3


def test_one_that_died_just_now_goes_when_the_others_noticed(ruled: FakeNomad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "answers", lambda _address, _port: False)
    with pytest.raises(removal.Refused, match="does not answer, but the other managers still take it for well"):
        remove(ruled, C)
    assert len(peers(ruled)) == 3
    assert remove(ruled, C, check=True) and len(peers(ruled)) == 3
    threading.Timer(0.3, ruled.set_servers, [f"{A}*", B, f"{C}-"]).start()
    assert remove(ruled, C, timeout=5)
    assert peers(ruled) == [f"{A}:4647", f"{B}:4647"]
    assert ("PUT", "/v1/agent/force-leave?node=m3.global&prune=true") in ruled.requests


def test_one_that_autopilot_took_off_meanwhile_leaves_the_gossip_too(
    ruled: FakeNomad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "answers", lambda _address, _port: False)
    ruled.set_servers(f"{A}*", B, f"{C}-")
    ruled.unknown_peers = {f"id-{C}"}
    assert remove(ruled, C)
    assert ("PUT", "/v1/agent/force-leave?node=m3.global&prune=true") in ruled.requests


def test_one_that_is_no_peer_is_nothing_to_do(ruled: FakeNomad) -> None:
    assert not remove(ruled, "10.0.0.9")
