# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says of its tenants and functions (faas_tenants, faas_functions), read into types; all faults at once.

A fault names the file, line and column where Ansible knows them, and the variable with its index otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import egress

try:  # where a value stands in its file; ansible-core keeps it privately
    from ansible._internal._datatag._tags import Origin
except ImportError:  # pragma: no cover
    Origin = None  # type: ignore[assignment,misc,unused-ignore]

CONTRACTS = {
    "http/v1": "a server on PORT, as in the Knative runtime contract",
    "cloudevents/v1": "the same, given CloudEvents 1.0 in the binary mode of their HTTP binding",
}
ISOLATIONS = ("per_request", "per_function")
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


def place(value: Any, otherwise: str) -> str:
    """Where a value stands: FILE:LINE:COLUMN, or `otherwise`."""
    origin = Origin.get_tag(value) if Origin else None
    if origin is None or origin.line_num is None:
        return otherwise
    return f"{origin.path}:{origin.line_num}:{origin.col_num or 1} ({otherwise})"


@dataclass
class Faults:
    """What is wrong, with the place of each."""

    found: list[str] = field(default_factory=list)

    def add(self, value: Any, path: str, text: str) -> None:
        """Note one."""
        self.found.append(f"{place(value, path)}: {text}")


Rule = Callable[[Any], str]  # of a value, what it must be; '' where it is


def number(least: int, most: int) -> Rule:
    """A whole number of a range."""

    def judge(value: Any) -> str:
        whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if whole else f"must be a whole number from {least} to {most}"

    return judge


def matching(pattern: str, text: str) -> Rule:
    """A text of a form."""
    return lambda value: "" if isinstance(value, str) and re.fullmatch(pattern, value) else f"must be {text}"


def one_of(choices: Iterable[str]) -> Rule:
    """One of some texts."""
    known = list(choices)
    return lambda value: "" if isinstance(value, str) and value in known else f"is unknown; use {' or '.join(known)}"


def texts(rule: Rule) -> Rule:
    """A list of texts."""

    def judge(value: Any) -> str:
        if not isinstance(value, list):
            return "must be a list"
        return next((f"has {entry!r}, which {fault}" for entry in value if (fault := rule(entry))), "")

    return judge


