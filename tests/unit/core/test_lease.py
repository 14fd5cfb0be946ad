# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a cluster: the lease on a manager, and the run that takes it on more than half of them."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.action import cluster_lease
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import lease as host
from ansible_collections.keelson.cluster.plugins.plugin_utils import lease, variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager


def wanted(run: str, now: float, boot: str = "b1") -> host.Lease:
    return host.Lease(run, f"somebody ({run})", "", 60, boot, now, now)


def test_a_lease_is_refused_to_others_renewed_and_given_up_without_a_trace(tmp_path: Path) -> None:
    store = str(tmp_path / "keelson")
    first = wanted("a", 100)
    assert host.take("c1", first, store=store) == first
    assert host.take("c1", wanted("b", 130), store=store) == first
    assert host.take("c2", wanted("b", 130), store=store).run == "b"
    host.release("c2", "b", store)
    renewed = host.take("c1", wanted("a", 150), store=store)
    assert (renewed.taken, renewed.renewed) == (100, 150)
    assert (tmp_path / "keelson" / "c1" / "lease.json").stat().st_mode & 0o777 == 0o600
    assert host.take("c1", wanted("b", 200), ["a"], store) == wanted("b", 200)
    now = host.clock()[1]
    host.take("c1", dataclasses.replace(wanted("b", now), boot=host.clock()[0]), ["a"], store)
    host.release("c1", "a", store)
    assert host.read("c1", *host.clock(), store) is not None
    host.release("c1", "b", store)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("boot", "now", "holds"),
    [("b1", 159, True), ("b1", 161, False), ("b2", 59, True), ("b2", 61, False)],
    ids=["in time", "over", "rebooted a moment ago", "rebooted"],
)
def test_a_lease_ends_by_itself_and_outlives_a_reboot_as_long(
    tmp_path: Path, boot: str, now: float, holds: bool
) -> None:
    host.take("c1", wanted("a", 100), store=str(tmp_path))
    assert host.take("c1", wanted("b", now, boot), store=str(tmp_path)).run == ("a" if holds else "b")


def kept(**other: Any) -> str:
    """A lease's file, taken at 90 in this boot, with other values."""
    return json.dumps({**dataclasses.asdict(wanted("a", 90)), **other})


BROKEN = {
    "empty": "",
    "cut off": "{",
    "a list": "[]",
    "too little": '{"run": "a"}',
    "text": kept(seconds="60"),
    "no name": kept(run=["a"]),
    "for ever": kept(seconds=float("inf")),
    "for a year": kept(seconds=3e7),
    "of tomorrow": kept(renewed=86490),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_lease_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "c1").mkdir()
    (tmp_path / "c1" / "lease.json").write_text(content)
    assert host.take("c1", wanted("b", 100), store=str(tmp_path)).run == "b"


@pytest.mark.parametrize("kind", ["file", "dangling link", "parent is a dangling link"])
def test_a_place_that_cannot_be_had_is_a_fault_and_no_endless_wait(tmp_path: Path, kind: str) -> None:
    store = tmp_path / "keelson"
    if kind == "parent is a dangling link":
        store.symlink_to(tmp_path / "unmounted")
    else:
        store.mkdir()
        place = store / "c1"
        place.write_text("") if kind == "file" else place.symlink_to(tmp_path / "unmounted")
    taken = multiprocessing.get_context("fork").Process(target=host.take, args=("c1", wanted("b", 100), (), str(store)))
    taken.start()
    taken.join(20)
    taken.kill()
    taken.join()
    assert taken.exitcode == 1
    with pytest.raises(OSError, match="keelson"):
        host.take("c1", wanted("b", 100), store=str(store))


def _race(store: str, run: str, barrier: Any, found: Any) -> None:
    barrier.wait()
    for _turn in range(50):
        boot, now = host.clock()
        if host.take("c1", host.Lease(run, run, "", 60, boot, now, now), store=store).run == run:
            found.put(run)
            host.release("c1", run, store)


