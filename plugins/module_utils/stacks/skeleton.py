# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For a stacks file without clusters: the servers that its stacks hold, and a `clusters:` block of them that loads as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from . import (
    addresses,
    candidates,
    config,
    grammar,
    host_types,
    hosts,
    lookup,
)
from .addresses import Address
from .errors import StackError
from .model import Inventory, Stack
from .neighbours import Neighbours

Build = Callable[[dict[str, Any]], Inventory]
CLUSTER = "main"
_INDEX = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
_MANAGERS = re.compile(r"manager|master|control|leader", re.IGNORECASE)
_NO_HOSTS = re.compile(r"(^|_)(lb|load_?balancer|balancer|gateway|nat|endpoint|vip|bastion)(_|$)", re.IGNORECASE)
_NO_TEXT = re.compile(r"y|n|yes|no|on|off|true|false|null", re.IGNORECASE)
# Ways to read the hosts: the first with which the block loads is taken.
_NAMES: tuple[dict[str, Any], ...] = (
    {},
    {"clean_names": True},
    {"name": "each.name", "clean_names": True},
    {"name": "each.address", "clean_names": True},
)
_RULES = [{**rules, **skip} for skip in ({}, {"missing_address": "skip"}) for rules in _NAMES]


class Seen(NamedTuple):
    """What one reference names. each: a reference to each of its servers. shown: the servers as the message lists them."""

    reference: str
    each: list[str]
    shown: list[str]
    addresses: Sequence[Address] = ()

    @property
    def name(self) -> str:
        """What the code calls them."""
        return re.split(r"::|\.", self.reference)[-1]


def remedy(stacks: Mapping[str, Stack], build: Build) -> str:
    """What to do. BUILD: makes the inventory of `clusters:`."""
    found = [item for stack in stacks.values() for item in _servers(stack, stacks)]
    seen = [item for item in found if item.each]
    listed = [f"#   {item.reference}: {', '.join(item.shown)}" for item in found]
    if not seen:
        held = "; ".join(f"{stack.place} holds {_contents(stack)}" for stack in stacks.values())
        return f"No server with an address is seen: {held}" + ("\n" + "\n".join([*listed, "#"]) if listed else "")
    first: StackError | None = None
    for rules in _RULES:
        block = {CLUSTER: _cluster(seen, rules)}
        try:
            if build(block).groups[f"{CLUSTER}_managers"].hosts:
                return f"Add this to the file and change it to what you want:\n\n{_text(block, listed)}"
        except StackError as error:
            first = first or error
    why = f" It needs a change first: {first}" if first else ""
    return (
        f"Add this to the file and change it to what you want.{why}\n\n{_text({CLUSTER: _cluster(seen, {})}, listed)}"
    )


def _servers(stack: Stack, stacks: Mapping[str, Stack]) -> Iterator[Seen]:
    """What of a stack is servers: resources of known types and of such as sound like it, else the outputs that are hosts with addresses."""
    made = [item for item in stack.resources if item.mode == "managed"]
    kinds = {f"{stack.name}.resources.{_INDEX.sub('', item.base)}": _known(item.type) for item in made}
    known = {text: sure for text, sure in kinds.items() if sure is not None}
    neighbours = Neighbours(stacks.values())
    found = [item for text, sure in known.items() for item in _seen(text, stacks, neighbours, sure)]
    if found:
        yield from found
        return
    outputs = [
        f"{stack.name}.outputs.{name}{path}"
        for name, output in stack.outputs.items()
        for path in _paths(output.value)
        if not _NO_HOSTS.search(name)
    ]
    found = [item for text in outputs for item in _seen(text, stacks, neighbours, False)]
    inside = [item for item in found if any(map(addresses.private, item.addresses))]
    taken: set[Address] = set()
    for item in inside or found:
        if taken.isdisjoint(item.addresses):
            taken.update(item.addresses)
            yield item


def _known(kind: str) -> bool | None:
    """Whether a type is one of servers, or only sounds like it; None for others."""
    known = host_types.host(kind) or host_types.pool(kind)
    return True if known else False if host_types.machine_like(kind) else None


