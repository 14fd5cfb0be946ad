# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign a host's certificate on the controller, in memory."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

MODULE = "keelson.cluster.host_certificate"


class ActionModule(ActionBase):
    """Read what the host has, judge it here, and send what is missing."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        if not pki.HAS_CRYPTOGRAPHY:
            raise AnsibleActionFail(missing("cryptography"))
        dummy, args = self.validate_argument_spec(
            argument_spec={
                "component": {"type": "str", "required": True},
                "directory": {"type": "path", "required": True},
                "owner": {"type": "str", "default": "root"},
                "group": {"type": "str", "default": "root"},
                "ca_certificate": {"type": "str", "required": True},
                "ca_key": {"type": "str", "required": True, "no_log": True},
                "ca_trusted": {"type": "list", "elements": "str", "default": []},
                "common_name": {"type": "str", "required": True},
                "names": {"type": "list", "elements": "str", "default": []},
                "days": {"type": "int", "default": 365},
                "renew_before_days": {"type": "int", "default": 60},
            }
        )
        if not args["ca_certificate"] and self._task.check_mode:
            return {"changed": True, "changed_paths": [], "reason": "the cluster has no CA yet"}
        names = pki.sort_names(args["common_name"], args["names"])
        place = {key: args[key] for key in ("component", "directory", "owner", "group", "ca_certificate", "ca_trusted")}
        read = self._execute_module(module_name=MODULE, module_args=place, task_vars=task_vars)
        if read.get("failed") or read.get("unreachable"):
            return dict(read)
        try:
            reason = pki.reason_to_renew(read["certificate"], args["ca_certificate"], names, args["renew_before_days"])
            if reason is None:
                return {key: read[key] for key in ("changed", "changed_paths")} | {"reason": ""}
            pair = pki.issue(pki.Pair(args["ca_certificate"], args["ca_key"]), names, args["days"])
        except (pki.PkiError, ValueError) as error:
            raise AnsibleActionFail(f"The certificate for {args['common_name']} cannot be signed: {error}") from error
        written = self._execute_module(
            module_name=MODULE,
            module_args={**place, "certificate": pair.certificate, "key": pair.key},
            task_vars=task_vars,
        )
        return {**written, "reason": reason}
