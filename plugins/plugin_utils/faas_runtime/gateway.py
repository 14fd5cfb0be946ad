# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway knows of tenants and functions, whatever engine runs them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .functions import Declared, Function


def namespace(tenant: str) -> str:
    """The namespace of a tenant."""
    return f"faas-{tenant}"


def count(variables: Mapping[str, Any], cluster: str) -> int:
    """How many gateways a cluster has by the variables of a task: one on each manager."""
    return len((variables.get("groups") or {}).get(f"{cluster}_managers") or [""])


def secret_places(declared: Declared, name: Callable[[Function], str]) -> dict[str, str]:
    """Where the secrets of functions stand in files, by namespace and the `name` that a function has on the engine."""
    return {
        f"{namespace(one.tenant)}/{name(one)}": declared.place(one.label, "secrets")
        for one in declared.functions
        if one.secrets
    }


def gateway(declared: Declared) -> dict[str, Any]:
    """What the gateway knows: who may call, and for each function how."""
    tenants = {
        tenant.name: {
            "tokens": list(tenant.tokens),
            **{name: getattr(tenant, name) for name in ("concurrency", "body", "timeout", "storage")},
        }
        for tenant in declared.tenants.values()
    }
    kept = (
        "tenant",
        "job",
        "service",
        "version",
        "weight",
        "contract",
        "isolation",
        "public",
        "timeout",
        "concurrency",
        "answer",
        "retries",
        "dead_letter",
    )
    canaries = {one.label: one.label.partition("/")[2] for one in declared.functions if one.version}
    functions = [
        {
            **{name: getattr(function, name) for name in kept},
            **{name: list(getattr(function, name)) for name in ("http", "cron", "queue")},
            "name": function.label.partition("/")[2],
            "canary": canaries.get(f"{function.label}_canary", ""),
            "namespace": namespace(function.tenant),
            "min": function.instances.min,
            "max": function.instances.max,
        }
        for function in declared.functions
    ]
    return {"tenants": tenants, "functions": functions}