def _seen(text: str, stacks: Mapping[str, Stack], neighbours: Neighbours, sure: bool) -> Iterator[Seen]:
    """What a reference names; nothing where it is not SURE to be servers and one has no address."""
    try:
        named = candidates.of(config.Part(text, text), stacks, [])
    except StackError as error:
        if sure:
            yield Seen(text, [], [f"{error.fault}. {error.remedy}"])
        return
    shown = [f"{host.address}: {hosts.off(host)}" for host in named if hosts.off(host)]
    named = [host for host in named if not hosts.off(host)]
    found: list[Address] = []
    for host in named:
        try:
            read = hosts.read(host, {"clean_names": True}, "", (), neighbours)
            shown.append(f"{read.name} {read.address or 'without an address yet'}")
            found += [addresses.read(read.address)] if read.address else []
        except StackError as error:
            shown.append(f"{host.address} {error.fault}")
    if not sure and len(found) < len(named):
        return
    each = [f"{text.split('.', 1)[0]}.resources.{host.address}" if host.resource else host.address for host in named]
    whole = any(host.pool for host in named)
    if ".outputs." in text:
        whole = isinstance(lookup.output(text, stacks, ""), str)
    yield Seen(text, [text] if whole else each, shown, found)


def _paths(value: Any) -> list[str]:
    """Where the hosts of an output stand: in itself, or in each list of a mapping of lists."""
    lists = [f".{key}" for key, item in value.items() if isinstance(item, list)] if isinstance(value, dict) else []
    return lists or [""]


def _contents(stack: Stack) -> str:
    """What a stack without servers holds."""
    kinds = sorted({item.type for item in stack.resources if item.mode == "managed"})
    parts = {"resources of the types": kinds, "the outputs": sorted(stack.outputs)}
    return " and ".join(f"{what} {', '.join(held[:6])}" for what, held in parts.items() if held) or "nothing"


def _cluster(seen: list[Seen], rules: dict[str, Any]) -> dict[str, Any]:
    """Managers: what is called so, else the first; of one kind of servers the first one, or three of five and more."""
    managers = next((item for item in seen if _MANAGERS.search(item.name)), seen[0])
    parts: dict[str, Any] = {"hosts": managers.reference}
    pools: dict[str, Any] = {}
    if len(seen) == 1 and len(managers.each) > 1:
        count = 3 if len(managers.each) > 4 else 1
        parts = {"hosts": managers.each[:count]}
        pools["nodes"] = {"hosts": managers.each[count:]}
    for item in seen:
        if item is not managers:
            own = re.sub(r"[^a-z0-9]+", "_", _INDEX.sub("", item.name).lower()).strip("_")[:40]
            usable = re.match(r"[a-z]", own) and own not in (*pools, "all", "ungrouped") and "pool_" not in own
            pools[own if usable else f"pool{len(pools) + 1}"] = {"hosts": item.reference}
    engine = (grammar.engines() or ["ENGINE"])[0]
    cluster: dict[str, Any] = {"engine": engine, "managers": parts, "pools": pools, "host": rules}
    return {key: value for key, value in cluster.items() if value}


def _text(block: dict[str, Any], listed: list[str]) -> str:
    """The block as YAML, with the servers above it as comments. It ends in one: what a message puts behind is part of it."""
    engines = f"# Engines: {', '.join(grammar.engines())}"
    return "\n".join(["# Servers in the stacks:", *listed, *_yaml({"clusters": block}, ""), engines])


def _yaml(value: dict[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield f"{indent}{_scalar(key)}:"
            yield from _yaml(item, f"{indent}  ")
        elif isinstance(item, list):
            yield f"{indent}{_scalar(key)}:"
            yield from (f"{indent}  - {_scalar(text)}" for text in item)
        else:
            yield f"{indent}{_scalar(key)}: {_scalar(item)}"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.]*", value) and not _NO_TEXT.fullmatch(value)
    return str(value) if plain else json.dumps(value)
