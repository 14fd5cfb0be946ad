# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bundle lacks of what hosts are to get, told before the installation reaches the task that needs it."""

from __future__ import annotations

import functools
from collections import ChainMap, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from ansible_collections.keelson.cluster.plugins.module_utils.texts import some

from .. import components
from ..bundle import versions
from ..bundle.requests import Request
from ..contract import Component
from ..user_error import UserError
from .model import ERROR, WARNING, Cluster, Fault, Host

#: Reads the index of the bundle at a place, as `bundle.index.read_index`.
Read = Callable[[str], Mapping[str, Any]]
#: Hosts of one kind lack the same: bundle, architecture, part, and the components that they have nothing of yet.
Kind = tuple[str, str, str, tuple[str, ...]]


def faults(cluster: Cluster, read: Read, default: str, shared: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield one fault for each kind of hosts whose bundle lacks something, or cannot be read.

    Only components that have no receipt on a host are looked at: the others have their artifacts. `default` is the bundle of
    hosts without cluster_bundle, `shared` the variables hostvars and groups. An artifact without which no host of the engine
    starts is an error; another may belong to a part that the variables leave out, and is a warning.
    """

    @functools.cache
    def index(bundle: str) -> Mapping[str, Any] | UserError:
        try:
            return read(bundle)
        except UserError as error:
            return error

    kinds: dict[Kind, list[Host]] = defaultdict(list)
    for host, facts in cluster.seen():
        new = tuple(one.name for one in cluster.components(host) if one.name not in facts["receipts"])
        architecture = cluster.engine.architectures.get(facts["architecture"])
        if new and architecture and host.part in cluster.engine.parts:
            bundle = str(host.variables.get("cluster_bundle") or default)
            kinds[bundle, architecture, host.part, new].append(host)
    for (bundle, architecture, part, new), hosts in kinds.items():
        names = some([host.name for host in hosts], 3)
        found = [one for one in cluster.components(hosts[0]) if one.name in new]
        # Not a copy, which would resolve every variable of the host.
        variables = ChainMap({**shared}, cast(Any, hosts[0].variables))
        has = index(bundle)
        try:
            if isinstance(has, UserError):
                raise has
            lacking = list(_lacking(found, part, architecture, has, variables))
        except UserError as error:
            yield Fault("", "bundle", f"{bundle}: {error}", "fill it with playbook bundle, or correct cluster_bundle")
            continue
        if lacking:
            needed = any(name in cluster.engine.versioned for name, _version in lacking)
            listed = some([f"{name} {version}" for name, version in lacking], 4)
            text = f"the bundle has not for {architecture}: {listed}; needed on {names}"
            remedy = "fill it with playbook bundle and this inventory, or correct cluster_bundle"
            yield Fault("", "bundle", text, remedy, ERROR if needed else WARNING)


def _lacking(
    found: list[Component], part: str, architecture: str, index: Mapping[str, Any], variables: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Names and versions of the artifacts of a part that an index does not have."""
    folders = components.manifests(found)
    requests = (Request.parse(text) for one in components.parts(found, part) for text in one.artifacts)
    for name in dict.fromkeys(request.name for request in requests):
        version = Request(name, versions.kept(name, variables)).chosen(folders)
        if architecture not in index["artifacts"].get(name, {}).get(version, {}):
            yield name, version
