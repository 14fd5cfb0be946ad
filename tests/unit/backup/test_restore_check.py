# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore would do is told beforehand, and what it would refuse is refused beforehand, with nothing changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible_collections.keelson.cluster.plugins.action import cluster_restore
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager
from backup_world import Key, World, world

__all__ = ["world"]
ROOT = Path(__file__).parents[3]
ENGINES = ["nomad", "kubernetes"]


class Managers:
    """Three managers whose cluster is lost; `well` are those that can speak for it, `away` those that do not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.well: tuple[str, ...] = ()
        self.away: tuple[str, ...] = ()
        self.states: list[str] = []
        self.told: list[str] = []
        monkeypatch.setattr(cluster_restore, "Display", lambda: SimpleNamespace(display=self.told.append))
        monkeypatch.setattr(cluster_restore, "_send", lambda *_all: self.states.append("sent"))

    def manager(self, name: str) -> Manager:
        def ask(**given: Any) -> dict[str, Any]:
            if name in self.away:
                raise RuntimeError("no route to host")
            self.states.append(given["state"])
            return {"generation": 0, "payload": {}, "pending": ""}

        def module(_name: str, _arguments: Any, task_vars: Any) -> dict[str, Any]:
            return {"failed": name not in self.well}

        return Manager(name, ask, SimpleNamespace(_execute_module=module))

    def restore(self, world: World, engine: str, check: bool, **more: Any) -> dict[str, Any]:
        action = cluster_restore.ActionModule.__new__(cluster_restore.ActionModule)
        action._task = SimpleNamespace(check_mode=check)
        action._loader = DataLoader()
        action._loader.set_basedir(str(ROOT / "playbooks"))
        action._templar = SimpleNamespace(template=lambda value: value)
        key = world.store.parent / "backup.key"
        if not key.exists():
            key.write_text(world.key.identity)
        names = ["m1", "m2", "m3"]
        given = {"cluster": "c1", "engine": engine, "managers": names, "needed": names, "file": "", "name": ""}
        variables = {"cluster_backup": {"target": {"directory": str(world.store)}}}
        options = {**given, "identity": str(key), "confirm": "", "state": "placed", **more}
        return action.work(options, [self.manager(name) for name in names], variables)


@pytest.fixture
def managers(monkeypatch: pytest.MonkeyPatch) -> Managers:
    return Managers(monkeypatch)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_prediction_is_what_a_run_does(world: World, managers: Managers, engine: str) -> None:
    world.take(components=[engine])
    foreseen = managers.restore(world, engine, check=True)
    assert managers.states == ["read"] * 3 and managers.told == [foreseen["told"]]
    (name,) = (path.stem for path in world.store.glob("*.json"))
    assert foreseen["told"].startswith(f"c1 would be restored from {name}, a backup of c1 ({engine}) that ")
    assert " UTC, 0.0 MiB unpacked, onto m1, m2, m3; m1 loads it." in foreseen["told"]
    assert managers.restore(world, engine, check=False) == foreseen
    assert managers.states == ["read"] * 6 + ["sent"] + ["written"] * 3 and len(managers.told) == 1


def test_the_key_lies_where_the_run_was_started(
    world: World, managers: Managers, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take(components=[ENGINES[0]])
    monkeypatch.chdir(world.store.parent)
    assert managers.restore(world, ENGINES[0], check=True, identity="backup.key")["changed"]


def no_such_key(_world: World, _managers: Managers) -> dict[str, Any]:
    return {"identity": "none.key"}


def wrong_key(world: World, _managers: Managers) -> dict[str, Any]:
    world.key = Key()
    return {}


def no_key(_world: World, _managers: Managers) -> dict[str, Any]:
    return {"identity": ""}


def altered(world: World, _managers: Managers) -> dict[str, Any]:
    (sealed,) = world.store.glob("*.age")
    sealed.write_bytes(sealed.read_bytes()[:-1] + b"x")
    return {}


def another_cluster(world: World, _managers: Managers) -> dict[str, Any]:
    return {"cluster": "c2", "file": str(next(world.store.glob("*.age")))}


def a_cluster_that_is_well(_world: World, managers: Managers) -> dict[str, Any]:
    managers.well = ("m2",)
    return {}


def the_name_of_another(_world: World, managers: Managers) -> dict[str, Any]:
    managers.well = ("m2",)
    return {"confirm": "c2"}


def a_manager_away(_world: World, managers: Managers) -> dict[str, Any]:
    managers.away = ("m3",)
    return {}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (wrong_key, "is not encrypted to this key"),
        (no_key, "the key is missing"),
        (no_such_key, "restore_identity: there is no file /.*/none.key"),
        (altered, "was changed after it was written"),
        (another_cluster, "is a backup of the cluster c1"),
        (a_cluster_that_is_well, "c1 is well: m2 can speak for it"),
        (the_name_of_another, "add -e restore_confirm=c1"),
        (a_manager_away, "m3 cannot be used: no route to host"),
    ],
)
def test_a_prediction_refuses_what_a_run_refuses(
    world: World,
    managers: Managers,
    engine: str,
    wrong: Callable[[World, Managers], dict[str, Any]],
    words: str,
) -> None:
    world.take(components=[engine])
    more = wrong(world, managers)
    said = []
    for check in (True, False):
        with pytest.raises(AnsibleActionFail, match=words) as refused:
            managers.restore(world, engine, check, **more)
        said.append(re.sub(r"\S*/", "", str(refused.value)))  # from the store it comes to a folder of the run
    assert said[0] == said[1] and "Nothing was changed." in said[0]
    assert set(managers.states) <= {"read"} and managers.told == []


def test_hosts_that_are_dead_are_left_out() -> None:
    """Nobody needs --limit for them: where most managers answer, those go on."""
    plays = yaml.safe_load((ROOT / "playbooks/restore.yml").read_text())
    look = next(play for play in plays if any("keelson.cluster.host_facts" in task for task in play.get("tasks", ())))
    refusal = next(task for task in look["tasks"] if "ansible.builtin.assert" in task)
    assert refusal["ansible.builtin.assert"]["that"] == "__dead | length * 2 < __taking | length"
    later = [play["hosts"] for play in plays[plays.index(look) + 1 :]]
    assert later and all(hosts.endswith(":&cluster_answers") for hosts in later)


def test_a_prediction_ends_before_a_host_is_touched() -> None:
    plays = [play for play in yaml.safe_load((ROOT / "playbooks/restore.yml").read_text()) if "tasks" in play]
    looks = {f"ansible.builtin.{name}" for name in ("include_tasks", "group_by", "assert", "debug")}
    looks |= {"keelson.cluster.host_facts", "keelson.cluster.preflight"}
    assert len(plays) == 5 and all(looks & set(task) for play in plays[:2] for task in play["tasks"])
    plays = plays[2:]
    for play in plays:
        first = next(task for task in play["tasks"] if task.get("loop") is None or play is not plays[0])
        assert (first["ansible.builtin.meta"], first["when"]) == ("end_play", "ansible_check_mode"), play["name"]
