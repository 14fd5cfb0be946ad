# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ``package``: distribution packages with all they depend on, resolved by apt in a private root.

The root knows the machine's own apt sources and keys but none of its installed packages. What every system of the
distribution has (packages marked Essential and what these need) is left out; the rest goes into the bundle, so a
minimal host installs offline.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import IO, Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle import images

from ..errors import BundleError, Unavailable
from ..manifest import Artifact
from .base import Delivery, Work

#: Held by who uses the run's root of apt.
ALONE = threading.Lock()


def lacking() -> str:
    """What this machine lacks to fetch packages, or ''."""
    missing = [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]
    return f"has no {' and no '.join(missing)}" if missing else ""


def deliver(artifact: Artifact, source: Mapping[str, Any], work: Work) -> Delivery:
    """Resolve and download the packages of the source for the artifact's architecture."""
    if lacking():
        raise Unavailable(f"this machine {lacking()}")
    with ALONE:
        return _deliver(artifact, source, work)


def _deliver(artifact: Artifact, source: Mapping[str, Any], work: Work) -> Delivery:
    apt = Apt.shared(work, artifact)
    full = planned(apt.install_plan(apt.essential, *source["packages"]))
    chosen = {name: version for name, (version, _rest) in full.items() if name not in apt.everywhere}
    work.progress(f"{artifact.title}: downloading {len(chosen)} packages")
    pinned = [f"{name}={version}" for name, version in sorted(chosen.items())]
    stanzas = parse_stanzas(apt.run("apt-cache", "show", *pinned))
    apt.run("apt-get", "download", *pinned)
    files = sorted(apt.root.glob("*.deb"))
    listing = work.scratch / "Packages"
    packages = []
    with listing.open("w") as writing:
        for name, version in sorted(chosen.items()):
            stanza = stanzas[name, version]
            packages.append(
                {
                    "name": name,
                    "version": version,
                    "blob": _file_of(files, name, version),
                    "sha256": stanza["SHA256"],
                    "installed_bytes": 1024 * int(stanza.get("Installed-Size", "0")),
                }
            )
            writing.write(flat_stanza(stanza))
    return Delivery(
        detail=", ".join(f"{name} {chosen.get(name, full[name][0])}" for name in source["packages"]),
        packages=packages,
        install=source["packages"],
        package_list=listing,
        distribution=distribution(full),
    )


def tree(artifact: Artifact, names: Sequence[str], work: Work, target: Path) -> list[dict[str, str]]:
    """Write a layer of packages and all they depend on, for an image; return their names and versions."""
    if lacking():
        raise Unavailable(f"this machine {lacking()}")
    with ALONE:
        return _tree(artifact, names, work, target)


def _tree(artifact: Artifact, names: Sequence[str], work: Work, target: Path) -> list[dict[str, str]]:
    apt = Apt.shared(work, artifact)
    chosen = {name: version for name, (version, _rest) in planned(apt.install_plan(*names)).items()}
    apt.run("apt-get", "download", *[f"{name}={version}" for name, version in sorted(chosen.items())])
    files = sorted(apt.root.glob("*.deb"))

    def streams() -> Iterator[IO[bytes]]:
        for name, version in sorted(chosen.items()):
            command = ["dpkg-deb", "--fsys-tarfile", str(_file_of(files, name, version))]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                if process.stdout is not None:
                    yield process.stdout
            if process.returncode != 0:
                raise BundleError(f"{command[-1]}: cannot be unpacked")

    with target.open("wb") as writing:
        images.write_packages(streams(), writing)
    return [{"name": name, "version": version} for name, version in sorted(chosen.items())]


