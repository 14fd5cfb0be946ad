# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the filling of a bundle on the controller, telling what it does while it does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.utils.display import Display

# isort: off
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones

# isort: on
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.fetch import Fetcher
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.fill import FillRequest, fill, plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import Component

ARGUMENTS = {
    "names": {"type": "list", "elements": "str", "default": []},
    "engine": {"type": "str", "default": ""},
    "components": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "path"},
    "architectures": {"type": "list", "elements": "str", "choices": ["amd64", "arm64"], "default": []},
    "sources": {"type": "list", "elements": "str", "default": []},
    "manifests": {"type": "list", "elements": "path", "default": []},
    "directory": {"type": "path"},
    "apt_sources": {"type": "path"},
    "registries": {"type": "dict", "default": {}},
    "refresh": {"type": "bool", "default": False},
    "verify": {"type": "bool", "default": False},
    "key": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Fills a bundle where Ansible itself runs; nothing is executed on a host."""

    ARGUMENTS = ARGUMENTS

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Fill it, and say what was filled."""
        check(options)
        key = sign.load_key(Path(options["key"])) if options["key"] and not self._task.check_mode else None
        store = Store(Path(options["path"] or default_root()), key)
        display = Display()
        hostvars = task_vars.get("hostvars") or {}
        found = () if options["names"] else requested(options["engine"], options["components"], hostvars.values())
        request = FillRequest(
            artifacts=options["names"] or bundled(found),
            architectures=options["architectures"],
            sources=options["sources"],
            manifests=[*(Path(folder).absolute() for folder in options["manifests"]), *components.manifests(found)],
            drop=Path(options["directory"]).absolute() if options["directory"] else None,
            apt_sources=Path(options["apt_sources"]) if options["apt_sources"] else None,
            refresh=options["refresh"],
            fetcher=Fetcher(registries=options["registries"]),
        )
        if self._task.check_mode:
            titles = [artifact.title for artifact in plan(store, request)]
            return {"changed": bool(titles), "path": str(store.root), "would_fill": titles}
        damaged = store.discard_damaged(display.display) if options["verify"] else []
        filled = fill(store, request, display.display)
        if not filled:
            store.sign()
        return {"changed": bool(filled), "path": str(store.root), "filled": filled, "damaged": damaged}


def check(options: Mapping[str, Any]) -> None:
    """Refuse, before anything is made or fetched, what cannot be one of the options. Raises BundleError."""
    if "://" in (options["path"] or ""):
        raise BundleError(
            f"cluster_bundle: {options['path']} is an address; a bundle is filled in a directory, which may be served there"
        )
    for folder in (*filter(None, [options["directory"]]), *options["manifests"]):
        if not Path(folder).is_dir():
            raise BundleError(f"{folder}: there is no such folder (bundle_directory, bundle_manifests)")
    if options["apt_sources"] and not Path(options["apt_sources"]).is_file():
        raise BundleError(f"{options['apt_sources']}: there is no such file (bundle_apt_sources)")
    for registry, instead in options["registries"].items():
        if not isinstance(instead, str) or "://" in instead or not instead:
            raise BundleError(f"bundle_registries: {registry} is {instead!r}; give HOST or HOST/PATH")


def requested(engine: str, more: list[str], hosts: Iterable[Mapping[str, Any]]) -> tuple[Component, ...]:
    """Return an engine and more components, else those of all hosts; raise ComponentError when there are none."""
    if engine:
        return components.of({"cluster_engine": engine, components.ENABLED: more})
    # By identity: a component may be another one on each engine.
    found = {id(known): known for host in hosts if host.get("cluster_engine") for known in components.of(host)}
    if not found:
        engines = " or ".join(components.engines())
        raise components.ComponentError(
            f"the inventory has no cluster whose artifacts it could be; give -i, -e cluster_engine={engines}, or bundle_artifacts"
        )
    return tuple(found.values())


def bundled(found: Iterable[Component]) -> list[str]:
    """Return the artifacts of components."""
    return list(dict.fromkeys(name for component in found for name in component.bundled))
