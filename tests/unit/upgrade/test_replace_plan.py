# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts get new servers, which members that takes out first, and how the old servers are told from the new ones."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.removal import RemovalError
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.replacement import Replacement, plan, read
from test_removal_plan import with_host, world

ROOT = Path(__file__).parents[3]


def names(found: Replacement) -> list[str]:
    return [entry["name"] for entry in found.removal.members]


def test_the_old_server_is_taken_out_first() -> None:
    found = plan(world(), ["w1"], {})
    assert names(found) == ["w1"] and found.removal.live == ["w1"] and found.noted == {"w1": "10.0.0.21"}
    assert names(plan(world(m3="failed"), ["m3"], {})) == ["m3"]


def test_a_run_that_was_cut_off_is_gone_on_with() -> None:
    noted = {"w1": "10.0.0.21"}
    assert names(plan(world(), [], noted)) == ["w1"]
    new = with_host(world(), "w1", address="10.0.0.99")
    for asked in ([], ["w1"]):
        found = plan(new, asked, noted)
        assert names(found) == [] and found.removal.live == [] and found.noted == noted
    assert names(plan(new, ["w2"], noted)) == ["w2"]
    assert plan(world(), [], {"gone": "10.0.0.98"}).noted == {}


@pytest.mark.parametrize(
    ("status", "asked", "message"),
    [
        ({}, ["w9"], "the inventory has no w9, and a server is replaced under its name; it has m1, m2, m3, w1, w2"),
        ({}, ["gone"], "the inventory has no gone"),
        ({}, ["m1", "m2"], "m1, m2 are managers; replace one of them, then the next"),
        ({"m3": "failed"}, ["m2"], "m2 cannot be removed: of the 2 managers left 1 would be healthy"),
    ],
)
def test_refusals(status: dict[str, str], asked: list[str], message: str) -> None:
    with pytest.raises(RemovalError) as refused:
        plan(world(**status), asked, {})
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_notes_of_managers() -> None:
    whole = base64.b64encode(json.dumps({"w1": "10.0.0.21"}).encode()).decode()
    assert read([{"failed": True, "msg": "no such file"}, {"content": whole}, {"content": "e30="}]) == {
        "w1": "10.0.0.21"
    }
    assert read([{"content": whole[:12]}, {}]) == {}


def inventory(path: Path, address: str) -> None:
    stack = {"name": "nodes", "resource": "aws_instance.web[1]"}
    hosts = {"w1": {"cluster_address": address, "stack": stack}} if address else {}
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps({"all": {"hosts": {"m1": {}, **hosts}}}))
    beside.replace(path)  # a run may be reading it


def waiting(folder: Path, *arguments: str, timeout: int = 0) -> subprocess.Popen[str]:
    """A playbook that waits for another address of w1."""
    task = {"hosts": {"w1": "10.0.0.21"}, "timeout": timeout, "interval": 0.1}
    play = {"hosts": "m1", "gather_facts": False, "tasks": [{"keelson.cluster.inventory_wait": task}]}
    (folder / "play.yml").write_text(json.dumps([play]))
    command = ["ansible-playbook", "-i", str(folder / "hosts.yml"), str(folder / "play.yml"), *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_waiting_for_the_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    inventory(path, "10.0.0.21")
    refused = waiting(tmp_path)
    said = " ".join(refused.communicate()[0].split())
    still = "After 0 s the inventory has w1 at 10.0.0.21 still (stack nodes, aws_instance.web[1]). Have the stack"
    assert refused.returncode == 2 and still in said, said
    checked = waiting(tmp_path, "--check")
    assert "failed=0" in checked.communicate()[0]
    done = waiting(tmp_path, timeout=600)
    threading.Timer(4, inventory, (path, "")).start()
    threading.Timer(8, inventory, (path, "10.0.0.99")).start()
    said = done.communicate(timeout=120)[0]
    assert done.returncode == 0, said


def test_a_host_that_the_stack_has_taken_away_before_is_waited_for(tmp_path: Path) -> None:
    """The run itself does not know it."""
    inventory(tmp_path / "hosts.yml", "")
    refused = waiting(tmp_path)
    said = " ".join(refused.communicate()[0].split())
    assert refused.returncode == 2 and "After 0 s the inventory has w1 no more. Have the stack" in said, said


@pytest.mark.parametrize(
    ("noted", "check", "read_anew"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_the_inventory_is_read_anew_where_there_is_a_new_server_alone(
    tmp_path: Path, noted: bool, check: bool, read_anew: bool
) -> None:
    """Ansible takes no condition at the task that reads it."""
    (tmp_path / "plays").mkdir()
    (tmp_path / "tasks").symlink_to(ROOT / "playbooks/tasks")
    plays = yaml.safe_load((ROOT / "playbooks/plays/replace.yml").read_text())
    (play,) = (play for play in plays if play["name"] == "Wait for the new servers")
    play.update({"hosts": "m1", "vars": {"__remove": {"noted": {"w1": "10.0.0.21"} if noted else {}}}})
    inventory(tmp_path / "hosts.yml", "10.0.0.99")
    # As a stack does meanwhile.
    new = json.dumps({"all": {"hosts": {"m1": {}, "w9": {}}}})
    write = {"ansible.builtin.copy": {"content": new, "dest": str(tmp_path / "hosts.yml"), "mode": "0600"}}
    play["tasks"].insert(1, {**write, "delegate_to": "localhost", "check_mode": False})
    told = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"msg": "{{ inventory_hostname }}"}}],
    }
    (tmp_path / "plays/play.yml").write_text(yaml.safe_dump([play, told]))
    command = ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "plays/play.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(
        [*command, *(["--check"] if check else [])],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "support when" not in done.stderr, done.stdout + done.stderr
    assert ("ok: [w9]" in done.stdout) == read_anew
