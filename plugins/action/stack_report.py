# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw stacks, clusters, pools and hosts. See the module documentation of the same name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.host import atomic
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.pages import inventory


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {"file": {"type": "path", "required": True}, "dest": {"type": "path", "required": True}}
    FAULTS = (StackError, OSError)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read, draw, and write what changed."""
        path, dest = os.path.abspath(options["file"]), Path(options["dest"]).absolute()
        found, stacks = load.load_both(load.document(path), path)
        page = inventory.render(found, stacks, path).encode()
        changed = not dest.is_file() or dest.read_bytes() != page
        if changed and not self._task.check_mode:
            dest.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(str(dest), page, None)
        return {"changed": changed, "dest": str(dest), "hosts": len(found.hosts)}
