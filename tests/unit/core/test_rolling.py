# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts at work are restarted a few at a time, and one that does not run well gets its old configuration back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.restart_batches import restart_batches
from ansible_collections.keelson.cluster.plugins.module_utils.host import previous
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.plugin_utils.shares import share

Run = Callable[..., dict[str, Any]]
ROOT = Path(__file__).parents[3]
SYSTEMCTL = """#!/usr/bin/env python3
import json, pathlib, sys
here = pathlib.Path(__file__).parents[1]
verb, *rest = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
good = "wrong" not in (here / "agent.json").read_text()
if verb == "restart":
    (here / "run" / rest[0]).write_text((here / "stamp").read_text() if (here / "stamp").exists() else "")
    (here / "pid").write_text(str(1 + int((here / "pid").read_text())))
if verb == "show":
    print("LoadState=loaded\\nUnitFileState=enabled\\nNeedDaemonReload=no")
    print("ActiveState=" + (here / "active").read_text() if good else "ActiveState=activating")
    print("MainPID=" + (here / "pid").read_text())
"""


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemd whose unit ends at once when its file says `wrong`."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tmp_path / "run").mkdir()
    (tools / "systemctl").write_text(SYSTEMCTL.replace("\\\\", "\\"))
    (tools / "journalctl").write_text(
        "#!/bin/sh\necho 'Started x.'\necho 'E1 err=unrecognized feature gate: NoSuch'\necho 'x.service: Main process exited'\n"
        "echo 'Failed to start x.service - X.'\n"
    )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(service_units, "RUN", str(tmp_path / "run"))
    monkeypatch.setattr(service_units, "booted", lambda: True)
    monkeypatch.setattr(service_units, "STEADY", 0.3)
    monkeypatch.setattr(previous, "KEPT", str(tmp_path / "run" / "previous.json"))
    for name, text in (("active", "active"), ("pid", "7"), ("agent.json", "old")):
        (tmp_path / name).write_text(text)
    (tmp_path / "agent.json").chmod(0o640)
    (tmp_path / "run" / "x.service").write_text(service_units.stamp([str(tmp_path / "agent.json")]))
    return tmp_path


def apply(run: Run, systemd: Path, content: str, **options: Any) -> dict[str, Any]:
    path = str(systemd / "agent.json")
    files = [
        {"path": path, "content": content, "mode": "0640"},
        {"path": str(systemd / "more"), "content": "x", "mode": "0600"},
    ]
    return run(
        "service_unit",
        component="nomad",
        files=files,
        units=[{"name": "x.service", "state": "fresh", "inputs": [path]}],
        **options,
    )


def calls(systemd: Path) -> list[str]:
    known = (systemd / "calls").read_text().splitlines() if (systemd / "calls").exists() else []
    return [line for line in known if not line.startswith("show")]


@pytest.mark.parametrize("check", [False, True])
def test_a_restart_is_put_off_while_the_host_is_at_work(run: Run, systemd: Path, check: bool) -> None:
    answer = apply(run, systemd, "new", check=check, defer_while="x.service")
    assert (answer["pending"], answer["changed"]) == (["x.service"], False)
    assert str(systemd / "agent.json") in answer["changed_paths"]
    assert (systemd / "agent.json").read_text() == "old" and not (systemd / "more").exists()
    assert calls(systemd) == []


def test_nothing_is_put_off_where_nothing_runs_or_nothing_is_restarted(run: Run, systemd: Path) -> None:
    assert apply(run, systemd, "old", defer_while="x.service")["pending"] == []
    assert (systemd / "more").read_text() == "x"
    (systemd / "active").write_text("inactive")
    answer = apply(run, systemd, "new", defer_while="x.service")
    assert answer["pending"] == [] and (systemd / "agent.json").read_text() == "new"
    assert calls(systemd) == ["start x.service"]


def test_a_unit_that_does_not_go_on_running_gets_its_old_files_back(run: Run, systemd: Path) -> None:
    answer = apply(run, systemd, "wrong", rollback=True)
    assert answer["failed"] and "x.service does not run (E1 err=unrecognized feature gate: NoSuch)" in answer["msg"]
    assert "The old one is back and runs; hosts after this one keep theirs" in answer["msg"]
    assert (systemd / "agent.json").read_text() == "old" and not (systemd / "more").exists()
    assert (systemd / "agent.json").stat().st_mode & 0o777 == 0o640
    assert calls(systemd) == ["restart x.service", "daemon-reload", "restart x.service"]


def test_a_unit_that_runs_keeps_its_new_files(run: Run, systemd: Path) -> None:
    answer = apply(run, systemd, "new", rollback=True)
    assert answer["actions"] == ["restart x.service"] and (systemd / "agent.json").read_text() == "new"


def test_a_host_that_turns_out_not_to_be_well_gets_them_back_later(run: Run, systemd: Path) -> None:
    apply(run, systemd, "new", rollback=True)
    answer = run("service_restore", reason="node w1 is down.", unit="x.service")
    assert answer["failed"] and answer["msg"].startswith(
        f"{os.uname().nodename}: x.service is not well (node w1 is down; E1 err="
    )
    assert (systemd / "agent.json").read_text() == "old" and not (systemd / "more").exists()


def test_old_files_that_do_not_help_are_told(run: Run, systemd: Path) -> None:
    (systemd / "agent.json").write_text("wrong as well")
    answer = apply(run, systemd, "wrong", rollback=True)
    assert "Putting the old configuration back did not help: x.service does not run" in answer["msg"]


