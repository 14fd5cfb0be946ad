# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages wait until nobody else installs some, as on a host's first boot."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import busy, packages
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import InstallError

HOLD = """
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


class Host:
    """Locks and cloud-init's files below a folder; notes the commands and whether dpkg's front end lock is held then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.locks = [folder / "lock-frontend", folder / "lock"]
        self.commands: list[tuple[list[str], dict[str, str], bool]] = []
        self.cloud_init: list[str] = []

    def run(self, command: list[str], environ_update: Any = None) -> tuple[int, str, str]:
        # Others' services start as ever while they are waited for, ours do not.
        assert packages.POLICY.exists() is (command[0] != "cloud-init")
        if command[0] == "cloud-init":
            return 0, f"status: {self.cloud_init.pop(0) if len(self.cloud_init) > 1 else self.cloud_init[0]}\n", ""
        self.commands.append((command, dict(environ_update or {}), held(self.locks[0])))
        return 0, "", ""

    def boots(self, *states: str) -> None:
        """cloud-init runs; what its status says, one after the other, the last for ever."""
        self.cloud_init = list(states)
        (self.folder / "enabled").touch()

    def install(self, patience: float = 10) -> None:
        packages.install([], self.folder, False, self.run, patience)


def held(lock: Path) -> bool:
    """Whether another program finds the lock taken."""
    code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'a'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    return subprocess.run([sys.executable, "-c", code, str(lock)], capture_output=True, check=False).returncode != 0


@contextlib.contextmanager
def holding(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds a lock while the block runs, or until its input ends."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cloud-init").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "cloud-init").chmod(0o755)
    (tmp_path / "cgroup").write_text("0::/user.slice/session-1.scope\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    monkeypatch.setattr(busy, "LOCKS", tuple(map(str, found.locks)))
    monkeypatch.setattr(busy, "CLOUD_INIT", str(tmp_path))
    monkeypatch.setattr(busy, "OWN_GROUP", str(tmp_path / "cgroup"))
    monkeypatch.setattr(busy, "PERIOD", 0.05)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    return found


def test_nothing_is_waited_for_on_a_host_at_rest(host: Host) -> None:
    host.install()
    assert [command[0] for command, _environment, _held in host.commands] == ["dpkg", "apt-get", "apt-get"]
    assert [locked for _command, _environment, locked in host.commands] == [True, False, False]
    assert host.commands[0][1]["DPKG_FRONTEND_LOCKED"] == "true" and "DPKG_FRONTEND_LOCKED" not in host.commands[1][1]


@pytest.mark.parametrize("number", [0, 1])
def test_a_held_lock_is_waited_for(host: Host, number: int) -> None:
    with holding(host.locks[number]) as process:
        assert process.stdin
        threading.Timer(0.5, process.stdin.close).start()
        begun = time.monotonic()
        host.install()
    assert time.monotonic() - begun > 0.4 and len(host.commands) == 3


@pytest.mark.parametrize("number", [0, 1])
def test_a_lock_that_stays_held_is_one_message(host: Host, number: int) -> None:
    with holding(host.locks[number]) as process:
        with pytest.raises(InstallError) as caught:
            host.install(0.2)
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        assert process.poll() is None and held(host.locks[number])
    wanted = f"no package was installed: {host.locks[number]} is held by {name} (process {process.pid}) after 0 s"
    assert wanted in str(caught.value) and "run again when" in str(caught.value)
    assert host.commands == [] and "\n" not in str(caught.value)


def test_cloud_init_is_waited_for(host: Host) -> None:
    host.boots("not started", "running", "running", "done")
    host.install()
    assert host.cloud_init == ["done"] and len(host.commands) == 3
    host.boots("running")
    with pytest.raises(InstallError, match="cloud-init still runs.*cloud-init status --long"):
        host.install(0.2)


@pytest.mark.parametrize("case", ["ended", "failed", "absent", "disabled", "part of it"])
def test_cloud_init_that_does_not_run_is_not_waited_for(host: Host, case: str) -> None:
    host.boots("error" if case == "failed" else "running")
    if case == "ended":
        (host.folder / "result.json").touch()
    elif case == "absent":
        (host.folder / "bin" / "cloud-init").unlink()
    elif case == "disabled":
        (host.folder / "enabled").unlink()
    elif case == "part of it":
        (host.folder / "cgroup").write_text("0::/system.slice/cloud-final.service\n")
    host.install(0)
    assert len(host.commands) == 3


def test_a_lock_taken_in_between_is_waited_for(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def refuse_once(handle: Any, kind: int) -> None:
        tries.append(kind)
        if len(tries) == 1:
            raise BlockingIOError
        fcntl.flock(handle, fcntl.LOCK_SH)

    monkeypatch.setattr(busy.fcntl, "lockf", refuse_once)
    host.install()
    assert len(tries) == 2 and len(host.commands) == 3
