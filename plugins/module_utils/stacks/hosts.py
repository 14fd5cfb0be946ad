# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a reference names to hosts: a name, an address for the cluster's services and one to connect to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import (
    host_types,
    lookup,
    paths,
    sensitive,
)
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.config import HostPaths, Part, describe
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Key, Resource, Stack, Steps

# A host's name becomes its hostname, a file name below host_vars and a word in patterns: the letters of DNS and nothing else.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_CONNECT = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_KEY = ("each", "key")
_DEFAULTS: dict[str, tuple[tuple[Steps, ...], tuple[Steps, ...]]] = {}
_LITERAL: HostPaths = {"name": (("name",),), "address": (("address",),), "connect": (("connect",), ("address",))}


class Candidate(NamedTuple):
    """A host before its name and addresses are known. address: how messages and the `stack` variable call it."""

    values: dict[str, Any]
    address: str
    key: Key
    stack: Stack | None = None
    resource: Resource | None = None
    literal: bool = False


class Found(NamedTuple):
    """A host that was read. address: an IP address, empty for a planned host without one; connect: that or a DNS name."""

    name: str
    address: str
    connect: str
    candidate: Candidate


def candidates(
    part: Part, stacks: Mapping[str, Stack], warnings: list[str], origin: Stack | None = None
) -> list[Candidate]:
    """Everything that `hosts:` of a part names, in order. ORIGIN: the stack that describes the part itself, if one does."""
    place = f"{part.place}.hosts"
    if not isinstance(part.hosts, str):
        return _objects(part.hosts, place.rsplit(": ", 1)[-1] if origin else place, place, origin, literal=True)
    ref, stack = lookup.stack_of(part.hosts, stacks, place)
    if ref.pattern is None:
        return _objects(lookup.output(part.hosts, stacks, place), part.hosts, place, stack)
    stack, resources = lookup.resources(part.hosts, stacks, place)
    found = []
    for resource in resources:
        if resource.type in host_types.POOLS:
            found.extend(_members(resource, stack, part, warnings))
        else:
            found.append(Candidate(resource.attributes, resource.address, resource.key, stack, resource))
    return found


def _objects(value: Any, label: str, place: str, stack: Stack | None, literal: bool = False) -> list[Candidate]:
    """Hosts of an output or written in place: a list or a mapping of objects, or of addresses."""
    if isinstance(value, dict):
        items = [(key, item, f"{label}.{key}") for key, item in value.items()]
    elif isinstance(value, list):
        items = [(number, item, f"{label}[{number}]") for number, item in enumerate(value)]
    else:
        raise StackError(
            place,
            f"`{label}` is {describe(value)}, no list of hosts",
            "Make it a list of objects, or a mapping of names to objects",
        )
    found = []
    for key, item, address in items:
        if isinstance(item, str):
            item = {"name": key if isinstance(key, str) else item, "address": item}
        elif not isinstance(item, dict):
            raise StackError(
                place, f"`{address}` is {describe(item)}, no host", "Make it an object with a name and an address"
            )
        elif isinstance(key, str) and "name" not in item:
            item = {"name": key, **item}
        found.append(Candidate(item, address, key, stack, None, literal))
    return found


def _members(pool: Resource, stack: Stack, part: Part, warnings: list[str]) -> list[Candidate]:
    """The servers that a pool resource made: in no state, so from `members:` of the stack."""
    kind = host_types.POOLS[pool.type]
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
    wanted = next(
        (size for path in kind.size if isinstance(size := paths.resolve(pool.attributes, paths.parse(path)), int)), None
    )
    if wanted is not None and wanted != len(members):
        warnings.append(f"{part.place}: {pool.address} of {stack.place} wants {wanted} servers and has {len(members)}")
    return [
        Candidate(member, f"{pool.address} member {member.get('id', number)}", member.get("id", number), stack)
        for number, member in enumerate(members)
    ]


def read(candidate: Candidate, mapping: HostPaths, place: str) -> Found:
    """Find the name and the addresses of a host. MAPPING: the `host:` paths that hold here; what it lacks has a default by type."""
    if candidate.literal:
        mapping = _LITERAL
    names, addresses = _defaults(candidate.resource.type if candidate.resource else "")
    name = _value(candidate, mapping.get("name", names), "name", place)
    planned = candidate.resource is not None and candidate.resource.note == "planned"
    address = _value(candidate, mapping.get("address", addresses), "address", place, planned)
    connect = _value(candidate, mapping["connect"], "connect", place, planned) if "connect" in mapping else address
    if not _NAME.fullmatch(name):
        raise StackError(
            _where(candidate, place),
            f"has {describe(name)} as its name, which no host can bear",
            "Let `host.name` name an attribute of letters, digits, dots, dashes and underscores, such as `id` or `each.key`",
        )
    if planned and not address:
        # Nothing to connect to, so that nothing else of this name is reached: .invalid is no domain ever (RFC 2606).
        return Found(name, "", connect or f"{name}.invalid", candidate)
    try:
        address = str(ipaddress.ip_address(address))
    except ValueError:
        raise StackError(
            _where(candidate, place),
            f"has {describe(address)} as its address, which is no IP address",
            "Let `host.address` name an attribute that is one",
        ) from None
    if connect != address and not _CONNECT.fullmatch(connect):
        try:
            ipaddress.ip_address(connect)
        except ValueError:
            raise StackError(
                _where(candidate, place),
                f"has {describe(connect)} to connect to, neither an address nor a DNS name",
                "Let `host.connect` name another attribute",
            ) from None
    return Found(name, address, connect, candidate)


def _defaults(kind: str) -> tuple[tuple[Steps, ...], tuple[Steps, ...]]:
    if kind not in _DEFAULTS:
        known = host_types.HOSTS.get(kind, host_types.PLAIN)
        _DEFAULTS[kind] = (
            tuple(paths.parse(text) for text in known.name),
            tuple(paths.parse(text) for text in known.address),
        )
    return _DEFAULTS[kind]


def _where(candidate: Candidate, place: str) -> str:
    return f"{place}: {candidate.address} of {candidate.stack.place}" if candidate.stack else candidate.address


def _value(candidate: Candidate, choices: tuple[Steps, ...], what: str, place: str, optional: bool = False) -> str:
    """The first of the paths that has a value, as text; empty when none has and that is OPTIONAL."""
    for steps in choices:
        value = candidate.key if steps == _KEY else paths.resolve(candidate.values, steps)
        if value is None or value is paths.MISSING or value == "":
            continue
        if (
            any(sensitive.denied(step) for step in steps)
            or candidate.resource
            and candidate.resource.sensitive
            and sensitive.is_sensitive(candidate.resource, steps)
        ):
            raise StackError(
                _where(candidate, place),
                f"has its {what} at {_dotted(steps)}, which is sensitive",
                f"Let `host.{what}` name another attribute",
            )
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise StackError(
            _where(candidate, place),
            f"has {describe(value)} at {_dotted(steps)} where its {what} is expected",
            f"Correct `host.{what}`",
        )
    if optional:
        return ""
    tried = " or ".join(_dotted(steps) for steps in choices)
    some = ", ".join(
        sorted(key for key, value in candidate.values.items() if isinstance(value, (str, dict, list)) and value)[:12]
    )
    raise StackError(
        _where(candidate, place),
        f"has no {what}: nothing at {tried}",
        f"Correct `host.{what}`{f'; it has {some}' if some else ''}, or apply the stack until it has one",
    )


def _dotted(steps: Steps) -> str:
    return ".".join(str(step) for step in steps)
