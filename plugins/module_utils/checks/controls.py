# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of a security benchmark, looked at on a host: files, arguments of processes, settings in files. Standard library only.

A control is data: C(number), C(title), what is looked at (C(kind), C(target), C(name)), and what it must be (C(rule), C(value)).
"""

from __future__ import annotations

import glob
import json
import os
import pwd
from collections.abc import Iterator, Mapping
from typing import Any, Callable

from .model import Verdict


class Unseen(Exception):
    """What a control is about is not on this host."""


def judge(controls: list[Mapping[str, str]], root: str = "/") -> Verdict:
    """Judge the controls of one section together; the evidence names each."""
    faults = {control["number"]: fault(control, root) for control in controls}
    failed = [f"{number} {why}" for number, why in faults.items() if why]
    held = ", ".join(number for number, why in faults.items() if not why)
    return Verdict(not failed, "; ".join(failed) if failed else f"{len(faults)} hold: {held}")


def fault(control: Mapping[str, str], root: str = "/") -> str:
    """Why a control does not hold, or ''."""
    try:
        if control["kind"] == "file":
            return next(filter(None, (_file(path, control) for path in _paths(root, control["target"]))), "")
        if control["kind"] == "user":
            names = {
                pwd.getpwuid(os.stat(os.path.join(root, folder)).st_uid).pw_name for folder in _running(root, control)
            }
            return "" if names == {control["value"]} else f"{control['target']} runs as {', '.join(sorted(names))}"
        kinds: dict[str, Callable[[], dict[str, str]]] = {
            "argument": lambda: _arguments(root, control),
            "setting": lambda: settings(root, control["target"]),
        }
        value = kinds[control["kind"]]().get(control["name"])
        shown = "is not set" if value is None else f"is {value!r}"
        return (
            ""
            if _holds(control["rule"], value, control["value"])
            else f"{control['name']} of {control['target']} {shown}"
        )
    except Unseen as error:
        return str(error)


def _holds(rule: str, value: str | None, expected: str) -> bool:
    listed, desired = (value or "").split(","), expected.split(",")
    return {
        "is": lambda: value == expected,
        "default": lambda: value in (None, expected),
        "not": lambda: value is not None and value != expected,
        "set": lambda: bool(value),
        "unset": lambda: value is None,
        "has": lambda: set(desired) <= set(listed),
        "lacks": lambda: not set(desired) & set(listed),
        "among": lambda: value is not None and set(listed) <= set(desired),
        "least": lambda: value is not None and value.isdigit() and int(value) >= int(expected),
    }[rule]()


def _paths(root: str, pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.join(root, pattern.lstrip("/")), recursive=True))


def _file(path: str, control: Mapping[str, str]) -> str:
    state = os.stat(path)
    if control["rule"] == "owner":
        return "" if (state.st_uid, state.st_gid) == (0, 0) else f"{path} belongs to {state.st_uid}:{state.st_gid}"
    mode = state.st_mode & 0o777
    return f"{path} has the mode {mode:o}" if mode & ~int(control["value"], 8) else ""


def _running(root: str, control: Mapping[str, str]) -> Iterator[str]:
    found = False
    for folder in _paths(root, "/proc/[0-9]*"):
        try:
            with open(f"{folder}/comm", errors="replace") as name, open(f"{folder}/cmdline", "rb") as words:
                # The kernel keeps 15 characters; a process that ends has its name still, but no arguments.
                program = os.path.basename(words.read().split(b"\0")[0].decode(errors="replace"))
                if name.read().strip() != control["target"][:15] or not program:
                    continue
                if len(control["target"]) > 15 and program != control["target"]:
                    continue
        except OSError:
            continue  # it has ended
        found = True
        yield folder
    if not found:
        raise Unseen(f"{control['target']} does not run")


def _arguments(root: str, control: Mapping[str, str]) -> dict[str, str]:
    with open(os.path.join(next(_running(root, control)), "cmdline"), encoding="utf-8", errors="replace") as file:
        words = file.read().split("\0")
    pairs = (word[2:].partition("=") for word in words if word.startswith("--"))
    return {name: value if sign else "true" for name, sign, value in pairs}


def settings(root: str, path: str) -> dict[str, str]:
    """What a configuration file says, by dotted names; lists of plain values as one text with commas. Raises Unseen."""
    try:
        with open(os.path.join(root, path.lstrip("/")), encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Unseen(f"{path} cannot be read ({error.strerror})") from error
    return dict(_leaves("", json.loads(text))) if text.lstrip().startswith("{") else dict(_lines(text))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and not any(isinstance(entry, (dict, list)) for entry in value):
        yield name, ",".join(map(str, value))
    elif isinstance(value, (dict, list)):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(f"{name}.{key}".lstrip("."), entry)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _lines(text: str) -> dict[str, str]:
    """The plain YAML that Kubernetes writes: one key a line, nested by indentation, and lists of plain values."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        indent, word = len(line) - len(line.lstrip()), line.strip()
        if word.startswith("- ") and above:
            name = ".".join(key for _indent, key in above)
            found[name] = ",".join(filter(None, (found.get(name, ""), word[2:].strip("\"'"))))
            continue
        key, sign, value = word.partition(":")
        if not sign or word.startswith("#"):
            continue
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, key))
        if value.strip():
            found[".".join(name for _indent, name in above)] = value.strip().strip("\"'")
    return found