def test_links_and_files_that_are_gone_come_back(systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, gone, folder = systemd / "link", systemd / "gone", systemd / "folder"
    link.symlink_to("here")
    gone.write_bytes(b"\xff\x00")
    folder.mkdir()
    previous.keep([str(path) for path in (link, gone, folder)])
    assert Path(previous.KEPT).stat().st_mode & 0o777 == 0o600
    link.unlink()
    link.symlink_to("there")
    gone.unlink()
    previous.keep([str(link)])
    replace, seen = os.replace, []
    monkeypatch.setattr(os, "replace", lambda old, new: (seen.append(Path(old).name), replace(old, new)))
    previous.bring_back([str(link), str(gone), str(systemd / "never")])
    assert gone.read_bytes() == b"\xff\x00" and os.readlink(link) == "there"
    assert previous.restore() == []
    assert len(seen) == 2 and all(name.startswith(".") for name in seen)  # what reads the folder passes over these
    assert (os.readlink(link), gone.read_bytes(), folder.is_dir()) == ("here", b"\xff\x00", True)
    previous.begin()
    assert previous.restore() == [] and os.readlink(link) == "here"


REGISTERS = ["host_node_services", "__host_node_agent_config"]


def hosts(pools: dict[str, int], waiting: Callable[[str], bool] = lambda _host: True, **more: Any) -> dict[str, Any]:
    return {
        f"{pool}-{number}": {
            "cluster_pool": pool,
            "cluster_part": "manager" if pool == "m" else "node",
            "host_node_services": {"pending": ["docker.service"] if waiting(f"{pool}-{number}") else []},
            "__host_node_agent_config": {"pending": False},
            **more,
        }
        for pool, size in pools.items()
        for number in range(size)
    }


@pytest.mark.parametrize(
    ("pools", "more", "sizes"),
    [
        ({"web": 3}, {}, [1, 1, 1]),
        ({"web": 41}, {}, [1, *[4] * 10]),
        ({"web": 21, "batch": 10}, {}, [1, *[3] * 10]),
        ({"web": 5}, {"cluster_max_unavailable": 2}, [1, 2, 2]),
        ({"web": 5}, {"cluster_max_unavailable": 2, "host_node_max_unavailable": "100%"}, [1, 4]),
        ({"m": 3}, {"cluster_max_unavailable": 3}, [1, 1, 1]),
    ],
)
def test_one_host_first_then_batches_by_pool(pools: dict[str, int], more: dict[str, Any], sizes: list[int]) -> None:
    known = hosts(pools, **more)
    batches = restart_batches(list(known), known, REGISTERS)
    assert [len(batch) for batch in batches] == sizes
    assert sorted(host for batch in batches for host in batch) == sorted(known)


def test_only_those_that_wait_are_restarted() -> None:
    known = hosts({"web": 3}, lambda host: host == "web-1")
    known["web-2"]["__host_node_agent_config"] = {"pending": True}
    assert restart_batches(list(known), known, REGISTERS) == [["web-1"], ["web-2"]]
    assert restart_batches(list(known), {host: {} for host in known}, REGISTERS) == []


def test_a_number_that_is_none_names_its_variable() -> None:
    known = hosts({"web": 3}, cluster_max_unavailable="some")
    with pytest.raises(AnsibleFilterError, match="web-1: cluster_max_unavailable .*'some' is neither a number"):
        restart_batches(list(known), known, REGISTERS)


@pytest.mark.parametrize(
    ("value", "total", "number"), [(3, 10, 3), ("3", 10, 3), ("10%", 5, 1), ("50 %", 5, 2), ("100%", 7, 7)]
)
def test_shares(value: Any, total: int, number: int) -> None:
    assert share(value, total) == number


@pytest.mark.parametrize("value", ["", "ten", "-1", "110%", True, None, "1.5", 0, "0%"])
def test_no_shares(value: Any) -> None:
    with pytest.raises(ValueError, match="neither a number"):
        share(value, 10)


def tasks(found: Any) -> list[dict[str, Any]]:
    """All tasks of a playbook or a file of tasks, those in blocks too."""
    flat: list[dict[str, Any]] = []
    for entry in found or []:
        inner = [e for key in ("tasks", "pre_tasks", "block", "rescue", "always") for e in tasks(entry.get(key))]
        flat += inner if inner else [entry]
    return flat


# Actions that pass over a manager that does not answer: the class ManagersAction.
ASKS_WHO_ANSWERS = {
    f"keelson.cluster.{name}" for name in ("cluster_lease", "cluster_restore", "cluster_secrets", "rotate_plan")
}
FILES = sorted([*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("playbooks/**/*.yml")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_dead_host_ends_a_delegated_loop(path: Path) -> None:
    for task in tasks(yaml.safe_load(path.read_text())):
        if "item" in json.dumps(task.get("delegate_to", "")):
            loops_over_those_that_answered = "break_when" in json.dumps(task.get("loop_control", {}))
            assert ASKS_WHO_ANSWERS & set(task) or task.get("ignore_unreachable") or loops_over_those_that_answered, (
                task["name"]
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_dead_first_manager_is_asked_for_nothing(path: Path) -> None:
    """A module that runs once runs on the first host of its play: one that has answered, or it is delegated or an action."""
    if path.parent.name != "playbooks":
        return
    for play in yaml.safe_load(path.read_text()):
        if play.get("hosts") != "cluster_part_manager":
            continue
        reached = play.get("ignore_unreachable", False)
        for task in tasks(play.get("tasks")):
            reached = reached or task.get("ignore_unreachable", False)
            module = next((key.rpartition(".")[2] for key in task if key.startswith("keelson.cluster.")), "")
            runs_there = module and not (ROOT / "plugins" / "action" / f"{module}.py").exists()
            assert not (task.get("run_once") and runs_there and "delegate_to" not in task) or reached, task["name"]
