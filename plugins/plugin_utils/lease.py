# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's lease of a cluster: taken on more than half of its managers, renewed while the run lives, given up when it ends."""

from __future__ import annotations

import contextlib
import datetime
import getpass
import hashlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.keelson.cluster.plugins.module_utils.texts import printable

from .managers import Manager

SECONDS = 60.0  # how long the lease lasts when it is not renewed
PERIOD = 15.0
PAUSE = 3.0
STRIKES = 4  # renewals in a row that find another holder
SHOWN = 200  # signs of who holds a lease
SURE = 2  # the same once the lease has ended by itself, as on a controller that was asleep: who only asks gives up in between


class LeaseError(Exception):
    """Another run holds the lease, or too few managers can be asked; the message is one line."""


@dataclass(frozen=True)
class Run:
    """This run: its name in messages, who runs what, and the process, as C(origin) describes it, that lives as long as it."""

    cluster: str
    name: str
    holder: str
    pid: int

    def request(self, state: str) -> dict[str, Any]:
        """What a manager is asked."""
        own = {"run": self.name, "holder": self.holder, "origin": origin(self.pid), "seconds": SECONDS}
        return {"cluster": self.cluster, "state": state, **own}


def name_of(pid: int) -> str:
    """The name of the run of a process: the same for every playbook that it imports, which may all take the lease."""
    found = origin(pid)
    return hashlib.sha256(found.encode()).hexdigest()[:8] if found else secrets.token_hex(4)


def take(
    run: Run, managers: Sequence[Manager], take_from: Sequence[str], wait: float, tell: Callable[[str], None]
) -> None:
    """Take the lease on as many managers as answer, always in the same order. Raises LeaseError, and holds nothing then.

    Another run is refused for when its lease was seen being renewed: that of a run that was killed is waited for. The manager that
    refused is asked first the next time, so a run that waits holds no other manager meanwhile.
    """
    end, dead, order = time.monotonic() + wait, set(take_from), list(managers)
    seen: dict[tuple[str, str], float] = {}
    while True:
        refused, taken, silent = try_once(run, order, sorted(dead))
        if refused is None:
            if len(taken) > len(managers) // 2:
                return
            give_up(run, taken)
            raise LeaseError(
                f"{len(taken)} of {len(managers)} managers of {run.cluster} can be asked for its lease, and more than half are "
                f"needed ({'; '.join(silent)}). Nothing was changed. Make them reachable, or take those that are gone out of the "
                "inventory; the preflight playbook shows all faults of all hosts."
            )
        give_up(run, taken)
        manager, lease = refused
        order = [manager, *(other for other in managers if other != manager)]
        if has_ended(str(lease["origin"])) and lease["run"] not in dead:
            dead.add(str(lease["run"]))
            continue
        if not seen:
            tell(
                f"The cluster {run.cluster} {held_by(lease)}. Waiting {'for its end' if wait else 'to see whether it does'}."
            )
        renewed = lease["left"] > seen.get((manager.name, lease["run"]), lease["left"])
        seen[manager.name, lease["run"]] = lease["left"]
        if renewed and time.monotonic() > end:
            raise LeaseError(refusal(run.cluster, lease))
        time.sleep(PAUSE)


def try_once(
    run: Run, managers: Sequence[Manager], take_from: Sequence[str]
) -> tuple[tuple[Manager, Mapping[str, Any]] | None, list[Manager], list[str]]:
    """Ask one after the other until one refuses; returns it with the lease that holds, those that granted, and who is silent."""
    taken: list[Manager] = []
    silent: list[str] = []
    for manager in managers:
        try:
            lease = manager.ask(**run.request("held"), take_from=list(take_from))["lease"]
        except Exception as error:  # whatever a connection raises: this manager does not count
            silent.append(f"{manager.name}: {' '.join(str(error).split())[:300]}")
            continue
        if lease["run"] != run.name:
            return (manager, lease), taken, silent
        taken.append(manager)
    return None, taken, silent


