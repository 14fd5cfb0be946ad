# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member of a tenant or function may be. A rule yields each fault: the value, the rest of its path, and what is wrong."""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import egress

Rule = Callable[[Any], Iterable[tuple[Any, str, str]]]
Judge = Callable[[Any], str]  # of one value, what it must be; '' where it is

CONTRACTS = {
    "http/v1": "a server on PORT, as in the Knative runtime contract",
    "cloudevents/v1": "the same, given CloudEvents 1.0 in the binary mode of their HTTP binding",
}
ISOLATIONS = ("per_request", "per_function")
SHOWN = 80  # signs of a faulty value that a message has


def one(judge: Judge, told: bool = True) -> Rule:
    """One value; what may be a secret is not told."""

    def rule(value: Any) -> Iterator[tuple[Any, str, str]]:
        if fault := judge(value):
            text = repr(value)
            shown = "an empty value " if value is None else f"{text if len(text) <= SHOWN else text[:SHOWN] + '…'} "
            yield value, "", f"{shown if told else ''}{fault}"

    return rule


def number(least: int, most: int, unit: str = "") -> Rule:
    """A whole number of a range."""

    def judge(value: Any) -> str:
        whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        text = f"must be a whole number from {least} to {most}"
        return "" if whole else f"{text}, in {unit}, without the unit" if unit else text

    return one(judge)


def matches(pattern: str, text: str) -> Judge:
    """A text of a form."""
    return lambda value: "" if isinstance(value, str) and re.fullmatch(pattern, value) else f"must be {text}"


def one_of(choices: Iterable[str]) -> Rule:
    """One of some texts."""
    known = list(choices)
    return one(
        lambda value: "" if isinstance(value, str) and value in known else f"is unknown; use {' or '.join(known)}"
    )


def several(rule: Rule, same: Callable[[str], str] = str) -> Rule:
    """A list without one entry twice; `same` is what makes two entries one."""

    def check(value: Any) -> Iterator[tuple[Any, str, str]]:
        if not isinstance(value, list):
            yield value, "", "must be a list"
            return
        known: set[str] = set()
        for at, entry in enumerate(value):
            if faults := list(rule(entry)):
                yield from ((found, f"[{at}]{rest}", text) for found, rest, text in faults)
            elif same(entry) in known:
                yield entry, f"[{at}]", "is there twice; take one out"
            else:
                known.add(same(entry))

    return check


def mapping(key: Rule, rule: Rule) -> Rule:
    """A mapping."""

    def check(value: Any) -> Iterator[tuple[Any, str, str]]:
        if not isinstance(value, dict):
            yield value, "", "must be a mapping"
            return
        for name, member in value.items():
            yield from ((found, "", text) for found, _rest, text in key(name))
            yield from ((found, f".{name}{rest}", text) for found, rest, text in rule(member))

    return check


def truth(value: Any) -> str:
    """A boolean."""
    return "" if isinstance(value, bool) else "must be true or false"


def program(value: Any) -> Iterator[tuple[Any, str, str]]:
    """A program with its arguments."""
    if not isinstance(value, list):
        yield value, "", "must be a list, such as [python3, greet.py]"
    elif not value or not str(value[0] or "").strip():
        yield value, "", "must begin with a program"
    else:
        for at, entry in enumerate(value):
            yield from ((found, f"[{at}]", text) for found, _rest, text in _ONE_LINE(entry))


_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))  # as JetStream has them: Sunday is 0
_NAMED = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


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
            within = 0 < step <= most and all(least <= n <= most for n in numbers) and numbers == sorted(numbers)
            if not within:
                return f"{text}; {part!r} is none of {least} to {most}{', Sunday is 0' if most == 6 else ''}"
    return "" if _comes(*fields[2:]) else f"{text}; no month that it names has such a day"


def _comes(day: str, month: str, weekday: str) -> bool:
    """Whether a day of such a schedule ever comes."""
    if weekday != "*" or not re.fullmatch(r"[\d,-]+", day):
        return True
    first = min(int(part.partition("-")[0]) for part in day.split(","))
    months = [one for one in range(1, 13) if _has(month, one)]
    return any(first <= calendar.monthrange(2024, one)[1] for one in months)


def _has(field: str, number: int) -> bool:
    """Whether a field of a schedule has a number."""
    for part in field.split(","):
        span, _slash, step = part.partition("/")
        low, dash, high = span.partition("-")
        least = 1 if low == "*" else int(low)
        most = int(high) if dash else 99 if low == "*" or step else least
        if least <= number <= most and (number - least) % int(step or 1) == 0:
            return True
    return False


def token(value: Any) -> str:
    """The sum of a token."""
    fault = matches("[0-9a-f]{64}", 'the SHA-256 sum of a token, 64 hexadecimal digits: printf %s "$TOKEN" | sha256sum')
    if value == hashlib.sha256(b"").hexdigest():
        return "is the SHA-256 sum of nothing: the variable with the token was empty"
    return fault(value)


