# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays choose hosts by their part, whatever groups are called."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.names import GROUPS

ROOT = Path(__file__).parents[3]


def run(
    tmp_path: Path, parts: dict[str, str], *arguments: str, groups: dict[str, Any] | None = None, playbook: str = ""
) -> subprocess.CompletedProcess[str]:
    """Which hosts the managers' plays of a playbook get; nothing is connected to."""
    hosts = {name: {"cluster_part": part, "ansible_connection": "local"} for name, part in parts.items()}
    variables = {"cluster_name": "product", "cluster_engine": "nomad"}
    children: dict[str, Any] = {
        "product": {"hosts": hosts, "vars": variables},
        "clusters": {"children": {"product": {}}},
        # A user's own group, whose name once took all managers out of the plays.
        "db_pool_members": {"hosts": dict.fromkeys(hosts, {})},
        "elsewhere": {"hosts": {"x1": {"ansible_connection": "local"}}},
        **(groups or {}),
    }
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    plays = [
        {"import_playbook": str(ROOT / "playbooks/cluster_select.yml")},
        {
            "hosts": "cluster_part_manager",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.debug": {"msg": "MANAGER"}}],
        },
    ]
    (tmp_path / "play.yml").write_text(json.dumps(plays))
    played = str(ROOT / "playbooks" / playbook) if playbook else str(tmp_path / "play.yml")
    command = ["ansible-playbook", "-i", str(tmp_path / "inventory.yml"), played, *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_managers_are_found_by_their_part(tmp_path: Path) -> None:
    done = run(tmp_path, {"m1": "manager", "m2": "manager", "w1": "node"})
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("MANAGER") == 2 and "ok: [w1]" not in done.stdout.split("PLAY RECAP")[0]


@pytest.mark.parametrize(("limit", "managers"), [("m2", 1), ("!m2", 2), ("m1,m3", 2), ("w1", 0)])
def test_a_limit_leaves_the_other_hosts_out_and_no_play(tmp_path: Path, limit: str, managers: int) -> None:
    """The first play is not passed over, as one over localhost is."""
    parts = {"m1": "manager", "m2": "manager", "m3": "manager", "w1": "node"}
    done = run(tmp_path, parts, "--limit", limit)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("MANAGER") == managers and "Group the cluster's hosts by their part" in done.stdout


def test_verify_without_any_manager_is_refused(tmp_path: Path) -> None:
    """It would look at next to nothing, and end well."""
    done = run(tmp_path, {"m1": "manager", "w1": "node"}, "--limit", "w1", playbook="verify.yml")
    told = " ".join(done.stdout.split())
    assert done.returncode == 2 and "Take one into the limit" in told and "from inside" not in told


@pytest.mark.parametrize(
    ("limit", "playbook", "arguments", "told"),
    [
        ("w1", "backup.yml", (), "--limit leaves out all managers"),
        ("w1", "restore.yml", (), "--limit leaves out all managers"),
        ("m1", "drain.yml", ("-e", "drain_hosts=w1"), "w1 is left out by --limit"),
        ("w1", "drain.yml", ("-e", "drain_hosts=w1,w2"), "w2 is left out by --limit"),
    ],
)
def test_a_limit_without_those_whom_the_run_is_about_is_refused(
    tmp_path: Path, limit: str, playbook: str, arguments: tuple[str, ...], told: str
) -> None:
    """It would do nothing, and end well."""
    text = (ROOT / "playbooks" / playbook).read_text().replace("cluster_lease.yml", "cluster_select.yml")
    plays = yaml.safe_load(text)
    plays[0]["ansible.builtin.import_playbook"] = str(ROOT / "playbooks/cluster_select.yml")
    (tmp_path / playbook).write_text(yaml.safe_dump(plays))
    (tmp_path / "tasks").symlink_to(ROOT / "playbooks/tasks")
    parts = {"m1": "manager", "w1": "node", "w2": "node"}
    done = run(tmp_path, parts, "--limit", limit, *arguments, playbook=str(tmp_path / playbook))
    assert done.returncode == 2 and told in " ".join(done.stdout.split()), done.stdout


def test_what_comes_after_enroll_in_one_run_meets_no_host_that_is_none(tmp_path: Path) -> None:
    """Another enroll would describe its pool by the variables of both."""
    plays = yaml.safe_load((ROOT / "playbooks/enroll.yml").read_text())
    (declare,) = (play for play in plays if play.get("name") == "Declare a new host of the pool")
    again = {"import_playbook": str(ROOT / "playbooks/cluster_select.yml")}
    after = {"hosts": "product", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "AFTER"}}]}
    (tmp_path / "twice.yml").write_text(yaml.safe_dump([again, declare, again, after]))
    pool = {"product_pool_web": {"hosts": {"w1": {}}}}
    parts = {"m1": "manager", "w1": "node"}
    done = run(tmp_path, parts, "-e", "enroll_pool=web", groups=pool, playbook=str(tmp_path / "twice.yml"))
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2 and "AFTER" not in told
    assert "run what comes after enroll by a command of its own. Nothing was changed" in told


