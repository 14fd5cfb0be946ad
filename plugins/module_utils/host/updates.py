# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of the operating system by apt, and whether a host must be rebooted for what was installed. Standard library only."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundle import busy
from ..bundle.install import InstallError
from . import processes

Run = Callable[..., "tuple[int, str, str]"]
# What runs from boot to shutdown: a new version of it is at work only after a reboot.
RESIDENT = ("libc6", "systemd", "dbus")
KERNEL = "linux-image-"
FLAG = "run/reboot-required"  # of Debian and Ubuntu, made by packages that want one
DPKG = "var/lib/dpkg"
# Nothing is removed; files of the host's own configuration stay; needrestart restarts no service under an application.
OPTIONS = ("--with-new-pkgs", "-oDpkg::Options::=--force-confdef", "-oDpkg::Options::=--force-confold")
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "NEEDRESTART_SUSPEND": "1"}
# A line of 'apt-get --simulate': Inst NAME [OLD] (NEW ORIGIN, ORIGIN [ARCHITECTURE])
_INST = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) (.*?) ?\[\w+\]\)", re.MULTILINE)


class UpdateError(Exception):
    """The packages were not updated; the message says what apt said."""


@dataclass(frozen=True)
class Update:
    """A package that is to be installed instead of C(old), which is empty for a new one."""

    name: str
    old: str
    new: str
    security: bool

    def __str__(self) -> str:
        return f"{self.name} {self.old or 'new'} -> {self.new}"


def parse(simulated: str) -> list[Update]:
    """Read what apt-get says it would install. Security updates come from an archive of that name."""
    found = _INST.findall(simulated)
    return [Update(name, old, new, "security" in origin.lower()) for name, old, new, origin in found]


def pins(updates: Iterable[Update], own: str = "") -> str:
    """Preferences (apt_preferences(5)) with which these versions are not installed, after the host's C(own)."""
    stanzas = [f"Package: {u.name}\nPin: version {u.new}\nPin-Priority: -1\n" for u in updates if u.old]
    return "\n".join([*([own] if own else []), *stanzas])


def unwanted(updates: Iterable[Update], kind: str, held: Collection[str]) -> list[Update]:
    """Of what could be installed, what is not: held packages, and unless C(kind) is all whatever is no security update."""
    return [u for u in updates if u.name in held or not (kind == "all" or (kind == "security" and u.security))]


class Apt:
    """apt on this host; C(run) is as AnsibleModule.run_command, C(root) where the host's files are."""

    def __init__(self, run: Run, root: str = "/") -> None:
        self._run = run
        self._root = Path(root)

    def refresh(self) -> None:
        """Read the lists of packages anew. Raises UpdateError."""
        self._checked(["apt-get", "-q", "-oDPkg::Lock::Timeout=120", "-oAPT::Update::Error-Mode=any", "update"])

    def pending(self, kind: str, held: Collection[str]) -> tuple[list[Update], list[Update]]:
        """What is to be installed, and which updates of C(held) packages are left. Raises UpdateError."""
        if kind == "none":
            return [], []
        every = parse(self._upgrade("-s", []))
        left = [update for update in every if update.name in held]
        rest = unwanted(every, kind, held)
        return (parse(self._upgrade("-s", rest)) if rest else every), left

    def interrupted(self) -> bool:
        """Whether an installation of packages was cut off."""
        updates = self._root / DPKG / "updates"
        return (updates.is_dir() and any(updates.iterdir())) or bool(self._run(["dpkg", "--audit"])[1].strip())

    def finish(self, timeout: float) -> None:
        """End an installation of packages that was cut off, once nobody else installs any. Raises UpdateError."""
        command = ["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"]
        try:
            with busy.alone(timeout, self._run):
                self._checked(command, DPKG_FRONTEND_LOCKED="true")
        except InstallError as error:
            raise UpdateError(str(error)) from error

    def install(self, kind: str, held: Collection[str]) -> None:
        """Install what is pending. Raises UpdateError."""
        self._upgrade("-y", unwanted(parse(self._upgrade("-s", [])), kind, held))

    def _upgrade(self, how: str, rest: Sequence[Update]) -> str:
        """Run apt's upgrade without C(rest)."""
        with tempfile.NamedTemporaryFile("w", prefix="keelson-apt-", encoding="utf-8") as file:
            own = self._root / "etc/apt/preferences"
            file.write(pins(rest, own.read_text(encoding="utf-8") if own.is_file() else ""))
            file.flush()
            os.chmod(file.name, 0o644)  # apt reads it as a user of its own
            where = f"-oDir::Etc::preferences={file.name}"
            lock = "-oDPkg::Lock::Timeout=300"
            return self._checked(["apt-get", "-q", how, lock, where, *OPTIONS, "upgrade"])

    def _checked(self, command: list[str], **more: str) -> str:
        code, out, err = self._run(command, environ_update={**ENVIRONMENT, **more})
        if code:
            words = [line for line in (err + out).splitlines() if line.startswith(("E: ", "W: ", "dpkg: ", " "))]
            reason = " | ".join(line.strip() for line in words[:4]) or err.strip()[-400:] or f"it ended with {code}"
            raise UpdateError(f"{command[0]} {command[-1]} failed: {reason}")
        return str(out)


def foreseen(updates: Iterable[Update]) -> list[str]:
    """Why the host will have to be rebooted after these updates."""
    return [f"{u} needs it" for u in updates if u.name in RESIDENT or u.name.startswith(KERNEL)]


def reasons(root: str = "/", running: str = "", started: float | None = None) -> list[str]:
    """Why the host must be rebooted: what was installed is at work only then.

    C(running) is the kernel that runs and C(started) when the host was, as seconds since 1970.
    """
    found, base = [], Path(root)
    if (base / FLAG).exists():
        listed = base / f"{FLAG}.pkgs"
        names = sorted(set(listed.read_text(encoding="utf-8").split())) if listed.is_file() else []
        found.append(f"/{FLAG} asks for it" + (f" (for {', '.join(names)})" if names else ""))
    running = running or platform.release()
    kernels = [path.name.split("-", 1)[1] for path in (base / "boot").glob("vmlinuz-*")]
    newest = max((kernel for kernel in kernels if _flavour(kernel) == _flavour(running)), key=_numbers, default="")
    if newest and _numbers(newest) > _numbers(running):
        found.append(f"kernel {newest} is installed, {running} runs")
    since = boot_time() if started is None else started
    for name in RESIDENT:
        lists = [*(base / DPKG / "info").glob(f"{name}.list"), *(base / DPKG / "info").glob(f"{name}:*.list")]
        if any(path.stat().st_mtime > since for path in lists):
            found.append(f"{name} was replaced since the start")
    return found


def boot_time() -> float:
    """When this host was started, as seconds since 1970: in a container, the start of its first process."""
    return processes.start("1")


def _flavour(kernel: str) -> str:
    """What of a kernel's name is no number: a host changes to a kernel of the same kind alone."""
    return re.sub(r"[\d.+~-]+", "-", kernel)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def report(updates: Sequence[Update], left: Sequence[Update], root: str = "/") -> dict[str, Any]:
    """What the module returns."""
    return {
        "updates": [str(update) for update in updates],
        "held": [str(update) for update in left],
        "reboot": reasons(root),
        "foreseen": foreseen(updates),
    }
