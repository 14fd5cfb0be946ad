# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a candidate to a host: a name, an address for the cluster's services and one to connect to."""

from __future__ import annotations

import re
import socket
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from . import (
    addresses,
    elsewhere,
    host_types,
    names,
    paths,
    sensitive,
)
from .addresses import Address, Span
from .candidates import Candidate
from .config import HostRules, describe
from .errors import StackError
from .model import Steps
from .neighbours import Neighbours

# A host's name becomes its hostname, a file name below host_vars and a word in patterns: the letters of DNS and nothing else.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_DNS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_SEARCH = (("each", "private"), ("each", "public"))
# How an address ranks: a private one, one that the stack itself calls the address, a public one that is only fallen back to, one
# of a bridge within the machine.
_PRIVATE, _CALLED, _PUBLIC, _BRIDGE = range(4)
_LITERAL: HostRules = {"name": (("name",),), "address": (("address",),), "connect": (("connect",), ("address",))}


class NoAddress(StackError):
    """A host whose stack holds no address for it: a pool may leave such hosts out."""


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


class _Item(NamedTuple):
    """An address that was found, how it ranks, and where."""

    address: Address
    rank: int
    steps: Steps


class _Reading(NamedTuple):
    """What is needed to read a host. refused: why values that were found are not used."""

    candidate: Candidate
    rules: HostRules
    place: str
    spans: Sequence[Span]
    neighbours: Neighbours
    refused: list[str]

    @property
    def kind(self) -> str:
        """The type of the host's resource."""
        return self.candidate.resource.type if self.candidate.resource else ""

    @property
    def planned(self) -> bool:
        """Whether the host does not exist yet."""
        return self.candidate.resource is not None and self.candidate.resource.note == "planned"

    def error(self, fault: str, remedy: str) -> StackError:
        """The fault of this host."""
        return StackError(self.where, fault, remedy)

    @property
    def where(self) -> str:
        """The host as messages call it."""
        stack = self.candidate.stack
        return f"{self.place}: {self.candidate.address} of {stack.place}" if stack else self.candidate.address


def read(candidate: Candidate, rules: HostRules, place: str, spans: Sequence[Span], neighbours: Neighbours) -> Found:
    """Find the name and the addresses of a host. RULES: the `host:` block that holds here; what it lacks has a default by type.

    SPANS: the networks of its cluster, of which the address is preferred to any other.
    """
    rules = {**rules, **_LITERAL} if candidate.literal else rules
    at = _Reading(_of_machine(candidate), rules, place, spans, neighbours, [])
    _is_server(at)
    name = _name(at)
    found = _address(at)
    if found is None and not at.planned:
        choices = rules.get("address") or [choice.steps for choice in _known(at.kind)[1]]
        raise _none(at, choices, "address")
    address = str(found.address) if found else ""
    if "connect" not in rules and not candidate.resource and candidate.values.get("connect"):
        at = at._replace(rules={**rules, "connect": _LITERAL["connect"]})
    connect = _connect(at) if "connect" in at.rules else address
    if found is None:
        # Nothing to connect to, so that nothing else of this name is reached: .invalid is no domain ever (RFC 2606).
        return Found(name, "", connect or f"{name}.invalid", candidate)
    if spans:
        return Found(name, address, connect, candidate)
    others = _others(at, found) if "address" not in rules else ()
    return Found(name, address, connect, candidate, found.rank == _PUBLIC, others)


def off(candidate: Candidate) -> str:
    """Why the server of a candidate does not run, as its stack saw it last; empty where it may."""
    kind = candidate.resource.type if candidate.resource else ""
    if candidate.resource and candidate.values.get("template") is True:
        return "it is a template"
    for steps in () if candidate.literal else _states(kind):
        value = paths.resolve(candidate.values, steps)
        if value is False or isinstance(value, str) and host_types.OFF.fullmatch(value):
            return f"its {_dotted(steps)} is {value or 'false'}"
    return ""


