# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's secrets among what its managers and another place hold, shared before they are used."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible_collections.keelson.cluster.plugins.action.cluster_secrets import ActionModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import secret_store
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager

PAYLOAD = {"ca_certificate": pki.make_ca("c1").certificate, "gossip_key": "g"}
OTHER = {**PAYLOAD, "ca_certificate": pki.make_ca("c1").certificate}
NAMES = ["m1", "m2", "m3"]


class World:
    """Three managers with stores below a folder; C(down) do not answer, C(before_write) is called with who is written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.down: set[str] = set()
        self.written: list[str] = []
        self.before_write: Callable[[str], None] = lambda _name: None

    def put(self, name: str, number: int, payload: dict[str, Any] | None = None) -> None:
        chosen = payload or PAYLOAD
        generation = secret_store.Generation(number, secret_store.digest_of(number, chosen), chosen)
        secret_store.write("c1", generation, str(self.folder / name))

    def held(self) -> dict[str, tuple[int, str]]:
        """Number and digest of the newest generation, by manager; those with none are left out."""
        read = {name: secret_store.read_newest("c1", str(self.folder / name))[0] for name in NAMES}
        return {name: (found.number, found.digest) for name, found in read.items() if found}

    def _ask(self, name: str, **given: Any) -> dict[str, Any]:
        """What the module secret_store answers."""
        if name in self.down:
            raise AnsibleConnectionFailure("no route")
        if "generation" in given:
            self.before_write(name)
            self.written.append(name)
            try:
                self.put(name, given["generation"], given["payload"])
            except secret_store.StoreError as error:
                raise AnsibleError(str(error)) from error
        found, broken = secret_store.read_newest("c1", str(self.folder / name))
        kept = {"generation": 0, "digest": "", "payload": {}}
        if found:
            kept = {"generation": found.number, "digest": found.digest, "payload": found.payload}
        return {**kept, "broken": broken, "latest": secret_store.latest("c1", str(self.folder / name))}

    def share(
        self, writable: str = "m1 m2 m3", check: bool = False, store: Any = None, rotate: Any = None
    ) -> dict[str, Any]:
        """What the action answers."""
        loader = DataLoader()
        loader.set_vault_secrets([("default", VaultSecret(b"password"))])
        action = ActionModule(SimpleNamespace(check_mode=check, async_val=0), None, None, loader, None, None)
        managers = [Manager(name, lambda name=name, **given: self._ask(name, **given)) for name in NAMES]
        given = {"cluster": "c1", "engine": "nomad", "managers": NAMES, "writable": writable.split()}
        answer: dict[str, Any] = action.work({**given, "store": store or {}, "rotate": rotate or {}}, managers, {})
        return answer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_first_secrets_lie_on_every_manager_before_they_are_returned(world: World) -> None:
    answer = world.share()
    assert answer["changed"] and answer["generation"] == 1 and world.written == NAMES
    assert set(answer["payload"]) == {"ca_certificate", "ca_key", "gossip_key", "bootstrap_token"}
    assert world.held() == dict.fromkeys(NAMES, (1, secret_store.digest_of(1, answer["payload"])))
    assert not world.share()["changed"] and world.written == NAMES


def test_check_mode_keeps_nothing(world: World) -> None:
    assert world.share(check=True)["changed"] and world.held() == {}


def test_kept_secrets_go_only_to_those_that_lack_them(world: World) -> None:
    world.put("m2", 2)
    world.put("m3", 1)
    answer = world.share()
    assert (answer["changed"], answer["generation"], answer["payload"]) == (True, 2, PAYLOAD)
    assert world.written == ["m1", "m3"] and len(set(world.held().values())) == 1


def test_a_broken_copy_is_written_anew(world: World) -> None:
    world.put("m1", 1)
    world.put("m2", 1)
    (world.folder / "m2" / "c1" / "secrets" / "000001.json").write_text("{")
    world.share()
    assert world.written == ["m2", "m3"] and set(world.held()) == set(NAMES)


def test_damaged_newest_secrets_stop_the_run_unless_a_manager_has_them_whole(world: World) -> None:
    for name in NAMES:
        world.put(name, 1, OTHER)
    world.put("m2", 2)
    damaged = world.folder / "m2" / "c1" / "secrets" / "000002.json"
    whole = damaged.read_text()
    damaged.write_text(whole[:-9])
    with pytest.raises(AnsibleActionFail, match=r"m2: .*000002\.json is no complete generation.*Restore the file"):
        world.share()
    assert world.written == []
    world.put("m3", 2)
    assert world.share()["generation"] == 2 and damaged.read_text() == whole


def test_a_dead_manager_is_no_hindrance_once_there_are_secrets(world: World) -> None:
    world.down = {"m1"}
    world.put("m2", 1)
    assert world.share(writable="m2 m3")["payload"] == PAYLOAD and world.written == ["m3"]


@pytest.mark.parametrize("writable", ["m1 m2 m3", "m2 m3"])
def test_no_first_secrets_without_all_managers(world: World, writable: str) -> None:
    world.down = {"m1"} if writable == "m1 m2 m3" else set()
    with pytest.raises(AnsibleActionFail, match="m1 cannot be asked or written to in this run"):
        world.share(writable=writable)
    assert world.held() == {}


def test_different_authorities_are_told_by_their_fingerprints(world: World) -> None:
    world.put("m1", 1)
    world.put("m2", 1, OTHER)
    with pytest.raises(AnsibleActionFail) as caught:
        world.share()
    for payload in (PAYLOAD, OTHER):
        assert pki.fingerprint(payload["ca_certificate"]) in str(caught.value)


@pytest.mark.parametrize("moment", ["before all", "before it has finished"])
def test_a_run_that_comes_too_late_goes_on_with_the_secrets_of_the_other(world: World, moment: str) -> None:
    """It has read that nobody has any; then the other run writes."""

    def overtake(_name: str) -> None:
        world.before_write = lambda _name: None
        for name in NAMES if moment == "before all" else NAMES[:1]:
            world.put(name, 1)

    world.before_write = overtake
    assert world.share()["payload"] == PAYLOAD
    assert world.held() == dict.fromkeys(NAMES, (1, secret_store.digest_of(1, PAYLOAD)))


def test_other_secrets_behind_the_first_manager_are_refused_with_both_names(world: World) -> None:
    def overtake(name: str) -> None:
        if name == "m2" and not world.written[1:]:
            world.put("m2", 1, OTHER)

    world.before_write = overtake
    with pytest.raises(AnsibleActionFail, match=r"different secrets under generation 1: m1 has a CA .*m2 has a CA"):
        world.share()


def _race(folder: Path, barrier: Any, found: Any) -> None:
    barrier.wait()
    found.put(json.dumps(World(folder).share()["payload"], sort_keys=True))


def test_runs_at_the_same_moment_never_mix(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for turn in range(10):
        barrier, found = context.Barrier(2), context.SimpleQueue()
        runs = [context.Process(target=_race, args=(tmp_path / str(turn), barrier, found)) for _run in range(2)]
        for run in runs:
            run.start()
        used = {found.get() for _run in runs}
        for run in runs:
            run.join()
        assert len(used) == 1 and len(set(World(tmp_path / str(turn)).held().values())) == 1


def test_another_place_is_written_once_and_read_when_all_managers_are_bare(world: World, tmp_path: Path) -> None:
    store = {"file": str(tmp_path / "secrets")}
    for name in NAMES:
        world.put(name, 2)
    world.share(store=store, check=True)
    assert not (tmp_path / "secrets").exists()
    world.share(store=store)
    sealed = (tmp_path / "secrets").read_bytes()
    world.share(store=store)
    assert (tmp_path / "secrets").read_bytes() == sealed
    bare = World(tmp_path / "bare")
    answer = bare.share(store=store)
    assert (answer["generation"], answer["payload"]) == (2, PAYLOAD) and set(bare.held()) == set(NAMES)
    for name in NAMES:
        world.put(name, 3)
    world.share(store=store)
    assert (tmp_path / "secrets").read_bytes() != sealed


def test_another_place_with_other_secrets_is_refused(world: World, tmp_path: Path) -> None:
    store = {"file": str(tmp_path / "secrets")}
    world.put("m1", 1)
    world.share(store=store)
    other = World(tmp_path / "other")
    other.put("m1", 1, OTHER)
    message = r"different secrets under generation 1: m1 has a CA .*secrets has other secrets"
    with pytest.raises(AnsibleActionFail, match=message):
        other.share(store=store)


def test_a_phase_of_a_rotation_lies_on_every_manager_in_a_generation_of_its_own(world: World) -> None:
    first = world.share()["payload"]
    for number, phase in enumerate(("prepare", "use", "finish"), 2):
        rotate = {"phase": phase, "numbers": {"ca": 2}}
        world.share(check=True, rotate=rotate)
        assert {held[0] for held in world.held().values()} == {number - 1}
        answer = world.share(rotate=rotate)
        assert answer["changed"] and answer["generation"] == number
        assert world.held() == dict.fromkeys(NAMES, (number, secret_store.digest_of(number, answer["payload"])))
        again = world.share(rotate=rotate)
        assert not again["changed"] and again["payload"] == answer["payload"]
    assert answer["payload"]["ca_certificate"] != first["ca_certificate"] and first["ca_key"] not in str(answer)


def test_a_phase_that_was_cut_off_while_it_was_written_is_gone_on_with(world: World) -> None:
    world.share()

    def die(name: str) -> None:
        if name == "m2":
            raise KeyboardInterrupt

    world.before_write = die
    rotate = {"phase": "prepare", "numbers": {"ca": 2}}
    with pytest.raises(KeyboardInterrupt):
        world.share(rotate=rotate)
    world.before_write = lambda _name: None
    answer = world.share(rotate=rotate)
    assert answer["generation"] == 2 and len(set(world.held().values())) == 1


def test_no_secret_is_replaced_without_all_managers(world: World) -> None:
    world.share()
    before, world.down = world.held(), {"m3"}
    message = "they are to be changed, and m3 cannot be asked or written to in this run. New secrets must lie on every"
    with pytest.raises(AnsibleActionFail, match=message):
        world.share(rotate={"phase": "prepare", "numbers": {"ca": 2}})
    assert world.held() == before
