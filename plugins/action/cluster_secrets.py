# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the cluster's newest secrets on all managers, or make the first ones, and see that every manager has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import (
    Copy,
    Generation,
    StoreError,
    digest_of,
    newest,
)
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, external_store, pki, rotation
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager, ManagersAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

Answers = Mapping[str, Mapping[str, Any]]


class ActionModule(ManagersAction):
    """Compare the managers' stores on the controller; nothing is kept on it."""

    MODULE = "keelson.cluster.secret_store"
    ARGUMENTS = {
        "cluster": {"type": "str", "required": True},
        "engine": {"type": "str", "required": True},
        "managers": {"type": "list", "elements": "str", "required": True},
        "writable": {"type": "list", "elements": "str", "required": True},
        "store": {"type": "dict", "default": {}, "no_log": True},
        "change": {"type": "dict", "default": {}},
        "rotate": {"type": "dict", "default": {}, "no_log": True},
    }

    def work(self, given: dict[str, Any], managers: Sequence[Manager], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return generation and payload, which every writable manager holds by then."""
        if not pki.HAS_CRYPTOGRAPHY:
            raise AnsibleActionFail(missing("cryptography"))
        try:
            # Templated when they are read.
            variables = (task_vars.get("hostvars") or {}).get(task_vars.get("inventory_hostname"), {})
            external = external_store.open_store(given["store"], self._loader) if given["store"] else None
            try:
                return self._share(given, managers, external, variables)
            except Overtaken:
                return self._share(given, managers, external, variables)
        except (StoreError, UserError, external_store.ExternalStoreError, pki.PkiError, AnsibleError) as error:
            raise AnsibleActionFail(f"The secrets of {given['cluster']}: {error}") from error

    def _share(
        self,
        given: dict[str, Any],
        managers: Sequence[Manager],
        external: external_store.ExternalStore | None,
        variables: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Choose what the managers hold, or make it, and write it where it is missing: the first manager decides a race."""
        cluster, check = given["cluster"], self._task.check_mode
        outside = external.read(cluster) if external else None
        held = read_all(managers, cluster)
        others = {external.name: outside} if external and outside else {}
        found, payload = choose(given, held, others)
        number = found.number if found else 1
        desired = self._changed(given, payload, variables)
        if found and desired != payload:
            _on_all(given, held, [m.name for m in managers], "they are to be changed")
            number += 1
        payload = desired
        digest = digest_of(number, payload)
        lacking = [m for m in managers if m.name in given["writable"] and held.get(m.name, {}).get("digest") != digest]
        if lacking and not check:
            for manager in lacking:
                write(manager, cluster, number, payload)
            held = read_all(managers, cluster)
            again, _payload = choose(given, held, others)
            bare = [m.name for m in lacking if held.get(m.name, {}).get("digest") != digest]
            if again is None or again.digest != digest or bare:
                raise StoreError(
                    f"generation {number} was written, but is not what {', '.join(bare) or 'the managers'} hold now"
                )
        if external and (outside is None or outside.number < number):
            external.write(cluster, number, payload, check)
        return {"changed": bool(lacking), "generation": number, "payload": payload}

    @staticmethod
    def _changed(given: Mapping[str, Any], payload: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """The secrets with those that components want, and after the phase of a rotation that is asked for."""
        change, rotate = given.get("change") or {}, given.get("rotate") or {}
        own = {
            c.name: c.own_secrets(given["cluster"], variables, payload.get(c.name), change.get(c.name, ""))
            for c in components.enabled(variables)
            if c.own_secrets
        }
        if rotate:
            rotated = components.engine(given["engine"]).rotated
            asked, made = rotate["numbers"], rotate.get("made") or {}
            payload = rotation.after(payload, rotate["phase"], asked, rotated, given["cluster"], made)
        return {**payload, **own}


class Overtaken(StoreError):
    """Another run wrote other secrets under that number first."""


def read_all(managers: Sequence[Manager], cluster: str) -> dict[str, Mapping[str, Any]]:
    """What every manager that answers holds."""
    held = {}
    for manager in managers:
        try:
            held[manager.name] = manager.ask(cluster=cluster)
        except Exception:  # noqa: S112 (whatever a connection raises: a manager that does not answer holds nothing)
            continue
    return held


def write(manager: Manager, cluster: str, number: int, payload: Mapping[str, Any]) -> None:
    """Write a generation on one manager. Raises Overtaken when that one refuses, naming it."""
    try:
        manager.ask(cluster=cluster, generation=number, payload=payload)
    except AnsibleError as error:
        raise Overtaken(f"{manager.name}: {error}") from error


def choose(
    given: Mapping[str, Any], held: Answers, others: Mapping[str, Generation]
) -> tuple[Copy | None, dict[str, Any]]:
    """The newest copy and its secrets; none and new ones where nobody has any. Raises StoreError."""
    copies = [
        Copy(name, int(read["generation"]), read["digest"], tuple(read["broken"]), int(read["latest"]))
        for name, read in held.items()
    ]
    copies += [Copy(name, generation.number, generation.digest) for name, generation in others.items()]
    described = {
        name: f"a CA with the fingerprint {pki.fingerprint(read['payload']['ca_certificate'])}"
        for name, read in held.items()
        if read["payload"].get("ca_certificate")
    }
    found = newest(copies, {**described, **dict.fromkeys(others, "other secrets")})
    if found:
        return found, dict(others[found.host].payload if found.host in others else held[found.host]["payload"])
    _on_all(given, held, given["managers"], "no manager that answers has any")
    made: dict[str, Any] = components.engine(given["engine"]).make_secrets(given["cluster"])
    return None, made


def _on_all(given: Mapping[str, Any], held: Answers, managers: Sequence[str], why: str) -> None:
    """Raise StoreError unless new secrets can be written on all managers."""
    absent = sorted(set(managers) - (set(held) & set(given["writable"])))
    if absent:
        raise StoreError(
            f"{why}, and {', '.join(absent)} cannot be asked or written to in this run. "
            "New secrets must lie on every manager before they are used: make these managers reachable "
            "(and part of --limit), or take them out of the stack."
        )