def _is_server(at: _Reading) -> None:
    """StackError where the type of a resource says that it is no server: addresses of other things would be taken for its own."""
    instead = host_types.no_server(at.kind) if "address" not in at.rules else ""
    if instead == "no server":
        remedy = (
            "Name the resources of servers alone; where it is one, say by `host.address` which attribute is its address"
        )
        raise at.error(f"is {instead}, by its type {at.kind}", remedy)
    if instead:
        raise at.error(
            f"is {instead}, not one", "Let an output list them, each with a name and an address, and name that"
        )


def _of_machine(candidate: Candidate) -> Candidate:
    """The candidate without the addresses of interfaces that its machine makes for itself, where the stack tells which these are."""
    kind = candidate.resource.type if candidate.resource else ""
    known = host_types.host(kind)
    values = candidate.values
    for path in known.interfaces if known else ():
        found = values.get(path)
        if isinstance(found, dict):
            values = {**values, path: {name: item for name, item in found.items() if not elsewhere.virtual(name)}}
        elif isinstance(found, list) and any(map(elsewhere.virtual, found)):
            kept = [number for number, name in enumerate(found) if not elsewhere.virtual(name)]
            values = {
                key: [item[number] for number in kept] if isinstance(item, list) and len(item) == len(found) else item
                for key, item in values.items()
            }
    return candidate._replace(values=values)


def _name(at: _Reading) -> str:
    """The name that the stacks file gives, or the first of the paths with a value; of a list, the first that a host can have."""
    if at.candidate.name:
        return at.candidate.name
    choices = at.rules.get("name", _known(at.kind)[0])
    last = choices[-1] if "name" in at.rules else None
    for steps in choices:
        for text in _texts(at, steps, "name", last in (None, steps)):
            name = clean(text) if at.rules.get("clean_names") else text
            reserved = names.reserved(name)
            if not reserved and _NAME.fullmatch(name):
                return name
            if last in (None, steps):
                fault = (
                    f"has {describe(text)} as its name, which {f'is {reserved}' if reserved else 'no host can have'}"
                )
                remedy = (
                    "et `host.name` name an attribute of letters, digits, dots and dashes, such as `id` or `each.name`"
                )
                cleaned = clean(text)
                helps = _NAME.fullmatch(cleaned) and not names.reserved(cleaned) and not at.rules.get("clean_names")
                remedy = f"Write `clean_names: true`, or l{remedy}" if helps else f"L{remedy}"
                raise at.error(fault, remedy)
            at.refused.append(f"{describe(text)} is no name of a host")
    raise _none(at, choices, "name")


