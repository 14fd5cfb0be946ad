# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `hosts:` of a part names, before names and addresses are read: resources, members of pools, objects, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import (
    addresses,
    documents,
    elsewhere,
    host_types,
    lookup,
    paths,
    reference,
)
from .config import Part, describe
from .errors import StackError
from .model import Key, Resource, Stack

_SEVERAL = re.compile(r"[,\s]+")
_DNS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_OBJECT = "Make it an object with a name and an address, or an address alone"
_NAMES = {path.split(".")[0] for path in host_types.PLAIN.name}
_ADDRESSES = {"address", *host_types.PLAIN.private, *host_types.PLAIN.either, *host_types.PLAIN.public}


class Candidate(NamedTuple):
    """A host before its name and addresses are known. address: how messages and the `stack` variable call it.

    literal: an address or an object of the stacks file itself, which no `host:` path reads. name: the one that the file gives.
    """

    values: dict[str, Any]
    address: str
    key: Key
    stack: Stack | None = None
    resource: Resource | None = None
    literal: bool = False
    name: str = ""
    pool: Resource | None = None

    @property
    def each(self) -> dict[Any, Key]:
        """What `each.key`, `each.name` and `each.address` stand for: the index, the name in the code, the whole address as a name."""
        resource = self.resource
        if resource is None:
            return {
                "key": self.key,
                "name": self.key if isinstance(self.key, str) else None,
                "address": slug(self.address),
            }
        own = resource.base.rsplit("::" if "::" in resource.base else ".", 1)[-1]
        name = own if resource.key is None else slug(f"{own}-{resource.key}")
        return {"key": self.key, "name": name, "address": slug(self.address)}


def of(part: Part, stacks: Mapping[str, Stack], warnings: list[str], origin: Stack | None = None) -> list[Candidate]:
    """Everything that `hosts:` of a part names, in order. ORIGIN: the stack that describes the part itself, if one does."""
    place = f"{part.place}.hosts"
    if origin:
        return _objects(part.hosts, place.rsplit(": ", 1)[-1], place, origin, literal=True)
    if isinstance(part.hosts, str):
        return _named(part.hosts, part, place, stacks, warnings)
    found: list[Candidate] = []
    for key, item in part.hosts.items() if isinstance(part.hosts, dict) else enumerate(part.hosts):
        where = f"{place}.{key}" if isinstance(key, str) else f"{place}[{key}]"
        lookup.no_reference(key, place)
        if not reference.is_reference(item):
            found.append(_object(key, lookup.follow(item, stacks, where), where, place, None, literal=True))
            continue
        named = _named(item, part, where, stacks, warnings)
        if isinstance(key, str) and len(named) != 1:
            fault = f"`{item}` names {len(named)} hosts, but {key} is the name of one"
            raise StackError(where, fault, "Name exactly one, or write a list of references in place of the mapping")
        found += [host._replace(name=key) for host in named] if isinstance(key, str) else named
    return found


def _named(text: str, part: Part, place: str, stacks: Mapping[str, Stack], warnings: list[str]) -> list[Candidate]:
    """The hosts that a reference names."""
    ref, stack = lookup.stack_of(text, stacks, place)
    if ref.pattern is None:
        value = lookup.output(text, stacks, place)
        if _one(value):
            key = (ref.name, *ref.path)[-1] if _NAMES.isdisjoint(value) else None
            return [_object(key, value, text, place, stack, literal=False)]
        return _objects(value, text, place, stack)
    stack, resources = lookup.resources(text, stacks, place)
    found = []
    for resource in resources:
        if host_types.pool(resource.type):
            found.extend(_members(resource, stack, part, warnings))
        else:
            found.append(Candidate(resource.attributes, resource.address, resource.key, stack, resource))
    return found


def _one(value: Any) -> bool:
    """Whether a mapping is one host rather than names with their hosts."""
    if not isinstance(value, dict):
        return False
    if any(isinstance(value.get(key), (str, dict)) and not elsewhere.is_address(str(value[key])) for key in _NAMES):
        return not _ADDRESSES.isdisjoint(value) or any(elsewhere.found(value))
    return any(isinstance(value.get(key), str) for key in _ADDRESSES) or all(
        isinstance(item, str) and elsewhere.means(key) for key, item in (value or {"": None}).items()
    )


