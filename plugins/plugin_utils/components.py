# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which components there are, and which of them a host has.

A component NAME is C(plugin_utils/NAME/component.py) of this collection, and NAMESPACE.COLLECTION.NAME is
C(plugins/plugin_utils/NAME/component.py) of another one. That file defines C(COMPONENT). A component that is another thing on
each engine has C(ENGINE/component.py) beside it for each that it runs on, and C(ENGINE/STEP.yml) beside its steps.
A folder whose name somebody could take for a component says in C(NO_COMPONENT) what to do instead.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from .contract import Component, Engine, Part
from .user_error import UserError

ENABLED = "cluster_components"  # the variable that lists a host's components besides its engine
DRIVERS = "*/component.py"


class ComponentError(UserError, ValueError):
    """A component that does not exist; the message names it and what to do."""


def load(name: str, engine: str = "", variable: str = ENABLED) -> Component:
    """Return the component `name` of a variable, as it is on an engine; raise ComponentError when there is none."""
    found = _load(name, variable, sorted(known()))
    drivers = _drivers(name) if engine else ()
    if not drivers:
        return found
    if engine not in drivers:
        raise ComponentError(f"{variable} has {name!r}, which runs on {' or '.join(drivers)}, not on {engine}")
    package = _module(name).rpartition(".")[0]
    return cast(Component, importlib.import_module(f"{package}.{engine}.component").COMPONENT)


def engine(name: str) -> Engine:
    """Return the engine `name`; raise ComponentError when there is none."""
    found = _load(name, "cluster_engine", engines())
    if not isinstance(found, Engine):
        raise ComponentError(f"cluster_engine is {name!r}, which is no engine; use {' or '.join(engines())}")
    return found


def engines() -> list[str]:
    """Return the names of the engines of this collection."""
    return sorted(name for name, component in known().items() if isinstance(component, Engine))


@functools.cache
def known() -> Mapping[str, Component]:
    """Return the components of this collection by their names: asked for each host, so looked up once."""
    names = sorted(path.parent.name for path in Path(__file__).parent.glob("*/component.py"))
    return {name: _load(name, ENABLED, names) for name in names}


def enabled(variables: Mapping[str, Any]) -> tuple[Component, ...]:
    """Return the components besides the engine that the variables of a host enable."""
    on = str(variables.get("cluster_engine") or "")
    return tuple(load(str(name), on) for name in variables.get(ENABLED) or ())


def of(variables: Mapping[str, Any]) -> tuple[Component, ...]:
    """Return the components of a host by its variables, its engine first; raise ComponentError for an unknown one."""
    return (engine(str(variables.get("cluster_engine", ""))), *enabled(variables))


def parts(components: Iterable[Component], part: str) -> list[Part]:
    """Return the parts that hosts of `part` have of components."""
    return [component.parts[part] for component in components if part in component.parts]


def alone(name: str, variables: Mapping[str, Any], variable: str) -> tuple[Component, ...]:
    """Return the engine of a host, and the one component of a variable's value, whether the host's variables enable it or not."""
    on = str(variables.get("cluster_engine") or "")
    found = load(name, on, variable)
    if isinstance(found, Engine):
        raise ComponentError(
            f"{variable} is {name!r}, an engine: a cluster goes with its engine; leave the variable out"
        )
    return engine(on), found


def placed(names: Iterable[str], found: Sequence[Component]) -> tuple[tuple[Component, ...], list[str]]:
    """Return the components, besides an engine and those `found`, that have placed something on a host, and the names of unknown ones."""
    on = next((component.name for component in found if isinstance(component, Engine)), "")
    more, unknown = [], []
    for name in sorted(set(names) - {component.name for component in found}):
        try:
            component = load(name, on)
        except ComponentError:
            unknown.append(name)
        else:
            more += [] if isinstance(component, Engine) else [component]
    return tuple(more), unknown


def tasks(found: Sequence[Component], role: str, step: str, only: str = "") -> list[str]:
    """Return the files with the tasks of components for a step of a role. `only` is the one asked for.

    An engine has a file for each step of a role that it has a folder in: one that is missing is found by those who read it.
    """
    files = []
    engine = next((component.name for component in found if isinstance(component, Engine)), "")
    for component in (one for one in found if only in ("", one.name)):
        collection, _dot, name = component.name.rpartition(".")
        place = ("roles", name, "tasks", role) if collection else ("roles", role, "tasks", name)
        folder = _collection(component).joinpath(*place)
        of_engine, shared = folder / engine / f"{step}.yml", folder / f"{step}.yml"
        if of_engine.is_file():
            files.append(str(of_engine))
        elif shared.is_file() or (isinstance(component, Engine) and folder.is_dir()):
            files.append(str(shared))
    return files


def manifests(found: Iterable[Component]) -> list[Path]:
    """Return the folders of other collections that have manifests of the components' artifacts."""
    return list(dict.fromkeys(_collection(component) / "artifacts" for component in found if "." in component.name))


def _collection(component: Component) -> Path:
    """The root of the collection that a component is part of."""
    return Path(str(sys.modules[_module(component.name)].__file__)).parents[3]


@functools.cache
def _drivers(name: str) -> tuple[str, ...]:
    """The engines that a component, which is loaded, has a folder for: asked for each host, so looked up once."""
    folder = Path(str(sys.modules[_module(name)].__file__)).parent
    return tuple(sorted(path.parent.name for path in folder.glob(DRIVERS)))


def _module(name: str) -> str:
    collection, _dot, plain = name.rpartition(".")
    package = f"ansible_collections.{collection}.plugins.plugin_utils" if collection else __package__
    return f"{package}.{plain}.component"


def _no_component(module: str) -> str:
    """Why a folder of this collection is no component, and what to do instead, where it says so."""
    try:
        return str(getattr(importlib.import_module(module.rpartition(".")[0]), "NO_COMPONENT", ""))
    except ModuleNotFoundError:
        return ""


def _load(name: str, variable: str, names: list[str]) -> Component:
    if not re.fullmatch(r"([a-z][a-z0-9_]*[.]){0,2}[a-z][a-z0-9_]*", name) or name.count(".") == 1:
        raise ComponentError(f"{variable} has {name!r}: a name is lower-case letters, such as {names[0]}")
    module, collection = _module(name), name.rpartition(".")[0]
    try:
        found = importlib.import_module(module).COMPONENT
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        reason = "" if collection else _no_component(module)
        if reason:
            raise ComponentError(f"{variable} has {name!r}: {reason}") from error
        where = f"no collection {collection} with it is installed" if collection else "this collection has no such"
        kind = "engine" if variable == "cluster_engine" else "component"
        text = where if collection else f"{where} {kind}"
        raise ComponentError(f"{variable} has {name!r}: {text}; use {' or '.join(names)}") from error
    if not isinstance(found, Component) or found.name != name:
        raise ComponentError(f"{module}: COMPONENT is not a Component named {name}")
    return found
