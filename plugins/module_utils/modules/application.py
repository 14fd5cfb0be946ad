# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that deploy an application; each engine says how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..cluster.application import ARGUMENTS, DeployError, FromBundle, Target, artifacts, deploy, remove
from ..cluster.remote import ApiError


def main(
    connect: Callable[[str], Any],
    target: Callable[[Any, Mapping[str, Any]], Target],
    recorded: Callable[[Any], Iterable[FromBundle]],
) -> None:
    """Run the module of an engine: C(connect) returns its API, C(target) the application on it, C(recorded) those that it has."""
    needed = [("state", state, ["application"]) for state in ("present", "absent")]
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True, required_if=needed)
    given = module.params
    if given["state"] == "listed":
        _list(module, lambda: artifacts(recorded(connect(given["cluster"]))))
    act = deploy if given["state"] == "present" else remove
    try:
        found = target(connect(given["cluster"]), given["application"])
        changed = act(found, given["application"]["name"], given["timeout"], module.check_mode)
    except (ApiError, DeployError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed)


def _list(module: AnsibleModule, ask: Callable[[], dict[str, list[str]]]) -> None:
    try:
        found = ask()
    except (ApiError, DeployError) as error:
        if not module.check_mode:
            module.fail_json(msg=str(error))
        found = {}  # the cluster is still to be made
    module.exit_json(changed=False, artifacts=found)
