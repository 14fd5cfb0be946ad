# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine leaves on a host besides files: processes, containers, mounts, network interfaces."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass


class WipeError(Exception):
    """Something could not be removed; the message says what and why."""


@dataclass(frozen=True)
class Remains:
    """What of an engine is on a host."""

    unit_active: bool
    containers: tuple[str, ...]
    mounts: tuple[str, ...]
    interfaces: tuple[str, ...]

    def words(self) -> list[str]:
        """One line a thing, for the result of a task."""
        lines = ["the running agent and its processes"] if self.unit_active else []
        lines += [f"container {name}" for name in self.containers]
        lines += [f"mount {path}" for path in self.mounts]
        return lines + [f"interface {name}" for name in self.interfaces]


def find(unit: str, label: str, below: str, interfaces: list[str]) -> Remains:
    """Look for them. C(label) marks the engine's containers, C(below) is the directory of its mounts."""
    active = _run(["systemctl", "is-active", unit]).stdout.strip() not in ("inactive", "unknown", "")
    listed = ""
    if label and os.path.exists("/run/docker.sock"):
        listed = _run(["docker", "ps", "--all", "--quiet", "--filter", f"label={label}"]).stdout
    present = tuple(name for name in interfaces if os.path.exists(f"/sys/class/net/{name}"))
    return Remains(active, tuple(listed.split()), tuple(mounts_below(below)), present)


def mounts_below(directory: str, table: str = "/proc/self/mounts") -> list[str]:
    """Mount points under C(directory), innermost first; the directory itself is not one of them."""
    with open(table, encoding="utf-8") as handle:
        points = [line.split()[1].encode().decode("unicode_escape") for line in handle]
    return sorted((point for point in points if point.startswith(directory.rstrip("/") + "/")), reverse=True)


def wipe(unit: str, remains: Remains) -> None:
    """Remove them. Raises WipeError at the first that resists."""
    if remains.unit_active:
        # The agent's own way to stop leaves its applications running.
        folder = f"/run/systemd/system/{unit}.d"
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "wipe.conf"), "w", encoding="utf-8") as handle:
            handle.write("[Service]\nKillMode=control-group\n")
        _must(["systemctl", "daemon-reload"])
        _must(["systemctl", "stop", unit])
        os.unlink(os.path.join(folder, "wipe.conf"))
        os.rmdir(folder)
        _must(["systemctl", "daemon-reload"])
    if remains.containers:
        _must(["docker", "rm", "--force", "--volumes", *remains.containers])
    for point in remains.mounts:
        _must(["umount", "--lazy", point])
    for interface in remains.interfaces:
        _must(["ip", "link", "delete", interface])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _must(command: list[str]) -> None:
    done = _run(command)
    if done.returncode:
        raise WipeError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")