def test_taking_and_releasing_at_the_same_moment_never_fails(tmp_path: Path) -> None:
    """The folder comes and goes under those who lock it."""
    context = multiprocessing.get_context("fork")
    barrier, found = context.Barrier(4), context.SimpleQueue()
    racers = [context.Process(target=_race, args=(str(tmp_path / "k"), f"r{n}", barrier, found)) for n in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert [racer.exitcode for racer in racers] == [0, 0, 0, 0]
    assert not found.empty() and not list(tmp_path.iterdir())


class World:
    """Three managers in memory; C(down) do not answer, C(asked) is in which order they were asked."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.renewal = 1.0  # what the other run's lease lasts longer at each look
        self.managers = [Manager(name, self._asker(name)) for name in ("m1", "m2", "m3")]

    def _asker(self, name: str) -> Callable[..., dict[str, Any]]:
        def ask(**given: Any) -> dict[str, Any]:
            if name in self.down:
                raise OSError(f"no route to {name}")
            own, held = given["run"], self.held.get(name)
            if held and held["run"] == "other":
                held["left"] += self.renewal
                if held["left"] <= 0:
                    held = self.held.pop(name) and None
            if given["state"] == "released":
                if held and held["run"] == own:
                    del self.held[name]
                return {}
            self.asked.append(name)
            if not held or held["run"] == own or held["run"] in given.get("take_from", []):
                self.held[name] = held = {"run": own, "holder": given["holder"], "origin": "", "age": 61, "left": 50}
            return {"lease": held}

        return ask

    def hold(self, name: str, origin: str = "") -> None:
        self.held[name] = {"run": "other", "holder": "alice@ci (install)", "origin": origin, "age": 61.5, "left": 50}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for name, seconds in (("PAUSE", 0.05), ("PERIOD", 0.2)):
        monkeypatch.setattr(lease, name, seconds)
    return World()


def run_of(pid: int) -> lease.Run:
    return lease.Run("c1", "mine", "bob@here (install)", pid)


def take(world: World, *take_from: str, wait: float = 0) -> list[str]:
    said: list[str] = []
    lease.take(run_of(os.getpid()), world.managers, take_from, wait, said.append)
    return said


def test_the_lease_is_taken_on_all_that_answer_and_more_than_half_are_enough(world: World) -> None:
    world.down = {"m1"}
    take(world)
    assert {name: entry["run"] for name, entry in world.held.items()} == {"m2": "mine", "m3": "mine"}
    world.down = {"m1", "m2"}
    with pytest.raises(lease.LeaseError) as caught:
        take(world)
    assert "1 of 3 managers of c1" in str(caught.value) and "m1: no route to m1; m2: no route to m2" in str(
        caught.value
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["m1", "m2", "m3"])
def test_a_second_run_refuses_in_one_line_and_holds_nothing(world: World, where: str) -> None:
    world.hold(where)
    with pytest.raises(lease.LeaseError) as caught:
        take(world)
    message = str(caught.value)
    assert "The cluster c1 is held by alice@ci (install), run other, for 1 min 1 s; the lease lasts until " in message
    assert "cluster_lease_wait" in message and "cluster_lease_break=other" in message and "\n" not in message
    assert list(world.held) == [where]


def test_a_holder_of_any_signs_and_length_is_one_short_line(world: World) -> None:
    world.hold("m1")
    world.held["m1"]["holder"] = "alice\nPLAY RECAP: all is well\x1b[2J" + "x" * 100_000
    with pytest.raises(lease.LeaseError) as caught:
        take(world)
    message = str(caught.value)
    assert r"alice\nPLAY RECAP: all is well\x1b[2Jxxx" in message and message.isprintable() and len(message) < 1000
    assert "cluster_lease_break=other" in message


def test_a_run_that_waits_says_so_once_and_goes_on_when_the_other_has_ended(world: World) -> None:
    world.hold("m2")
    turns: list[float] = []

    def free(_seconds: float) -> None:
        turns.append(_seconds)
        assert set(world.held) == {"m2"}, "it holds another manager while it waits"
        if len(turns) == 3:
            del world.held["m2"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease.time, "sleep", free)
        said = take(world, wait=30)
    assert len(said) == 1 and "c1 is held by alice@ci" in said[0] and said[0].endswith("Waiting for its end.")
    assert world.asked[:4] == ["m1", "m2", "m2", "m2"] and len(world.held) == 3


def test_a_lease_that_nobody_renews_is_waited_for(world: World) -> None:
    """Its controller was killed elsewhere, or its container has ended before the lease was given up."""
    world.hold("m1")
    world.renewal = -20
    take(world)
    assert {entry["run"] for entry in world.held.values()} == {"mine"}


def test_a_playbook_that_imports_two_which_take_the_lease_does_not_refuse_itself(world: World) -> None:
    """The name of a run is that of its process, until it ends."""
    with subprocess.Popen(["sleep", "60"]) as process, subprocess.Popen(["sleep", "60"]) as other:
        first, second = (lease.Run("c1", lease.name_of(process.pid), "bob@here", process.pid) for _import in range(2))
        for run in (first, second):
            lease.take(run, world.managers, [], 0, pytest.fail)
        assert {entry["run"] for entry in world.held.values()} == {first.name} and first.name != lease.name_of(
            other.pid
        )
        process.kill()
        other.kill()


def test_a_prediction_knows_the_versions_of_all_managers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while another run holds the cluster, in the middle of an upgrade perhaps; of that it warns once."""
    told: list[str] = []
    monkeypatch.setattr(cluster_lease.display, "warning", told.append)
    world.hold("m1")
    world.hold("m3")
    cluster_lease._tell_holder(run_of(os.getpid()), world.managers)
    assert world.asked == ["m1", "m2", "m3"] and len(told) == 1 and "alice@ci (install)" in told[0]


def test_a_lease_is_broken_by_the_name_of_its_run(world: World) -> None:
    world.hold("m1")
    take(world, "other")
    assert {entry["run"] for entry in world.held.values()} == {"mine"}


def test_a_run_of_this_machine_that_was_killed_holds_nobody_up(world: World) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        world.hold("m1", lease.origin(process.pid))
        with pytest.raises(lease.LeaseError):
            take(world)
        process.kill()
        process.wait()
    take(world)
    assert len(world.held) == 3
    foreign = "0-0-0 " + lease.origin(os.getpid()).partition(" ")[2]
    assert not lease.has_ended(foreign) and not lease.has_ended("") and not lease.has_ended("a b c d")


@pytest.mark.parametrize("orderly", [True, False], ids=["ended", "killed"])
def test_a_lease_is_kept_while_the_run_lives(world: World, orderly: bool) -> None:
    with subprocess.Popen(["sleep", "2"]) as process:
        lease.keep(run_of(process.pid), world.managers[0], lambda: orderly, pytest.fail)
    assert len(world.asked) >= 2
    assert bool(world.held) is not orderly


def test_a_run_whose_lease_was_taken_is_stopped(world: World) -> None:
    said: list[str] = []
    world.hold("m1")
    with subprocess.Popen(["sleep", "60"]) as process:
        lease.keep(run_of(process.pid), world.managers[0], lambda: False, said.append)
        assert process.wait() == -signal.SIGTERM
    assert "This run is stopped: the cluster c1 is held by alice@ci" in said[0]


@pytest.mark.parametrize(("seconds", "times"), [(60, lease.STRIKES), (-1, 2)], ids=["held", "ended"])
def test_a_run_that_slept_longer_than_its_lease_is_stopped_sooner(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float, times: int
) -> None:
    monkeypatch.setattr(lease, "SECONDS", seconds)
    monkeypatch.setattr(os, "kill", lambda _pid, _signal: stopped.append(len(world.asked)))
    stopped: list[int] = []
    world.hold("m1")
    with subprocess.Popen(["sleep", "3"]) as process:
        lease.keep(run_of(process.pid), world.managers[0], lambda: False, lambda _text: None)
    assert stopped == [times]


def test_a_manager_that_is_away_for_a_while_stops_nobody(world: World) -> None:
    world.down = {"m1"}
    start = time.monotonic()
    with subprocess.Popen(["sleep", "1.5"]) as process:
        lease.keep(run_of(process.pid), world.managers[0], lambda: False, pytest.fail)
        assert process.wait() == 0
    assert time.monotonic() - start < 5


def test_who_holds_it_in_awx() -> None:
    said = lease.holder(["keelson.cluster.install"], {"awx_job_id": 42, "awx_user_name": "alice"})
    assert said.startswith("alice@") and said.endswith(" (keelson.cluster.install, job 42)")


def test_preflight_knows_every_variable_of_the_lease() -> None:
    text = (Path(__file__).parents[3] / "playbooks" / "cluster_lease.yml").read_text()
    used = set(re.findall(r"cluster_lease_\w+", text))
    assert used == {"cluster_lease_wait", "cluster_lease_break"} and used <= set(variable_types.playbooks())


# What changes no cluster: it reads hosts, or works on the controller alone.
WITHOUT = {
    "backup",
    "bundle",
    "cluster_select",
    "inventory_report",
    "mesh_linkerd",
    "offline",
    "pipeline",
    "pipeline_render",
    "placement",
    "preflight",
    "release",
}
WITHOUT |= {f"server_image{more}" for more in ("", "_boot", "_diff", "_list", "_promote")}


def test_every_playbook_that_changes_a_cluster_holds_its_lease_first() -> None:
    for path in sorted((Path(__file__).parents[3] / "playbooks").glob("*.yml")):
        plays = yaml.safe_load(path.read_text())
        imported = [play.get("ansible.builtin.import_playbook", "") for play in plays]
        if path.stem not in WITHOUT | {"cluster_lease"}:
            # Nothing but the choice of the cluster comes before it.
            assert "cluster_lease.yml" in imported, path.name
            before = imported[: imported.index("cluster_lease.yml")]
            assert set(before) <= {"cluster_select.yml", ""}, path.name
