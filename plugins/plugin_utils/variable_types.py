# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of the collection's variables, as the roles' argument_specs, meta/variables.yml and the inventory's own say them, and text
converted to them."""

from __future__ import annotations

import contextlib
import difflib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.validation import check_type_dict, check_type_float, check_type_int, check_type_list
from ansible.module_utils.parsing.convert_bool import boolean

COLLECTION = Path(__file__).parents[2]
_CONVERSIONS: dict[str, Any] = {"bool": boolean, "int": check_type_int, "float": check_type_float}
# Whatever is written may be text: each converts, or raises TypeError or ValueError.
CHECKS: dict[str, Callable[[Any], Any]] = {
    **_CONVERSIONS,
    "list": check_type_list,
    "dict": check_type_dict,
    "str": str,
    "path": str,
    "raw": str,
}
_CANNOT: dict[str, tuple[type, ...]] = {
    "int": (bool,),
    "float": (bool,),
    "str": (list, dict, bool),
    "path": (list, dict, bool),
}
_KEPT = ("type", "elements", "choices", "options")
_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "dict": "a mapping",
    "str": "a text",
    "path": "a path",
}

Specs = dict[str, dict[str, Any]]
# What the inventory itself sets (design of the inventory source).
INVENTORY: Specs = {
    "cluster_name": {"type": "str"},
    "cluster_part": {"type": "str", "choices": ["manager", "node"]},
    "cluster_pool": {"type": "str"},
    "cluster_address": {"type": "str"},
    "cluster_labels": {"type": "dict"},
    "cluster_engine": {"type": "str"},
    "cluster_components": {"type": "list", "elements": "str"},
    "cluster_environment": {"type": "str"},
    "cluster_endpoint": {"type": "raw"},
    "cluster_vip": {"type": "str"},
    "cluster_networks": {"type": "raw"},
    "cluster_no_log": {"type": "bool"},
    "cluster_remove_max": {"type": "raw"},
    "cluster_max_unavailable": {"type": "raw"},
    "cluster_drain_deadline": {"type": "int", "minimum": 1},
}


@functools.cache
def playbooks() -> Specs:
    """{variable: specification} of what the playbooks take."""
    found: Specs = yaml.safe_load((COLLECTION / "meta/variables.yml").read_text(encoding="utf-8"))
    return found


@functools.cache
def roles() -> Specs:
    """{variable: specification} of all roles."""
    found: Specs = {}
    for path in sorted(COLLECTION.glob("roles/*/meta/argument_specs.yml")):
        for point in yaml.safe_load(path.read_text(encoding="utf-8")).get("argument_specs", {}).values():
            found.update({name: type_of(option) for name, option in (point.get("options") or {}).items()})
    return found


def type_of(option: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what says the type: defaults and requirements are the role's own business."""
    spec = {key: option[key] for key in _KEPT if key in option}
    if "options" in spec:
        spec["options"] = {name: type_of(inner) for name, inner in spec["options"].items()}
    return spec


@functools.cache
def scalars() -> dict[str, str]:
    """The variables that are a boolean or a number: {variable: type}."""
    specs = {**INVENTORY, **playbooks(), **roles()}
    return {name: spec["type"] for name, spec in specs.items() if spec.get("type") in _CONVERSIONS}


def converted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of C(values) that are text and stand for a boolean or a number of their variable's type, or for a playbook's list."""
    return {**dict(_converted(values)), **dict(_lists(values))}


def _lists(values: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name in (name for name, spec in playbooks().items() if spec["type"] == "list"):
        value = values.get(name)
        if isinstance(value, (str, int, float)) and "{{" not in str(value):
            yield name, [part.strip() for part in str(value).split(",") if part.strip()]


def _converted(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, kind in scalars().items():
        value = values.get(name)
        if isinstance(value, str):
            try:
                yield name, _CONVERSIONS[kind](str(value).strip())
            except (TypeError, ValueError):
                continue


def empty(values: Mapping[str, Any]) -> list[str]:
    """Names of the variables to which no answer was given."""
    return [
        name for name in {**playbooks(), **scalars()} if isinstance(values.get(name), str) and not values[name].strip()
    ]


def read(values: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    """The playbooks' variables out of C(values), with the types that they have in later plays."""
    found = {}
    for name in (name for name in playbooks() if name in values):
        with contextlib.suppress(AnsibleError):  # whoever reads it says so
            found[name] = template(values[name])
    return {**found, **converted(found)}


def faults(values: Mapping[str, Any], given: Iterable[str] = ()) -> list[str]:
    """What is wrong with C(values) of the playbooks' variables, and with names that were C(given) with the run: typing errors of them."""
    found = [
        f"{name}: {text}" for name, spec in playbooks().items() for text in [wrong(values.get(name), spec)] if text
    ]
    begun = tuple({f"{name.partition('_')[0]}_" for name in playbooks()})
    known = {**playbooks(), **roles()}
    for name in given:
        near = difflib.get_close_matches(name, playbooks(), 1, 0.85)
        if near and name not in known and name.startswith(begun):
            found.append(f"unknown variable {name}: did you mean {near[0]}?")
    return found


def wrong(value: Any, spec: Mapping[str, Any]) -> str:
    """Why a variable of this specification cannot have the value, or ''. None is no value."""
    kind, least, most = spec["type"], spec.get("minimum"), spec.get("maximum")
    if value is None:
        return ""
    try:
        CHECKS[kind](value)
        if isinstance(value, _CANNOT.get(kind, ())):  # and would be converted without a word
            raise ValueError(value)
    except (TypeError, ValueError):
        return f"{value!r} is not {_WORDS[kind]}"
    if "choices" in spec and value not in spec["choices"]:
        return f"{value!r} is none of {', '.join(map(str, spec['choices']))}"
    if least is not None and not float(value) >= least:
        return f"{value} is less than {least}"
    return f"{value} is more than {most}" if most is not None and float(value) > most else ""


def playbook_names() -> list[str]:
    """Names of the collection's playbooks."""
    return sorted(path.stem for path in COLLECTION.glob("playbooks/*.yml"))
