# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw Terraform and OpenTofu state, version 4: what `terraform.tfstate`, a backend and `state pull` hold.

The format is internal to the tools; it is described by internal/states/statefile/version4.go of either project.
"""

from __future__ import annotations

from typing import Any

from ..documents import expect, flag, optional
from ..errors import StackError
from ..model import (
    Output,
    Resource,
    Skipped,
    Stack,
    Steps,
)

KIND = "a Terraform or OpenTofu state"
_MEMBERS = {"lineage", "serial", "terraform_version", "outputs", "resources", "modules", "backend"}
_FLAT = ("has no attributes (an old flat state)", "Run `terraform apply -refresh-only` once with a current version")


def recognise(document: dict[str, Any]) -> bool:
    """A state has a version and more of its own members; an encrypted one has the encrypted data."""
    return "encrypted_data" in document or "version" in document and bool(_MEMBERS & document.keys())


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Read a state of version 4 into records."""
    _check_version(document, place)
    serial = document.get("serial")
    stack = Stack(
        name,
        "terraform",
        place,
        lineage=document.get("lineage"),
        serial=None if serial is None else expect(serial, int, place, "serial"),
    )
    add_outputs(stack, optional(document, "outputs", dict, place, "outputs"), "The state is damaged; fetch it again")
    for number, resource in enumerate(optional(document, "resources", list, place, "resources")):
        _add_resource(stack, expect(resource, dict, place, f"resources[{number}]"), number)
    return stack


def add_outputs(stack: Stack, outputs: dict[str, Any], remedy: str) -> None:
    """Add the outputs as every format of Terraform has them; one without a value is a fault for who asks for it."""
    for output, body in outputs.items():
        expect(body, dict, stack.place, f"outputs.{output}")
        fault = () if "value" in body else ("has no value", remedy)
        sensitive = flag(body, "sensitive", stack.place, f"outputs.{output}")
        stack.outputs[output] = Output(body.get("value"), sensitive, body.get("type"), fault)


def mode_of(stack: Stack, resource: dict[str, Any], address: str) -> str:
    """managed or data; empty, with a warning, for a mode that is not known."""
    mode: str = expect(resource.get("mode"), str, stack.place, f"the mode of {address}")
    if mode in ("managed", "data"):
        return mode
    stack.warnings.append(f"{stack.place}: {address} is left out: its mode is {mode!r}, neither managed nor data")
    stack.skipped.append(Skipped(stack.name, address, f"its mode is {mode!r}"))
    return ""


def _check_version(document: dict[str, Any], place: str) -> None:
    if "encrypted_data" in document:
        meta = document.get("meta")
        keys = ", ".join(sorted(meta)) if isinstance(meta, dict) and meta else "an unnamed key provider"
        raise StackError(
            place,
            f"is encrypted by OpenTofu ({keys})",
            "Read it through the binary: `pull: FOLDER`, where `tofu init` was run, with the key in the environment",
        )
    backend = document.get("backend")
    if isinstance(backend, dict):
        raise StackError(
            place,
            f"holds no state: `init` writes it to remember the backend {str(backend.get('type'))!r}",
            "Write `pull: FOLDER` with the initialised folder of the code, or read the backend itself by `s3`, `http`, `pg` or `tfe`",
        )
    version = document.get("version")
    if version == 4 and not isinstance(version, bool):
        return
    if isinstance(version, int) and version < 4:
        raise StackError(
            place,
            f"is a state of version {version}, only version 4 is read",
            "Run `terraform apply` once with Terraform 0.12 or newer, which rewrites it",
        )
    raise StackError(
        place,
        f"is a state of version {version!r}, only version 4 is read",
        "Update keelson.cluster, or give `terraform show -json`",
    )


def _add_resource(stack: Stack, resource: dict[str, Any], number: int) -> None:
    place = stack.place
    for field in ("type", "name"):
        expect(resource.get(field), str, place, f"resources[{number}].{field}")
    module = optional(resource, "module", str, place, f"resources[{number}].module")
    base = f"{resource['type']}.{resource['name']}"
    mode = mode_of(stack, resource, base)
    if not mode:
        return
    base = f"{f'{module}.' if module else ''}{'data.' if mode == 'data' else ''}{base}"
    builtin = "terraform.io/builtin/" in str(resource.get("provider"))
    instances = optional(resource, "instances", list, place, f"instances of {base}")
    if not instances:
        stack.skipped.append(Skipped(stack.name, base, "it has no instances: its `count` or `for_each` makes none"))
    for instance in instances:
        expect(instance, dict, place, f"an instance of {base}")
        key = instance.get("index_key")
        address = base + index(key, place, base)
        if optional(instance, "deposed", str, place, f"deposed of {address}"):
            stack.skipped.append(
                Skipped(stack.name, f"{address} (deposed {instance['deposed']})", "deposed: it waits to be destroyed")
            )
            continue
        attributes = instance.get("attributes")
        fault = () if isinstance(attributes, dict) else _FLAT
        attributes = {} if fault else attributes
        if builtin:
            attributes = {field: _plain(value) for field, value in attributes.items()}
            if resource["type"] == "terraform_remote_state" and isinstance(attributes.get("outputs"), dict):
                stack.upstream[address] = attributes["outputs"]
        if instance.get("status") not in (None, "", "tainted"):
            fault = (f"has the status {instance['status']!r}, which is not known here", "Update keelson.cluster")
        note = ""
        if instance.get("status") == "tainted":
            note = "tainted"
            stack.warnings.append(f"{place}: {address} is tainted: the next apply replaces it")
        marks = tuple(
            _steps(mark)
            for mark in optional(instance, "sensitive_attributes", list, place, f"sensitive_attributes of {address}")
        )
        stack.resources.append(Resource(address, base, resource["type"], key, attributes, marks, mode, note, fault))


def index(key: Any, place: str, base: str) -> str:
    """The index as the tool writes it in an address: nothing, [0] or ["key"]."""
    if key is None:
        return ""
    if isinstance(key, str):
        text = (
            key.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        )
        return '["{}"]'.format(text.replace("${", "$${").replace("%{", "%%{"))
    if isinstance(key, (int, float)) and not isinstance(key, bool) and key == int(key):
        return f"[{int(key)}]"
    raise StackError(
        place,
        f"{base} has the index {key!r}, which is neither a number nor a string",
        "The state is damaged; fetch it again",
    )


def _plain(value: Any) -> Any:
    """Unwrap a value of dynamic type, which the state keeps beside its type; only built-in resources have such attributes."""
    if isinstance(value, dict) and value.keys() == {"value", "type"}:
        return value["value"]
    return value


def _steps(mark: Any) -> Steps:
    """A sensitive path of the state: a list of {type: get_attr, value: name} and {type: index, value: {value: key}}.

    Where a step cannot be read, all that lies below the ones before it counts as sensitive.
    """
    steps: list[str | int] = []
    for step in mark if isinstance(mark, list) else []:
        value = step.get("value") if isinstance(step, dict) else step
        value = value.get("value") if isinstance(value, dict) else value
        if not isinstance(value, (str, int)):
            break
        steps.append(value)
    return tuple(steps)
