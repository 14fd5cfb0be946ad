# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove a component from a host: what its receipts list, and nothing else. What was there before comes back.

A file that somebody changed since, a directory with others' files, data that were there before: they stay, and are named.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import subprocess
from typing import Any

from ..bundle.runtimes import RUNTIMES
from . import atomic, files, network, settings, trees, units
from .receipts import (
    ACCOUNT,
    CHAIN,
    COMMENT,
    DIRECTORY,
    IMAGE,
    INTERFACE,
    PATH,
    SWAP,
    SYSCTL,
    TABLE,
    TREE,
    UNIT,
    Receipts,
    identity,
    present,
)

KERNEL = (INTERFACE, TABLE, CHAIN)
DATA = {"docker": "/var/lib/docker"}  # of a runtime whose containers may be others' too


NEW = {"before": {"active": False, "enabled": False}}


class WipeError(Exception):
    """Something could not be removed; the message says what and why."""


class Wipe:
    """The removal of one component. C(removed) and C(kept) tell, one line a thing, what was done and what was left."""

    def __init__(self, receipts: Receipts, agents: list[str], label: str = "") -> None:
        self.removed: list[str] = []
        self.kept: list[str] = []
        self._receipts = receipts
        self._agents = agents
        self._label = label

    def plan(self) -> list[str]:
        """What would go, one line a thing."""
        things = (UNIT, ACCOUNT, PATH, INTERFACE, TABLE, SYSCTL)
        return [f"{kind} {key}" for kind in things for key in self._mine(kind) if self._there(kind, key)]

    def refuse(self) -> None:
        """Raise TreeError, WipeError where something that is not the component's would be deleted. Changes nothing."""
        trees.refuse_foreign(self._trees())
        other = self._containers(others=True) if DATA["docker"] in self._trees() else []
        if other:
            raise WipeError(
                f"Docker, which was installed for {self._receipts.component}, runs containers that are not its own: "
                f"{', '.join(other[:5])}. Nothing was deleted. Move them away or remove them, and run again"
            )

    def carry_out(self) -> None:
        """Remove it all. May be cut off anywhere and run again. Raises TreeError, WipeError and those of the parts."""
        for name in self._agents:
            self._end(name)
        containers = self._containers()
        if containers:
            _must(["docker", "rm", "--force", "--volumes", *containers])
            self.removed += [f"container {name}" for name in containers]
        self._images()
        self._units()
        self.removed += [f"mount {point}" for point in trees.unmount(self._trees())]
        self._network()
        touched = self._paths()
        self._settings()
        self._reload(touched)
        self._receipts.hand_over()
        self._receipts.forget()

    def _mine(self, kind: str) -> dict[str, dict[str, Any]]:
        """What of a kind goes now, the last placed first: no other component has it too."""
        return {
            key: entry
            for key, entry in reversed(self._receipts.of(kind).items())
            if not self._receipts.others(kind, key)
        }

    def _trees(self) -> list[str]:
        return [path for path, entry in self._mine(PATH).items() if entry["ours"] == [TREE] and not _foreign(entry)]

    def _there(self, kind: str, key: str) -> bool:
        if kind == PATH:
            return os.path.lexists(key)
        return bool(network.matching(kind, key)) if kind in KERNEL and key not in network.SHARED else kind not in KERNEL

    def _end(self, name: str) -> None:
        """Stop an agent with all it runs, which its own way to stop leaves running."""
        if _run(["systemctl", "is-active", name]).stdout.strip() in ("inactive", "unknown", ""):
            return
        folder = f"/run/systemd/system/{name}.d"
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "wipe.conf"), "w", encoding="utf-8") as handle:
            handle.write("[Service]\nKillMode=control-group\n")
        _must(["systemctl", "daemon-reload"])
        _must(["systemctl", "stop", name])
        os.unlink(os.path.join(folder, "wipe.conf"))
        os.rmdir(folder)
        _must(["systemctl", "daemon-reload"])
        self.removed.append(f"{name} and its processes")

    def _containers(self, others: bool = False) -> list[str]:
        """The containers with the component's label, or those without it; none where no label or no Docker is."""
        if not self._label or not os.path.exists("/run/docker.sock"):
            return []
        listed = [
            set(_run(["docker", "ps", "--all", "--quiet", *some]).stdout.split()) for some in ([], self._filter())
        ]
        return sorted(listed[0] - listed[1] if others else listed[1])

    def _filter(self) -> list[str]:
        return ["--filter", f"label={self._label}"]

    def _images(self) -> None:
        """Images loaded into a runtime that stays; of one that goes they go with its data."""
        for key in self._mine(IMAGE):
            runtime, _space, name = key.partition(" ")
            kind = RUNTIMES[runtime]
            stays = f"/{kind.data}" not in self._trees() and shutil.which(kind.remove(name)[0])
            if stays and _run(kind.remove(name)).returncode == 0:
                self.removed.append(f"image {name}")

    def _units(self) -> None:
        files_of_units = (path for path in self._mine(PATH) if os.path.dirname(path) == units.UNITS and "." in path)
        # A service that only a timer or a path starts was never asked for by name.
        found = {os.path.basename(path): NEW for path in files_of_units}
        for name, entry in {**found, **self._mine(UNIT)}.items():
            ours = f"{units.UNITS}/{name}" in self._receipts.of(PATH)
            unit = units.Unit(name, "absent")
            state = units.read(unit)
            steps = ["stop"] if state.active and (ours or not entry["before"]["active"]) else []
            steps += ["disable"] if state.enabled and (ours or not entry["before"]["enabled"]) else []
            for step in steps:
                fault = units.carry_out(unit, step)
                if fault:
                    raise WipeError(fault)
                self.removed.append(f"{step} {name}")
            for note in (name, f"{name}.reload"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(units.RUN, note))
        if not self._receipts.shared:
            trees.remove(units.RUN)

    def _network(self) -> None:
        gone: list[str] = []
        for pattern, entry in self._mine(INTERFACE).items():
            gone += [name for name in network.matching(INTERFACE, pattern) if name not in entry["before"]]
        patterns = {pattern: set(entry["before"]) for pattern, entry in self._mine(CHAIN).items()}

        def ours(chain: str) -> bool:
            return any(network.named(chain, pattern) and chain not in before for pattern, before in patterns.items())

        self.removed += network.remove_rules(ours, gone, list(self._mine(COMMENT)))
        for name in gone:
            network.remove_interface(name)
        for pattern, entry in self._mine(TABLE).items():
            tables = [name for name in network.matching(TABLE, pattern) if name not in entry["before"]]
            gone += [f"table {name}" for name in tables if network.remove_table(name)]
        self.removed += gone

    def _paths(self) -> list[str]:
        """Files, links and directories, the deepest first; returns those that are not as they were."""
        mine = self._mine(PATH)
        touched = []
        for path in sorted(mine, key=lambda path: -path.count("/")):
            found = identity(path)
            if self._path(path, mine[path], found):
                touched.append(path)
        self.removed += touched
        return touched

    def _path(self, path: str, entry: dict[str, Any], found: str) -> bool:
        before, ours = entry["before"], entry["ours"]
        if TREE in ours:
            return self._tree(path, before, found)
        if found and found not in ours:
            if found != DIRECTORY or not before:
                self.kept.append(f"{path}: somebody changed it since; remove it where nobody needs it")
            return False
        if found == DIRECTORY and before is None:
            return self._directory(path)
        if before is None:
            if found:
                os.unlink(path)
            return bool(found)
        restore(path, before)
        return True

    def _tree(self, path: str, before: dict[str, Any] | None, found: str) -> bool:
        if _foreign({"before": before}):
            if found:
                self.kept.append(f"{path}: was here before {self._receipts.component} came")
            return False
        if found:
            trees.remove(path)
        if before:
            restore(path, before)
        return bool(found)

    def _directory(self, path: str) -> bool:
        inside = os.listdir(path)
        if inside:
            goes = any(path.startswith(f"{tree}/") for tree in self._trees())
            if not goes and not any(entry.startswith(f"{path}/") for entry in self._receipts.all_of(PATH, mine=False)):
                self.kept.append(f"{path}: holds what is not ours ({', '.join(sorted(inside)[:3])})")
            return False
        if trees.is_mount_point(path):
            return False
        os.rmdir(path)
        return True

    def _settings(self) -> None:
        for want in settings.shared_files(self._receipts, (), {}):
            change = files.ensure(want, False)
            self.removed += [change.path] if change else []
        for key, entry in self._mine(SYSCTL).items():
            found = settings.live(key)
            if entry["before"] is None or found is None or found == entry["before"]:
                continue
            if found.split() != entry["ours"][-1].split():
                self.kept.append(f"{key} = {found}: somebody changed it since; it was {entry['before']}")
                continue
            settings.set_sysctls({key: entry["before"]})
            self.removed.append(f"{key} = {entry['ours'][-1]}")
        for name, entry in self._mine(ACCOUNT).items():
            settings.remove_account(name, entry["before"])
            self.removed.append(f"account {name}")

    def _reload(self, touched: list[str]) -> None:
        """Let systemd see the files as they are now; units that ran before run on what was restored, and swap is back."""
        _must(["systemctl", "daemon-reload"])
        for name, entry in self._mine(UNIT).items():
            _run(["systemctl", "reset-failed", name])
            changed = {
                *entry["before"].get("files", ()),
                *(p for p in touched if p.startswith(f"{units.UNITS}/{name}.d/")),
            }
            if entry["before"]["active"] and changed & set(touched):
                fault = units.carry_out(units.Unit(name), "restart")
                if fault:
                    raise WipeError(fault)
        for area in self._mine(SWAP):
            if area not in settings.swaps() and _run(["swapon", area]).returncode:
                self.kept.append(f"swap {area} could not be switched on again")


def restore(path: str, before: dict[str, Any]) -> None:
    """Have again what was there before."""
    if before["state"] == "link":
        atomic.link(path, before["target"])
    elif before["state"] == "directory":
        os.makedirs(path, exist_ok=True)
    elif present(path) != before:
        atomic.write(path, base64.b64decode(before["content"]))
    if before["state"] != "link":
        os.chown(path, before["uid"], before["gid"])
        os.chmod(path, before["mode"])


def _foreign(entry: dict[str, Any]) -> bool:
    """Whether what is declared as a component's held data before it came."""
    before = entry["before"]
    return before is not None and (before["state"] != "directory" or not before["empty"])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _must(command: list[str]) -> None:
    done = _run(command)
    if done.returncode:
        raise WipeError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")