def network(value: Any) -> str:
    """A network, or an address."""
    fault = egress.network(value)
    return f"{fault}; such as 10.9.0.0/16" if fault else ""


def folder(value: Any) -> str:
    """A path of a host."""
    return "" if isinstance(value, str) and value.startswith("/") else "must be a path that begins with /"


_NAME = one(matches(r"[a-z][a-z0-9-]{0,30}[a-z0-9]", "lower-case letters, digits and hyphens, 2 to 32 of them"))
_SUBJECT = one(
    matches(r"(?=.{1,200}$)[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*", "a subject, such as orders.new, without a wildcard")
)
_PATH = one(
    matches(
        r"(?=.{1,200}$)(?!/(events|dead)(/|$))(/|(/(?![.]{1,2}(/|$))[A-Za-z0-9._~-]+)+/?)",
        "a path, such as /orders, which stands for all below it too; /events and /dead are the gateway's own",
    )
)
_VARIABLE = one(matches(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable"))
_ONE_LINE = one(matches(r"[^\x00\r\n]*", "a text of one line; quote numbers and booleans"))
_VALUE = one(matches(r"[^\x00\r\n]*", "a text of one line; quote numbers and booleans"), told=False)
_SECRET = one(
    matches(
        r"[A-Za-z_][A-Za-z0-9_]*",
        "the name of an item of the function's own secrets, such as db_password; no secret itself, none of another function",
    ),
    told=False,
)
_DIGEST = one(
    matches(r"sha256:[0-9a-f]{64}", "the artifact's digest: sha256: and the 64 lower-case digits of sha256sum")
)

TENANT: dict[str, Rule] = {
    "name": _NAME,
    "tokens": several(one(token, told=False)),
    "pool": _NAME,
    "concurrency": number(1, 10000),
    "body": number(0, 64 * 1024 * 1024, "bytes"),
    "timeout": number(1, 3600, "seconds"),
    "storage": number(8, 1024 * 1024, "MiB"),
    "instances": number(1, 100000),
    "memory": number(10, 1024 * 1024 * 1024, "MiB"),
    "cpu": number(10, 1000000000, "MHz or thousandths of a core"),
}
FUNCTION: dict[str, Rule] = {
    "tenant": _NAME,
    "name": _NAME,
    "artifact": one(matches(r"(?![a-z0-9+.-]+://)\S+|https://[^\s/]+/\S+", "a file, or the https:// address of one")),
    "digest": _DIGEST,
    "command": program,
    "image": one(
        matches(
            r"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(?!:latest$)(:[\w.-]+|@sha256:[0-9a-f]{64})",
            "a container image with its digest or its tag, which may not be latest",
        )
    ),
    "contract": one_of(CONTRACTS),
    "isolation": one_of(ISOLATIONS),
    "http": several(_PATH, same=lambda path: path.rstrip("/")),
    "cron": several(one(schedule)),
    "queue": several(_SUBJECT),
    "public": one(truth),
    "timeout": number(1, 3600, "seconds"),
    "concurrency": number(1, 1000),
    "memory": number(10, 1024 * 1024, "MiB"),
    "cpu": number(10, 1000000, "MHz or thousandths of a core"),
    "disk": number(1, 65536, "MiB"),
    "pids": number(1, 65536),
    "files": number(16, 20000),
    "answer": number(0, 16 * 1024 * 1024, "bytes"),
    "env": mapping(_VARIABLE, _VALUE),
    "secrets": mapping(_VARIABLE, _SECRET),
    "egress": several(one(egress.destination)),
    "services": mapping(_VARIABLE, one(egress.service)),
    "retries": number(0, 100),
    "dead_letter": _SUBJECT,
}
_OF_A_CANARY = (
    *("artifact", "digest", "command", "image", "contract", "memory", "cpu", "disk", "pids", "files", "timeout"),
    *("answer", "env", "secrets", "egress", "services"),
)
# What a canary may have otherwise than its function.
CANARY: dict[str, Rule] = {"weight": number(0, 100, "percent"), **{key: FUNCTION[key] for key in _OF_A_CANARY}}
_CONFIGS = (
    "autoscaler",
    "defaults",
    "deployment",
    "features",
    "gc",
    "kourier",
    "leader-election",
    "logging",
    "network",
)
# The runtime's own variables.
SETTINGS: dict[str, Rule] = {
    "faas_runtime_closed": several(one(network)),
    "faas_runtime_network": one(network),
    "faas_runtime_root": several(one(folder)),
    "faas_runtime_storage": number(16, 1024 * 1024 * 1024, "MiB"),
    "faas_runtime_replicas": number(1, 100),
    "faas_runtime_knative_config": mapping(
        one_of(f"config-{name}" for name in (*_CONFIGS, "observability")), mapping(_ONE_LINE, _ONE_LINE)
    ),
}
INSTANCES: dict[str, Rule] = {"min": number(0, 1000), "max": number(1, 1000)}
