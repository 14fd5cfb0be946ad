# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that remove members of a cluster; each engine says how a manager and a host node are removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..cluster.members import Member
from ..cluster.parts import MANAGER, NODE
from ..cluster.remote import ApiError
from ..cluster.removal import ARGUMENTS, Conditions, Evidence, Outcome, remove

#: Removes a member through an API; tells whether something was to be done. Raises Refused, Changed, ApiError.
Remover = Callable[[Any, Member, Conditions], bool]


def main(connect: Callable[[str], Any], manager: Remover, node: Remover) -> None:
    """Run the module of an engine; C(connect) returns the API of a cluster."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, outcome = module.params, Outcome()
    how = Conditions(
        given["deadline"], given["timeout"], module.check_mode, Evidence(given["probes"], given["managers"])
    )
    try:
        api = connect(given["cluster"])
        steps = {MANAGER: lambda member: manager(api, member, how), NODE: lambda member: node(api, member, how)}
        remove(given["members"], steps, outcome)
    except KeyError as error:
        module.fail_json(msg=f"The members need name, address and part (manager or node); {error} is at fault.")
    except ApiError as error:
        module.fail_json(msg=str(error), **vars(outcome))
    for text in outcome.skipped:
        module.warn(text)
    if outcome.refused:
        module.fail_json(msg=" ".join(outcome.refused), changed=bool(outcome.removed), **vars(outcome))
    module.exit_json(changed=bool(outcome.removed), **vars(outcome))