def clean(text: str) -> str:
    """TEXT as a host's name in small letters, digits, dots and dashes."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")


def _address(at: _Reading) -> _Item | None:
    """The address of the host: the first at the paths that the stacks file gives, else the best of all."""
    if "address" in at.rules:
        stated = (item for number, _steps in enumerate(at.rules["address"]) for item in _stated(at, "address", number))
        return next(stated, None)
    found, best = None, (True, _PUBLIC)
    for item in _search(at, _known(at.kind)[1]):
        order = (bool(at.spans) and not addresses.within(item.address, at.spans), item.rank)
        if found is None or order < best:
            found, best = item, order
        if best == (False, _PRIVATE):
            break
    return found


def _search(at: _Reading, choices: Sequence[_Choice]) -> Iterator[_Item]:
    """The usable addresses of a host with their ranks: its own, those of no known meaning, its neighbours'.

    An address that takes the place of its own public one comes before that: a state may still have the one from before.
    """
    first = next((number for number, choice in enumerate(choices) if choice.private == _PUBLIC), len(choices))
    yield from _ranked(at, choices[:first])
    if first < len(choices):
        yield from _beside(at, replacing=True)
    yield from _ranked(at, choices[first:])
    yield from _ranked(at, _elsewhere(at))
    yield from _beside(at, replacing=False)


def _beside(at: _Reading, replacing: bool) -> Iterator[_Item]:
    """The usable addresses of the objects beside a server. REPLACING: only of those that replace its own public address."""
    for other in at.neighbours.of(at.candidate.resource) if at.candidate.resource else ():
        entry = host_types.neighbour(other.type)
        if not replacing or entry and entry.replaces:
            beside = at._replace(candidate=at.candidate._replace(values=other.attributes, resource=other))
            yield from _ranked(beside, _known(other.type)[2])


def _ranked(at: _Reading, choices: Iterable[_Choice]) -> Iterator[_Item]:
    for choice in choices:
        for address in _usable(at, choice.steps):
            rank = choice.private if addresses.private(address) else choice.public
            yield _Item(address, _BRIDGE if addresses.bridge(address) else rank, choice.steps)


def _elsewhere(at: _Reading) -> Iterator[_Choice]:
    """Where addresses stand in a host of no known type, whose keys may have any names."""
    if not host_types.host(at.kind) and not at.candidate.literal:
        yield from (_Choice(steps, _PRIVATE, _PUBLIC) for steps in elsewhere.found(at.candidate.values))


def _stated(at: _Reading, what: str, number: int) -> Iterator[_Item]:
    """The usable addresses at a path that the stacks file gives, the one of this NUMBER in its list for WHAT."""
    steps = at.rules[what][number]
    if steps in _SEARCH:
        for item in _search(at, _known(at.kind)[1]):
            if item.rank in ((_PRIVATE,) if steps == _SEARCH[0] else (_CALLED, _PUBLIC)):
                yield item
        return
    for address in _usable(at, steps, last=number == len(at.rules[what]) - 1):
        yield _Item(address, _PRIVATE if number == 0 or addresses.private(address) else _PUBLIC, steps)


def _usable(at: _Reading, steps: Steps, last: bool = False) -> Iterator[Address]:
    """The addresses at a path that a host can have; why the others are none is added to what is refused. LAST: nothing follows."""
    for text in _texts(at, steps, "address", last or "address" not in at.rules):
        try:
            found = [addresses.read(text)]
        except ValueError:
            dns = _DNS.fullmatch(text) is not None and not addresses.numeric(text)
            if dns and at.rules.get("resolve"):
                found = _resolved(at, text)
            elif last:
                remedy = (
                    "Put one in its place"
                    if at.candidate.literal
                    else "Let `host.address` name an attribute that is one"
                )
                remedy += ", or write `resolve: true` to look up the name" if dns else ""
                raise at.error(f"has {describe(text)} as its address, which is no IP address", remedy) from None
            else:
                at.refused.append(f"{describe(text)} is no IP address")
                continue
        for address in found:
            why = addresses.never(address)
            if why:
                at.refused.append(f"{text} is {why}")
            else:
                yield address


def _resolved(at: _Reading, name: str) -> list[Address]:
    """The one address that a DNS name has here: in the cluster's networks before any other, private before public."""
    found = _looked_up(name.rstrip("."))
    if not found:
        at.refused.append(f"{name} resolves to nothing on this host")
    ranks = [
        (not addresses.within(item, at.spans), not addresses.private(item), item.version)
        if not addresses.never(item)
        else (True, True, 9)
        for item in found
    ]
    best = [item for item, rank in zip(found, ranks) if rank == min(ranks)]
    if len(best) > 1 and min(ranks)[2] < 9:
        fault = f"has the name {name}, which resolves to {' and '.join(map(str, best))}"
        raise at.error(fault, "Give the address itself, or `networks:` of which only one lies in")
    return best[:1]


def _looked_up(name: str) -> list[Address]:
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [addresses.read(text) for text in dict.fromkeys(str(answer[4][0]) for answer in answers) if "%" not in text]


def _others(at: _Reading, found: _Item) -> tuple[str, ...]:
    """Further private addresses in a list whose order means nothing, or under keys of no known meaning."""
    choices: Iterable[_Choice] = [choice for choice in _known(at.kind)[1] if choice.steps == found.steps]
    if not choices:
        choices = _elsewhere(at)
    elif not any(choice.public and str(step).startswith("*") for choice in choices for step in choice.steps):
        return ()
    usable = dict.fromkeys(str(item.address) for item in _ranked(at, choices) if item.rank == _PRIVATE)
    return tuple(text for text in usable if text != str(found.address))


