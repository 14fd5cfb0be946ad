# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables and groups computed from a host's resource: `compose`, `groups` and `keyed_groups`, as other inventory plugins have them.

A dotted path is followed without Jinja; any other text is a Jinja expression, compiled once for all hosts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from ..python_packages import pip_command
from . import config, names, paths, sensitive
from .errors import StackError
from .model import Group, Inventory, Resource, Steps

try:
    from jinja2 import TemplateError, meta
    from jinja2.nativetypes import NativeEnvironment
    from jinja2.runtime import ChainableUndefined, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    HAS_JINJA2 = True

    class _Environment(ImmutableSandboxedEnvironment, NativeEnvironment):
        """Values keep their types, and the untrusted values that an expression handles reach nothing of Python."""

    class _Undefined(ChainableUndefined, StrictUndefined):
        """As in Ansible: `a.b.c | default(x)` works where a is missing, every other use is an error."""
except ImportError:
    HAS_JINJA2 = False

_KEYED = ("key", "prefix", "separator", "default_value", "parent_group")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = ("true", "false", "none", "True", "False", "None")


class Expression(NamedTuple):
    """A path, or a compiled expression with the names that it uses, and those of them that are Jinja's own, such as range."""

    text: str
    place: str
    steps: Steps = ()
    run: Callable[..., Any] | None = None
    names: frozenset[str] = frozenset()
    own: Mapping[str, Any] = {}


class Extra(NamedTuple):
    """What a stacks file adds. keyed: expression, prefix, separator, default, parent."""

    compose: dict[str, Expression]
    groups: dict[str, Expression]
    keyed: list[tuple[Expression, str, str, str | None, str | None]]
    strict: bool


def parse(entry: Mapping[str, Any], path: str) -> Extra:
    """Check and compile the four keys of a stacks file."""
    compose = {}
    for name, text in config.mapping(entry.get("compose") or {}, f"{path}: compose").items():
        if not _VARIABLE.fullmatch(name) or name in config.RESERVED:
            raise StackError(
                f"{path}: compose.{name}", "is no name that a variable may have here", "Choose another name"
            )
        compose[name] = _expression(text, f"{path}: compose.{name}")
    groups = {
        config.word(name, f"{path}: groups.{name}", "a group"): _expression(text, f"{path}: groups.{name}")
        for name, text in config.mapping(entry.get("groups") or {}, f"{path}: groups").items()
    }
    keyed = []
    entries = entry.get("keyed_groups") or []
    if not isinstance(entries, list):
        raise StackError(f"{path}: keyed_groups", f"is {config.describe(entries)}", "Give a list")
    for number, item in enumerate(entries):
        place = f"{path}: keyed_groups[{number}]"
        fields = config.mapping(item, place, _KEYED)
        if "key" not in fields:
            raise StackError(place, "has no key", "Add `key:` with a path or an expression")
        keyed.append(
            (
                _expression(fields["key"], f"{place}.key"),
                str(fields.get("prefix") or ""),
                str(fields.get("separator", "_")),
                fields.get("default_value"),
                fields.get("parent_group"),
            )
        )
    strict = entry.get("strict", True)
    if not isinstance(strict, bool):
        raise StackError(f"{path}: strict", f"is {config.describe(strict)}", "Give true or false")
    return Extra(compose, groups, keyed, strict)


def _expression(text: Any, place: str) -> Expression:
    if not isinstance(text, str) or not text.strip():
        raise StackError(
            place,
            f"is {config.describe(text)}, no expression",
            "Write a dotted path or a Jinja expression without braces",
        )
    text = str(text).strip()
    try:
        steps = paths.parse(text)
        if "-" not in text and text not in _WORDS and not str(steps[0])[0].isdigit():
            return Expression(text, place, steps)
    except ValueError:
        pass
    if not HAS_JINJA2:
        raise StackError(
            place,
            "is an expression, which needs the Python library Jinja2",
            f"Run {pip_command('Jinja2')}, or write a dotted path",
        )
    environment = _environment()
    own, environment.globals = environment.globals, {}
    try:
        names = frozenset(meta.find_undeclared_variables(environment.parse("{{ " + text + " }}")))
        return Expression(
            text,
            place,
            run=environment.compile_expression(text, undefined_to_none=False),
            names=names,
            own={name: own[name] for name in names if name in own},
        )
    except (TemplateError, KeyError) as error:
        raise StackError(place, f"`{text}` cannot be compiled: {error}", "Correct the expression") from None


def _environment() -> Any:
    """A sandboxed environment with Ansible's filters and tests, each looked for by name when an expression uses it."""
    environment = _Environment(undefined=_Undefined)
    try:
        from ansible.plugins.loader import filter_loader, test_loader

        environment.filters = _Plugins(environment.filters, filter_loader)
        environment.tests = _Plugins(environment.tests, test_loader)
    except ImportError:
        pass
    return environment


