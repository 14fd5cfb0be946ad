# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--check` of each verb says whom a run changes, changes nothing itself, and the run keeps to it."""

from __future__ import annotations

import re
from pathlib import Path

from lab.backup import Backups
from lab.runs import Run
from lab.servers import Lab
from lab.state import assert_whole, await_ready, boots
from lab.upgrades import at, old, upgraded
from lab.waiting import wait


def planned(run: Run) -> list[str]:
    """The hosts of the plan that a run shows, in its order."""
    return re.findall(r"^ +\d+ of \d+: ([^:\s]+): ", run.output, re.MULTILINE)


def in_turn(run: Run) -> list[str]:
    """The hosts whose turn it was, in the order in which it was."""
    return [host for task in run.tasks if "Tell whose turn it is" in task.name for host in task.results]


def changed(run: Run) -> set[str]:
    """The hosts on which a run changed something."""
    return {host for _task, host in run.changed()}


def test_of_an_upgrade(lab: Lab) -> None:
    """The order of the plan is that of the run."""
    old(lab)
    asked = ("upgrade", "-e", f"upgrade_to={lab.driver.NEW}")
    foretold = lab.play(*asked, "--check").expect()
    assert at(lab, lab.driver.OLD)
    done = lab.play(*asked).expect()
    assert planned(foretold) == planned(done) == in_turn(done)
    assert set(planned(foretold)) == {host.name for host in lab.hosts} == changed(done)
    upgraded(lab)


def test_of_a_patch(cluster: Lab) -> None:
    """With every host rebooted."""
    lab, asked = cluster, ("-e", "patch_packages=none", "-e", "patch_reboot=always")
    before = boots(lab)
    foretold = lab.play("patch", *asked, "--check").expect()
    assert boots(lab) == before
    done = lab.play("patch", *asked).expect()
    assert planned(foretold) == planned(done) == in_turn(done)
    assert set(planned(foretold)) == {host.name for host in lab.hosts}
    wait("a whole cluster", lambda: assert_whole(lab) is None, 120)


def test_of_a_drain_and_back(cluster: Lab) -> None:
    """Task by task and host by host."""
    lab, name = cluster, cluster.nodes[0].name
    for state in ("drained", "ready"):
        asked = ("drain", "-e", f"drain_hosts={name} drain_state={state}")
        foretold = lab.play(*asked, "--check").expect()
        assert (lab.driver.drained(lab) == [name]) is (state == "ready"), "the check changed it"
        done = lab.play(*asked).expect()
        assert foretold.changed() == done.changed() != set()
        assert not lab.play(*asked, "--check").expect().changed()
    assert_whole(lab)


def test_of_a_removal(cluster: Lab) -> None:
    """Of one that lives: it is named, and is a member until the run itself."""
    lab, host = cluster, cluster.nodes[-1]
    asked = ("-e", f"remove_hosts={host.name}")
    foretold = lab.play("remove", *asked, "--check").expect()
    assert "would be" in foretold.words() and host.name in foretold.words()
    assert host.name in lab.driver.ready(lab) and foretold.changed()
    done = lab.play("remove", *asked).expect()
    assert changed(done) - {host.name} <= {manager.name for manager in lab.managers}
    assert host.name not in lab.driver.ready(lab)
    lab.play("install").expect()
    await_ready(lab, [host])
    wait("a whole cluster", lambda: assert_whole(lab) is None, 120)


def test_of_a_rotation(cluster: Lab) -> None:
    """Of all certificates, and of the CA with its phases."""
    lab, secrets = cluster, cluster.secrets()
    foretold = lab.play("rotate", "--check").expect()
    assert lab.secrets() == secrets and foretold.changed()
    lab.play("rotate").expect()
    number = lab.number("ca") + 1
    foretold = lab.play("rotate", "-e", f"rotate_ca={number}", "--check").expect()
    assert all(phase in foretold.words() for phase in ("prepare", "use", "finish")), foretold.output[-3000:]
    assert lab.secrets() == secrets and foretold.changed()
    lab.play("rotate", "-e", f"rotate_ca={number}").expect()
    lab.generations += 3
    assert not lab.play("rotate", "-e", f"rotate_ca={number}", "--check").expect().changed()
    assert_whole(lab)


def test_of_a_backup_and_a_restore(cluster: Lab, tmp_path: Path) -> None:
    """None is taken; the manager that is to load it does."""
    lab, backups = cluster, Backups(cluster, tmp_path)
    backups.prepare()
    backups.play("install").expect()
    listed = backups.listed()
    assert backups.take("--check").expect().changed()
    assert backups.listed() == listed, "the check took one"
    backups.take().expect()
    sealed, confirmed = backups.fetch(), ("-e", f"restore_confirm={lab.name}")
    foretold = backups.restore(sealed, *confirmed, "--check").expect().words()
    found = re.search(r"would be restored from (\S+), a backup of .* onto .*; (\S+) loads it\.", foretold)
    assert found and found[1] == sealed.name.removesuffix(".tar.age"), foretold[-3000:]
    assert_whole(lab)
    done = backups.restore(sealed, *confirmed).expect().words()
    assert f"{found[2]} loads {found[1]}" in done and f"restored from {found[1]}" in done
    assert_whole(lab, stores=False)
    lab.make()
