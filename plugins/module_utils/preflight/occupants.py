# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has that a component would share: container runtimes in use, managers of the firewall. Standard library only."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection
from typing import Any

from ..bundle.runtimes import RUNTIMES
from ..checks.sockets import read


def programs(proc: str = "/proc") -> set[str]:
    """The names of all running programs, those of containers too."""
    return {read(f"{proc}/{pid}/comm").strip() for pid in filter(str.isdigit, os.listdir(proc))}


def runtimes(running: Collection[str], root: str = "/") -> dict[str, dict[str, Any]]:
    """Of each runtime whether it runs, whether somebody configured it, and how many containers it has."""
    found = {}
    for name, runtime in RUNTIMES.items():
        folders = [path for path in glob.glob(os.path.join(root, runtime.containers)) if "/moby/" not in path]
        found[name] = {
            "running": runtime.daemon[0] in running,
            "configured": os.path.exists(os.path.join(root, runtime.configuration)),
            "containers": len(folders),
        }
    return found


def firewalls(running: Collection[str], root: str = "/") -> list[str]:
    """The programs that manage this host's packet filter and are at work."""
    ufw = re.search(r"^ENABLED=yes", read(os.path.join(root, "etc/ufw/ufw.conf")), re.MULTILINE | re.IGNORECASE)
    return [name for name, active in (("firewalld", "firewalld" in running), ("ufw", bool(ufw))) if active]
