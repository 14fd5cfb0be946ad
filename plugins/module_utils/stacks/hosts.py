# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a reference names to hosts: a name, an address for the cluster's services and one to connect to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import (
    addresses,
    host_types,
    lookup,
    names,
    paths,
    reference,
    sensitive,
)
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.addresses import Address, Span
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.config import HostPaths, Part, describe
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Key, Resource, Stack, Steps
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.neighbours import Neighbours

# A host's name becomes its hostname, a file name below host_vars and a word in patterns: the letters of DNS and nothing else.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_CONNECT = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_KEY = ("each", "key")
_SEARCH = (("each", "private"), ("each", "public"))
# How an address ranks: a private one, one that the stack itself calls the address, a public one that is only fallen back to.
_PRIVATE, _CALLED, _PUBLIC = range(3)
_SEVERAL = re.compile(r"[,\s]+")
# By these an object is one host rather than a mapping of names to hosts.
_NAMES = {"name", "hostname", "id", "tags"}
_ADDRESSES = {"address", "private_ip", "ip", "public_ip", "ip_address", "private_ip_address", "ipv4_address"}
_LITERAL: HostPaths = {"name": (("name",),), "address": (("address",),), "connect": (("connect",), ("address",))}


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


class Found(NamedTuple):
    """A host that was read. address: an IP address, empty for a planned host without one; connect: that or a DNS name.

    public: no private address was found. others: private addresses that might be meant just as well.
    """

    name: str
    address: str
    connect: str
    candidate: Candidate
    public: bool = False
    others: tuple[str, ...] = ()


class _Choice(NamedTuple):
    """Where addresses are looked for, and how a private and a public one rank there."""

    steps: Steps
    private: int = _PRIVATE
    public: int = _PRIVATE


def candidates(
    part: Part, stacks: Mapping[str, Stack], warnings: list[str], origin: Stack | None = None
) -> list[Candidate]:
    """Everything that `hosts:` of a part names, in order. ORIGIN: the stack that describes the part itself, if one does."""
    place = f"{part.place}.hosts"
    if origin:
        return _objects(part.hosts, place.rsplit(": ", 1)[-1], place, origin, literal=True)
    if isinstance(part.hosts, str):
        return _named(part.hosts, part, place, stacks, warnings)
    found: list[Candidate] = []
    for key, item in part.hosts.items() if isinstance(part.hosts, dict) else enumerate(part.hosts):
        where = f"{place}.{key}" if isinstance(key, str) else f"{place}[{key}]"
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
        return _objects(lookup.output(text, stacks, place), text, place, stack)
    stack, resources = lookup.resources(text, stacks, place)
    found = []
    for resource in resources:
        if host_types.pool(resource.type):
            found.extend(_members(resource, stack, part, warnings))
        else:
            found.append(Candidate(resource.attributes, resource.address, resource.key, stack, resource))
    return found


def _objects(value: Any, label: str, place: str, stack: Stack | None, literal: bool = False) -> list[Candidate]:
    """The hosts of an output: objects or addresses in a list or a mapping, one of them alone, or addresses in a text with commas."""
    texts = [text for text in _SEVERAL.split(value) if text] if isinstance(value, str) else []
    if isinstance(value, str) and all(_CONNECT.fullmatch(_called(text)) for text in texts):
        if len(texts) == 1:
            return [_object(None, texts[0], label, place, stack, literal)]
        value = texts
    if isinstance(value, dict) and not _NAMES.isdisjoint(value) and not _ADDRESSES.isdisjoint(value):
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
    if isinstance(item, str):
        name = key if isinstance(key, str) else _called(item)
        return Candidate({"name": name, "address": item}, address, key, stack, None, literal=True)
    if not isinstance(item, dict):
        raise StackError(
            place, f"`{address}` is {describe(item)}, no host", "Make it an object with a name and an address"
        )
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
    wanted = next(
        (size for path in kind.size if isinstance(size := paths.resolve(pool.attributes, paths.parse(path)), int)), None
    )
    if wanted is not None and wanted != len(members):
        warnings.append(f"{part.place}: {pool.address} of {stack.place} wants {wanted} servers and has {len(members)}")
    return [
        Candidate(
            member, f"{pool.address} member {member.get('id', number)}", member.get("id", number), stack, pool=pool
        )
        for number, member in enumerate(members)
    ]


