# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster is upgraded a part at a time: by --limit, with a pause after a pool, and by new servers."""

from __future__ import annotations

import re
from pathlib import Path

from lab.backup import Backups
from lab.servers import Lab
from lab.stack import given_later
from lab.state import assert_whole
from lab.upgrades import upgraded
from lab.waiting import wait


def mixed(lab: Lab, new: set[str]) -> None:
    """Wait until the hosts of these names run the new version, all others the old one, and all take work."""
    driver = lab.driver
    desired = {host.name: driver.NEW if host.name in new else driver.OLD for host in lab.hosts}
    wait(
        f"the new version on {', '.join(sorted(new))}",
        lambda: driver.versions(lab) == desired and assert_whole(lab) is None,
        120,
    )


def test_a_limit_to_a_part(outdated: Lab) -> None:
    """Host nodes before their managers are refused; a pool alone has its checks and its summary, though no manager is in the run."""
    lab, asked = outdated, ("upgrade", "-e", f"upgrade_to={outdated.driver.NEW}")
    managers, pool = {host.name for host in lab.managers}, lab.nodes[-1].pool
    of_pool = {host.name for host in lab.nodes if host.pool == pool}
    early = lab.play(*asked, "--limit", f"{lab.name}_pool_{pool}").expect(2)
    assert "host nodes follow the managers" in early.words() and not early.changed()
    mixed(lab, set())
    lab.play(*asked, "--limit", f"{lab.name}_managers").expect()
    mixed(lab, managers)
    done = lab.play(*asked, "--limit", f"{lab.name}_pool_{pool}").expect()
    assert {host for _task, host in done.changed()} <= of_pool
    assert any("Look for what the new version has no more" in task.name and task.results for task in done.tasks)
    assert f"upgraded to {lab.driver.NEW}" in done.words()
    mixed(lab, managers | of_pool)
    one = next(host for host in lab.nodes if host.name not in of_pool)
    lab.play(*asked, "--limit", one.name).expect()
    mixed(lab, managers | of_pool | {one.name})
    lab.play(*asked).expect()
    upgraded(lab)


def test_a_pause_after_a_pool(outdated: Lab) -> None:
    """That pool is first, the others are named and wait; the next run without the option goes on."""
    lab, asked = outdated, ("upgrade", "-e", f"upgrade_to={outdated.driver.NEW}")
    pool = lab.nodes[-1].pool
    first = {host.name for host in lab.nodes if host.pool == pool}
    rest = [host.name for host in lab.nodes if host.name not in first]
    done = lab.play(*asked, "-e", f"upgrade_pause_after={pool}").expect()
    assert f"after a pause, with the next run: {', '.join(rest)}" in done.words(), done.output[-3000:]
    mixed(lab, {host.name for host in lab.managers} | first)
    lab.play(*asked).expect()
    upgraded(lab)


def test_host_nodes_get_new_servers(outdated: Lab) -> None:
    """A batch a run; the plan of each names whose turn it is, and the last one leaves nothing to do."""
    lab, asked = outdated, ("upgrade", "-e", f"upgrade_to={outdated.driver.NEW}", "-e", "upgrade_by=replace")
    before = {host.name: host.address for host in lab.nodes}
    for _batch in lab.nodes:
        due = re.search(r"new servers for (\S+)", lab.play(*asked, "--check").expect().words())
        if not due:
            break
        with given_later(lab, due[1]):
            lab.play(*asked).expect()
        wait(
            f"{due[1]} as a member",
            lambda name=due[1]: lab.driver.versions(lab).get(name) == lab.driver.NEW and assert_whole(lab) is None,
            180,
        )
    after = {host.name: host.address for host in lab.nodes}
    assert all(after[name] != before[name] for name in before), (before, after)
    upgraded(lab)


def test_a_backup_is_taken_first_unless_there_is_a_young_one(outdated: Lab, tmp_path: Path) -> None:
    """Also where the run has no manager; a prediction takes none."""
    lab, backups = outdated, Backups(outdated, tmp_path)
    backups.prepare()
    backups.play("install").expect()
    asked = ("upgrade", "-e", f"upgrade_to={lab.driver.NEW}")

    def stored() -> int:
        return sum(map(len, backups.stored().values()))

    before = stored()
    backups.play(*asked, "--limit", f"{lab.name}_managers", "--check").expect()
    assert stored() == before
    backups.play(*asked, "--limit", f"{lab.name}_managers").expect()
    assert stored() == before + 1
    backups.play(*asked, "--limit", lab.nodes[0].name).expect()
    assert stored() == before + 1, "there is a young one"
    backups.play(*asked, "--limit", lab.nodes[1].name, "-e", "upgrade_backup_hours=0").expect()
    assert stored() == before + 2
    lab.play("install").expect()
    lab.play(*asked).expect()
    upgraded(lab)
