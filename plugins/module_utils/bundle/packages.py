# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of packages: installed from the bundle's own flat repository, without any network."""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

from . import busy
from .install import Entry, InstallError, digest

POLICY = Path("/usr/sbin/policy-rc.d")
MARK = "# written by keelson.cluster"

Run = Callable[..., tuple[int, str, str]]


def machine() -> str:
    """The host's architecture, as Debian calls it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def distribution(path: Path = Path("/etc/os-release")) -> str:
    """The host's distribution and version, as ``debian 12`` (os-release(5))."""
    pairs = [line.strip().split("=", 1) for line in path.read_text().splitlines() if "=" in line]
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


def older(have: str | None, desired: str, run: Run) -> bool:
    """Whether a package is absent or older than the bundle's; a newer one (a security update) stays."""
    if have is None:
        return True
    return have != desired and bool(run(["dpkg", "--compare-versions", have, "lt", desired])[0] == 0)


def lacking(entry: Entry, have: Mapping[str, str], run: Run) -> list[dict[str, Any]]:
    """The packages that must travel: none when all that are asked for are there, else all absent or older ones."""
    listed = {item["name"]: item for item in entry["packages"]}
    asked = [name for name in entry["install"] if name in listed]
    if not any(older(have.get(name), listed[name]["version"], run) for name in asked):
        return []
    return [item for item in entry["packages"] if older(have.get(item["name"]), item["version"], run)]


def install(entries: list[Entry], staged: Path, start_services: bool, run: Run, timeout: float) -> None:
    """Install what the entries ask for from the staged blobs; apt decides with the host's own package state.

    C(timeout) says how long cloud-init and others that install packages may still take.
    """
    with tempfile.TemporaryDirectory(prefix="keelson-apt-") as name:
        folder = Path(name)
        repository(folder, entries, staged)
        options = [f"-o{key}={value}" for key, value in settings(folder)]
        names = sorted({name for entry in entries for name in entry["install"]})
        # Outside of the policy: services of packages that others install meanwhile start as ever.
        with busy.alone(timeout, run), policy(start_services):
            # Ends what an earlier run that was cut off began; does nothing otherwise.
            command = ["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"]
            _checked(run, command, DPKG_FRONTEND_LOCKED="true")
        with policy(start_services):
            _checked(run, ["apt-get", "-q", *options, "update"])
            _checked(run, ["apt-get", "-qy", *options, "--no-install-recommends", "--no-remove", "install", *names])


def repository(folder: Path, entries: list[Entry], staged: Path) -> None:
    """Lay out a flat repository (sources.list(5)) of the staged packages; apt trusts what is checked here."""
    with (folder / "Packages").open("wb") as listing:
        for entry in entries:
            listing.write(_checked_blob(staged, entry["package_list"]).read_bytes())
            for item in entry["packages"]:
                link = folder / f"{item['digest'].split(':')[1]}.deb"
                if (staged / link.stem).exists() and not link.is_symlink():
                    link.symlink_to(_checked_blob(staged, item))
    for below in ("lists/partial", "cache/archives/partial"):
        (folder / below).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [trusted=yes] file:{folder} ./\n")


def _checked_blob(staged: Path, item: Mapping[str, Any]) -> Path:
    blob = staged.joinpath(item["digest"].split(":")[1])
    if not blob.is_file() or digest(blob) != item["digest"]:
        raise InstallError(f"{blob}: wrong digest after the transfer; no package was installed, run again")
    return blob


def settings(folder: Path) -> list[tuple[str, str]]:
    """apt's settings: only the repository in ``folder``; lists and cache lie there too, so the host's own stay."""
    return [
        ("Dir::Etc::sourcelist", str(folder / "sources.list")),
        ("Dir::Etc::sourceparts", "/dev/null"),
        ("Dir::State::lists", str(folder / "lists")),
        ("Dir::Cache", str(folder / "cache")),
        ("APT::Sandbox::User", "root"),
        ("DPkg::Lock::Timeout", "120"),
        ("Dpkg::Options::", "--force-confdef"),
        ("Dpkg::Options::", "--force-confold"),
    ]


def _checked(run: Run, command: list[str], **more: str) -> None:
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **more}
    code, out, err = run(command, environ_update=environment)
    if code != 0:
        words = [line for line in (err + out).splitlines() if line.startswith(("E: ", "dpkg: ", " "))]
        reason = " | ".join(line.strip() for line in words[:4]) or err.strip()[-400:]
        raise InstallError(f"installing packages from the bundle failed ({command[0]}): {reason}")


@contextlib.contextmanager
def policy(start_services: bool) -> Iterator[None]:
    """Keep freshly installed services stopped while the block runs (Debian's invoke-rc.d interface).

    The answer holds only while this process lives, so one that is killed leaves nothing that blocks later packages.
    """
    mine = not start_services and (not POLICY.exists() or _is_ours())
    if mine:
        beside = POLICY.with_name("policy-rc.d.keelson-new")
        beside.write_text(f"#!/bin/sh\n{MARK}\n[ -d /proc/{os.getpid()} ] && exit 101\nexit 0\n")
        beside.chmod(0o755)
        beside.rename(POLICY)
    try:
        yield
    finally:
        if mine:
            POLICY.unlink()


def _is_ours() -> bool:
    return MARK in POLICY.read_text()