def read(candidate: Candidate, mapping: HostPaths, place: str, spans: Sequence[Span], neighbours: Neighbours) -> Found:
    """Find the name and the addresses of a host. MAPPING: the `host:` paths that hold here; what it lacks has a default by type.

    SPANS: the networks of its cluster, of which the address is preferred to any other.
    """
    if candidate.literal:
        mapping = _LITERAL
    defaults, choices, _further = _known(candidate.resource.type if candidate.resource else "")
    name = candidate.name or _value(candidate, mapping.get("name", defaults), "name", place)
    reserved = names.reserved(name)
    if reserved or not _NAME.fullmatch(name):
        raise StackError(
            _where(candidate, place),
            f"has {describe(name)} as its name, which {f'is {reserved}' if reserved else 'no host can bear'}",
            "Let `host.name` name an attribute of letters, digits, dots, dashes and underscores, such as `id` or `each.key`",
        )
    planned = candidate.resource is not None and candidate.resource.note == "planned"
    refused: list[str] = []
    found: _Item | None = None
    if "address" in mapping:
        given = enumerate(mapping["address"])
        every = (
            item for number, steps in given for item in _stated(candidate, steps, number, neighbours, place, refused)
        )
        found = next(every, None)
    else:
        best = (True, _PUBLIC)
        for item in _search(candidate, choices, neighbours, place, refused):
            order = (bool(spans) and not addresses.within(item[0], spans), item[1])
            if found is None or order < best:
                found, best = item, order
            if best == (False, _PRIVATE):
                break
    if found is None and not planned:
        raise _none(
            candidate, mapping.get("address") or [choice.steps for choice in choices], "address", place, refused
        )
    address = str(found[0]) if found else ""
    connect = _connect(candidate, mapping, neighbours, place) if "connect" in mapping else address
    if found is None:
        # Nothing to connect to, so that nothing else of this name is reached: .invalid is no domain ever (RFC 2606).
        return Found(name, "", connect or f"{name}.invalid", candidate)
    if spans:
        return Found(name, address, connect, candidate)
    others = _others(candidate, found) if "address" not in mapping else ()
    return Found(name, address, connect, candidate, found[1] == _PUBLIC, others)


_Item = tuple[Address, int, Steps]


def _search(
    candidate: Candidate, choices: Sequence[_Choice], neighbours: Neighbours, place: str, refused: list[str]
) -> Iterator[_Item]:
    """The usable addresses of a host with their ranks: its own private ones, its neighbours', then all others."""
    for choice in choices:
        for address in _usable(candidate, choice.steps, place, refused):
            yield address, choice.private if addresses.private(address) else choice.public, choice.steps
    if candidate.resource:
        for other in neighbours.of(candidate.resource):
            beside = candidate._replace(values=other.attributes, resource=other)
            for choice in _known(other.type)[2]:
                for address in _usable(beside, choice.steps, place, refused):
                    yield address, choice.private if addresses.private(address) else choice.public, choice.steps


def _stated(
    candidate: Candidate, steps: Steps, number: int, neighbours: Neighbours, place: str, refused: list[str]
) -> Iterator[_Item]:
    """The usable addresses at a path that the stacks file gives, the one of this NUMBER in its list."""
    if steps in _SEARCH:
        choices = _known(candidate.resource.type if candidate.resource else "")[1]
        for item in _search(candidate, choices, neighbours, place, refused):
            if (item[1] > _PRIVATE) is (steps == _SEARCH[1]):
                yield item
        return
    for address in _usable(candidate, steps, place, refused):
        yield address, _PRIVATE if number == 0 or addresses.private(address) else _PUBLIC, steps


def _usable(candidate: Candidate, steps: Steps, place: str, refused: list[str]) -> Iterator[Address]:
    """The addresses at a path that a host can have; why the others are none is added to REFUSED."""
    for text in _texts(candidate, steps, "address", place):
        try:
            address = addresses.read(text)
        except ValueError:
            raise StackError(
                _where(candidate, place),
                f"has {describe(text)} as its address, which is no IP address",
                "Let `host.address` name an attribute that is one",
            ) from None
        why = addresses.never(address)
        if why:
            refused.append(f"{text} is {why}")
        else:
            yield address


