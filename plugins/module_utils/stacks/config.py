# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a stacks file, checked before anything is read: `clusters:`, `host:` and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import paths, reference
from .errors import StackError, known
from .model import Stack

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_POOL = re.compile(r"[a-z][a-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HOST_KEYS = ("name", "address", "connect")
# How hosts are read, under `host:` or in a part itself; the first value is the default.
HOST_OPTIONS: dict[str, tuple[Any, ...]] = {
    "clean_names": (False, True),
    "resolve": (False, True),
    "missing_address": ("error", "skip"),
}
CLUSTER_KEYS = ("engine", "environment", "endpoint", "networks", "managers", "pools", "host", "vars", "managed")
PART_KEYS = ("hosts", "labels", "host", "size", *HOST_OPTIONS)
# Set by the plugin itself, so nothing else may.
RESERVED = (
    "cluster_name",
    "cluster_part",
    "cluster_pool",
    "cluster_address",
    "cluster_labels",
    "stack",
    "cluster_engine",
    "cluster_environment",
    "cluster_endpoint",
    "cluster_networks",
    "cluster_ca",
    "cluster_version",
    "cluster_node_groups",
    "cluster_managed_by",
)
# What a stack that describes itself may set: what it knows of its own network, and what only informs. Beside these, `site_…`.
DESCRIBED = (
    *("cluster_vip", "cluster_vip_router", "cluster_pod_subnet", "cluster_service_subnet"),
    *("contact", "description", "domain", "motd", "owner", "region", "team", "zone"),
)
DUPLICATES = ("error", "first", "address")

# Of a `host:` block: for each of HOST_KEYS its paths, and the options.
HostRules = dict[str, Any]


@dataclass
class Part:
    """The managers of a cluster or one pool. hosts: a reference, or hosts written in place. size: how many there should be."""

    place: str
    hosts: Any
    labels: Any = None
    host: HostRules = field(default_factory=dict)
    size: Any = None


@dataclass
class Cluster:
    """One cluster as described. Values may still be references. trusted: written in the file; else origin is the stack."""

    name: str
    place: str
    engine: str
    environment: Any
    endpoint: Any = None
    networks: Any = None
    managers: Part | None = None
    pools: dict[str, Part] = field(default_factory=dict)
    host: HostRules = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    trusted: bool = True
    managed: str | None = None
    origin: Stack | None = None


def mapping(value: Any, place: str, allowed: Iterable[str] | None = None) -> dict[str, Any]:
    """VALUE as a mapping with no other keys than those allowed."""
    if not isinstance(value, Mapping):
        raise StackError(
            place,
            f"is {describe(value)} where a mapping is expected",
            "Correct it; the reference of the inventory plugin shows the shape",
        )
    for key in value:
        if not isinstance(key, str):
            raise StackError(place, f"has the key {key!r}, which is no text", "Put it in quotes")
        if allowed is not None and key not in allowed:
            raise StackError(f"{place}.{key}", "is unknown", f"Remove or correct it; {known(key, allowed, 'keys')}")
    return dict(value)


def describe(value: Any) -> str:
    """What a wrong value is, without showing much of it."""
    if value is None:
        return "empty"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return (
        f"{type(value).__name__} {str(value)[:60]!r}" if not isinstance(value, str) else f"the text {str(value)[:60]!r}"
    )


def word(value: Any, place: str, what: str, dashes: bool = False) -> str:
    """A name that is also safe in the name of a group: small letters, digits and underscores, a letter first."""
    if not isinstance(value, str) or not (_POOL if dashes else _WORD).fullmatch(value) or len(value) > 63:
        signs = "small letters, digits, underscores and dashes" if dashes else "small letters, digits and underscores"
        raise StackError(place, f"is {describe(value)}, no name of {what}", f"Use {signs}, a letter first, at most 63")
    return value


def host_rules(value: Any, place: str) -> HostRules:
    """The `host:` block: for each of name, address and connect a path, or a list of which the first usable one counts; options."""
    result: HostRules = {}
    for key, entry in mapping(value or {}, place, (*HOST_KEYS, *HOST_OPTIONS)).items():
        if key in HOST_OPTIONS:
            result[key] = _option(key, entry, f"{place}.{key}")
            continue
        texts = entry if isinstance(entry, list) else [entry]
        try:
            result[key] = tuple(paths.parse(text if isinstance(text, str) else "") for text in texts)
        except ValueError:
            raise StackError(
                f"{place}.{key}",
                f"is {describe(entry)}, no path",
                "Write a dotted path into the host's attributes such as `tags.Name`, or a list of such paths",
            ) from None
        if not texts:
            raise StackError(f"{place}.{key}", "is an empty list", "Name at least one path")
    return result


def _option(key: str, value: Any, place: str) -> Any:
    if not any(value is choice or isinstance(value, str) and value == choice for choice in HOST_OPTIONS[key]):
        choices = " or ".join(str(choice).lower() for choice in HOST_OPTIONS[key])
        raise StackError(place, f"is {describe(value)}", f"Write {choices}")
    return value


def clusters(value: Any, place: str, trusted: bool = True) -> dict[str, Cluster]:
    """The `clusters:` block of the file, or the output `clusters` of a stack that describes itself (then not trusted)."""
    entries = mapping(value, place)
    if not entries:
        raise StackError(place, "is empty", "Describe at least one cluster")
    for name in entries:
        if str(name).endswith("_managers"):
            raise StackError(f"{place}.{name}", "would give a group that is taken for another", "Rename the cluster")
    return {
        word(name, f"{place}.{name}", "a cluster"): _cluster(name, entry, f"{place}.{name}", trusted)
        for name, entry in entries.items()
    }


def _cluster(name: str, value: Any, place: str, trusted: bool) -> Cluster:
    entry = mapping(value, place, CLUSTER_KEYS)
    managed = entry.get("managed")
    if managed is not None and not (trusted and reference.is_reference(managed)):
        raise StackError(
            f"{place}.managed",
            f"is {describe(managed)}, no reference",
            "Write STACK.resources.ADDRESS of the cluster that the cloud runs",
        )
    engine = entry.get("engine") or ("managed" if managed else None)
    if engine is None:
        raise StackError(place, "has no engine", "Add `engine:` with the name of one")
    cluster = Cluster(
        name,
        place,
        word(engine, f"{place}.engine", "an engine"),
        entry.get("environment") or "default",
        endpoint=entry.get("endpoint"),
        networks=entry.get("networks"),
        trusted=trusted,
        managed=managed,
        host=host_rules(entry.get("host"), f"{place}.host"),
        variables=_variables(entry.get("vars"), f"{place}.vars", trusted),
    )
    if entry.get("managers") is not None:
        cluster.managers = _part(entry["managers"], f"{place}.managers", trusted)
    elif cluster.engine != "managed":
        raise StackError(
            place,
            "has no managers",
            "Add `managers: {hosts: …}`, or `engine: managed` for a cluster that the cloud runs",
        )
    for pool, part in mapping(entry.get("pools") or {}, f"{place}.pools").items():
        if pool in ("all", "ungrouped") or "_pool_" in f"_{pool}".replace("-", "_"):
            raise StackError(f"{place}.pools.{pool}", "would give a group that is taken for another", "Rename the pool")
        cluster.pools[word(pool, f"{place}.pools.{pool}", "a pool", dashes=True)] = _part(
            part, f"{place}.pools.{pool}", trusted
        )
    return cluster


def _part(value: Any, place: str, trusted: bool) -> Part:
    entry = mapping(value, place, PART_KEYS)
    hosts = entry.get("hosts")
    if hosts is None and entry.get("size") == 0:
        hosts = []
    if hosts is None:
        raise StackError(
            place,
            "has no hosts",
            "Add `hosts:` with a reference such as `nodes.resources.aws_instance.web`, or `size: 0` for a pool whose hosts "
            "join by themselves",
        )
    if isinstance(hosts, str):
        if not trusted or not reference.is_reference(hosts):
            raise StackError(
                f"{place}.hosts",
                f"is {describe(hosts)}, no reference",
                "Write hosts in place" if not trusted else "Write STACK.resources.ADDRESS or STACK.outputs.NAME",
            )
    elif not isinstance(hosts, (list, dict)):
        raise StackError(
            f"{place}.hosts",
            f"is {describe(hosts)}",
            "Write a reference, a list of hosts, or a mapping of names to hosts",
        )
    options = {key: _option(key, entry[key], f"{place}.{key}") for key in HOST_OPTIONS if key in entry}
    rules = {**host_rules(entry.get("host"), f"{place}.host"), **options}
    return Part(place, hosts, entry.get("labels"), rules, entry.get("size"))


def size(value: Any, place: str) -> int | None:
    """How many hosts a part wants, every reference followed; CloudFormation has numbers as texts."""
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
        remedy = "Give a whole number, or a reference to an output that is one"
        raise StackError(place, f"is {describe(value)}, no number of hosts", remedy)
    return number


def labels(value: Any, place: str) -> dict[str, str]:
    """The labels of a pool, every reference followed: engines know texts alone."""
    return {key: _label(label, f"{place}.{key}") for key, label in mapping(value or {}, place).items()}


def _label(value: Any, place: str) -> str:
    if isinstance(value, float):  # 1.10 has become 1.1 before anybody could see it
        raise StackError(place, f"is the number {value}, maybe not as it was written", f'Put it in quotes: "{value}"')
    if not isinstance(value, (str, int)):
        raise StackError(place, f"is {describe(value)}", "Give a text, a number or a boolean")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variables(value: Any, place: str, trusted: bool) -> dict[str, Any]:
    entry = mapping(value or {}, place)
    for name in entry:
        if not _VARIABLE.fullmatch(name):
            raise StackError(
                f"{place}.{name}", "is no name of a variable", "Use letters, digits and underscores, a letter first"
            )
        if name in RESERVED:
            raise StackError(f"{place}.{name}", "is set by the plugin itself", "Choose another name")
        if not trusted and name.startswith("ansible_"):
            raise StackError(
                f"{place}.{name}",
                "would let a stack decide how Ansible connects",
                "Set it in the stacks file or in group_vars",
            )
        if not trusted and name not in DESCRIBED and not name.startswith("site_"):
            raise StackError(
                f"{place}.{name}",
                "is none of the variables that a stack may set",
                f"Set it in group_vars, or let the stack use `site_…` or one of: {', '.join(DESCRIBED)}",
            )
    return entry
