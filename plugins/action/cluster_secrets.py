# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose the cluster's newest secrets, or make the first ones."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import Copy, StoreError, newest
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, external_store, pki


class ActionModule(ActionBase):
    """Compare the managers' stores on the controller; nothing is kept on it."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        if not pki.HAS_CRYPTOGRAPHY:
            raise AnsibleActionFail(missing("cryptography"))
        dummy, args = self.validate_argument_spec(
            argument_spec={
                "cluster": {"type": "str", "required": True},
                "engine": {"type": "str", "required": True},
                "reads": {"type": "list", "elements": "dict", "required": True, "no_log": True},
                "managers": {"type": "list", "elements": "str", "required": True},
                "writable": {"type": "list", "elements": "str", "required": True},
                "store": {"type": "dict", "default": {}, "no_log": True},
            }
        )
        try:
            return self._choose(args)
        except (StoreError, external_store.ExternalStoreError, pki.PkiError, AnsibleError) as error:
            raise AnsibleActionFail(f"The secrets of {args['cluster']}: {error}") from error

    def _choose(self, args: dict[str, Any]) -> dict[str, Any]:
        held = {read["item"]: read for read in args["reads"] if "generation" in read}
        copies = [
            Copy(host, int(read["generation"]), read["digest"], tuple(read["broken"])) for host, read in held.items()
        ]
        described = {
            host: f"a CA with the fingerprint {pki.fingerprint(read['payload']['ca_certificate'])}"
            for host, read in held.items()
            if read["payload"].get("ca_certificate")
        }
        external = external_store.open_store(args["store"], self._loader) if args["store"] else None
        outside = external.read(args["cluster"]) if external else None
        if external and outside:
            copies.append(Copy(external.name, outside.number, outside.digest))
            held[external.name] = {"payload": outside.payload}
            described[external.name] = "other secrets"
        found = newest(copies, described)
        if found:
            payload = held[found.host]["payload"]
            if external and (outside is None or outside.number < found.number):
                external.write(args["cluster"], found.number, payload, self._task.check_mode)
            having = {copy.host for copy in copies if copy.digest == found.digest}
            lacking = [host for host in args["managers"] if host not in having]
            return {"changed": False, "generation": found.number, "payload": payload, "lacking": lacking}
        absent = sorted(set(args["managers"]) - (set(held) & set(args["writable"])))
        if absent:
            raise StoreError(
                f"no manager that answers has any, and {', '.join(absent)} cannot be asked or written to in this run. "
                "The first secrets must lie on every manager before they are used: make these managers reachable "
                "(and part of --limit), or take them out of the stack."
            )
        payload = components.engine(args["engine"]).make_secrets(args["cluster"])
        if external:
            external.write(args["cluster"], 1, payload, self._task.check_mode)
        return {"changed": True, "generation": 1, "payload": payload, "lacking": args["managers"]}
