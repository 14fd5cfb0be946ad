# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime on Nomad: functions are its jobs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...contract import MANAGER, NODE, Owned, Part, Requirements
from .. import preflight
from ..component import COMPONENT as SHARED
from .jobs import refused

_MANAGER = SHARED.parts[MANAGER]


def instances(variables: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The network of instances, where a site sets it."""
    if network := variables.get("faas_runtime_network"):
        yield "faas_runtime_network", str(network)


COMPONENT = replace(
    SHARED,
    parts={
        MANAGER: replace(_MANAGER, secrets=(*_MANAGER.secrets, "/etc/keelson-faas/token")),
        NODE: Part(
            requirements=Requirements(features=("user_namespaces", "bridge", "veth", "nf_tables")),
            services=("keelson-faas-guard.service", "keelson-faas-egress.service"),
            artifacts=("faas-host",),
            owned=Owned(
                trees=("/var/lib/cni/networks/faas", "/var/lib/faas-egress"),
                interfaces=("kfaas",),
                tables=("inet keelson_faas", "inet keelson_faas_egress"),
            ),
        ),
    },
    rules=(functools.partial(preflight.declared, refused=refused, networks=instances),),
    checks_module="keelson.cluster.faas_runtime_checks",
)
