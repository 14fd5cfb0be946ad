# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a pipeline as files of the tools that start it. See the module documentation of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import pipeline, render


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "file": {"type": "path", "required": True},
        "directory": {"type": "path", "default": "."},
        "tools": {"type": "list", "elements": "str", "choices": list(render.TOOLS), "required": True},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Render, and write what differs."""
        found = pipeline.load(options["file"], variable_types.playbook_names())
        changed = []
        files = [(name, rendered(found)) for name, rendered in (render.TOOLS[tool] for tool in options["tools"])]
        for name, text in files:
            path = Path(options["directory"]) / name.format(name=found.name)
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            changed.append(str(path))
            if not self._task.check_mode:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        return {"changed": bool(changed), "files": changed}
