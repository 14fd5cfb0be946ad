# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots a published image by emulation, on the controller, and states what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.checks import boot_test
from ansible_collections.keelson.cluster.plugins.plugin_utils.sign import default_key, load_public

ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "key": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
    "ports": {"type": "list", "elements": "int", "default": []},
}


class ActionModule(ControllerAction):
    """Boots where Ansible itself runs."""

    ARGUMENTS = ARGUMENTS

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Boot it."""
        key, folder = Path(options["key"] or default_key()), Path(options["path"]).absolute()
        if self._task.check_mode:
            boot_test.bootable(folder, load_public(key.with_suffix(".pub")))
            return {"changed": True}
        tested = boot_test.test(folder, key, options["timeout"], options["ports"], Display().display)
        return {"changed": True, **tested}
