# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a finished image's root file system: is there what must be there, and nothing else?

Every check reads the mounted file alone and never what built it. Each answers as those of a live cluster do.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import digest
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check, Verdict, answer
from ansible_collections.keelson.cluster.plugins.module_utils.server_image import seal
from ansible_collections.keelson.cluster.plugins.module_utils.texts import some

from ..assembly import hardening
from ..assembly.packages import read_packages
from ..assembly.tree import TreeError, inside
from . import runtimes

#: Units that may start beside those of the components: what Debian's packages enable, and ours.
UNITS = (
    *("apparmor.service", "apt-daily-upgrade.timer", "apt-daily.timer", "cloud-config.service", "cloud-final.service"),
    *("cloud-init-hotplugd.socket", "cloud-init-local.service", "cloud-init.service", "dev-shm-options.service"),
    *("dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "getty@tty1.service"),
    *("keelson-join.path", "remote-fs.target", "ssh-host-keys.service", "ssh.service"),
    *("systemd-network-generator.service", "systemd-networkd.service", "systemd-networkd-wait-online.service"),
    *("systemd-networkd.socket", "systemd-pstore.service", "systemd-resolved.service", "systemd-timesyncd.service"),
)
#: Files larger than this are no keys.
KEY_BYTES = 64 << 10


@dataclass(frozen=True)
class Expected:
    """What the image shall be: the base's packages, the bundle's entries, the controls of its profile.

    A `machine` has a kernel and a boot loader, which a container has not; `data` is where a data volume is mounted; `units` and
    `unshared` are those of the components, see ServerImage.
    """

    runtime: str
    packages: list[str] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    machine: bool = True
    data: str = ""
    units: list[str] = field(default_factory=list)
    unshared: list[str] = field(default_factory=list)


def look(tree: Path, expected: Expected) -> list[Check]:
    """Ask all questions of a mounted root file system."""
    return [
        answer(f"image.{name}", title, target, remedy, question)
        for name, title, target, remedy, question in questions(tree, expected)
    ]


Question = tuple[str, str, str, str, Callable[[], Verdict]]


def questions(tree: Path, expected: Expected) -> Iterator[Question]:
    """Every check as (name, title, what it is about, the remedy, the question)."""
    sealed = "remove it in seal.py or name it in the component's ServerImage; sealing and this check share their lists"
    for kind in seal.TRACES:
        yield (
            "identity",
            f"The image has nothing of {kind}",
            kind,
            sealed,
            partial(no_traces, tree, kind, expected.unshared),
        )
    yield (
        "accounts",
        "No account has a password, and there are no users",
        "",
        "remove the account",
        partial(accounts, tree),
    )
    yield "keys", "No private key lies in the image", "", "remove it before the image is sealed", partial(no_keys, tree)
    yield "network", "No network is pinned to a MAC address", "", "match interfaces by name", partial(no_pins, tree)
    yield (
        "packages",
        "The packages of the base are installed",
        "",
        "build again",
        partial(packages, tree, expected.packages),
    )
    for entry in expected.artifacts:
        title = f"{entry['name']} {entry['version']} is what the manifest says"
        yield "artifact", title, entry["name"], "build again", partial(artifact, tree, entry)
    names = [image["name"] for entry in expected.artifacts for image in entry["images"]]
    for name in names:
        title = "The container image is loaded"
        yield "container", title, name, "build again", partial(runtimes.loaded, tree, expected.runtime, name)
    yield (
        "listeners",
        "Nothing but known services starts",
        "",
        "disable it, or declare it",
        partial(units, tree, expected.units),
    )
    yield "runtime", "The runtime listens on no network", "", "remove hosts", partial(runtimes.exposed, tree)
    yield (
        "modes",
        "No file can be written by everybody, and each has an owner",
        "",
        "set its mode",
        partial(modes, tree),
    )
    if expected.machine:
        title = "A kernel, its initrd and the boot menu are there"
        yield "boot", title, "", "see the base's packages", partial(boots, tree)
    if expected.data:
        title = "The image has nothing where the data volume is mounted"
        yield (
            "data",
            title,
            expected.data,
            "choose another server_image_data_path",
            partial(vacant, tree, expected.data),
        )
    yield "sources", "Packages come from signed sources", "", "remove trusted=yes", partial(signed, tree)
    for control in expected.controls:
        number, exempt = str(control["id"]), control.get("exempt", "")
        title = f"{control['title']} (exempt: {exempt})" if exempt else str(control["title"])
        remedy = f"or exempt control {number} with a reason: host_node_hardening_exempt"
        yield "hardening", title, number, remedy, partial(hardened, tree, control)


def _verdict(faults: Sequence[str], well: str) -> Verdict:
    return Verdict(not faults, some(faults, 8) or well)


def no_traces(tree: Path, kind: str, unshared: Sequence[str]) -> Verdict:
    """Judge that nothing is left of what identifies a server or its builder."""
    return _verdict(seal.traces(tree, unshared).get(kind, []), "nothing found")


def hardened(tree: Path, control: Mapping[str, Any]) -> Verdict:
    """Judge that a control is met, or that what stands in for an exempt one holds."""
    return _verdict(hardening.faults(tree, control), "met")


def accounts(tree: Path) -> Verdict:
    """Judge that nobody can log in by a password, and that no build user is left."""
    shadow = [line.split(":") for line in (tree / "etc/shadow").read_text().splitlines()]
    users = [line.split(":") for line in (tree / "etc/passwd").read_text().splitlines()]
    faults = [f"{row[0]} has a password" for row in shadow if row[1][:1] not in ("!", "*")]
    faults += [f"{row[0]} is a user" for row in users if 1000 <= int(row[2]) < 65000]
    return _verdict(faults, f"{len(users)} accounts, all without a password")


def no_keys(tree: Path) -> Verdict:
    """Judge that no private key lies where configuration, data and homes are."""
    faults = []
    for top in ("etc", "root", "home", "opt", "srv", "var"):
        for folder, names, files in os.walk(tree / top):
            names[:] = [name for name in names if name not in ("overlay2", "dpkg")]
            for name in files:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                if (
                    stat.S_ISREG(status.st_mode)
                    and status.st_size < KEY_BYTES
                    and b"PRIVATE KEY-----" in _content(path)
                ):
                    faults.append("/" + os.path.relpath(path, tree))
    return _verdict(faults, "none found")


def _content(path: str) -> bytes:
    with open(path, "rb") as reading:
        return reading.read()


def no_pins(tree: Path) -> Verdict:
    """Judge that no network configuration names a MAC address."""
    faults = []
    for pattern in ("etc/systemd/network/*", "etc/udev/rules.d/*", "etc/netplan/*", "etc/network/interfaces"):
        for path in tree.glob(pattern):
            if path.is_file() and re.search(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", path.read_text(errors="replace").lower()):
                faults.append("/" + str(path.relative_to(tree)))
    return _verdict(faults, "interfaces are matched by name")


def packages(tree: Path, desired: Sequence[str]) -> Verdict:
    """Judge that packages are installed, by name."""
    present = {package.name for package in read_packages(tree)}
    return _verdict([f"{name} is missing" for name in desired if name not in present], f"{len(present)} packages")


def artifact(tree: Path, entry: Mapping[str, Any]) -> Verdict:
    """Judge that files, links and packages of a bundle's entry are there, each file by its digest.

    Archives of images are not: the runtime has what was in them.
    """
    here = tree / "opt/keelson" / entry["name"] / entry["version"]
    faults = []
    archives = {image["path"] for image in entry["images"]}
    files = [item for item in entry["files"] if item["path"] not in archives]
    for item in files:
        path = here / item["path"]
        if not path.is_file():
            faults.append(f"{path.relative_to(tree)} is missing")
        elif digest(path) != item["digest"]:
            faults.append(f"{path.relative_to(tree)} has another digest")
        elif stat.S_IMODE(path.stat().st_mode) != int(item["mode"], 8):
            faults.append(f"{path.relative_to(tree)} has another mode")
    for link, target in entry["links"].items():
        try:
            leads = inside(tree, link) if not (tree / link.lstrip("/")).is_symlink() else _follow(tree, link)
        except TreeError as error:
            faults.append(str(error))
            continue
        if leads != here / target:
            faults.append(f"{link} leads to {leads}")
    present = {package.name: package.version for package in read_packages(tree)}
    for item in entry["packages"]:
        if item["name"] in entry["install"] and item["name"] not in present:
            faults.append(f"the package {item['name']} is missing")
    return _verdict(faults, f"{len(files)} files, {len(entry['links'])} links as they should be")


def _follow(tree: Path, link: str) -> Path:
    """Where a link of the tree leads within it, through absolute links."""
    path = tree / link.lstrip("/")
    for _hop in range(40):
        resolved = tree
        for part in path.relative_to(tree).parts:
            step = resolved / part
            if step.is_symlink():
                target = os.readlink(step)
                below = tree / target.lstrip("/") if target.startswith("/") else resolved / target
                rest = path.relative_to(step)
                path = Path(os.path.normpath(below / rest))
                break
            resolved = step
        else:
            return path
    raise TreeError(f"{link} is a loop of links")


def units(tree: Path, known: Sequence[str]) -> Verdict:
    """Judge that only known units start by themselves: what does not start does not listen."""
    present = hardening.enabled(tree)
    return _verdict(
        [f"{name} starts" for name in present if name not in (*UNITS, *known)], f"{len(present)} known units"
    )


def modes(tree: Path) -> Verdict:
    """Judge that nobody but root can change what others run: world-writable files, and files of no known account."""
    owners = {int(line.split(":")[2]) for line in (tree / "etc/passwd").read_text().splitlines()}
    faults = []
    for folder, names, files in os.walk(tree):
        names[:] = [name for name in names if name != "overlay2" or not folder.endswith("var/lib/docker")]
        for name in (*names, *files):
            path = os.path.join(folder, name)  # some ten thousand times: a Path would cost as much as the question
            status = os.lstat(path)
            sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
            plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
            if plain and status.st_mode & stat.S_IWOTH and not sticky:
                faults.append(f"/{os.path.relpath(path, tree)} can be written by everybody")
            if status.st_uid not in owners:
                faults.append(f"/{os.path.relpath(path, tree)} belongs to nobody known")
    return _verdict(faults, "all as they should be")


def boots(tree: Path) -> Verdict:
    """Judge that a kernel, its initial file system and the boot menu are there."""
    faults = []
    for link in ("vmlinuz", "initrd.img"):
        path = tree / link
        if not path.is_symlink() or not (tree / os.readlink(path).lstrip("/")).is_file():
            faults.append(f"/{link} leads to no file")
    menu = tree / "boot/grub/grub.cfg"
    if not menu.is_file() or not re.search(r"linux\s+\S*/vmlinuz", menu.read_text()):
        faults.append("/boot/grub/grub.cfg starts no kernel")
    return _verdict(faults, os.readlink(tree / "vmlinuz") if not faults else "")


def vacant(tree: Path, path: str) -> Verdict:
    """Judge that a folder is there and empty: what is mounted there would hide its content."""
    place = inside(tree, path)
    if not place.is_dir():
        return Verdict(False, f"{path} is no folder")
    return _verdict(sorted(f"{path}/{entry.name}" for entry in place.iterdir()), "empty")


def signed(tree: Path) -> Verdict:
    """Judge that apt takes nothing unsigned."""
    faults = []
    for path in ((tree / "etc/apt/sources.list"), *(tree / "etc/apt/sources.list.d").glob("*")):
        if path.is_file() and re.search(r"trusted[=:]\s*yes", path.read_text().lower()):
            faults.append("/" + str(path.relative_to(tree)))
    return _verdict(faults, "no source is trusted without a signature")
