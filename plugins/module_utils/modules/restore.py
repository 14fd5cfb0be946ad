# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that put a manager on the state of a backup; each engine says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule

from ..backup.restoring import PLACE, pending

_ARGUMENTS = {name: {"type": "str", "required": True} for name in ("cluster", "restore", "name", "address")}


class Restore(Protocol):
    """One restore on one manager."""

    def done(self) -> bool:
        """Whether this manager is of this restore."""


def main(
    make: Callable[[Mapping[str, Any], str], Restore],
    act: Callable[[Any, Mapping[str, Any]], None],
    more: Mapping[str, Any],
    faults: tuple[type[Exception], ...],
    kept: str,
) -> None:
    """Run the module of an engine, which takes C(more) arguments: C(make) describes the restore, C(act) makes it so.

    C(make) gets the folder of the backup's files, or '' where they lie on another manager. C(kept) says, when one of C(faults)
    ends it, where the data of before are.
    """
    module = AnsibleModule(argument_spec={**_ARGUMENTS, **more}, supports_check_mode=True)
    given = module.params
    cluster: str = given["cluster"]
    folder = PLACE.format(cluster=cluster) if pending(cluster) == given["restore"] else ""
    restore = make(given, folder)
    done = restore.done()
    if not done and not module.check_mode:
        try:
            act(restore, given)
        except faults as error:
            module.fail_json(
                msg=f"The manager {given['name']} cannot be put on the state of the backup: {' '.join(str(error).split())}. "
                f"{kept}; run the restore playbook again with the same backup."
            )
    module.exit_json(changed=not done)
