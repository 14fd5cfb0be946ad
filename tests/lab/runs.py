# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook and read what the observer wrote down."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLBACKS = Path(__file__).parent / "callbacks"
BIN = Path(sys.prefix) / "bin"  # of the environment that runs the tests


@dataclass
class Task:
    """One task of the play over all its hosts; `results` gives each host's status."""

    number: int
    name: str
    action: str
    results: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """A run that is over. `cpu` is seconds of this process and its children; `cut` whether the observer ended it."""

    code: int
    output: str
    tasks: list[Task]
    cut: bool
    seconds: float
    cpu: float

    def changed(self) -> set[tuple[str, str]]:
        """The (task, host) pairs that changed something."""
        return {(t.name, host) for t in self.tasks for host, status in t.results.items() if status == "changed"}

    def tasks_of_hosts(self) -> Counter[str]:
        """How many tasks each host went through, the skipped ones too."""
        return Counter(host for task in self.tasks for host in task.results)

    def words(self) -> str:
        """What it printed, with every run of spaces and line ends as one space."""
        return " ".join(self.output.split())

    def faults(self) -> str:
        """What preflight's table says is wrong, without the columns beside it."""
        lines = iter(self.output.splitlines())
        head = next((line for line in lines if line.startswith("LEVEL ")), "")
        begin, end = head.find("FAULT"), head.find("REMEDY")
        return " ".join(line[begin:end].strip() for line in itertools.takewhile(str.strip, lines))

    def expect(self, code: int = 0) -> Run:
        """Itself, when it ended with `code`; otherwise AssertionError with the end of what it printed."""
        assert self.code == code, f"the run ended with {self.code}, not {code}:\n{self.output[-4000:]}"
        return self


def run(command: Sequence[str], notes: Path, environment: Mapping[str, str], timeout: float = 900) -> Run:
    """Run `command` in a process group of its own with the observer writing to `notes`.

    Returns after a cut when the processes that outlive it (workers have sessions of their own) are gone too.
    """
    notes.unlink(missing_ok=True)
    output = notes.with_suffix(".log")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "observer",
        "LAB_OBSERVER": str(notes),
        **environment,
    }
    start = time.monotonic()
    with output.open("w", encoding="utf-8") as writing:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = start + timeout
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
                os.wait4(process.pid, 0)
                raise TimeoutError(f"{' '.join(command)} takes more than {timeout} s; see {output}")
            time.sleep(0.02)
    seconds, cpu = time.monotonic() - start, usage.ru_utime + usage.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode < 0:
        _await_workers(f"LAB_OBSERVER={notes}")
    tasks, cut = read_notes(notes)
    return Run(process.returncode, output.read_text(encoding="utf-8"), tasks, cut, seconds, cpu)


def read_notes(notes: Path) -> tuple[list[Task], bool]:
    """The tasks the observer wrote down, and whether it cut the run off."""
    tasks: list[Task] = []
    cut = False
    started = 0.0
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []:
        entry = json.loads(line)
        if entry["event"] == "result":
            tasks[entry["number"] - 1].results[entry["host"]] = entry["status"]
            continue
        if tasks:
            tasks[-1].seconds = entry["time"] - started
        started = entry["time"]
        if entry["event"] == "task":
            tasks.append(Task(entry["number"], entry["name"], entry["action"] or ""))
        cut = cut or entry["event"] == "cut"
    return tasks, cut


def children() -> float:
    """CPU seconds of the processes that were waited for: what else the machine does stretches them little."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def kill(notes: Path) -> None:
    """End a run at once with its workers, which would clean up: as a machine or a container does that goes away."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and _marked(path, f"LAB_OBSERVER={notes}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.name), signal.SIGKILL)


def _await_workers(mark: str) -> None:
    """Wait until no ansible process with `mark` in its environment is left; ssh's shared connections may stay."""
    while any(_marked(path, mark) for path in Path("/proc").iterdir() if path.name.isdigit()):
        time.sleep(0.1)


def _marked(process: Path, mark: str) -> bool:
    try:
        return mark.encode() in (process / "environ").read_bytes().split(b"\0") and (
            (process / "comm").read_text().strip() != "ssh"
        )
    except OSError:
        return False