def _hosts(value: Any) -> bool:
    """Whether all in a mapping are hosts."""
    return isinstance(value, dict) and all(
        _one(item) or isinstance(item, str) and elsewhere.is_address(item) for item in value.values() or [""]
    )


def _objects(value: Any, label: str, place: str, stack: Stack | None, literal: bool = False) -> list[Candidate]:
    """The hosts of an output: objects or addresses in a list or a mapping, one of them alone, or addresses in a text with commas."""
    value = documents.parsed(value)
    texts = [text for text in _SEVERAL.split(value) if text] if isinstance(value, str) else []
    if isinstance(value, str) and all(_DNS.fullmatch(_called(text)) for text in texts):
        if len(texts) == 1:
            return [_object(None, texts[0], label, place, stack, literal)]
        value = texts
    if _one(value):
        return [_object(None, value, label, place, stack, literal)]
    if isinstance(value, dict):
        return [_object(key, item, f"{label}.{key}", place, stack, literal) for key, item in value.items()]
    if not isinstance(value, list):
        raise StackError(
            place,
            f"`{label}` is {describe(value)}, no list of hosts",
            "Make it a list of objects or addresses, or a mapping of names to them",
        )
    found: list[Candidate] = []
    for number, item in enumerate(value):
        if isinstance(item, list):
            found += _objects(item, f"{label}[{number}]", place, stack, literal)
        else:
            found.append(_object(number, item, f"{label}[{number}]", place, stack, literal))
    return found


def _object(key: Key, item: Any, address: str, place: str, stack: Stack | None, literal: bool) -> Candidate:
    """One host: an object, or an address, which has no attributes that a `host:` path could name."""
    if item is None or isinstance(item, str):
        item = item or ""
        name = key if isinstance(key, str) else _called(item)
        if not _DNS.fullmatch(name):  # without an address it is left out or refused
            name = f"host-{key}"
        return Candidate({"name": name, "address": item}, address, key, stack, None, literal=True)
    several = isinstance(item, list) or not any(elsewhere.found(item)) and _hosts(item)
    if several or not isinstance(item, dict):
        remedy = f"Name it alone, `{address}`" if several and not literal else _OBJECT
        raise StackError(place, f"`{address}` is {describe(item)}, no host", remedy)
    if isinstance(key, str) and "name" not in item:
        item = {"name": key, **item}
    return Candidate(item, address, key, stack, None, literal)


def _called(text: str) -> str:
    """A name for a host that is only known by its address: as it is read, an address itself may be no name."""
    try:
        return "ip-" + re.sub(r"[.:]", "-", re.sub(r":$", ":0", str(addresses.read(text))))
    except ValueError:
        return text


def _members(pool: Resource, stack: Stack, part: Part, warnings: list[str]) -> list[Candidate]:
    """The servers that a pool resource made: in no state, so from `members:` of the stack."""
    kind = host_types.pool(pool.type) or host_types.PoolType((), ())
    names = [
        pool.address,
        *(
            str(name)
            for path in kind.name
            if isinstance(name := paths.resolve(pool.attributes, paths.parse(path)), str)
        ),
    ]
    # An empty list under the address does not hide a full one under the name in the cloud.
    name = max(
        (name for name in names if name in stack.members), key=lambda name: len(stack.members[name]), default=None
    )
    if name is None:
        raise StackError(
            f"{part.place}.hosts",
            f"{pool.address} of {stack.place} makes servers that no state lists, and no members of it are known",
            f"Give `members:` under stacks.{stack.name} with a list named {' or '.join(names)}",
        )
    members = stack.members[name]
    desired = next(
        (size for path in kind.size if isinstance(size := paths.resolve(pool.attributes, paths.parse(path)), int)), None
    )
    running = sum(not host_types.OFF.fullmatch(str(member.get("instance_state"))) for member in members)
    if desired is not None and desired != running:
        warnings.append(f"{part.place}: {pool.address} of {stack.place} wants {desired} servers and has {running}")
    return [
        Candidate(
            member, f"{pool.address} member {member.get('id', number)}", member.get("id", number), stack, pool=pool
        )
        for number, member in enumerate(members)
    ]


def slug(address: str) -> str:
    """An address as part of a host's name."""
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in address).strip("-").replace("--", "-")
