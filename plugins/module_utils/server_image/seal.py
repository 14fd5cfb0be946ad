# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes one server another than the next, and is therefore in no image: removed before the image is written.

The same lists serve the checks of the finished file.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Files and folders, as glob(7) patterns below the root; `why` is for the checks' evidence.
TRACES: dict[str, tuple[str, ...]] = {
    "host keys": ("etc/ssh/ssh_host_*",),
    "keys and files of users": ("root/.*", "root/*", "home/*", "etc/sudoers.d/90-cloud-init-users"),
    "logs": ("var/log/**/*",),
    "seeds and identifiers": (
        "var/lib/systemd/random-seed",
        "var/lib/systemd/credential.secret",
        "var/lib/dbus/machine-id",
        "boot/grub/grubenv",
    ),
    "the builder's name and network": (
        "etc/hostname",
        "etc/udev/rules.d/70-persistent-net.rules",
        "etc/systemd/network/10-cloud-init-*",
        "etc/systemd/network/10-netplan-*",
        "etc/netplan/50-cloud-init.yaml",
        "etc/network/interfaces.d/*",
        "var/lib/dhcp/*",
        "var/lib/systemd/network/*",
    ),
    "state of cloud-init": ("var/lib/cloud/*",),
    "a cluster's": ("etc/keelson",),
}
#: Of no use in an image, and of other bytes every time.
WASTE = (
    "etc/*-",
    "etc/.pwd.lock",
    "etc/.resolv.conf.systemd-resolved.bak",
    "opt/keelson/.lock",
    "run/*",
    "tmp/*",
    "tmp/.*",
    "var/backups/*",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/lib/systemd/catalog/database",
    "var/tmp/*",
)
#: What Debian's own files leave where a trace would lie.
ORDINARY = ("root/.bashrc", "root/.profile", "var/log/journal", "var/log/private", "var/log/apt", "var/log/README")


def found(tree: Path, pattern: str) -> Iterator[Path]:
    """What of a pattern lies in a tree; links are not followed."""
    for name in sorted(glob.glob(pattern, root_dir=tree, recursive=True, include_hidden=True)):
        path = tree / name
        plain = path.is_dir() and not path.is_symlink()
        if name.rstrip("/") not in ORDINARY and not (plain and pattern.startswith("var/log/")):
            yield path


def patterns(unshared: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """All patterns by kind; `unshared` are those of the image's components."""
    return {**TRACES, "a cluster's": (*TRACES["a cluster's"], *unshared)}


def traces(tree: Path, unshared: Sequence[str] = ()) -> dict[str, list[str]]:
    """What identifies a server or its builder, by kind; empty in a sealed tree."""
    present = {
        kind: [str(path.relative_to(tree)) for pattern in known for path in found(tree, pattern)]
        for kind, known in patterns(unshared).items()
    }
    machine = tree / "etc/machine-id"
    if not machine.is_file() or machine.read_text().strip() not in ("", "uninitialized"):
        present.setdefault("seeds and identifiers", []).append("etc/machine-id")
    return {kind: paths for kind, paths in present.items() if paths}


#: Files with a line for each user or group, which begins with the name.
ACCOUNTS = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
#: The user ids of people (login.defs(5)); a builder's is among them.
PEOPLE = range(1000, 65000)


def remove_users(tree: Path) -> None:
    """Remove the accounts of people, by which a build came in, and their membership in groups."""
    rows = (line.split(":") for line in (tree / "etc/passwd").read_text().splitlines())
    gone = {row[0] for row in rows if int(row[2]) in PEOPLE}
    for path in (tree / "etc" / name for name in ACCOUNTS):
        if path.is_file():
            lines = [line.split(":") for line in path.read_text().splitlines()]
            kept = [row for row in lines if row[0] not in gone]
            if path.name in ("group", "gshadow"):
                kept = [[*row[:-1], ",".join(name for name in row[-1].split(",") if name not in gone)] for row in kept]
            path.write_text("".join(":".join(row) + "\n" for row in kept))


def seal(tree: Path, unshared: Sequence[str] = ()) -> None:
    """Remove from a tree what identifies a server, what a build left, and what differs between two builds."""
    for pattern in (*(pattern for known in patterns(unshared).values() for pattern in known), *WASTE):
        for path in found(tree, pattern):
            _remove(path)
    (tree / "etc/machine-id").write_text("")
    resolver = tree / "etc/resolv.conf"
    _remove(resolver)
    resolver.symlink_to("../run/systemd/resolve/resolv.conf")
    hosts = tree / "etc/hosts"
    hosts.write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    hosts.chmod(0o644)
    for path in (tree / "opt/keelson").glob("*/*/.keelson.json"):
        _unstamp(path)


def _unstamp(receipt: Path) -> None:
    """Times and inodes of the builder's disk mean nothing on a server's: it notes its own when it looks first."""
    content = json.loads(receipt.read_text())
    receipt.write_text(json.dumps({**content, "stamps": {}}, sort_keys=True))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
