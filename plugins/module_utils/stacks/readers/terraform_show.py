# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `terraform show -json` prints of a state or of a plan file; OpenTofu prints the same.

The format is public: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from typing import Any

from ..documents import expect, flag, optional
from ..errors import StackError
from ..model import (
    Resource,
    Skipped,
    Stack,
    Steps,
)
from .terraform_state import (
    add_outputs,
    index,
    mode_of,
)

KIND = "the text of `terraform show -json`"


def recognise(document: dict[str, Any]) -> bool:
    """The format version stands in every such text, and in no other."""
    return "format_version" in document


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Read a shown state, or a shown plan: then every resource is only planned."""
    version = document.get("format_version")
    if not isinstance(version, str) or version.split(".")[0] not in ("0", "1"):
        raise StackError(
            place,
            f"has the format version {version!r}, only 1.x is read",
            "Update keelson.cluster, or give the state itself",
        )
    stack = Stack(name, "terraform", place)
    planned = "planned_values" in document
    if flag(document, "errored", place, "the plan"):
        raise StackError(place, "is a plan that ended with errors", "Make the plan again")
    values = document.get("planned_values" if planned else "values")
    if values is None:
        other = not document.keys() <= {"format_version", "terraform_version", "values", "planned_values", "checks"}
        remedy = "Give what `show -json` prints of a state or a plan" if other else "Apply the stack first"
        raise StackError(
            place, f"holds no values: {'it is of another command' if other else 'nothing is applied'}", remedy
        )
    expect(values, dict, place, "values")
    if planned:
        stack.warnings.append(f"{place}: is a plan: it shows what would exist, not what does")
    remedy = "Apply the plan first" if planned else "Make the text again with `terraform show -json`"
    add_outputs(stack, optional(values, "outputs", dict, place, "outputs"), remedy)
    if document.get("complete") is False:
        stack.warnings.append(f"{place}: is a plan of a part of the stack only (complete: false)")
    _add_module(stack, values.get("root_module") or {}, planned, "")
    return stack


def _add_module(stack: Stack, module: Any, planned: bool, path: str) -> None:
    """Add the resources of the module at PATH. Addresses are built: Terraform 0.12 prints them without module and index."""
    place = stack.place
    expect(module, dict, place, "a module")
    within = path.rstrip(".") or "the root module"
    for resource in optional(module, "resources", list, place, "the resources of a module"):
        expect(resource, dict, place, "a resource")
        kind = expect(resource.get("type"), str, place, f"the type of a resource of {within}")
        name = expect(resource.get("name"), str, place, f"the name of a {kind} of {within}")
        mode = mode_of(stack, resource, f"{path}{kind}.{name}")
        if not mode:
            continue
        key = resource.get("index")
        base = f"{path}{'data.' if mode == 'data' else ''}{kind}.{name}"
        address = base + index(key, place, base)
        printed = expect(resource.get("address"), str, place, f"the address of {address}")
        if printed not in (base, f"{kind}.{name}") and not printed.startswith(f"{base}["):
            raise StackError(place, f"{address} has the address {printed!r}", "The file is damaged; print it again")
        if optional(resource, "deposed_key", str, place, f"deposed_key of {address}"):
            stack.skipped.append(
                Skipped(
                    stack.name, f"{address} (deposed {resource['deposed_key']})", "deposed: it waits to be destroyed"
                )
            )
            continue
        note = "planned" if planned else ""
        if flag(resource, "tainted", place, address):
            note = "tainted"
            stack.warnings.append(f"{place}: {address} is tainted: the next apply replaces it")
        attributes = optional(resource, "values", dict, place, f"the values of {address}")
        if kind == "terraform_remote_state" and isinstance(attributes.get("outputs"), dict):
            stack.upstream[address] = attributes["outputs"]
        stack.resources.append(
            Resource(
                address,
                base,
                kind,
                key,
                attributes,
                tuple(_marks(resource.get("sensitive_values"))),
                mode,
                note,
            )
        )
    for child in optional(module, "child_modules", list, place, "the modules of a module"):
        own = expect(
            expect(child, dict, place, "a module").get("address"), str, place, f"the address of a module of {within}"
        )
        _add_module(stack, child, planned, f"{own if own.startswith(path) else path + own}.")


def _marks(value: Any, above: Steps = ()) -> list[Steps]:
    """The paths of `sensitive_values`, a copy of the values in which true stands for what is sensitive."""
    if value is True:
        return [above]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [mark for key, item in items for mark in _marks(item, (*above, key))]
