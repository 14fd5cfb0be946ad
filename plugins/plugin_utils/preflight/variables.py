# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables of the collection against the roles' argument_specs: unknown names and wrong types."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..shares import share
from ..variable_types import INVENTORY
from .model import Fault

# What a role registers on hosts for another (README of host_node): there after an installation in the same run.
OUTPUTS = frozenset({"host_node_services", "host_node_state"})
# Plain types (Ansible wraps values in types of its own), and which of them pass where the validator would convert.
_PLAIN: tuple[type, ...] = (bool, int, float, str, dict, list)
_ACCEPTED: dict[str, tuple[type, ...]] = {"dict": (dict,), "list": (list,), "str": (str, int, float, bool)}


def prefixes(collection: str) -> tuple[str, ...]:
    """Return the prefixes of the collection's variables: cluster_ and one a role."""
    roles = sorted(os.path.basename(path) for path in glob.glob(os.path.join(collection, "roles", "*")))
    return ("cluster_", *(f"{role}_" for role in roles))


def check(
    host: str, variables: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]], starts: tuple[str, ...]
) -> Iterator[Fault]:
    """Yield the faults of one host's variables; only names that begin with one of `starts` are ours to judge.

    `variables` may template its values when they are read, and raise then.
    """
    known = {**INVENTORY, **specs}
    for name in sorted(name for name in variables if name.startswith(starts) and name not in OUTPUTS):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            yield Fault(host, "variable", f"unknown variable {name}", f"{hint}correct the name where it is set")
            continue
        try:
            value = variables[name]
        except Exception as error:  # templating raises many kinds; all mean that the value cannot be used
            yield Fault(host, "variable", f"{name} cannot be read: {error}", "correct the template where it is set")
            continue
        wrong = _wrong(name, value, known[name])
        if wrong:
            yield Fault(host, "variable", wrong, "correct the value where it is set")


def _wrong(name: str, value: Any, spec: Mapping[str, Any]) -> str:
    """Say what is wrong with a value, or nothing. The value itself is not repeated: it may be a secret."""
    desired, least = spec.get("type", "str"), spec.get("minimum")
    plain = {key: word for key, word in spec.items() if key != "minimum"}
    messages = ArgumentSpecValidator({name: plain}).validate({name: value}).error_messages
    kind = next((plain for plain in _PLAIN if isinstance(value, plain)), object)
    if kind not in _ACCEPTED.get(desired, (kind,)) or (messages and "choices" not in spec and "options" not in spec):
        return f"{name} is of type {kind.__name__}, {desired} is needed"
    if messages:
        return f"{name}: {messages[0]}"
    if least is not None and float(value) < least:
        return f"{name}: {value} is less than {least}"
    return _no_share(name, value) if name == "cluster_max_unavailable" else ""


def _no_share(name: str, value: Any) -> str:
    try:
        share(value, 1)
    except ValueError as error:
        return f"{name}: {error}"
    return ""