class _Plugins(dict[str, Any]):
    """Jinja's own filters or tests, and Ansible's behind them."""

    def __init__(self, own: Mapping[str, Any], loader: Any) -> None:
        super().__init__(own)
        self._loader = loader

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self.get(name) is not None

    def get(self, name: Any, default: Any = None) -> Any:
        """The function of that name."""
        if not super().__contains__(name):
            try:
                self[name] = self._loader.get(name).j2_function
            except (AttributeError, KeyError):
                return default
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found


def apply(inventory: Inventory, extra: Extra) -> None:
    """Add the variables and groups to every host."""
    own = set(inventory.groups)
    linked: set[tuple[str, str]] = set()
    for name, variables in inventory.hosts.items():
        record = inventory.records.get(name)
        for variable, expression in extra.compose.items():
            value = _evaluate(expression, name, variables, record, extra.strict)
            if value is not paths.MISSING:
                variables[variable] = value
        for group, expression in extra.groups.items():
            value = _evaluate(expression, name, variables, record, extra.strict)
            if value is not paths.MISSING and value:
                _join(inventory, group, name, own, expression.place)
        for expression, prefix, separator, default, parent in extra.keyed:
            value = _evaluate(expression, name, variables, record, extra.strict and default is None)
            for word in _words(value, default, separator, expression, name):
                group = _safe(f"{prefix}{separator}{word}" if prefix else word)
                _join(inventory, group, name, own, expression.place)
                if parent and (parent, group) not in linked:
                    linked.add((parent, group))
                    _free(inventory, _safe(parent), name, own, expression.place)
                    inventory.groups.setdefault(_safe(parent), Group()).children.append(group)


def _join(inventory: Inventory, group: str, host: str, own: set[str], place: str) -> None:
    _free(inventory, group, host, own, place)
    inventory.groups.setdefault(group, Group()).hosts.append(host)


def _free(inventory: Inventory, group: str, host: str, own: set[str], place: str) -> None:
    if group in own or names.misread(group) or group.endswith("_managers") or group in inventory.hosts:
        raise StackError(
            place, f"would put {host} into {group}, a name that the clusters use", "Give a `prefix`, or another name"
        )


def _words(value: Any, default: str | None, separator: str, expression: Expression, host: str) -> list[str]:
    """The names that a key yields: its text, each of a list, each pair of a mapping."""
    if value is paths.MISSING or value is None or value == "":
        return [default] if default else []
    if isinstance(value, dict):
        return [f"{key}{separator}{item}" for key, item in value.items()]
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int)) for item in items):
        raise StackError(
            expression.place,
            f"`{expression.text}` of {host} is {config.describe(value)}, which names no group",
            "Let it yield a text, a list or a mapping",
        )
    return [str(item) for item in items]


def _safe(name: str) -> str:
    """A name of a group: what Ansible permits, the rest becomes an underscore."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"_{name}" if name[:1].isdigit() else name


def _evaluate(
    expression: Expression, host: str, variables: dict[str, Any], record: Resource | None, strict: bool
) -> Any:
    """The value for one host; MISSING when it has none and that is permitted."""
    attributes = record.attributes if record else {}
    if expression.run is None:
        if expression.steps[0] in variables:
            value = paths.resolve(variables, expression.steps)
        else:
            value = paths.resolve(attributes, expression.steps)
            if (
                sensitive.shows(value)
                or any(sensitive.denied(step) for step in expression.steps)
                or record
                and record.sensitive
                and sensitive.is_sensitive(record, expression.steps)
            ):
                raise StackError(
                    expression.place,
                    f"`{expression.text}` of {host} is sensitive",
                    "Use another attribute; secrets come by `vars: {sensitive: …}` only",
                )
            value = sensitive.strip(value) if isinstance(value, (dict, list)) else value
        if value is paths.MISSING and strict:
            raise StackError(
                expression.place,
                f"`{expression.text}`: {host} has nothing there",
                "Correct the path, use `| default(…)`, or set `strict: false`",
            )
        return value
    # Only the names that are used: the engine copies all that it is given.
    used = {name: attributes[name] for name in expression.names if name in attributes and name not in variables}
    if used and record:
        used = sensitive.strip(used, record.sensitive)
    given = {name: variables[name] for name in expression.names if name in variables}
    try:
        value = expression.run({**expression.own, **used, **given})
        return _plain(value, expression)
    except Exception as error:  # a filter may raise anything
        if strict:
            raise StackError(
                expression.place,
                f"`{expression.text}` fails for {host}: {error}",
                "Correct the expression, use `| default(…)`, or set `strict: false`",
            ) from None
        return paths.MISSING


def _plain(value: Any, expression: Expression) -> Any:
    """VALUE as plain data; an undefined one raises."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item, expression) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, expression) for item in value]
    if HAS_JINJA2 and isinstance(value, StrictUndefined):
        str(value)
    raise TypeError(f"it yields {type(value).__name__}")
