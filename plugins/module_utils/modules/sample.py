# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that try a cluster with the sample application; each engine says how that is deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..checks.model import Check
from ..checks.sample_app import ARGUMENTS, Application, Means, metadata, perform


def main(
    connect: Callable[[str], Any],
    place: Callable[[Any, Mapping[str, Any]], Application[Any]],
    remove: Callable[[Any, float], list[str]],
    logs: str,
    inside: Callable[[Any], Callable[[str, str], tuple[bool, str]]],
    more: Callable[[Any], list[Check]] = lambda _application: [],
) -> None:
    """Run the module of an engine: through the API that C(connect) returns, it removes and places the application.

    C(inside) lets an instance ask a URL, C(more) is what else is asked of it, C(logs) says where to look when something fails.
    """
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, checks=[])

    def asked(application: Application[Any]) -> list[Check]:
        return metadata(application, module.params["closed"], inside(application)) + more(application)

    def means() -> Means:
        api = connect(module.params["cluster"])
        return Means(partial(remove, api), partial(place, api, module.params), asked)

    module.exit_json(**perform(module.params, means, logs))
