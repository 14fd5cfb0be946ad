# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of AWX's objects differs from what is asked for. Pure functions over what its API has told.

An object counts as unchanged only where every field is evidently the same; the modules of awx.awx judge all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import yaml

from .awx import ROLE_KINDS

Object = Mapping[str, Any]
Related = Callable[[str], Any]  # what the API has at the address of a related resource

ENCRYPTED = "$encrypted$"
NODES = "workflow_job_template_nodes"
#: Options of modules that are no field of the object.
_OPTIONS = {"credentials": ("update_secrets",), "projects": ("wait",), "inventory_sources": ("organization",)}


def key_of(kind: str) -> str:
    """By which field objects of a kind are known."""
    return "identifier" if kind == NODES else "name"


def changed(kind: str, desired: list[Object], present: list[Object], related: Related) -> list[Object]:
    """Those of the objects that are not there as they are asked for."""
    known = {(_workflow(kind, found), found[key_of(kind)]): found for found in present}
    options = _OPTIONS.get(kind, ())

    def same(item: Object) -> bool:
        found = known.get((item["workflow_job_template"] if kind == NODES else "", item[key_of(kind)]))
        return found is not None and all(
            _same(name, value, found, related) for name, value in item.items() if name not in options
        )

    return [item for item in desired if not same(item)]


def dropped(kind: str, desired: list[Object], present: list[Object]) -> list[Object]:
    """Those that are there and not asked for any more."""
    names = {item[key_of(kind)] for item in desired}
    return [found for found in present if found[key_of(kind)] not in names]


def roles(
    desired: Mapping[str, Sequence[Object]], present: Mapping[str, Sequence[Object]], held: Mapping[str, Set[int]]
) -> tuple[list[Object], list[Object]]:
    """Roles to grant, and roles to revoke as the role's module takes them. C(held): numbers of the roles that each team has.

    Roles of teams, or on objects, that are not asked for stay: others gave them.
    """
    known: dict[int, tuple[str, str, str]] = {}
    for option, kind in ROLE_KINDS.items():
        names = {item["name"] for item in desired[kind]}
        for found in present[kind]:
            if found["name"] in names:
                for field, role in found["summary_fields"].get("object_roles", {}).items():
                    known[role["id"]] = (field.removesuffix("_role"), option, found["name"])
    have = {(team, *known[number]) for team, numbers in held.items() for number in numbers if number in known}

    def asked(item: Object) -> set[tuple[str, str, str, str]]:
        return {(item["team"], item["role"], option, name) for option in ROLE_KINDS for name in item.get(option) or []}

    surplus: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for team, role, option, name in sorted(have - {one for item in desired["roles"] for one in asked(item)}):
        surplus[team, role][option].append(name)
    revoked: list[Object] = [
        {"team": team, "role": role, "state": "absent", **on} for (team, role), on in surplus.items()
    ]
    return [item for item in desired["roles"] if not asked(item) <= have], revoked


def _workflow(kind: str, found: Object) -> str:
    return str(found["summary_fields"]["workflow_job_template"]["name"]) if kind == NODES else ""


def _same(name: str, value: Any, found: Object, related: Related) -> bool:
    summary, addresses = found.get("summary_fields", {}).get(name), found.get("related", {})
    if name == "survey_spec":
        told = related(addresses[name]) if name in addresses else {}
        return bool((value or {}).get("spec", []) == told.get("spec", []))
    if name == "approval_node":
        template = found["summary_fields"].get("unified_job_template") or {}
        return all(template.get(key) == desired for key, desired in value.items())
    if isinstance(value, list) and name not in found:
        linked = summary if isinstance(summary, list) else related(addresses[name]) if name in addresses else []
        return sorted(value) == sorted(entry.get("identifier") or entry["name"] for entry in linked)
    if isinstance(value, list) and name == "success_nodes":
        return sorted(value) == sorted(entry["identifier"] for entry in related(addresses[name]))
    if isinstance(summary, Mapping) and not isinstance(value, Mapping):
        return bool(summary.get("name") == value)
    held = found.get(name)
    if isinstance(value, Mapping):
        return _within(value, (yaml.safe_load(held) or {}) if isinstance(held, str) else held or {})
    return name in found and bool(held == value)


def _within(value: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Whether a mapping is the same but for what AWX keeps to itself."""
    return all(held[key] == ENCRYPTED or value.get(key) == held[key] for key in held) and set(value) <= set(held)
