# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that list the members of a running cluster; each engine says how they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..cluster.remote import ApiError


def main(ask: Callable[[str], list[dict[str, Any]]]) -> None:
    """Run the module of an engine; C(ask) returns the members of a cluster by its name."""
    module = AnsibleModule(argument_spec={"cluster": {"type": "str", "required": True}}, supports_check_mode=True)
    try:
        module.exit_json(changed=False, members=ask(module.params["cluster"]))
    except ApiError as error:
        module.fail_json(msg=str(error))
