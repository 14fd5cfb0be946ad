# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that apply the namespaces of teams; each engine says how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..cluster.remote import ApiError
from ..cluster.tenancy import Outcome, TenancyError

AMOUNTS: dict[str, Any] = {name: {"type": "dict"} for name in ("default", "default_request", "max", "min")}
TEAM: dict[str, Any] = {"name": {"type": "str", "required": True}, "role": {"type": "str", "default": "edit"}}
NAMESPACE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "pod_security": {"type": "str", "choices": ["privileged", "baseline", "restricted"]},
    "quota": {"type": "dict", "default": {}},
    "limits": {"type": "dict", "default": {}, "options": AMOUNTS},
    "default_deny": {"type": "bool", "default": True},
    "deploy": {"type": "str", "default": ""},
    "teams": {"type": "list", "elements": "dict", "default": [], "options": TEAM},
}


def main(connect: Callable[[str, float], Any], ensure: Callable[[Any, list[dict[str, Any]], bool], Outcome]) -> None:
    """Run the module of an engine: C(connect) returns its API, C(ensure) applies the namespaces."""
    arguments: dict[str, Any] = {
        "cluster": {"type": "str", "required": True},
        "namespaces": {"type": "list", "elements": "dict", "required": True, "options": NAMESPACE},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    try:
        outcome = ensure(connect(module.params["cluster"], 30.0), module.params["namespaces"], module.check_mode)
    except TenancyError as error:
        module.fail_json(msg=str(error))
    except ApiError as error:
        if module.check_mode and error.status == 0:  # the cluster is still to be made
            module.exit_json(changed=True, changes=[], diff={})
        module.fail_json(msg=f"the namespaces cannot be applied: {error}")
    diff = {"before": outcome.before, "after": outcome.after}
    module.exit_json(changed=bool(outcome.changes), changes=outcome.changes, diff=diff)
