# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a backup to the managers of a cluster. See the module documentation of the same name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.module_utils.backup import restoring
from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import BackupError
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing
from ansible_collections.keelson.cluster.plugins.plugin_utils import age, components, pki
from ansible_collections.keelson.cluster.plugins.plugin_utils.backup import restore
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager, ManagersAction

BLOCK = 16 << 20  # bytes of a backup that are in memory on their way


class ActionModule(ManagersAction):
    """Check everything, then write the secrets on all managers and the files on one."""

    MODULE = "keelson.cluster.cluster_restore"
    ARGUMENTS = {
        "cluster": {"type": "str", "required": True},
        "engine": {"type": "str", "required": True},
        "managers": {"type": "list", "elements": "str", "required": True},
        "needed": {"type": "list", "elements": "str", "required": True},
        "file": {"type": "path", "default": ""},
        "name": {"type": "str", "default": ""},
        "identity": {"type": "path", "default": ""},
        "confirm": {"type": "str", "default": ""},
        "state": {"type": "str", "choices": ["placed", "absent"], "default": "placed"},
    }

    def work(self, given: dict[str, Any], managers: Sequence[Manager], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the backup's name and the manager that has its files."""
        if not pki.HAS_CRYPTOGRAPHY:
            raise AnsibleActionFail(missing("cryptography"))
        try:
            if given["state"] == "absent":
                cleared = [
                    m.ask(cluster=given["cluster"], state="absent") for m in managers if m.name in given["needed"]
                ]
                return {"changed": any(answer["changed"] for answer in cleared)}
            return self._place(given, managers, task_vars)
        except (BackupError, age.AgeError, AnsibleError, OSError) as error:
            text = str(error)
            told = "" if restore.NOTHING in text or self.changes else f" {restore.NOTHING}"
            raise AnsibleActionFail(f"{given['cluster']} is not restored: {text.rstrip('.')}.{told}") from None

    changes = False

    def _place(self, given: dict[str, Any], managers: Sequence[Manager], task_vars: dict[str, Any]) -> dict[str, Any]:
        cluster, engine = given["cluster"], components.engine(given["engine"])
        if not given["identity"]:
            raise BackupError("the key is missing: give restore_identity, the file that age-keygen wrote")
        key = os.path.abspath(given["identity"])  # the loader would look in the folder of the playbook
        if not os.path.isfile(key):
            raise BackupError(f"restore_identity: there is no file {key}")
        identity = self._loader.get_text_file_contents(key)
        # Not an option of the task: it may have the keys of the store.
        store = self._templar.template(task_vars.get("cluster_backup") or {})
        contents, tar = restore.open_backup({**given, "target": store.get("target") or {}}, identity)
        held = _read(managers, cluster, given["needed"])
        plan = restore.plan(contents, held, engine.restored_secrets)
        live = [manager for manager in managers if manager.name in held]
        if not plan.begun:
            well = [manager.name for manager in live if _is_well(manager, engine.members_module, cluster)]
            restore.refuse_well(well, given["confirm"], cluster, plan.backup)
        on = next(manager for manager in live if manager.name == (plan.begun or given["needed"][0]))
        told = restore.foretell(contents, os.fstat(tar.fileno()).st_size, plan, [m.name for m in live], on.name)
        if self._task.check_mode:
            Display().display(told)
        else:
            self.changes = True
            if not plan.begun:
                _send(on, tar, {"cluster": cluster, "state": "sent", "restore": plan.restore})
            for manager in live:
                manager.ask(cluster=cluster, state="written", generation=plan.generation, payload=plan.payload)
        return {"changed": True, "backup": plan.backup, "on": on.name, "told": told}


def _read(managers: Sequence[Manager], cluster: str, needed: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """What each manager that answers holds. Raises BackupError when one that must does not."""
    held: dict[str, Mapping[str, Any]] = {}
    for manager in managers:
        try:
            held[manager.name] = manager.ask(cluster=cluster, state="read")
        except Exception as error:  # whatever a connection raises
            if manager.name in needed:
                raise BackupError(f"{manager.name} cannot be used: {' '.join(str(error).split())[:300]}") from error
    return held


def _is_well(manager: Manager, module: str, cluster: str) -> bool:
    """Whether this manager can say who is a member, for which most of them are needed."""
    answer = manager.action._execute_module(module, {"cluster": cluster}, task_vars=manager.variables)
    return not answer.get("failed") and not answer.get("unreachable")


def _send(manager: Manager, tar: BinaryIO, arguments: dict[str, Any]) -> None:
    """Have a manager unpack a file without a name, which touches no disk on its way but where the cluster's secrets lie."""
    action, source = manager.action, restoring.SENT.format(cluster=arguments["cluster"])
    folder, quote = os.path.dirname(source), action._connection._shell.quote
    _run(
        manager,
        f"mkdir -p {quote(os.path.dirname(folder))} && umask 077 && mkdir -p {quote(folder)} && : > {quote(source)}",
    )
    tar.seek(0)
    while block := tar.read(BLOCK):
        # A connection may repeat a command: what an earlier try has written is cut off first.
        start = tar.tell() - len(block)
        _run(manager, f"truncate -s {start} {quote(source)} && cat >> {quote(source)}", block)
    manager.ask(**arguments, source=source)


def _run(manager: Manager, command: str, given: bytes = b"") -> None:
    """Have a manager's shell do something with C(given) as its input. Raises BackupError."""
    done = manager.action._low_level_execute_command(command, in_data=given)
    if done["rc"] != 0:
        raise BackupError(f"{manager.name} cannot keep it: {' '.join(done['stderr'].split())[:300]}")
