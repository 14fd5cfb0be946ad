# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces, nft tables and iptables chains of components, known by their names alone."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from .receipts import INTERFACE, TABLE

PROGRAMS = ("iptables", "ip6tables")
# What iptables itself makes for whoever has a rule; they go when they are empty, and were not there before.
SHARED = tuple(f"{family} {name}" for family in ("ip", "ip6") for name in ("filter", "nat", "mangle", "raw"))


class NetworkError(Exception):
    """Something cannot be removed; the message says what and why."""


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _must(command: Sequence[str], given: str = "") -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetworkError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")


def matching(kind: str, pattern: str) -> list[str]:
    """The names on this host that a pattern names, of interfaces, of tables (family and name) or of chains."""
    names: Iterable[str]
    if kind == INTERFACE:
        names = os.listdir("/sys/class/net")
    elif kind == TABLE:
        listed = json.loads(_output(["nft", "--json", "list", "tables"]) or "{}").get("nftables", [])
        names = (f"{entry['table']['family']} {entry['table']['name']}" for entry in listed if "table" in entry)
    else:
        names = {name for program in PROGRAMS for name in chains(_output([f"{program}-save"]))}
    return sorted(name for name in names if named(name, pattern))


def named(name: str, pattern: str) -> bool:
    """Whether a shell pattern names it."""
    return fnmatchcase(name, pattern)


def chains(saved: str) -> list[str]:
    """The chains in what iptables-save printed."""
    return [line[1:].split()[0] for line in saved.splitlines() if line.startswith(":")]


def tables(saved: str) -> dict[str, list[str]]:
    """The lines of chains and rules in what iptables-save printed, by table (*NAME)."""
    found: dict[str, list[str]] = {}
    for line in saved.splitlines():
        if line.startswith("*"):
            found[line] = []
        elif line.startswith((":", "-A ")):
            found[next(reversed(found))].append(line)
    return found


def script(saved: str, ours: Callable[[str], bool], interfaces: Collection[str], comments: Collection[str]) -> str:
    """For iptables-restore --noflush: what removes our chains, and of others' chains the rules that lead into them, that are
    for our interfaces, or whose whole comment is of one of these forms. Empty where there are none; policies stay."""
    parts: list[str] = []
    for table, lines in tables(saved).items():
        own = [name for name in chains("\n".join(lines)) if ours(name)]
        rules = [line for line in lines if line.startswith("-A ") and not ours(line.split()[1])]
        drop = [f"-D {line[3:]}" for line in rules if leads(line, ours, interfaces.__contains__, comments)]
        if own or drop:
            parts += [table, *drop, *(f"-F {name}" for name in own), *(f"-X {name}" for name in own), "COMMIT"]
    return "\n".join([*parts, ""]) if parts else ""


def leads(rule: str, ours: Callable[[str], bool], by: Callable[[str], bool], comments: Collection[str]) -> bool:
    """Whether a rule leads into a chain of ours, is for an interface C(by) which ours are known, or bears such a comment."""
    words = shlex.split(rule)
    for option, value in zip(words, words[1:]):
        if (
            (option in ("-j", "-g") and ours(value))
            or (option in ("-i", "-o") and by(value))
            or (option == "--comment" and any(fnmatchcase(value, form) for form in comments))
        ):
            return True
    return False


def remove_rules(ours: Callable[[str], bool], interfaces: Collection[str], comments: Collection[str]) -> list[str]:
    """Remove them from the packet filter, each table at once. Raises NetworkError."""
    done = []
    for program in PROGRAMS:
        given = script(_output([f"{program}-save"]), ours, interfaces, comments)
        if given:
            _must([f"{program}-restore", "--noflush"], given)
            done.append(f"rules of {program}")
    return done


def remove_interface(name: str) -> None:
    """Delete an interface. Raises NetworkError."""
    if os.path.exists(f"/sys/class/net/{name}"):  # its other end may have taken it along
        _must(["ip", "link", "delete", name])


def remove_table(name: str) -> bool:
    """Delete an nft table, one of iptables itself only where it is empty; tells whether it did. Raises NetworkError."""
    if name in SHARED and not empty(_output(["nft", "--json", "list", "table", *name.split()])):
        return False
    _must(["nft", "delete", "table", *name.split()])
    return True


def empty(listed: str) -> bool:
    """Whether a table, as nft lists it in JSON, holds no rule, and no chain but those of hooks that accept."""
    for entry in json.loads(listed or '{"nftables": [{"rule": {}}]}')["nftables"]:
        if not entry.keys() & {"metainfo", "table"} and entry.get("chain", {}).get("policy") != "accept":
            return False
    return True
