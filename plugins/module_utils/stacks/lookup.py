# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following references into the stacks that were read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import names, paths, reference, sensitive
from .errors import StackError, known
from .model import Resource, Secret, Stack

# What tools print in place of a value that is secret, encrypted or not known yet, and what programs make of one.
_PLACEHOLDER = re.compile(
    r"[\[(<{](secret|sensitive|sensitive value|sensitive, write-only|write-only|redacted|masked|hidden|encrypted|ephemeral|computed"
    r"|known after apply|unknown|undefined|nil|null|none|no value|function|object object)[\])>}]"
    r"|\*{3,}(\w+\*{3,})?|output<.*>|<pulumi\.\S+ object at .*>|.*(calling \[?(tostring|tojson|__str__)\]? on an|\$\{(tf)?token\[).*"
    r"|.*\{\{resolve:.*\}\}.*|enc[\[(].+[\])]|\$ANSIBLE_VAULT;.*"
    r"|vault:v\d+:.+|-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE|PKCS7|CMS)-----.*|04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    re.DOTALL | re.IGNORECASE,
)
# A reference as other languages would have it.
_WITHIN = re.compile(r"(?:\$\{|\{\{)\s*([A-Za-z_][\w-]*)\.(?:outputs|resources)\.[^}]*\}+")
_GIVE = "Give the output its value and apply the stack"
# How programs write that there is no value, where no word is likely to be meant.
_ABSENT = ("null", "nil", "undefined", "None", "NaN")


def stack_of(text: str, stacks: Mapping[str, Stack], place: str) -> tuple[reference.Reference, Stack]:
    """Parse a reference and find its stack."""
    try:
        ref = reference.parse(text)
    except ValueError as error:
        raise StackError(
            place, f"`{text}` {error}", "Write STACK.outputs.NAME[.path] or STACK.resources.ADDRESS"
        ) from None
    if ref.stack not in stacks:
        raise StackError(
            place, f"`{text}` names the unknown stack {ref.stack}", f"Correct it; {known(ref.stack, stacks, 'stacks')}"
        )
    return ref, stacks[ref.stack]


def output(text: str, stacks: Mapping[str, Stack], place: str, allow_sensitive: bool = False, consent: str = "") -> Any:
    """The value of `STACK.outputs.NAME[.path]`. Sensitive ones only when ALLOW_SENSITIVE; CONSENT is the remedy when not."""
    ref, stack = stack_of(text, stacks, place)
    if ref.pattern is not None:
        raise StackError(
            place, f"`{text}` names resources where one value is wanted", "Name an output: STACK.outputs.NAME[.path]"
        )
    if ref.name not in stack.outputs:
        raise StackError(
            place,
            f"`{text}`: {stack.place} has no output {ref.name}",
            f"Declare it and apply the stack, or correct the name; {known(ref.name, stack.outputs, 'outputs')}",
        )
    found = stack.outputs[ref.name]
    if not allow_sensitive and (
        found.sensitive or sensitive.denied(ref.name) or any(sensitive.denied(step) for step in ref.path)
    ):
        raise StackError(
            place,
            f"`{text}` is sensitive",
            consent or f"Write `{{sensitive: {text}}}` under `vars:` to copy it, or use another output",
        )
    if found.fault:
        raise StackError(place, f"`{text}`: {stack.place}: outputs.{ref.name} {found.fault[0]}", found.fault[1])
    value = paths.resolve(found.value, ref.path)
    if value is paths.MISSING:
        raise StackError(
            place,
            f"`{text}`: the output {ref.name} has nothing at that path",
            "Correct the path"
            + (f"; {known(str(ref.path[0]), map(str, found.value), 'keys')}" if isinstance(found.value, dict) else ""),
        )
    shown(value, place, f"`{text}`")
    if value in _ABSENT:
        raise StackError(place, f"`{text}` is the text {value!r}, which stands for no value", _GIVE)
    if not allow_sensitive and sensitive.shows(value):
        raise StackError(
            place,
            f"`{text}` is a secret by its looks: a private key, a signed token, or an address with a password in it",
            consent or f"Write `{{sensitive: {text}}}` under `vars:` to copy it, or use another output",
        )
    return value


def follow(value: Any, stacks: Mapping[str, Stack], place: str, warnings: list[str] | None = None) -> Any:
    """VALUE with every reference in it replaced by what it names, wherever it stands.

    WARNINGS: given for variables, in which `{sensitive: REFERENCE}` is a secret, and from which other secrets are left out.
    """
    if reference.is_reference(value):
        found = output(value, stacks, place)
        return found if warnings is None else without_secrets(found, place, warnings)
    if isinstance(value, list):
        return [follow(item, stacks, f"{place}[{number}]", warnings) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        within = _WITHIN.search(value) if isinstance(value, str) else None
        if within and within[1] in stacks:
            remedy = "Let a reference be the whole value, and put texts together in group_vars, where variables are templated"
            raise StackError(place, f"has a reference within a text, `{within[0]}`, which is not followed", remedy)
        return value
    if warnings is not None and _asks(value):
        return Secret(
            _secret(output(value["sensitive"], stacks, place, allow_sensitive=True), f"`{value['sensitive']}`", place)
        )
    for key in value:
        no_reference(key, place)
    items = ((key, follow(item, stacks, f"{place}.{key}", warnings)) for key, item in value.items())
    return {key: item for key, item in items if item is not paths.MISSING}


def no_reference(key: Any, place: str) -> None:
    """StackError where a key of the file is written as a reference: those are followed in values alone."""
    if reference.is_reference(key):
        raise StackError(place, f"has the reference `{key}` in place of a name", "Write the name itself")


def _secret(value: Any, text: str, place: str) -> Any:
    """VALUE, which is to be a secret: an empty one, or the text of an absent one, would let everybody in."""
    bare = value.strip(" \t\r\n\"'[]{}").lower() if isinstance(value, str) else value
    if bare is None or bare in ("", [], {}, *names.ABSENT):
        fault = f"{text} is {f'the text {value!r}, which stands for no value' if bare else 'empty'}"
        raise StackError(place, fault, _GIVE)
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, list) or sensitive.denied(key) or isinstance(item, (dict, list)) and item:
                _secret(item, f"{key} in {text}", place)
    return value


