# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that users write as data: read, and held to a shape; errors name the file and the place in it."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .user_error import UserError

Moment = datetime.datetime
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    dict: "a mapping",
    list: "a list",
    Moment: "a date",
}


@dataclass(frozen=True)
class Key:
    """What may stand under a key. C(inner) is the shape, or the kind, of a list's elements or of a named mapping's values.

    C(needed): neither missing nor empty. C(between): the lowest and the highest number.
    """

    kind: type = str
    needed: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    inner: Any = None
    between: tuple[int, int] | None = None


Shape = Mapping[str, Key]


def read(path: str) -> dict[str, Any]:
    """The mapping that a YAML file holds; raise UserError where there is none."""
    try:
        loader = _LOADER(Path(path).read_text(encoding="utf-8"))
        node = loader.get_single_node()
        _once(node, path)
        content = loader.construct_document(node) if node else None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no mapping of keys; see the documentation of its format")
    return content


def _once(top: Any, path: str) -> None:
    """Raise UserError for a key that a mapping has twice: the first would be lost without a word."""
    seen, left = set(), [top]
    while left:
        node = left.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node, yaml.MappingNode):
            left += node.value
            continue
        keys: set[str] = set()
        for key, value in node.value:
            left += [key, value]
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise UserError(
                    f"{path}: line {key.start_mark.line + 1}: {key.value} is there twice; give each its own name"
                )
            keys.add(str(key.value))


def held(value: Any, shape: Shape, where: str) -> dict[str, Any]:
    """A mapping with what C(shape) says, defaults filled in; raise UserError that names the first key that is wrong."""
    if not isinstance(value, dict):
        raise UserError(f"{where}: is {_kind(value)}, a mapping is needed")
    for key in value:
        if key not in shape:
            raise UserError(f"{where}: unknown key {key}{_near(str(key), shape)}")
    return {name: _value(value.get(name), key, f"{where}: {name}") for name, key in shape.items()}


def _value(value: Any, key: Key, where: str) -> Any:
    kind: Any = key.kind
    if value is None:
        if key.needed:
            raise UserError(f"{where} is missing")
        if key.default is None and key.kind in (dict, list):
            return key.kind()
        return key.default
    if key.kind is Moment:
        return moment(value, where)
    if key.kind is list and isinstance(value, str):
        value = [value]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} is {_kind(value)}, {_KINDS[key.kind]} is needed")
    if key.needed and value in ("", [], {}):
        raise UserError(f"{where} is empty")
    if key.between and not key.between[0] <= value <= key.between[1]:
        raise UserError(f"{where} is {value}, a number from {key.between[0]} to {key.between[1]} is needed")
    if key.choices and value not in key.choices:
        raise UserError(f"{where} is {value!r}{_near(str(value), key.choices)}")
    if key.inner is None:
        return value
    if key.kind is list:
        return [_inner(item, key.inner, f"{where}[{index}]") for index, item in enumerate(value)]
    for name in value:
        named(str(name), where)
    return {str(name): _inner(item or {}, key.inner, f"{where}.{name}") for name, item in value.items()}


def _inner(value: Any, inner: Any, where: str) -> Any:
    return _value(value, Key(inner), where) if isinstance(inner, type) else held(value, inner, where)


def moment(value: Any, where: str) -> Moment:
    """A point in time, of a date its first moment in UTC."""
    if isinstance(value, str):
        try:
            value = Moment.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            raise UserError(
                f"{where} is {value!r}, a date such as 2026-12-31 or 2026-12-31T18:00Z is needed"
            ) from error
    if isinstance(value, datetime.date) and not isinstance(value, Moment):
        value = Moment(value.year, value.month, value.day)
    if not isinstance(value, Moment):
        raise UserError(f"{where} is {_kind(value)}, a date such as 2026-12-31 is needed")
    return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)


def named(name: str, where: str) -> None:
    """Raise UserError unless C(name) is one of the form that names have."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{where}: {name!r} is no name; use up to 63 lower-case letters, digits and hyphens")


def known(name: str, names: Iterable[str], where: str, what: str) -> None:
    """Raise UserError unless C(name) is one of C(names)."""
    if name not in names:
        told = f"{what} {name} is not defined" if name else f"{what} is missing"
        raise UserError(f"{where}: {told}{_near(name, names)}")


def _near(name: str, names: Iterable[str]) -> str:
    folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), folded, 1)
    return f"; did you mean {folded[near[0]]}?" if near else f"; there are {', '.join(names) or 'none'}"


def _kind(value: Any) -> str:
    return (
        "text"
        if isinstance(value, str)
        else next((words for kind, words in _KINDS.items() if isinstance(value, kind)), "no text")
    )