def _connect(at: _Reading) -> str:
    """What to connect to: an address, or a DNS name that means no other machine."""
    at.refused.clear()
    for number, steps in enumerate(at.rules["connect"]):
        if steps in _SEARCH:
            for item in _stated(at, "connect", number):
                return str(item.address)
            continue
        for text in _texts(at, steps, "connect"):
            try:
                address = addresses.read(text)
            except ValueError:
                if not _DNS.fullmatch(text) or addresses.numeric(text):
                    fault = f"has {describe(text)} to connect to, neither an address nor a DNS name"
                    raise at.error(fault, "Let `host.connect` name another attribute") from None
                if not names.reserved(text):
                    return text
                at.refused.append(f"{text} is {names.reserved(text)}")
                continue
            why = addresses.never(address)
            if not why:
                return str(address)
            at.refused.append(f"{text} is {why}")
    if at.planned:
        return ""
    raise _none(at, at.rules["connect"], "connect")


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


@lru_cache(maxsize=1024)
def _states(kind: str) -> tuple[Steps, ...]:
    return tuple(paths.parse(text) for text in (host_types.host(kind) or host_types.PLAIN).state)


def _choices(entry: host_types.HostType | host_types.Neighbour | None) -> Iterator[_Choice]:
    if entry:
        for texts, private, public in (
            (entry.private, _PRIVATE, _PRIVATE),
            (entry.either, _PRIVATE, _PUBLIC),
            (entry.public, _PUBLIC, _PUBLIC),
        ):
            for text in texts:
                yield _Choice(paths.parse(text), private, public)


def _texts(at: _Reading, steps: Steps, what: str, last: bool = True) -> Iterator[str]:
    """The values at a path as texts, those that are empty left out. LAST: no other path follows, so all must be such."""
    candidate = at.candidate
    own = candidate.each.get(steps[1]) if len(steps) == 2 and steps[0] == "each" else None
    marked = candidate.resource is not None and any(paths.overlap(steps, mark) for mark in candidate.resource.sensitive)
    for value in paths.every(candidate.values, steps) if own is None else (own,):
        if not marked and (value is None or value == ""):
            continue
        if marked or any(sensitive.denied(step) for step in steps):
            fault = f"has its {what} at {_dotted(steps)}, which is sensitive"
            raise at.error(fault, f"Let `host.{what}` name another attribute")
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            fault = f"has {describe(value)} at {_dotted(steps)} where its {what} is expected"
            if not last or what == "address" and "address" not in at.rules and not host_types.host(at.kind):
                at.refused.append(f"{_dotted(steps)} is {describe(value)}")
                continue
            raise at.error(fault, f"Correct `host.{what}`")
        yield str(value)


def _none(at: _Reading, choices: Sequence[Steps], what: str) -> StackError:
    tried = " or ".join(_dotted(steps) for steps in choices[:8]) + (" and the like" if len(choices) > 8 else "")
    values = at.candidate.values
    some = ", ".join(
        sorted(key for key, value in values.items() if isinstance(value, (str, dict, list)) and value)[:12]
    )
    remedy = f"Correct `host.{what}`{f'; it has {some}' if some else ''}, or apply the stack until it has one"
    known = host_types.host(at.kind)
    if at.candidate.literal:
        remedy = "Apply the stack until it has one" if at.candidate.stack else f"Write it as `{what}:`"
    elif known and known.remedy and what == "address":
        remedy = known.remedy.format(stack=at.candidate.stack.name if at.candidate.stack else "")
    kind = NoAddress if what == "address" else StackError
    return kind(at.where, f"has no {what}: {', '.join(dict.fromkeys(at.refused)) or f'nothing at {tried}'}", remedy)


def _dotted(steps: Steps) -> str:
    return ".".join(str(step) for step in steps)
