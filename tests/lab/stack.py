# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do as a stack does that gives a host another server while a run waits for it."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import meanwhile

from .servers import Lab, Server


def named(lab: Lab, name: str) -> Server:
    """The server of that name."""
    return next(host for host in lab.hosts if host.name == name)


def give(lab: Lab, name: str) -> None:
    """Do as the stack: destroy the server of that name and make one at another address, which the inventory then has."""
    old = named(lab, name)
    base, _, last = old.address.rpartition(".")
    new = dataclasses.replace(old, address=f"{base}.{(int(last) + 100) % 200}")
    lab.destroy(old)
    lab.make(new)
    lab.hosts[lab.hosts.index(old)] = new
    lab.inventory()


def given_later(lab: Lab, name: str) -> AbstractContextManager[None]:
    """Give a host its new server as soon as the run waits for it."""
    log = lab.folder / "run.log"

    def work() -> bool:
        asked = log.exists() and "Waiting for the stack" in log.read_text(encoding="utf-8")
        if asked:
            give(lab, name)
        return asked

    log.unlink(missing_ok=True)
    return meanwhile(work, 0.5)
