# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of the gossip between Nomad's managers, changed while their agents run. Standard library only.

An agent that runs keeps its keys in its data directory, in which a changed key is there at the next start.
https://developer.hashicorp.com/nomad/commands/operator/gossip/keyring
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .api import Api, ApiError

DESIRED = "/etc/nomad.d/gossip.keyring"
KEPT = "/var/lib/nomad/server/serf.keyring"


def read(path: str) -> list[str]:
    """The keys in a file, first the one that is used. Raises ApiError naming the file."""
    try:
        with open(path, encoding="ascii") as file:
            keys = json.load(file)
        if not (isinstance(keys, list) and keys and all(isinstance(key, str) for key in keys)):
            raise ValueError("no list of keys")
    except (OSError, ValueError) as error:
        raise ApiError(0, f"{path} cannot be used ({error}); run the install playbook for this manager") from error
    return keys


def steps(desired: Sequence[str], used: str, held: Mapping[str, int], managers: int) -> list[tuple[str, str]]:
    """What is to be done, in order, as pairs of an operation and a key; C(held) is how many of the managers have each key."""
    gone = [key for key in held if key not in desired]
    found = [("install", key) for key in desired if held.get(key, 0) < managers]
    # What another manager uses is not told, and cannot be removed.
    found += [("use", desired[0])] if used != desired[0] or gone else []
    return found + [("remove", key) for key in gone]


def pending(api: Api, managers: int) -> list[tuple[str, str]]:
    """What this manager's files ask for. Raises ApiError, also while not all managers of the inventory take part."""
    told: dict[str, Any] = api.get("/v1/agent/keyring/list")
    found = steps(read(DESIRED), read(KEPT)[0], told.get("Keys") or {}, int(told.get("NumNodes") or 0))
    if found and int(told.get("NumNodes") or 0) < managers:
        raise ApiError(
            0, f"{told.get('NumNodes')} of {managers} managers take part in the gossip; start the others first"
        )
    return found


def carry_out(api: Api, found: Sequence[tuple[str, str]]) -> None:
    """Do it on all managers at once. Raises ApiError when one of them does not."""
    for operation, key in found:
        api.put(f"/v1/agent/keyring/{operation}", {"Key": key})
