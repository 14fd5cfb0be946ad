# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring an application to what is declared, on any engine; a release that does not come up well is taken back. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ..checks.model import Verdict
from .remote import wait_for

MARK = "keelson_application"  # where the digest of an application's data is kept beside it
IMAGES = "Host nodes outside the inventory have the applications' images of the bundle"  # the title of a check
ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "application": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent", "listed"], "default": "present"},
    "timeout": {"type": "int", "default": 300},
}


class DeployError(Exception):
    """The application is not what it should be; the message says why, and what runs instead."""


class Failed(Exception):
    """The new release does not come up; the message says why."""


class FromBundle(NamedTuple):
    """A deployed application whose image comes from the bundle; C(pool) is '' where it runs in any."""

    name: str
    pool: str
    image: str
    artifact: str


def artifacts(apps: Iterable[FromBundle]) -> dict[str, list[str]]:
    """The artifacts that a pool's host nodes need, by pool; '' for those of every pool."""
    found: dict[str, set[str]] = {}
    for app in apps:
        found.setdefault(app.pool, set()).add(app.artifact)
    return {pool: sorted(names) for pool, names in found.items()}


def images(
    apps: Iterable[FromBundle], others: Mapping[str, str], lacking: Callable[[FromBundle], Iterable[str]]
) -> Verdict:
    """Judge that host nodes outside the inventory, to which no run brings an image, do not lack one. C(others): their pool by name."""
    if not others:
        return Verdict(True, "all host nodes are of the inventory")
    found = [
        f"{name} lacks {app.image} of {app.name}"
        for app in apps
        for name in sorted(set(lacking(app)) & set(others))
        if app.pool in ("", others[name])
    ]
    return Verdict(not found, "; ".join(found) or f"nothing tells that one is lacking on {', '.join(sorted(others))}")


class Target(Protocol):
    """One application on one engine."""

    def owner(self) -> str | None:
        """Return None where nothing has that name, '' where it is ours, or else whose it is."""

    def differs(self) -> bool:
        """Whether what runs differs from what is declared."""

    def submit(self) -> None:
        """Ask for what is declared."""

    def wrong(self) -> str | None:
        """Say what is missing until it runs, or None. Raises Failed where it never will."""

    def take_back(self) -> bool:
        """Ask for what ran before; return whether something did."""

    def restored(self) -> str | None:
        """Say what is missing until what ran before runs again, or None."""

    def remove(self) -> None:
        """Remove it."""

    def left(self) -> str | None:
        """Say what of it still runs; where nothing does, forget it and return None."""


def deploy(target: Target, name: str, timeout: float, check: bool) -> bool:
    """Bring it about, return whether anything changed. Raises DeployError, ApiError."""
    owner = target.owner()
    if owner:
        raise DeployError(
            f"{name} is there and belongs to {owner}; choose another name, or remove it first. Nothing was changed"
        )
    if owner is not None and not target.differs() and target.wrong() is None:
        return False
    if check:
        return True
    target.submit()
    try:
        reason = wait_for(target.wrong, timeout)
    except Failed as error:
        reason = str(error)
    if reason is None:
        return True
    if not target.take_back():
        target.remove()
        left = wait_for(target.left, timeout)
        told = f"it is being removed: {left}" if left else "it was removed, since nothing ran before"
        raise DeployError(f"{name} did not come up: {reason}; {told}")
    back = wait_for(target.restored, timeout)
    told = "the release before it runs" if back is None else f"the release before it is not well either: {back}"
    raise DeployError(f"the new release of {name} did not come up: {reason}; it was taken back: {told}")


def remove(target: Target, name: str, timeout: float, check: bool) -> bool:
    """Remove it, return whether anything was there. Raises DeployError, ApiError."""
    owner = target.owner()
    if owner is None:
        return False
    if owner:
        raise DeployError(f"{name} belongs to {owner}; it is not removed")
    if not check:
        target.remove()
        left = wait_for(target.left, timeout)
        if left:
            raise DeployError(f"{name} is not gone after {timeout:.0f} s: {left}")
    return True
