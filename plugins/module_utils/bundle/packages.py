# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of packages: installed from the bundle's own flat repository, without any network."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Dict, List, Optional, Tuple

from ansible_collections.keelson.cluster.plugins.module_utils.bundle.place import Entry, PlaceError

POLICY = "/usr/sbin/policy-rc.d"
MARK = "# written by keelson.cluster"

Run = Callable[..., tuple[int, str, str]]


def machine() -> str:
    """The host's architecture, as Debian calls it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def distribution(path: str = "/etc/os-release") -> str:
    """The host's distribution and version, as ``debian 12`` (os-release(5))."""
    with open(path) as reading:
        pairs = [line.strip().split("=", 1) for line in reading if "=" in line]
    values = {key: value.strip('"') for key, value in pairs}
    return f"{values.get('ID', '?')} {values.get('VERSION_ID', '?')}"


def fits(host: str, bundle: str | None) -> bool:
    """Whether packages of a distribution (``debian 12.11``) may go to a host (``debian 12``)."""
    return bundle is None or bundle == host or bundle.startswith(host + ".")


def installed(names: list[str], run: Run) -> dict[str, str]:
    """Version of each of the packages that is completely installed."""
    _code, out, _err = run(["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *names])
    rows = [line.split() for line in out.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 3 and row[2] == "installed"}


def older(have: str | None, wanted: str, run: Run) -> bool:
    """Whether a package is absent or older than the bundle's; a newer one (a security update) stays."""
    if have is None:
        return True
    return have != wanted and bool(run(["dpkg", "--compare-versions", have, "lt", wanted])[0] == 0)


def lacking(entry: Entry, have: Mapping[str, str], run: Run) -> list[dict[str, Any]]:
    """The packages that must travel: none when all that are asked for are there, else all absent or older ones."""
    listed = {item["name"]: item for item in entry["packages"]}
    asked = [name for name in entry["install"] if name in listed]
    if not any(older(have.get(name), listed[name]["version"], run) for name in asked):
        return []
    return [item for item in entry["packages"] if older(have.get(item["name"]), item["version"], run)]


def install(entries: list[Entry], staged: str, start_services: bool, run: Run) -> None:
    """Install what the entries ask for from the staged blobs; apt decides with the host's own package state."""
    with tempfile.TemporaryDirectory(prefix="keelson-apt-") as folder:
        with open(os.path.join(folder, "Packages"), "wb") as listing:
            for entry in entries:
                with open(os.path.join(staged, entry["package_list"]["digest"].split(":")[1]), "rb") as reading:
                    shutil.copyfileobj(reading, listing)
                for item in entry["packages"]:
                    hexadecimal = item["digest"].split(":")[1]
                    if os.path.exists(os.path.join(staged, hexadecimal)):
                        os.symlink(os.path.join(staged, hexadecimal), os.path.join(folder, f"{hexadecimal}.deb"))
        for name in ("lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(folder, name))
        with open(os.path.join(folder, "sources.list"), "w") as sources:
            # The digests were checked against the bundle's index, so apt need not ask for a signature again.
            sources.write(f"deb [trusted=yes] file:{folder} ./\n")
        os.chmod(folder, 0o755)
        options = [
            "-y",
            "-q",
            *("-o", f"Dir::Etc::sourcelist={folder}/sources.list"),
            *("-o", "Dir::Etc::sourceparts=/dev/null"),
            *("-o", f"Dir::State::lists={folder}/lists"),
            *("-o", f"Dir::Cache={folder}/cache"),
            *("-o", "APT::Sandbox::User=root"),
            *("-o", "DPkg::Lock::Timeout=120"),
            *("-o", "Dpkg::Options::=--force-confdef"),
            *("-o", "Dpkg::Options::=--force-confold"),
        ]
        names = sorted({name for entry in entries for name in entry["install"]})
        with policy(start_services):
            # Ends what an earlier run that was cut off began; does nothing otherwise.
            _checked(run, ["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"])
            _checked(run, ["apt-get", *options, "update"])
            _checked(run, ["apt-get", *options, "--no-install-recommends", "--no-remove", "install", *names])


def _checked(run: Run, command: list[str]) -> None:
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    code, out, err = run(command, environ_update=environment)
    if code != 0:
        words = [line for line in (err + out).splitlines() if line.startswith(("E: ", "dpkg: ", " "))]
        said = " | ".join(line.strip() for line in words[:4]) or err.strip()[-400:]
        raise PlaceError(f"installing packages from the bundle failed ({command[0]}): {said}")


@contextlib.contextmanager
def policy(start_services: bool) -> Iterator[None]:
    """Keep freshly installed services stopped while the block runs (Debian's invoke-rc.d interface).

    The answer holds only while this process lives, so one that is killed leaves nothing that blocks later packages.
    """
    mine = not start_services and (not os.path.exists(POLICY) or _is_ours())
    if mine:
        beside = POLICY + ".keelson-new"
        with open(beside, "w") as writing:
            writing.write(f"#!/bin/sh\n{MARK}\n[ -d /proc/{os.getpid()} ] && exit 101\nexit 0\n")
        os.chmod(beside, 0o755)
        os.rename(beside, POLICY)
    try:
        yield
    finally:
        if mine:
            os.unlink(POLICY)


def _is_ours() -> bool:
    with open(POLICY) as reading:
        return MARK in reading.read()


def run_plain(command: list[str], environ_update: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command as AnsibleModule.run_command does, for use outside a module."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environ_update or {})}
    )
    return done.returncode, done.stdout, done.stderr
