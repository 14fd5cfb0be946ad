# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings artifacts of a bundle to a host: asks it what is missing, carries just that over, has it placed."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import NODE
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import versions
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.index import is_remote, read_index
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.requests import Request
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, blobs, default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ARGUMENTS = {
    "component": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "bundle": {"type": "str"},
    "manifests": {"type": "list", "elements": "path", "default": []},
    "root": {"type": "path", "default": "/opt/keelson"},
    "optional": {"type": "bool", "default": False},
    "stage": {"type": "bool", "default": False},
    "start_services": {"type": "bool", "default": False},
    "package_timeout": {"type": "int", "default": 300},
    "runtime": {"type": "str", "choices": list(RUNTIMES)},
    "proxy": {"type": "dict"},
}
#: Blobs smaller than this travel together in one tar: a transfer costs more than their bytes.
SMALL = 4 << 20


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip when nothing is missing, three (ask, carry, place) otherwise."""

    TRANSFERS_FILES = False  # a temporary folder is made only when something is missing

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """See DOCUMENTATION of modules artifacts and images."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENTS)
        bundle = options["bundle"] or str(default_root())
        try:
            index = read_index(bundle)
            remote = is_remote(bundle)
            bundle = bundle.partition("#")[0] if remote else bundle
            folders = [Path(folder) for folder in options["manifests"]]
            folders += components.manifests(components.enabled(task_vars or {}))
            variables = task_vars or {}
            names = [
                request_with(name, versions.kept(Request.parse(name).name, variables, self._templar.template))
                for name in options["names"]
            ]
            if options["optional"]:
                unusable = [name for name in names if not of_images(name, index, folders)]
                names = [name for name in names if name not in unusable]
                if unusable:
                    result["warnings"] = [f"{bundle} has no artifact of images alone {name}" for name in unusable]
            desired = choose(names, index, folders)
            arguments = {
                key: options[key]
                for key in ("component", "root", "stage", "start_services", "package_timeout", "runtime", "proxy")
            }
            arguments |= {"desired": desired, "claims": claims(options["component"], task_vars or {})}
            if remote:
                return {**result, **self._place({**arguments, "url": bundle}, task_vars)}
            answer = self._place(arguments, task_vars)
            if answer.get("missing") and not answer.get("failed"):
                staged = self._carry(Store(Path(bundle).expanduser()), asked(answer["missing"], desired))
                answer = self._place({**arguments, "staged": staged}, task_vars)
        except UserError as error:
            raise AnsibleActionFail(f"{bundle}: {error}") from error
        return {**result, **answer}

    def _place(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        given = {key: value for key, value in arguments.items() if value is not None}
        answer: dict[str, Any] = self._execute_module("keelson.cluster.artifact_install", given, task_vars=task_vars)
        answer.pop("invocation", None)  # repeats the index's entries: long, and not what the user wrote
        return answer

    def _carry(self, store: Store, digests: list[str]) -> str:
        """Copy blobs into a temporary folder on the host and return its path."""
        folder: str = self._make_tmp_path()
        paths = [store.blob(digest) for digest in digests]
        gone = [str(path) for path in paths if not path.is_file()]
        if gone:
            raise BundleError(f"{gone[0]} is missing: fill the bundle again with playbook bundle")
        small = [path for path in paths if path.stat().st_size < SMALL]
        try:
            for path in paths:
                if path not in small:
                    self._transfer_file(str(path), self._connection._shell.join_path(folder, path.name))
            if small:
                self._carry_together(small, folder)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            total = sum(path.stat().st_size for path in paths)
            raise BundleError(
                f"the transfer to {folder} failed ({total} bytes; is that disk full?): {error}"
            ) from error
        return folder

    def _carry_together(self, paths: list[Path], folder: str) -> None:
        with tempfile.NamedTemporaryFile(suffix=".tar") as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                for path in paths:
                    archive.add(path, arcname=path.name)
            packed.flush()
            target = self._connection._shell.join_path(folder, "small.tar")
            self._transfer_file(packed.name, target)
        quote = self._connection._shell.quote
        done = self._low_level_execute_command(f"tar -xf {quote(target)} -C {quote(folder)} && rm {quote(target)}")
        if done["rc"] != 0:
            raise AnsibleError(str(done["stderr"]).strip())


def asked(missing: Iterable[str], desired: Sequence[Mapping[str, Any]]) -> list[str]:
    """The digests of blobs that a host lacks. Raises BundleError for any other, for what a host answers must not name a file of the controller."""
    known = {digest for item in desired for entry in item["architectures"].values() for digest in blobs(entry)}
    for digest in missing:
        if digest not in known:
            raise BundleError(
                f"the host asks for {digest!r}, which is none of the bundle's: fill the bundle again with playbook bundle"
            )
    return list(missing)


def claims(component: str, variables: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the component owns on such a host besides what its tasks place, by kind; nothing of one that declares nothing."""
    try:
        parts = components.load(component, str(variables.get("cluster_engine") or "")).parts
    except components.ComponentError:
        return {}
    part = parts.get(str(variables.get("cluster_part", NODE)))
    return part.owned.claims(str(variables.get("cluster_name", ""))) if part else {}


def request_with(text: str, version: str) -> str:
    """A request with a version, unless it names one itself or there is none."""
    request = Request.parse(text)
    return str(replace(request, version=request.version or version))


def of_images(text: str, index: Mapping[str, Any], folders: list[Path]) -> bool:
    """Whether the bundle has what is asked for, and that places no programs on a host."""
    if Request.parse(text).name not in index["artifacts"]:
        return False
    try:
        entries = choose([text], index, folders)[0]["architectures"].values()
    except UserError:
        return False
    parts = ("links", "packages", "install")
    return bool(entries) and all(entry["images"] and not any(map(entry.get, parts)) for entry in entries)


def choose(names: list[str], index: Mapping[str, Any], folders: list[Path]) -> list[dict[str, Any]]:
    """What the host must have: each request (``name``, ``name=version``, ``name/image``) with its index entries."""
    desired = []
    for request in map(Request.parse, names):
        version = request.chosen(folders)
        found = index["artifacts"].get(request.name, {}).get(version, {})
        architectures = {key: request.part(entry) for key, entry in found.items()}
        desired.append({"name": request.name, "version": version, "architectures": architectures})
    return desired