def give_up(run: Run, managers: Sequence[Manager]) -> None:
    """Release the lease where it can be; elsewhere it ends by itself."""
    for manager in managers:
        with contextlib.suppress(Exception):
            manager.ask(**run.request("released"))


def held_by(lease: Mapping[str, Any]) -> str:
    """Who holds it, since when, and until when it lasts without being renewed."""
    until = datetime.datetime.now().astimezone() + datetime.timedelta(seconds=lease["left"])
    minutes, seconds = divmod(int(lease["age"]), 60)
    return (
        f"is held by {printable(lease['holder'], SHOWN)}, run {lease['run']}, for {minutes} min {seconds} s; the lease lasts until "
        f"{until:%H:%M:%S %Z} and is renewed while that run lives"
    )


def refusal(cluster: str, lease: Mapping[str, Any]) -> str:
    """Why this run does not start, and what to do."""
    return (
        f"The cluster {cluster} {held_by(lease)}. Nothing was changed. Wait for it with -e cluster_lease_wait=SECONDS, or, when that "
        f"run hangs for good, stop it with -e cluster_lease_break={lease['run']}"
    )


def keep(run: Run, manager: Manager, orderly: Callable[[], bool], tell: Callable[[str], None]) -> None:
    """Renew the lease on one manager until the run's process ends, then give it up, unless the process was killed.

    What a killed run has begun on a host may go on for a while there; its lease ends by itself. A run that finds another holder
    again and again is stopped.
    """
    begun, strikes, renewed, stopped = started(run.pid), 0, awake(), False
    while lives(run.pid, begun, PERIOD):
        with contextlib.suppress(Exception):
            lease = manager.ask(**run.request("held"))["lease"]
            strikes = strikes + 1 if lease["run"] != run.name else 0
            renewed = renewed if strikes else awake()
            if strikes >= (SURE if awake() - renewed > SECONDS else STRIKES) and not stopped:
                stopped = True
                tell(f"This run is stopped: the cluster {run.cluster} {held_by(lease)}.")
                os.kill(run.pid, signal.SIGTERM)
    if orderly():
        give_up(run, [manager])


def awake() -> float:
    """Seconds that pass also while this machine sleeps, where its clock tells."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def lives(pid: int, begun: str, seconds: float) -> bool:
    """Wait for C(seconds), or until the process has ended; whether it lives still."""
    end = time.monotonic() + seconds
    while started(pid) == begun:
        if time.monotonic() > end:
            return True
        time.sleep(0.3)
    return False


def holder(playbooks: Sequence[str], variables: Mapping[str, Any]) -> str:
    """Who runs what, and where, as another run's message shows it. In AWX with the job and who launched it."""
    job, user = (
        next((str(variables[f"{tool}_{key}"]) for tool in ("awx", "tower") if variables.get(f"{tool}_{key}")), "")
        for key in ("job_id", "user_name")
    )
    try:
        user = user or getpass.getuser()
    except (KeyError, OSError):  # a container's account without a name
        user = str(os.getuid())
    what = " ".join(playbooks) or "a run"
    over = " ".join(str(variables.get("override_freeze") or "").split())
    details = [what, *([f"job {job}"] if job else []), *([f"in a freeze: {over}"] if over else [])]
    return f"{user}@{socket.gethostname()} ({', '.join(details)})"


def started(pid: int) -> str:
    """When a process of this machine was started, in the kernel's ticks; '' when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:
        if os.path.isdir("/proc/self"):
            return ""
    try:
        os.kill(pid, 0)  # a controller without /proc
    except ProcessLookupError:
        return ""
    return "?"


def origin(pid: int) -> str:
    """A process, told from all others anywhere; '' where that cannot be told."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()} {os.stat('/proc/self/ns/pid').st_ino} {pid} {started(pid)}"
    except OSError:
        return ""


def has_ended(found: str) -> bool:
    """Whether the process of an C(origin) is known to have ended: it was one of this machine, and is there no more."""
    parts = found.split()
    here = origin(int(parts[2])).split() if len(parts) == 4 and parts[2].isdigit() else []
    return bool(here) and here[:2] == parts[:2] and here[2:] != parts[2:]
