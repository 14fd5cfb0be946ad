# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a run of updates and reboots takes, and what is to be done to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.texts import count, some

from .plan import Host, Plan, PlanError, arrange, at_once

MARK = "patch"  # what a drain of ours says of itself
PACKAGES = ("security", "all", "none")
REBOOT = ("needed", "always", "never")
SHOWN = 4  # names of packages in a line of the plan


def due(host: Host, found: Mapping[str, Any], reboot: str) -> list[str]:
    """What is to be done to a host, in words, by what module host_updates C(found) there; nothing where all is done."""
    updates = list(found.get("updates") or ())
    names = [text.split()[0] for text in updates]
    told = [f"{count(len(updates), 'package')} ({some(names, SHOWN)})"] if updates else []
    if found.get("interrupted"):
        told.append("an installation of packages that was interrupted")
    reasons = [*(found.get("reboot") or ()), *(found.get("foreseen") or ())]
    if reboot == "always":
        told.append("reboot")
    elif reboot == "needed" and reasons:
        told.append(f"reboot ({'; '.join(reasons)})")
    return told or (["is drained by a patch that was interrupted"] if host.mark == MARK else [])


def check(packages: str, reboot: str, max_unavailable: Any) -> None:
    """Refuse options that no cluster can be patched with. Raises PlanError."""
    for name, given, known in (("patch_packages", packages, PACKAGES), ("patch_reboot", reboot, REBOOT)):
        if given not in known:
            raise PlanError(f"{name}: {given!r} is none of {', '.join(known)}")
    at_once("patch", max_unavailable, 1)
    if packages == "none" and reboot == "never":
        raise PlanError("patch_packages is none and patch_reboot is never, so there is nothing to do; set one of them")


def plan(
    hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]], packages: str, reboot: str, max_unavailable: Any
) -> Plan:
    """Plan the updates by what was found on each host of the run. Raises PlanError."""
    check(packages, reboot, max_unavailable)
    return arrange(
        "patch",
        hosts,
        {host.name: due(host, found.get(host.name, {}), reboot) if host.run else [] for host in hosts},
        max_unavailable,
    )