def _asks(value: dict[str, Any]) -> bool:
    """Whether a mapping is `{sensitive: REFERENCE}`."""
    return value.keys() == {"sensitive"} and reference.is_reference(value["sensitive"])


def secrets(value: Any) -> Iterator[str]:
    """The references of every `{sensitive: REFERENCE}` in VALUE."""
    if isinstance(value, dict) and _asks(value):
        yield value["sensitive"]
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from secrets(item)


def without_secrets(value: Any, place: str, warnings: list[str]) -> Any:
    """What a stack says, without the parts whose names say that they are secret; MISSING when the name in PLACE does."""
    name, left_out = place.rsplit(".", 1)[-1], list[str]()
    value = sensitive.strip({name: value}, left_out=left_out).get(name, paths.MISSING)
    warnings.extend(
        f"{place}: {path} is left out because its {'name says' if sensitive.denied(path.rsplit('.', 1)[-1]) else 'value shows that'} it is secret"
        for path in left_out
    )
    return value


def shown(value: Any, place: str, what: str) -> None:
    """StackError where VALUE is nothing, or where it or a part of it only stands for a value that is not shown."""
    if value is None:
        raise StackError(
            place,
            f"{what} has no value",
            "Give it one and apply the stack; where it is sensitive, read the state in place of the outputs",
        )
    if isinstance(value, str) and _PLACEHOLDER.fullmatch(value):
        raise StackError(
            place,
            f"{what} is {value[:24]!r}, which only stands for a value",
            "Let the tool show it (`--show-secrets`, `-json`), decrypt it, or apply the stack first",
        )
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if item is not None:
            shown(item, place, f"{key} in {what}")


def resources(text: str, stacks: Mapping[str, Stack], place: str) -> tuple[Stack, list[Resource]]:
    """The instances that `STACK.resources.ADDRESS` names, in the order of the state; none is an error."""
    ref, stack = stack_of(text, stacks, place)
    if ref.pattern is None:
        raise AssertionError(text)
    match, address = ref.pattern.fullmatch, text.split(".resources.", 1)[1]
    by_base: dict[str, bool] = {}
    found = []
    for resource in stack.resources:
        if resource.mode == "data" and not ref.data and resource.address != address:
            continue
        # One match a resource rather than an instance, unless the reference goes into the index.
        whole = by_base.get(resource.base)
        if whole is None:
            whole = by_base[resource.base] = match(resource.base) is not None
        if whole or (resource.key is not None and match(resource.address)):
            found.append(resource)
    if not found:
        raise StackError(place, *_none(ref, stack))
    for resource in found:
        if resource.fault:
            raise StackError(
                place, f"`{text}`: {stack.place}: {resource.address} {resource.fault[0]}", resource.fault[1]
            )
    return stack, found


def _none(ref: reference.Reference, stack: Stack) -> tuple[str, str]:
    """Why a reference names no resource, and what to do."""
    address = ref.text.split(".resources.", 1)[1]
    match = ref.pattern.fullmatch if ref.pattern else lambda address: None
    skipped = next((item for item in stack.skipped if match(item.address.split(" (")[0])), None)
    read = next((item.address for item in stack.resources if match(item.address)), None)
    above = max(
        (item.base for item in stack.resources if address.startswith((f"{item.base}.", f"{item.base}["))),
        key=len,
        default="",
    )
    if read:
        fault = f"{stack.place} holds only what the stack reads and does not make, such as {read}"
        remedy = "Name it by its full address where it is meant"
    elif skipped:
        fault = f"every match in {stack.place} is skipped ({skipped.address}: {skipped.reason})"
        remedy = "Apply the stack so that it has such a resource, or write `size: 0` where no host is meant"
    elif above:
        instances = [item.address for item in stack.resources if item.base == above]
        fault = f"{stack.place} holds {above} without that index or attribute"
        remedy = (
            f"Correct the address, and name an attribute by `host.address`; {known(address, instances, 'addresses')}"
        )
    elif stack.resources:
        fault = f"{stack.place} holds no resource of that address"
        remedy = f"Correct the address; {known(address, {item.base for item in stack.resources}, 'addresses')}"
    else:
        fault = f"{stack.place} holds no resources"
        outputs = f"Use an output of it, or give its state; {known(address, stack.outputs, 'outputs')}"
        remedy = outputs if stack.outputs else "Apply the stack first"
    return f"`{ref.text}`: {fault}", remedy
