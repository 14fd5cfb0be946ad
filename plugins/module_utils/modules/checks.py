# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that check a cluster through the API of a manager; each engine says what is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..checks.model import Check, failure
from ..cluster.remote import ApiError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "managers": {"type": "dict", "required": True},
    "nodes": {"type": "list", "elements": "dict", "default": []},
    "whole": {"type": "bool", "default": True},
    "days": {"type": "float", "default": 14},
}


def main(connect: Callable[[str], Any], checks: Callable[[Any, Mapping[str, Any]], list[Check]]) -> None:
    """Run the module of an engine; C(connect) returns the API of a cluster, C(checks) what it answers to what is given."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        api = connect(module.params["cluster"])
    except ApiError as error:
        unasked = failure("access", "The manager's API can be asked", str(error), "run the install playbook")
        module.exit_json(changed=False, checks=[unasked])
    module.exit_json(changed=False, checks=checks(api, module.params))
