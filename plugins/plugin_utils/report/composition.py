# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster is made of: the stacks by their serials, images by pool, artifacts by digest, and its configuration's digest."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from .. import variable_types
from ..contract import MANAGER

#: Variables that say which cluster, host or run it is, and none that says what is set up there.
_IDENTITY = frozenset(
    [
        *("cluster_name", "cluster_address", "cluster_endpoint", "cluster_vip", "cluster_part", "cluster_pool"),
        *("cluster_bundle", "cluster_proxy", "cluster_no_log", "cluster_secrets_store", "cluster_backup"),
    ]
)
_MORE = ("cluster_components", "cluster_labels")
NO_IMAGE = "none"


def composition(hosts: Mapping[str, Mapping[str, Any]], seen: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The parts by name, each with its identity; C(seen) is what of each host its look from inside told (C(made_of))."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, variables in hosts.items():
        stack = variables.get("stack")
        if isinstance(stack, Mapping) and stack.get("name"):
            found[f"stack {stack['name']}"].add(f"serial {stack.get('serial')} of {stack.get('lineage')}")
        told = seen.get(name)
        if told is None:
            continue
        where = "managers" if variables.get("cluster_part") == MANAGER else f"pool {variables.get('cluster_pool')}"
        found[f"image of {where}"].add(str(told["image"]) or NO_IMAGE)
        for artifact, identity in told["artifacts"].items():
            found[f"artifact {artifact}"].add(str(identity))
    parts = {name: ", ".join(sorted(values)) for name, values in sorted(found.items())}
    return {**parts, "configuration": configuration(hosts)}


def configuration(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of the variables of roles, as they hold for the first host of each part and pool."""
    kinds: dict[str, Mapping[str, Any]] = {}
    for _name, variables in sorted(hosts.items()):
        kinds.setdefault(f"{variables.get('cluster_part')} {variables.get('cluster_pool', '')}", variables)
    names = [*(name for name in variable_types.roles() if name not in _IDENTITY), *_MORE]
    content = {
        kind: {name: _value(variables, name) for name in names if name in variables}
        for kind, variables in kinds.items()
    }
    text = json.dumps(content, sort_keys=True, default=str, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _value(variables: Mapping[str, Any], name: str) -> Any:
    """A value, or that it has none here: a template may need what another playbook is given."""
    try:
        return variables[name]
    except Exception as error:  # templating raises many kinds
        return f"no value: {type(error).__name__}"
