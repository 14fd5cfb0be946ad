# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of the lab's cluster, which drills take and restore."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import age
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from .servers import Lab, server

STORE = "/srv/backups"


def bech32(prefix: str, raw: bytes) -> str:
    """As age writes keys."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    values = [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]
    head = [*(ord(sign) >> 5 for sign in prefix), 0, *(ord(sign) & 31 for sign in prefix)]
    check = age._checksum([*head, *values, *[0] * 6]) ^ 1
    return f"{prefix}1{''.join(age._SIGNS[value] for value in [*values, *(check >> 5 * (5 - at) & 31 for at in range(6))])}"


class Backups:
    """A lab whose managers keep backups in a directory of their own, which the drill brings to the controller."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        private = X25519PrivateKey.generate()
        self.identity = folder / "backup.key"
        self.identity.write_text(bech32("age-secret-key-", private.private_bytes_raw()).upper() + "\n")
        recipient = bech32("age", private.public_key().public_bytes_raw())
        backup = {"recipients": [recipient], "target": {"directory": STORE}, "keep": 2}
        self.variables = {"cluster_components": ["backup"], "cluster_backup": backup}

    def prepare(self) -> None:
        """Fill the bundle with what encrypts, and make the store on every manager."""
        self.play("bundle").expect()
        for manager in self.lab.managers:
            self.lab.ssh(manager, f"mkdir -p {STORE}")

    def play(self, playbook: str, *arguments: str, cut: str = "") -> Any:
        """Run a playbook with the variables of the backups."""
        return self.lab.play(playbook, *arguments, variables=self.variables, cut=cut)

    def take(self, *arguments: str) -> Any:
        """Take one now."""
        return self.play("backup", *arguments)

    def listed(self) -> list[str]:
        """The names of all in the store, the newest last."""
        shown = self.play("backup", "-e", "backup_list=true").expect().output
        return sorted(set(re.findall(rf"{self.lab.name}-\d{{8}}T\d{{6}}Z", shown)))

    def stored(self) -> dict[str, set[str]]:
        """By manager, the backups in its store."""
        shown = f"cd {STORE} && ls *.tar.age 2>/dev/null"
        return {m.name: set(self.lab.ssh(m, shown, check=False).split()) for m in self.lab.managers}

    def fetch(self) -> Path:
        """Bring the newest backup of the first manager to the controller; returns the sealed file."""
        manager = self.lab.managers[0]
        name = self.lab.ssh(manager, f"ls {STORE}/*.json | tail -n 1").strip().rpartition("/")[2].removesuffix(".json")
        for ending in (".json", ".tar.age"):
            text = self.lab.ssh(manager, f"base64 {STORE}/{name}{ending}")
            (self.folder / f"{name}{ending}").write_bytes(base64.b64decode(text))
        return self.folder / f"{name}.tar.age"

    def restore(self, sealed: Path, *more: str, cut: str = "") -> Any:
        """Run the restore."""
        return self.play(
            "restore", "-e", f"restore_identity={self.identity}", "-e", f"restore_file={sealed}", *more, cut=cut
        )


@contextlib.contextmanager
def other_managers(lab: Lab) -> Iterator[None]:
    """All managers are lost, and bare servers at other addresses take their place; afterwards the lab has the bare servers that it began with."""
    before, count = list(lab.hosts), len(lab.managers)
    lab.destroy(*lab.managers)
    lab.hosts = [*(server(f"m{count + number}", lab.subnet) for number in range(1, count + 1)), *lab.nodes]
    lab.make(*lab.managers)
    try:
        yield
    finally:
        lab.destroy()
        lab.hosts = before
        lab.make()
