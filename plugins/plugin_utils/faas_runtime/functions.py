# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says of its tenants and functions (faas_tenants, faas_functions), read into types; all faults at once.

A fault names the file, line and column where Ansible knows them, and the variable with its index otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import rules
from .places import Faults, place

RESERVED = ("PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION")  # variables that every function gets
LARGEST_CODE = 256 * 1024  # it is part of the job that Nomad's servers keep


class FunctionError(ValueError):
    """All that is wrong, a line for each fault."""


@dataclass(frozen=True)
class Tenant:
    """Who has functions. `tokens` are SHA-256 sums of the bearer tokens that may call them.

    instances, memory (MiB) and cpu are what all its functions may take at once, 0 for no limit.
    """

    name: str
    tokens: tuple[str, ...] = ()
    pool: str = "default"
    concurrency: int = 50
    body: int = 1024 * 1024
    timeout: int = 60
    storage: int = 256
    instances: int = 0
    memory: int = 0
    cpu: int = 0


@dataclass(frozen=True)
class Instances:
    """How many instances of a `per_function` function there are."""

    min: int = 0
    max: int = 1


@dataclass(frozen=True)
class Function:
    """One function. Of the triggers, `http` are paths, `cron` schedules of five fields, `queue` subjects of the tenant.

    memory and disk are in MiB, cpu in MHz, timeout in seconds, answer in bytes.
    """

    tenant: str
    name: str
    artifact: str = ""
    digest: str = ""
    command: tuple[str, ...] = ()
    image: str = ""
    contract: str = "http/v1"
    isolation: str = "per_request"
    http: tuple[str, ...] = ()
    cron: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    public: bool = False
    timeout: int = 30
    concurrency: int = 10
    memory: int = 64
    cpu: int = 100
    disk: int = 16
    pids: int = 32
    files: int = 256
    answer: int = 1024 * 1024
    instances: Instances = Instances()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    egress: tuple[str, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    retries: int = 3
    dead_letter: str = ""
    version: str = ""  # of a canary, which is a function of its own without triggers
    weight: int = 0

    @property
    def label(self) -> str:
        """How it is called."""
        return f"{self.tenant}/{self.name}{self.version and f'_{self.version}'}"

    def most(self, gateways: int) -> int:
        """How many instances of it there may be at once, where as many gateways start them for calls."""
        return self.instances.max if self.isolation == "per_function" else self.concurrency * gateways

    @property
    def destinations(self) -> tuple[str, ...]:
        """All that it may connect to."""
        return (*self.egress, *self.services.values())

    @property
    def job(self) -> str:
        """Its name in its namespace."""
        return f"faas-{self.label.partition('/')[2]}"

    @property
    def service(self) -> str:
        """The name of its service: a host name, so without the job's underscore."""
        return f"canary-faas-{self.name}" if self.version else self.job


def _values(
    known: Mapping[str, rules.Rule], entry: Any, path: str, required: Iterable[str], faults: Faults
) -> dict[str, Any]:
    """The members of one entry; what is wrong with them is noted."""
    if not isinstance(entry, dict):
        faults.add(path, "must be a mapping", entry)
        return {}
    values, nested = {}, _NESTED if known is rules.FUNCTION else ()
    for key, value in entry.items():
        if key in nested:
            continue
        if key not in known:
            faults.add(f"{path}.{key}", f"is unknown; use {', '.join(sorted((*known, *nested)))}", key)
        elif wrong := list(known[key](value)):
            for found, rest, text in wrong:
                faults.add(f"{path}.{key}{rest}", text, found, value, entry)
        else:
            values[str(key)] = tuple(map(str, value)) if isinstance(value, list) else value
    for key in required:
        if key not in entry:
            faults.add(path, f"has no {key}", entry)
    return values


_NESTED = ("instances", "canary")
_NAMES, _CODE = ("tenant", "name"), ("artifact", "digest", "command")
Refused = Callable[[Function], Iterable[tuple[str, str]]]  # by an engine: fields of a function, and why


def _function(entry: Any, path: str, faults: Faults, refused: Refused) -> list[tuple[str, Any, Function]]:
    """A function and, where there is one, its canary, each with its place and entry; nothing where they have faults."""
    before = len(faults.found)
    given = entry if isinstance(entry, dict) else {}
    alone = "image" in given and not {"artifact", "digest"} & set(given)
    values = _values(rules.FUNCTION, entry, path, _NAMES if alone else (*_NAMES, *_CODE), faults)
    if "instances" in given:
        values["instances"] = _values(rules.INSTANCES, given["instances"], f"{path}.instances", (), faults)
    other = _values(rules.CANARY, given["canary"], f"{path}.canary", ["weight"], faults) if "canary" in given else {}
    if len(faults.found) > before:
        return []
    function = Function(
        **{**values, "instances": Instances(**values.get("instances", {})), "weight": other.get("weight", 0)}
    )
    found = [(path, entry, function)]
    if other:
        canary = replace(function, **{**other, "version": "canary", "weight": 0, "http": (), "cron": (), "queue": ()})
        found.append((f"{path}.canary", given["canary"], canary))
    for where, members, one in found:
        for key, text in refused(one):
            faults.add(f"{where}.{key}", f"{one.label}: {text}", members.get(key), members, entry)
    return found


@dataclass(frozen=True)
class Declared:
    """What the site declares, without a fault."""

    tenants: Mapping[str, Tenant]
    functions: tuple[Function, ...]
    entries: Mapping[str, tuple[str, Any]] = field(default_factory=dict)  # of tenants and of functions, by their labels

    def place(self, label: str, key: str) -> str:
        """Where a member of a tenant or function stands, or its entry where it does not have the member."""
        path, entry = self.entries[label]
        return place(f"{path}.{key}" if key in entry else path, entry.get(key), entry)


def read(tenants: Any, functions: Any, refused: Refused = lambda _function: (), gateways: int = 1) -> Declared:
    """Read both variables, for as many gateways. Raises FunctionError with a line for every fault, and for all that the engine refuses."""
    faults = Faults()
    for name, value in (("faas_tenants", tenants), ("faas_functions", functions)):
        if not isinstance(value, list):
            raise FunctionError(f"{place(name, value)}: must be a list")
    known: dict[str, Tenant] = {}
    for at, entry in enumerate(tenants):
        before = len(faults.found)
        values = _values(rules.TENANT, entry, f"faas_tenants[{at}]", ["name"], faults)
        if values.get("name") in known:
            faults.add(f"faas_tenants[{at}].name", f"there is another tenant {values['name']}", entry["name"])
        elif len(faults.found) == before:
            known[values["name"]] = Tenant(**values)
    _tokens(known, tenants, faults)
    read_functions = [
        found
        for at, entry in enumerate(functions)
        for found in _function(entry, f"faas_functions[{at}]", faults, refused)
    ]
    _together(known, {str(entry["name"]) for entry in tenants if _named(entry)}, read_functions, faults)
    for at, entry in enumerate(tenants):
        if _named(entry) and (name := str(entry["name"])) in known:
            own = [function for _path, _entry, function in read_functions if function.tenant == name]
            _quota(known[name], f"faas_tenants[{at}]", entry, own, gateways, faults)
    if faults.found:
        raise FunctionError("\n".join(faults.found))
    entries = {str(entry["name"]): (f"faas_tenants[{at}]", entry) for at, entry in enumerate(tenants)}
    entries |= {function.label: (path, entry) for path, entry, function in read_functions}
    return Declared(known, tuple(function for _path, _entry, function in read_functions), entries)


def _named(entry: Any) -> bool:
    return isinstance(entry, dict) and "name" in entry


def _together(
    tenants: Mapping[str, Tenant], named: set[str], functions: list[tuple[str, Any, Function]], faults: Faults
) -> None:
    """What one entry cannot tell: names, paths and subjects of one another."""
    taken: dict[str, tuple[str, str]] = {}
    for path, entry, function in functions:
        if tenant := tenants.get(function.tenant):
            _within(tenant, path, entry, function, faults)
        _variables(path, entry, function, faults)
        if function.version:
            continue
        if function.tenant not in named:
            text = f"there is no tenant {function.tenant} in faas_tenants"
            faults.add(f"{path}.tenant", text, entry["tenant"])
        for where, claim, value in _claims(function, entry):
            other, first = taken.setdefault(claim, (function.label, path))
            if first != path:
                faults.add(f"{path}.{where}", f"the {claim} is {other}'s already; a function has its own", value, entry)
        if not (function.http or function.cron or function.queue):
            faults.add(path, "has no trigger; give http, cron or queue", entry)
        given = entry.get("instances")
        if function.instances.min > function.instances.max:
            faults.add(f"{path}.instances", "min is larger than max", given)
        if function.isolation == "per_request" and "instances" in entry:
            faults.add(f"{path}.instances", "per_request makes an instance for each call; leave it out", given)


def _claims(function: Function, entry: Any) -> Iterable[tuple[str, str, Any]]:
    """What no other function may have: where it stands, what it is, and its value."""
    yield "name", f"name {function.label}", entry["name"]
    for at, one in enumerate(function.http):  # with a slash at its end it is the same path
        yield f"http[{at}]", f"path {one.rstrip('/') or '/'}", entry["http"][at]
    for at, one in enumerate(function.queue):
        yield f"queue[{at}]", f"queue {one} of {function.tenant}", entry["queue"][at]


def _tokens(tenants: Mapping[str, Tenant], entries: Any, faults: Faults) -> None:
    """A token tells whose it is."""
    owners: dict[str, str] = {}
    for number, entry in enumerate(entries):
        tenant = tenants.get(str(entry["name"])) if _named(entry) else None
        for at, token in enumerate(tenant.tokens if tenant else ()):
            if (other := owners.setdefault(token, tenant.name)) != tenant.name:  # type: ignore[union-attr]
                text = f"is a token of {other} too; give each tenant its own"
                faults.add(f"faas_tenants[{number}].tokens[{at}]", text, entry["tokens"][at], entry)


def _within(tenant: Tenant, path: str, entry: Any, function: Function, faults: Faults) -> None:
    """What a tenant does not allow its functions."""
    if function.timeout > tenant.timeout:
        text = f"{function.timeout} seconds are more than the {tenant.timeout} that tenant {tenant.name} may take"
        faults.add(f"{path}.timeout", text, entry.get("timeout"), entry)
    if function.concurrency > tenant.concurrency:
        text = (
            f"{function.concurrency} are more than the {tenant.concurrency} at once that tenant {tenant.name} may have"
        )
        faults.add(f"{path}.concurrency", text, entry.get("concurrency"), entry)


def taken(functions: Iterable[Function], gateways: int) -> dict[str, dict[str, int]]:
    """What functions may take at once of each thing that a tenant has a quota of, by their names."""
    found: dict[str, dict[str, int]] = {"instances": {}, "memory": {}, "cpu": {}}
    for function in functions:
        most = function.most(gateways)
        shares = {"instances": most, "memory": most * function.memory, "cpu": most * function.cpu}
        for key, share in shares.items():
            found[key][function.label.partition("/")[2]] = share
    return found


def _quota(tenant: Tenant, path: str, entry: Any, own: list[Function], gateways: int, faults: Faults) -> None:
    """A tenant whose functions may take more at once than it may have: told now, not by a call that finds no room."""
    for key, shares in taken(own, gateways).items():
        limit, whole = getattr(tenant, key), sum(shares.values())
        if limit and whole > limit:
            largest = sorted(shares, key=lambda name: -shares[name])[:3]
            told = ", ".join(f"{name} {shares[name]}" for name in largest) + (
                ", …" if len(shares) > len(largest) else ""
            )
            text = (
                f"the functions of {tenant.name} may take {whole} at once ({told}), which is over its quota of {limit}; "
                "lower their instances, concurrency, memory or cpu, or raise the quota"
            )
            faults.add(f"{path}.{key}", text, entry[key], entry)


def _variables(path: str, entry: Any, function: Function, faults: Faults) -> None:
    """One environment variable has one source."""
    known: dict[str, str] = {}
    for key in ("env", "secrets", "services"):
        given = sorted(getattr(function, key))
        if own := [name for name in given if name in RESERVED]:
            faults.add(
                f"{path}.{key}",
                f"{', '.join(own)} is set by the runtime itself; take another name",
                entry.get(key),
                entry,
            )
        if both := [f"{name} is in {known[name]} too" for name in given if name in known]:
            faults.add(f"{path}.{key}", ", ".join(both), entry.get(key), entry)
        known |= dict.fromkeys(given, key)
