# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine is to the code all engines share.

An engine is a package C(plugins/module_utils/<engine>/) whose C(profile.py) defines C(PROFILE).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER as MANAGER
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import NODE as NODE

ANY_PORT = 0
ENROLLMENT = 4650  # our own, see the playbook enroll


class EngineError(ValueError):
    """An engine that does not exist; the message names it and the remedy."""


@dataclass(frozen=True)
class Listener:
    """A socket the engine opens: `port` (ANY_PORT: a port of the kernel's choosing) on `address`.

    `address` is `cluster` (the host's cluster_address), `loopback`, or `any`; `process` is the name in /proc/PID/comm,
    or '' for whichever program; `last` ends a range of ports; `probe` names the protocol unauthorized clients are to try on it, and
    `guarded` the paths that must be closed to them where these are not the API's; `optional` is what some clusters have.
    """

    port: int
    protocol: str
    address: str
    process: str
    purpose: str
    last: int = 0
    probe: str = ""
    optional: bool = False
    guarded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Requirements:
    """What one part needs: memory in MiB, free disk in MiB by path, kernel features by their names in host_facts."""

    memory_mib: int
    disk_mib: dict[str, int]
    features: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One part of an engine on a host: what it needs, opens and runs."""

    requirements: Requirements
    listeners: tuple[Listener, ...]
    services: tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """Where a host keeps its certificate, the key, and the CA that signs all members."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True)
class Profile:
    """One engine. `systems` are the tested systems by os-release ID, `guarded` the API paths that need a token.

    `runtime` runs the containers of applications. The modules are those that know its API: what they take and return
    is the same for every engine.
    """

    name: str
    architectures: dict[str, str]
    systems: dict[str, tuple[str, ...]]
    parts: dict[str, Part]
    odd_managers: bool
    identity: Identity
    guarded: tuple[str, ...]
    members_module: str
    checks_module: str
    sample_module: str
    outage_module: str
    facts_module: str = ""
    rules: tuple[Callable[[Any], Iterable[Any]], ...] = ()
    runtime: str = "docker"
    manager_outage_module: str = ""


def load(name: str) -> Profile:
    """Return the profile of engine `name`; raise EngineError when there is none."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise EngineError(f"cluster_engine is {name!r}: an engine's name is lower-case letters, such as nomad")
    module = f"{__package__}.{name}.component"
    try:
        profile = importlib.import_module(module).PROFILE
    except ModuleNotFoundError as error:
        if error.name is not None and module.startswith(error.name):
            raise EngineError(
                f"cluster_engine is {name!r}: this collection has no such engine; use nomad or kubernetes"
            ) from error
        raise
    if not isinstance(profile, Profile):
        raise EngineError(f"{module}: PROFILE is not a Profile")
    return profile