def _others(candidate: Candidate, found: _Item) -> tuple[str, ...]:
    """Further private addresses in a list whose order means nothing."""
    steps = found[2]
    choices = _known(candidate.resource.type if candidate.resource else "")[1]
    if not any(choice.steps == steps and choice.public for choice in choices) or not any(
        str(step).startswith("*") for step in steps
    ):
        return ()
    usable = dict.fromkeys(str(item) for item in _usable(candidate, steps, "", []) if addresses.private(item))
    return tuple(text for text in usable if text != str(found[0]))


def _connect(candidate: Candidate, mapping: HostPaths, neighbours: Neighbours, place: str) -> str:
    """What to connect to: an address, or a DNS name that means no other machine."""
    refused: list[str] = []
    for number, steps in enumerate(mapping["connect"]):
        if steps in _SEARCH:
            for item in _stated(candidate, steps, number, neighbours, place, refused):
                return str(item[0])
            continue
        for text in _texts(candidate, steps, "connect", place):
            try:
                address = addresses.read(text)
            except ValueError:
                if not _CONNECT.fullmatch(text) or addresses.numeric(text):
                    raise StackError(
                        _where(candidate, place),
                        f"has {describe(text)} to connect to, neither an address nor a DNS name",
                        "Let `host.connect` name another attribute",
                    ) from None
                if not names.reserved(text):
                    return text
                refused.append(f"{text} is {names.reserved(text)}")
                continue
            why = addresses.never(address)
            if not why:
                return str(address)
            refused.append(f"{text} is {why}")
    if candidate.resource is not None and candidate.resource.note == "planned":
        return ""
    raise _none(candidate, mapping["connect"], "connect", place, refused)


@lru_cache(maxsize=1024)
def _known(kind: str) -> tuple[tuple[Steps, ...], tuple[_Choice, ...], tuple[_Choice, ...]]:
    """For a type of host where its name stands and where its addresses do; for an object beside one where those are."""
    host = host_types.host(kind) or host_types.PLAIN
    stated = () if host_types.host(kind) else (_Choice(("address",), _PRIVATE, _CALLED),)
    return (
        tuple(paths.parse(text) for text in host.name),
        (*stated, *_choices(host)),
        tuple(_choices(host_types.neighbour(kind))),
    )


def _choices(entry: host_types.HostType | host_types.Neighbour | None) -> Iterator[_Choice]:
    if entry:
        for texts, private, public in (
            (entry.private, _PRIVATE, _PRIVATE),
            (entry.either, _PRIVATE, _PUBLIC),
            (entry.public, _PUBLIC, _PUBLIC),
        ):
            for text in texts:
                yield _Choice(paths.parse(text), private, public)


def _where(candidate: Candidate, place: str) -> str:
    return f"{place}: {candidate.address} of {candidate.stack.place}" if candidate.stack else candidate.address


def _texts(candidate: Candidate, steps: Steps, what: str, place: str) -> Iterator[str]:
    """The values at a path as texts, those that are empty left out."""
    values = (candidate.key,) if steps == _KEY else paths.every(candidate.values, steps)
    marked = candidate.resource is not None and any(paths.overlap(steps, mark) for mark in candidate.resource.sensitive)
    for value in values:
        if not marked and (value is None or value == ""):
            continue
        if marked or any(sensitive.denied(step) for step in steps):
            raise StackError(
                _where(candidate, place),
                f"has its {what} at {_dotted(steps)}, which is sensitive",
                f"Let `host.{what}` name another attribute",
            )
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise StackError(
                _where(candidate, place),
                f"has {describe(value)} at {_dotted(steps)} where its {what} is expected",
                f"Correct `host.{what}`",
            )
        yield str(value)


def _value(candidate: Candidate, choices: Sequence[Steps], what: str, place: str) -> str:
    """The first of the paths that has a value, as text."""
    for steps in choices:
        for text in _texts(candidate, steps, what, place):
            return text
    raise _none(candidate, choices, what, place, [])


def _none(candidate: Candidate, choices: Sequence[Steps], what: str, place: str, refused: list[str]) -> StackError:
    tried = " or ".join(_dotted(steps) for steps in choices)
    some = ", ".join(
        sorted(key for key, value in candidate.values.items() if isinstance(value, (str, dict, list)) and value)[:12]
    )
    return StackError(
        _where(candidate, place),
        f"has no {what}: {', '.join(dict.fromkeys(refused)) or f'nothing at {tried}'}",
        f"Correct `host.{what}`{f'; it has {some}' if some else ''}, or apply the stack until it has one",
    )


def _dotted(steps: Steps) -> str:
    return ".".join(str(step) for step in steps)