def test_syntax_is_checked_without_an_inventory() -> None:
    command = ["ansible-playbook", "-i", "localhost,", "--syntax-check", str(ROOT / "playbooks/cluster_select.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("parts", "arguments", "told"),
    [
        ({"m1": "manager"}, ("--limit", "x1"), "--limit 'x1' leaves out all hosts of clusters"),
        ({"m1": "manager"}, ("-e", "cluster=nix"), "the inventory has no hosts in a cluster 'nix'; it has"),
        ({"m1": "manager"}, ("-e", "cluster=db_pool_members"), "db_pool_members"),
        ({"w1": "node"}, (), "it has no manager"),
        ({"m1": "manager", "x": ""}, (), "x are neither manager nor node"),
        ({"m1": "manager"}, ("--tags", "join"), "run the whole playbook, for fewer hosts with --limit"),
        (
            {"m1": "manager"},
            ("-e", "replace_wait=long"),
            "replace_wait: 'long' is not a whole number. Nothing was changed",
        ),
        ({"m1": "manager"}, ("-e", "drain_hots=w1"), "unknown variable drain_hots: did you mean drain_hosts?"),
        ({"m1": "manager"}, ("-e", '{"drain_hots": ["w1"]}'), "unknown variable drain_hots: did you mean drain_hosts?"),
    ],
)
def test_a_run_that_would_do_nothing_is_refused(
    tmp_path: Path, parts: dict[str, str], arguments: tuple[str, ...], told: str
) -> None:
    done = run(tmp_path, parts, *arguments)
    assert done.returncode != 0 and told in " ".join((done.stdout + done.stderr).split())


def test_a_variable_that_cannot_be_read_is_left_to_who_reads_it(tmp_path: Path) -> None:
    done = run(tmp_path, {"m1": "manager"}, "-e", "server_image_target={{ nothing }}")
    assert done.returncode == 0 and done.stdout.count("MANAGER") == 1, done.stdout


@pytest.mark.parametrize("group", ["cluster_part_manager", "cluster_drain_chosen"])
def test_a_group_of_the_inventory_adds_nobody_to_the_plays(tmp_path: Path, group: str) -> None:
    """As `keyed_groups` by cluster_part would make it, over all clusters."""
    other = {"hosts": {"m9": {"cluster_part": "manager", "ansible_connection": "local"}}}
    done = run(tmp_path, {"m1": "manager"}, groups={group: other})
    assert done.returncode != 0 and f"the group {group} has m9" in " ".join((done.stdout + done.stderr).split())
    assert "MANAGER" not in done.stdout
    assert run(tmp_path, {"m1": "manager"}, groups={group: {"hosts": {"m1": {}}}}).returncode != 0


def test_the_playbooks_groups_are_known() -> None:
    """By which names plays choose hosts, but for the user's own groups, and by which tasks group them."""
    found: set[str] = set()
    for path in (ROOT / "playbooks").rglob("*.yml"):
        for play in yaml.safe_load(path.read_text()):
            parts = re.split("[:&!]+", str(play.get("hosts", "")))
            found.update(part for part in parts if re.fullmatch(r"[a-z_]+", part) and part != "localhost")
            for task in play.get("tasks", []):
                made = [(task.get(f"ansible.builtin.{key}") or {}) for key in ("group_by", "add_host")]
                found.update(str(entry.get("key") or entry.get("groups")) for entry in made if entry)
    words = {name for name in found if re.fullmatch("[a-z_]+", name)}
    made_of_parts = {"cluster_part", "upgrade", "patch", "rotate"}  # by a template
    assert words <= set(GROUPS)
    assert {name.rpartition("_")[0] for name in {*GROUPS} - words} <= made_of_parts