class Apt:
    """apt with a root of its own: nothing of the machine's package state is read or changed."""

    def __init__(self, root: Path, architecture: str, sources: Path | None) -> None:
        self.root = root
        self.trouble = ""
        self.essential = f"?and(?essential,?architecture({architecture}))"
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (root / folder).mkdir(parents=True)
        (root / "state" / "status").touch()
        config = root / "apt.conf"
        config.write_text(configuration(root, architecture, sources, _machine_settings()))
        self._environment = {**os.environ, "APT_CONFIG": str(config), "LC_ALL": "C.UTF-8"}

    @classmethod
    def shared(cls, work: Work, artifact: Artifact) -> Apt:
        """The root all artifacts of a run share, with its package lists read once.

        A list that cannot be had (some third party's) matters only when what is asked for is in none of the others.
        """
        key = f"apt-{artifact.architecture}"
        if key not in work.shared:
            apt = cls(work.scratch.parent / key, artifact.architecture, work.apt_sources)
            work.progress(f"{artifact.title}: reading the package lists")
            try:
                apt.run("apt-get", "update")
            except Unavailable as error:
                apt.trouble = f" ({error})"
            work.shared[key] = apt
        found: Apt = work.shared[key]
        return found

    def run(self, *arguments: str) -> str:
        """Run a program of apt and return its output; raise Unavailable with apt's own words."""
        done = subprocess.run(
            arguments, cwd=self.root, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = [line for line in done.stderr.splitlines() if line.startswith("E: ")] or [done.stderr.strip()]
            raise Unavailable(f"{' '.join(arguments[:2])}: {' | '.join(words[:3])}{self.trouble}")
        return done.stdout

    @functools.cached_property
    def everywhere(self) -> Set[str]:
        """Names of the packages every system of the distribution has."""
        return planned(self.install_plan(self.essential)).keys()

    def install_plan(self, *names: str) -> str:
        """apt's plan for an installation on a system that has nothing."""
        return self.run("apt-get", "install", "--simulate", "--no-install-recommends", *names)


def configuration(root: Path, architecture: str, sources: Path | None, machine: Iterable[str]) -> str:
    """apt.conf of the private root; ``machine`` are the machine's Acquire settings (proxies), kept as they are."""
    lines = [
        *machine,
        'Dir::Etc::Parts "/dev/null";',
        'Dir::Etc::main "/dev/null";',
        f'Dir::State "{root}/state";',
        f'Dir::State::status "{root}/state/status";',
        f'Dir::Cache "{root}/cache";',
        f'APT::Architecture "{architecture}";',
        f'APT::Architectures {{ "{architecture}"; }};',
        'APT::Sandbox::User "root";',
        'Acquire::Retries "1";',
        'Acquire::http::Timeout "10";',
        'Acquire::https::Timeout "10";',
        'Acquire::Languages "none";',
    ]
    if sources is not None:
        lines += [f'Dir::Etc::sourcelist "{sources}";', 'Dir::Etc::sourceparts "/dev/null";']
    return "\n".join(lines) + "\n"


def planned(plan: str) -> dict[str, tuple[str, str]]:
    """Read ``apt-get --simulate``: package name to version and origin (``Debian:12.11/stable``)."""
    found = re.findall(r"^Inst (\S+) \((\S+) (.*) \[\S+\]\)", plan, re.MULTILINE)
    return {name: (version, origin) for name, version, origin in found}


def distribution(plan: Mapping[str, tuple[str, str]]) -> str | None:
    """Distribution and version the packages belong to, as ``debian 12.11``; None when the mirror does not say."""
    match = re.match(r"(\w+):([0-9.]+)/", plan["base-files"][1]) if "base-files" in plan else None
    return f"{match[1].lower()} {match[2]}" if match else None


def parse_stanzas(text: str) -> dict[tuple[str, str], dict[str, str]]:
    """Read control stanzas (Debian policy, chapter 5) by package name and version; the first of equals wins."""
    result: dict[tuple[str, str], dict[str, str]] = {}
    for block in text.strip().split("\n\n"):
        stanza = dict(re.findall(r"^([A-Za-z0-9-]+):[ \t]*(.*(?:\n[ \t].*)*)", block, re.MULTILINE))
        if "Package" in stanza:
            result.setdefault((stanza["Package"], stanza["Version"]), stanza)
    return result


def flat_stanza(stanza: Mapping[str, str]) -> str:
    """The stanza for a flat repository in which each file is called by its digest."""
    kept = {
        key: value for key, value in stanza.items() if not key.startswith(("Description", "Filename", "MD5", "SHA"))
    }
    lines = {**kept, "SHA256": stanza["SHA256"], "Filename": f"./{stanza['SHA256']}.deb"}
    return "\n".join(f"{key}: {value}" for key, value in lines.items()) + "\n\n"


def _file_of(files: Iterable[Path], name: str, version: str) -> Path:
    start = f"{name}_{version.replace(':', '%3a')}_"
    return next(path for path in files if path.name.startswith(start))


def _machine_settings() -> list[str]:
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.startswith("Acquire::") and "IndexTargets" not in line]
