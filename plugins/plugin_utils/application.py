# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application as data: the same on every engine, with what is different in an environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import shape
from .placement import model, render, rules
from .placement.model import Placement
from .shape import Key, Moment, Shape
from .user_error import UserError

_SETTINGS: Shape = {
    "instances": Key(int),
    "image": Key(),
    "artifact": Key(),
    "pool": Key(),
    "namespace": Key(),
    "command": Key(list, inner=str),
    "variables": Key(dict),
    "cpu": Key(int),
    "memory": Key(int),
}
SHAPE: Shape = {
    **_SETTINGS,
    "name": Key(needed=True),
    "image": Key(needed=True),
    "port": Key(int, needed=True),
    "health": Key(default=""),
    "user": Key(default="65532:65532"),
    "environments": Key(dict, inner=_SETTINGS),
}
_DEFAULTS = {"instances": 1, "artifact": "", "pool": "", "namespace": "default", "cpu": 100, "memory": 64}
_BOUNDS = {"instances": (1, 65535000), "cpu": (1, 65535000), "memory": (4, 65535000), "port": (1, 65535)}
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?")
_IMAGE = re.compile(
    r"[^\s:@]+(:\d+/[^\s:@]+)?(:(?!latest$)[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64}|:[\w.-]+@sha256:[0-9a-f]{64})"
)


def load(path: str, environment: str) -> dict[str, Any]:
    """Read an application's file, for one environment; raise UserError that names the first place that is wrong."""
    return parse(shape.read(path), path, environment)


def parse(content: Mapping[str, Any], path: str, environment: str) -> dict[str, Any]:
    """Check the content of an application's file, and return it with what is different in the environment."""
    held = shape.held(dict(content), SHAPE, path)
    own = held.pop("environments")
    if own:
        shape.known(environment, own, path, "environment")
    chosen = {name: value for name, value in own.get(environment, {}).items() if value not in (None, {}, [])}
    variables = {**held["variables"], **chosen.get("variables", {})}
    found = {
        **_DEFAULTS,
        **{name: value for name, value in held.items() if value is not None},
        **chosen,
        "variables": variables,
    }
    _check(found, path)
    return {**found, "variables": {str(name): _text(value) for name, value in variables.items()}}


def _check(found: Mapping[str, Any], path: str) -> None:
    for key in ("name", "namespace"):
        if not _NAME.fullmatch(found[key]):
            raise UserError(
                f"{path}: {key} is {found[key]!r}; use up to 48 lower-case letters, digits and hyphens, a letter first"
            )
    if not _IMAGE.fullmatch(found["image"]):
        raise UserError(
            f"{path}: image is {found['image']!r}; name its version or digest, and not latest: NAME:VERSION or NAME@sha256:DIGEST"
        )
    for key, (least, most) in _BOUNDS.items():
        if not least <= found[key] <= most:
            raise UserError(
                f"{path}: {key} is {found[key]}; it is {least} at least" + (", 65535 at most" if key == "port" else "")
            )
    if found["health"] and not found["health"].startswith("/"):
        raise UserError(f"{path}: health is {found['health']!r}; it is the path of a URL and starts with /")
    if not re.fullmatch(r"[1-9]\d*(:\d+)?", found["user"]):
        raise UserError(f"{path}: user is {found['user']!r}; give numbers, USER or USER:GROUP, and not root")
    for name, value in found["variables"].items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)) or not isinstance(value, (str, int, float, bool)):
            raise UserError(
                f"{path}: variables.{name}: names are letters, digits and underscores, values texts or numbers"
            )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def refused(placement: Placement, application: Mapping[str, Any], cluster: str, environment: str, now: Moment) -> str:
    """Why a placement does not let an application that it names run on a cluster's pool in an environment, or nothing."""
    name, pool_name = application["name"], application["pool"]
    shape.known(cluster, placement.pools, placement.path, "cluster")
    requirements = [
        requirement for requirement in placement.requirements[name] if requirement.environment == environment
    ]
    if not requirements:
        return f"it is not for the environment {environment}"
    pools = [pool for pool in placement.pools[cluster] if pool.name == pool_name]
    if not pools:
        return f"the cluster {cluster} has no pool {pool_name or '(none is named)'} there"
    return rules.why_not(
        requirements[0], pools[0], rules.excused(placement, now).get(name, {}).get(cluster, frozenset())
    )


def placed(
    placement: Placement,
    application: Mapping[str, Any],
    cluster: str,
    environment: str,
    path: str,
    leaves: bool = False,
) -> dict[str, Any]:
    """The application of a file in the namespace that a placement has for it there; raise UserError where it may not run.

    One that C(leaves) may have ceased to be allowed there, or to be named.
    """
    pool = application["pool"]
    place = f"on cluster {cluster}, pool {pool or '(none)'}, in {environment or 'no environment'}"
    shape.known(application["name"], placement.requirements, placement.path, "application")
    why = "" if leaves else refused(placement, application, cluster, environment, model.moment_of(None))
    if why:
        told = f"{application['name']} may not run {place}: {why} ({placement.path})"
        raise UserError(f"{path}: {told}. Nothing was changed")
    entry = placement.raw["applications"][application["name"]]
    if {"environment": environment, "cluster": cluster, "pool": pool} not in entry["runs"] and not leaves:
        told = f"{placement.path}: applications.{application['name']}: runs does not name that it runs {place}"
        raise UserError(f"{told}; add it there, and run install. Nothing was changed")
    space = render.namespace(entry["team"], environment, pool)
    if application["namespace"] not in (_DEFAULTS["namespace"], space):
        raise UserError(
            f"{path}: namespace is {application['namespace']!r}, but {place} it is {space} ({placement.path}); leave it out"
        )
    return {**application, "namespace": space}
