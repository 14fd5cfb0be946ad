# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that drain host nodes; each engine says how a node is drained."""

from __future__ import annotations

from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule

from ..cluster.drain import ARGUMENTS, DrainError, Drains, perform
from ..cluster.remote import ApiError


def main(connect: Callable[[str], Drains]) -> None:
    """Run the module of an engine; C(connect) returns what drains the nodes of a cluster."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        changed = perform(connect(module.params["cluster"]), module.params, module.check_mode)
    except (DrainError, ApiError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changed), nodes=changed)
