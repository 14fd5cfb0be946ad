# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules around a time in which one manager is away, such as its host's reboot; each engine says what that asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..cluster.remote import ApiError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "addresses": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["begun", "ended"], "required": True},
    "timeout": {"type": "int", "default": 90},
}

#: By the cluster, the manager's address, those of all managers and seconds to wait: what is not well, or None. Raises ApiError.
Wait = Callable[[str, str, Sequence[str], float], "str | None"]


def main(begin: Wait, end: Wait) -> None:
    """Run the module of an engine; C(begin) waits until the manager may be away, C(end) until it is back."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    cluster, address = given["cluster"], given["address"]
    asked = (cluster, address, given["addresses"], given["timeout"])
    if module.check_mode:
        module.exit_json(changed=False)
    try:
        if given["state"] == "begun":
            reason = begin(*asked)
            told = f"The manager {address} was left as it is, for the cluster might lose its quorum"
            remedy = "Bring the others back first, then run again."
        else:
            reason = end(*asked)
            told, remedy = f"The manager {address} did not come back", "The other managers were left alone."
    except ApiError as error:
        reason, told, remedy = str(error), f"The API of {cluster} fails", "Look at the managers, then run again."
    if reason:
        module.fail_json(msg=f"{told}: {reason.rstrip('.')}. {remedy}")
    module.exit_json(changed=False)
