# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the sidecars of Istio on a host to the desired state, each seen ready. Standard library only."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..host import units
from ..host.receipts import Receipts
from ..host.settings import Account, Settings
from ..mesh.host import Done, SidecarError, remove, settle
from ..mesh.places import CONFIG, ENVOY, STATE, account, host, unit
from . import places, tokens

READY = 60.0  # seconds: it gets a certificate and its configuration from the control plane
PAUSE = 0.3
INSIDE = ("var", "var/run", "var/run/secrets", "var/run/secrets/tokens", "var/run/secrets/istio")


@dataclass(frozen=True)
class Desired:
    """What shall be on the host: C(sidecars) by name, each with its C(environment) and the port where it says that it is C(ready)."""

    files: list[dict[str, Any]]
    units: list[units.Unit]
    sidecars: Mapping[str, Mapping[str, Any]]


def apply(desired: Desired, check: bool, receipts: Receipts) -> Done:
    """Do it. Raises SidecarError, FileError, SettingError, OSError."""
    done = Done()
    settings = Settings(receipts, check)
    settings.add_accounts([Account(account(name), "/nonexistent") for name in desired.sidecars])
    done.settings = settings.changes
    remove(set(desired.sidecars), check, receipts, done)
    entries = [entry for name, one in desired.sidecars.items() for entry in entries_of(name, one["environment"])]
    settle([*desired.files, *entries], [], check, done, receipts)
    if not check:
        done.renewed = _tokens(desired.sidecars)
    start = time.monotonic()
    before = len(done.outcome.actions)
    settle([], [unit_of(name) for name in desired.sidecars], check, done, receipts)
    if not check:
        acted = " ".join(done.outcome.actions[before:])
        for name in (name for name in desired.sidecars if unit(name) in acted):
            await_ready(name, int(desired.sidecars[name]["ready"]), start + READY)
    done.seconds = round(time.monotonic() - start, 3)
    # The rules last: until its sidecar serves, a service is reached as before.
    settle([], desired.units, check, done, receipts)
    return done


def entries_of(name: str, environment: str) -> list[dict[str, Any]]:
    """The folders and the file of a sidecar. It runs in one that is its own, but for what it is given there."""
    common = {
        "owner": "root",
        "group": account(name),
        "content": None,
        "data": None,
        "target": None,
        "secret": False,
    }
    state = f"{STATE}/{name}"
    folders = [(f"{CONFIG}/{name}", "root"), *((f"{state}/{one}", "root") for one in INSIDE[3:])]
    own = [(path, account(name)) for path in (state, *(f"{state}/{one}" for one in INSIDE[:3]))]
    found = [
        {**common, "path": path, "owner": owner, "state": "directory", "mode": "0750"}
        for path, owner in [*own, *folders]
    ]
    file = {"path": f"{CONFIG}/{name}/agent.env", "state": "file", "content": environment, "mode": "0640"}
    return [*found, {**common, **file}]


def unit_of(name: str) -> units.Unit:
    """The unit of a sidecar: another environment, agent or Envoy needs a restart."""
    inputs = [f"{CONFIG}/{name}/agent.env", f"{units.UNITS}/mesh-sidecar@.service", places.AGENT, ENVOY]
    return units.Unit(unit(name), "fresh", inputs)


def await_ready(name: str, port: int, deadline: float) -> None:
    """Wait until a sidecar has its certificate and its configuration. Raises SidecarError."""
    while not ready(port):
        if time.monotonic() >= deadline:
            text = f"the sidecar {name} is not ready: {units.why(unit(name))}"
            raise SidecarError(f"{text}; look at journalctl -u {unit(name)}, and at kubectl -n {places.SPACE} get pods")
        time.sleep(PAUSE)


def ready(port: int) -> bool:
    """Whether a sidecar says that it serves."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/healthz/ready", timeout=5) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _tokens(sidecars: Mapping[str, Any]) -> list[str]:
    """Have the tokens that are due; returns the sidecars that got one. Raises SidecarError where one has none then."""
    given, fault, got = host(), "", []
    try:
        got = tokens.renew(given, time.time())
    except OSError as error:
        fault = str(error)
    bare = [name for name in sidecars if tokens.life(tokens.read(name))[1] < time.time()]
    if bare:
        raise SidecarError(f"{', '.join(bare)} cannot have a token: {fault}")
    return [entry["id"] for entry in given["sidecars"] if entry["identity"] in got]
