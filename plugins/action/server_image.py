# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds an image on the controller, telling what it does while it does it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.builders.registry import BUILDERS
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.make import check, make
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request
from ansible_collections.keelson.cluster.plugins.plugin_utils.sign import default_key

ARGUMENTS = {
    "engine": {"type": "str", "required": True},
    "output": {"type": "path", "required": True},
    "bundle": {"type": "path"},
    "architecture": {"type": "str", "choices": ["amd64"], "default": "amd64"},
    "base": {"type": "path"},
    "base_digest": {"type": "str", "default": ""},
    "base_days": {"type": "float", "default": 7.0},
    "apt_sources": {"type": "path"},
    "size": {"type": "int", "default": 4096},
    "var_size": {"type": "int", "default": 0},
    "data_device": {"type": "str", "default": ""},
    "data_path": {"type": "str", "default": "/srv"},
    "kernel_options": {"type": "str", "default": "console=tty0 console=ttyS0,115200n8 no_timer_check"},
    "key": {"type": "path"},
    "artifacts": {"type": "list", "elements": "str", "default": []},
    "components": {"type": "list", "elements": "str", "default": []},
    "variables": {"type": "dict", "default": {}},
    "builder": {"type": "str", "choices": list(BUILDERS), "default": "tree"},
    "target": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Builds where Ansible itself runs; nothing is executed on a host."""

    ARGUMENTS = ARGUMENTS

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Build it."""
        request = Request(
            **{
                **options,
                "output": Path(options["output"]).absolute(),
                "bundle": Path(options["bundle"] or default_root()),
                "key": Path(options["key"] or default_key()),
                "base": str(Path(options["base"]).absolute()) if options["base"] else "",
                "target": str(Path(options["target"]).absolute()) if options["target"] else "",
                "apt_sources": str(Path(options["apt_sources"]).absolute()) if options["apt_sources"] else "",
                "epoch": int(os.environ.get("SOURCE_DATE_EPOCH") or time.time()),
            }
        )
        if self._task.check_mode:
            check(request)
            return {"changed": True}
        return {"changed": True, **make(request, Display().display)}
