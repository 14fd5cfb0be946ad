# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to hosts, and to other runs, while a cluster is upgraded: the next run finishes, and the cluster is one."""

from __future__ import annotations

import re
import threading
import time

import pytest
from lab.controllers import Controller, held
from lab.runs import Run, read_notes
from lab.servers import Lab, Server
from lab.upgrades import at, upgraded
from lab.waiting import wait

WAIT = ("-e", "cluster_lease_wait=120")


def upgrading(lab: Lab) -> tuple[threading.Thread, list[Run]]:
    """Begin an upgrade; the list has the run when it is over."""
    done: list[Run] = []
    asked = ("upgrade", "-e", f"upgrade_to={lab.driver.NEW}", *WAIT)
    (lab.folder / "run.jsonl").unlink(missing_ok=True)
    thread = threading.Thread(target=lambda: done.append(lab.play(*asked)), daemon=True)
    thread.start()
    return thread, done


def begun(lab: Lab, task: str) -> bool:
    """Whether the run is at a task."""
    tasks, _cut = read_notes(lab.folder / "run.jsonl")
    return any(task in entry.name for entry in tasks)


def first_manager(lab: Lab) -> Server:
    """The manager that the plan of the run has first."""
    found = re.search(r"1 of \d+: (\S+):", (lab.folder / "run.log").read_text(encoding="utf-8"))
    assert found
    return next(host for host in lab.managers if host.name == found[1])


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_the_manager_that_is_upgraded_is_cut_from_power(outdated: Lab, seconds: float) -> None:
    """It is started again a moment later: the run ends well or names it, and the next one finishes."""
    lab = outdated
    thread, done = upgrading(lab)
    wait("its turn", lambda: begun(lab, lab.driver.MANAGER_TASK), 300)
    time.sleep(seconds)
    host = first_manager(lab)
    lab.podman("kill", host, "--signal", "KILL")
    time.sleep(5)
    lab.podman("start", host)
    thread.join()
    lab.disconnect()
    print(f"{host.name} was cut off; the run ended with {done[0].code}", flush=True)
    assert done[0].code in (0, 2, 4) and (done[0].code == 0 or host.name in done[0].output), done[0].output[-3000:]
    wait("all members", lambda: set(lab.driver.versions(lab)) == {entry.name for entry in lab.hosts}, 180)
    wait("managers that are well", lambda: lab.play("upgrade", *WAIT, "--check").code == 0, 180)
    lab.play("upgrade", *WAIT).expect()
    upgraded(lab)


def test_a_host_node_is_dead(outdated: Lab) -> None:
    """It is left out with a warning, and the run after its return brings it along."""
    lab, dead = outdated, outdated.nodes[-1]
    lab.podman("stop", dead, "-t", "0")
    lab.disconnect()
    try:
        told = lab.play("upgrade", "-e", f"upgrade_to={lab.driver.NEW}").expect().words()
    finally:
        lab.podman("start", dead)
    assert f"{dead.name} is unreachable and stays as it is; run again when it is back" in told, told[-3000:]
    wait("its return", lambda: lab.driver.versions(lab).get(dead.name) == lab.driver.OLD, 180)
    lab.play("upgrade").expect()
    upgraded(lab)


def test_a_manager_is_dead(outdated: Lab) -> None:
    """Nobody is changed: a second one would take the quorum away."""
    lab, dead = outdated, outdated.managers[-1]
    lab.podman("stop", dead, "-t", "0")
    lab.disconnect()
    try:
        refused = lab.play("upgrade", "-e", f"upgrade_to={lab.driver.NEW}").expect(2)
    finally:
        lab.podman("start", dead)
    assert f"{dead.name}" in refused.words() and "repair or remove it first" in refused.words(), refused.output[-3000:]
    assert not refused.changed()
    wait("the old version", lambda: at(lab, lab.driver.OLD), 180)


def test_a_second_upgrade_at_the_same_time_is_refused(outdated: Lab) -> None:
    """It names who holds the cluster and since when, and changes nothing; the first one finishes."""
    lab = outdated
    asked = ("-e", f"upgrade_to={lab.driver.NEW}")
    first = Controller(lab, "first", *asked, playbook="upgrade")
    wait("its lease", lambda: "PLAY [Plan the upgrade]" in first.said(), 120)
    second = Controller(lab, "second", *asked, playbook="upgrade")
    assert second.wait() == 2 and held(second.said(), "upgrade"), second.said()[-2000:]
    assert not re.search(r"changed=[1-9]", second.said())
    assert first.wait() == 0, first.said()[-2000:]
    upgraded(lab)