def mapping(key: Rule, rule: Rule) -> Rule:
    """A mapping of texts."""

    def judge(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be a mapping"
        wrong = (f"has {k!r}, which {fault}" for k in value if (fault := key(k)))
        return next(wrong, "") or next((f"of {k} {fault}" for k, v in value.items() if (fault := rule(v))), "")

    return judge


def truth(value: Any) -> str:
    """A boolean."""
    return "" if isinstance(value, bool) else "must be true or false"


_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMED = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")


def schedule(value: Any) -> str:
    """Five fields of cron: numbers, *, ranges, steps and lists of these; or a named one."""
    text = "must be a schedule: minute, hour, day, month and weekday, such as '*/5 * * * *', or @hourly or @daily"
    if value in _NAMED:
        return ""
    fields = value.split() if isinstance(value, str) else []
    if len(fields) != len(_FIELDS):
        return text
    for entry, (least, most) in zip(fields, _FIELDS):
        for part in entry.split(","):
            found = re.fullmatch(r"(\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part)
            numbers = [int(n) for n in (found.group(2), found.group(3)) if n] if found else []
            step = int(found.group(4) or 1) if found else 0
            if not step or any(not least <= n <= most for n in numbers) or numbers != sorted(numbers):
                return f"{text}; {part!r} is none of {least} to {most}"
    return ""


_NAME = matching(r"[a-z][a-z0-9-]{0,30}[a-z0-9]", "lower-case letters, digits and hyphens, 2 to 32 of them")
_SUBJECT = matching(r"[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*", "a subject, such as orders.new")
_PATH = matching(
    r"(?!/(events|dead)(/|$))/[A-Za-z0-9._~/-]*", "a path, such as /orders, but of the gateway's own /events and /dead"
)
_VARIABLE = matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")
_ONE_LINE = matching(r"[^\x00\r\n]*", "a text of one line")

TENANT_RULES: dict[str, Rule] = {
    "name": _NAME,
    "tokens": texts(matching(r"[0-9a-f]{64}", "the SHA-256 sum of a token, 64 hexadecimal digits")),
    "pool": _NAME,
    "concurrency": number(1, 10000),
    "body": number(0, 64 * 1024 * 1024),
    "timeout": number(1, 3600),
    "storage": number(8, 1024 * 1024),
    "instances": number(1, 100000),
    "memory": number(10, 1024 * 1024 * 1024),
    "cpu": number(10, 1000000000),
}
FUNCTION_RULES: dict[str, Rule] = {
    "tenant": _NAME,
    "name": _NAME,
    "artifact": matching(r"\S+", "a file, or the https:// address of an archive"),
    "digest": matching(r"sha256:[0-9a-f]{64}", "the artifact's digest, sha256: and 64 hexadecimal digits"),
    "command": lambda value: texts(_ONE_LINE)(value) or ("" if value else "must not be empty"),
    "image": matching(
        r"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(?!:latest$)(:[\w.-]+|@sha256:[0-9a-f]{64})",
        "a container image with its digest or its tag, which may not be latest",
    ),
    "contract": one_of(CONTRACTS),
    "isolation": one_of(ISOLATIONS),
    "http": texts(_PATH),
    "cron": texts(schedule),
    "queue": texts(_SUBJECT),
    "public": truth,
    "timeout": number(1, 3600),
    "concurrency": number(1, 1000),
    "memory": number(10, 1024 * 1024),
    "cpu": number(10, 1000000),
    "disk": number(1, 65536),
    "pids": number(1, 65536),
    "files": number(16, 20000),
    "answer": number(0, 16 * 1024 * 1024),
    "env": mapping(_VARIABLE, _ONE_LINE),
    "secrets": mapping(_VARIABLE, _VARIABLE),
    "egress": texts(egress.destination),
    "services": mapping(_VARIABLE, egress.service),
    "retries": number(0, 100),
    "dead_letter": _SUBJECT,
}
# What a canary may have otherwise than its function.
CANARY_RULES: dict[str, Rule] = {"weight": number(0, 100)} | {
    key: FUNCTION_RULES[key]
    for key in (
        "artifact",
        "digest",
        "command",
        "image",
        "contract",
        "memory",
        "cpu",
        "disk",
        "pids",
        "files",
        "timeout",
    )
    + ("answer", "env", "secrets", "egress", "services")
}
INSTANCE_RULES: dict[str, Rule] = {"min": number(0, 1000), "max": number(1, 1000)}


def _values(
    rules: Mapping[str, Rule], entry: Any, path: str, required: Iterable[str], faults: Faults
) -> dict[str, Any]:
    """The members of one entry; what is wrong with them is noted."""
    if not isinstance(entry, dict):
        faults.add(entry, path, "must be a mapping")
        return {}
    values = {}
    for key, value in entry.items():
        if key in _NESTED and rules is FUNCTION_RULES:
            continue
        if key not in rules:
            faults.add(key, f"{path}.{key}", f"is unknown; use {', '.join(sorted(rules))}")
        elif fault := rules[key](value):
            faults.add(value, f"{path}.{key}", f"{value!r} {fault}")
        else:
            values[str(key)] = tuple(map(str, value)) if isinstance(value, list) else value
    for key in required:
        if key not in entry:
            faults.add(entry, path, f"has no {key}")
    return values


_NESTED = ("instances", "canary")
_NAMES, _CODE = ("tenant", "name"), ("artifact", "digest", "command")
Refused = Callable[[Function], Iterable[tuple[str, str]]]  # by an engine: fields of a function, and why


def _function(entry: Any, path: str, faults: Faults, refused: Refused) -> list[tuple[str, Any, Function]]:
    """A function and, where there is one, its canary, each with its place and entry; nothing where they have faults."""
    before = len(faults.found)
    given = entry if isinstance(entry, dict) else {}
    alone = "image" in given and not {"artifact", "digest"} & set(given)
    values = _values(FUNCTION_RULES, entry, path, _NAMES if alone else (*_NAMES, *_CODE), faults)
    if "instances" in given:
        values["instances"] = _values(INSTANCE_RULES, given["instances"], f"{path}.instances", (), faults)
    other = _values(CANARY_RULES, given["canary"], f"{path}.canary", ["weight"], faults) if "canary" in given else {}
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
            faults.add(members.get(key, entry), f"{where}.{key}", f"{one.label}: {text}")
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
        return place(entry[key], f"{path}.{key}") if key in entry else place(entry, path)


def read(tenants: Any, functions: Any, refused: Refused = lambda _function: (), gateways: int = 1) -> Declared:
    """Read both variables, for as many gateways. Raises FunctionError with a line for every fault, and for all that the engine refuses."""
    faults = Faults()
    for name, value in (("faas_tenants", tenants), ("faas_functions", functions)):
        if not isinstance(value, list):
            raise FunctionError(f"{place(value, name)}: must be a list")
    known: dict[str, Tenant] = {}
    for at, entry in enumerate(tenants):
        before = len(faults.found)
        values = _values(TENANT_RULES, entry, f"faas_tenants[{at}]", ["name"], faults)
        if values.get("name") in known:
            faults.add(entry["name"], f"faas_tenants[{at}].name", f"there is another tenant {values['name']}")
        elif len(faults.found) == before:
            known[values["name"]] = Tenant(**values)
    tokens: dict[str, str] = {}
    for tenant in known.values():
        for token in tenant.tokens:
            if tokens.setdefault(token, tenant.name) != tenant.name:
                faults.add(tenants, "faas_tenants", f"{tokens[token]} and {tenant.name} have the same token")
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
    taken: dict[tuple[str, str], str] = {}
    for path, entry, function in functions:
        if tenant := tenants.get(function.tenant):
            _within(tenant, path, entry, function, faults)
        _variables(path, entry, function, faults)
        if function.version:
            continue
        if function.tenant not in named:
            text = f"there is no tenant {function.tenant} in faas_tenants"
            faults.add(entry["tenant"], f"{path}.tenant", text)
        claims = [("name", f"name {function.label}", entry["name"])]
        claims += [("http", f"path {one}", entry["http"]) for one in function.http]
        claims += [("queue", f"queue {one} of {function.tenant}", entry["queue"]) for one in function.queue]
        for key, claim, value in claims:
            other = taken.setdefault((key, claim), function.label)
            if other != function.label or (key == "name" and taken.setdefault(("path", claim), path) != path):
                faults.add(value, f"{path}.{key}", f"the {claim} is {other}'s already; a function has its own")
        if not (function.http or function.cron or function.queue):
            faults.add(entry, path, "has no trigger; give http, cron or queue")
        if function.instances.min > function.instances.max:
            faults.add(entry["instances"], f"{path}.instances", "min is larger than max")
        if function.isolation == "per_request" and "instances" in entry:
            faults.add(
                entry["instances"], f"{path}.instances", "per_request makes an instance for each call; leave it out"
            )


def _within(tenant: Tenant, path: str, entry: Any, function: Function, faults: Faults) -> None:
    """What a tenant does not allow its functions."""
    if function.timeout > tenant.timeout:
        text = f"{function.timeout} seconds are more than the {tenant.timeout} that tenant {tenant.name} may take"
        faults.add(entry.get("timeout", entry), f"{path}.timeout", text)
    if function.concurrency > tenant.concurrency:
        text = (
            f"{function.concurrency} are more than the {tenant.concurrency} at once that tenant {tenant.name} may have"
        )
        faults.add(entry.get("concurrency", entry), f"{path}.concurrency", text)


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
            faults.add(entry[key], f"{path}.{key}", text)


def _variables(path: str, entry: Any, function: Function, faults: Faults) -> None:
    """One environment variable has one source."""
    known: dict[str, str] = {}
    for key in ("env", "secrets", "services"):
        given = sorted(getattr(function, key))
        if both := [f"{name} is in {known[name]} too" for name in given if name in known]:
            faults.add(entry.get(key, entry), f"{path}.{key}", ", ".join(both))
        known |= dict.fromkeys(given, key)
