# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the agent's services and the sidecars of a host about, and see that they serve. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.remote import wait_for
from ..host.receipts import Receipts
from ..host.settings import Account, Settings
from ..host.units import Unit
from ..mesh import admin, judge, places
from ..mesh.host import Done, SidecarError, remove, settle, unit_of
from . import known
from .api import agent

PATIENCE = 60.0


@dataclass(frozen=True)
class Desired:
    """What shall be on the host: C(sidecars) are the bootstraps by name; C(agent) is the unit of the agent, C(units) come last."""

    files: list[dict[str, Any]]
    agent: list[Unit]
    units: list[Unit]
    sidecars: Mapping[str, Mapping[str, Any]]


def apply(desired: Desired, check: bool, receipts: Receipts) -> Done:
    """Do it. Raises SidecarError, FileError, SettingError, OSError."""
    done = Done()
    for name, content in desired.sidecars.items():
        fault = judge.fault(content) if changed(name, content) and os.path.exists(places.ENVOY) else ""
        if fault:
            raise SidecarError(f"Envoy refuses the bootstrap of {name}, and the old one stays: {fault}")
    settings = Settings(receipts, check)
    settings.add_accounts([Account(places.account(name), "/nonexistent") for name in desired.sidecars])
    done.settings = settings.changes
    remove(set(desired.sidecars), check, receipts, done)
    settle(desired.files, desired.agent, check, done, receipts)
    if not check:
        _must(_registered, f"the agent does not take the services in {PATIENCE:g} s; see journalctl -u {known.UNIT}")
    entries = [entry for name, content in desired.sidecars.items() for entry in entries_of(name, content)]
    settle(entries, [unit_of(name) for name in desired.sidecars], check, done, receipts)
    for one in [] if check else places.host(known.HOST)["sidecars"]:
        _must(
            lambda one=one: waiting(one),
            f"the sidecar {one['id']} does not serve in {PATIENCE:g} s; see journalctl -u {places.unit(one['id'])}",
        )
    # The rules last: until its sidecar serves, a service is reached as before.
    settle([], desired.units, check, done, receipts)
    return done


def _must(probe: Any, told: str) -> None:
    reason = wait_for(probe, PATIENCE)
    if reason:
        raise SidecarError(f"{told}: {reason}")


def entries_of(name: str, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The folder of a sidecar and its bootstrap, in which its token is."""
    common = {"owner": "root", "group": places.account(name), "content": None, "target": None}
    folder = f"{places.CONFIG}/{name}"
    return [
        {**common, "path": folder, "state": "directory", "data": None, "mode": "0750", "secret": False},
        {
            **common,
            "path": f"{folder}/bootstrap.json",
            "state": "file",
            "data": content,
            "mode": "0640",
            "secret": True,
        },
    ]


def changed(name: str, content: Mapping[str, Any]) -> bool:
    """Whether the bootstrap of a sidecar is not as it shall be."""
    try:
        with open(f"{places.CONFIG}/{name}/bootstrap.json", encoding="utf-8") as file:
            return bool(json.load(file) != content)
    except (OSError, ValueError):
        return True


def _registered() -> str | None:
    """Which of the services of this host the agent has not, or not yet as the file says; None when it has all."""
    with open(known.SERVICES, encoding="utf-8") as file:
        due = json.load(file)["services"]
    for service in due:
        status, found = agent(f"/v1/agent/service/{service['id']}", service["token"])
        if status != 200 or found["Port"] != service["port"]:
            return f"{service['id']} is not among them"
    return None


def waiting(sidecar: Mapping[str, Any]) -> str | None:
    """What a sidecar lacks, or None: it serves where it shall, and has rejected nothing."""
    name = str(sidecar["id"])
    due = {(sidecar["address"], sidecar["mesh_port"])}
    due |= {("127.0.0.1", upstream["bind"]) for upstream in sidecar["upstreams"]}
    with contextlib.suppress(OSError, ValueError, KeyError):
        refused = admin.rejected(admin.stats(name, "update_rejected$"))
        if refused:
            return f"it rejected {', '.join(refused)}"
        missing = due - admin.listening(name)
        if not missing and admin.state(name) == "LIVE":
            return None
        return f"it does not listen on {', '.join(f'{address}:{port}' for address, port in sorted(missing))}"
    return "its admin socket does not answer"
