# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promotes images to channels, and tells which image a channel has, on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# isort: off
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones

# isort: on
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import channels

ARGUMENTS = {
    "image_directory": {"type": "str", "required": True},
    "channel": {"type": "str", "choices": ["candidate", "tested", "released"], "required": True},
    "name": {"type": "str"},
    "public_key": {"type": "path"},
    "key": {"type": "path"},
    "back": {"type": "int", "default": 0},
    "max_age": {"type": "int", "default": channels.DAYS},
}


class ActionModule(ControllerAction):
    """With a name it promotes, without one it asks."""

    ARGUMENTS = ARGUMENTS

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Promote, or ask."""
        image_directory, channel, name = options["image_directory"], options["channel"], options["name"]
        trusted = sign.load_public(Path(options["public_key"] or sign.default_key().with_suffix(".pub")))
        index = channels.read(image_directory, trusted, options["max_age"])
        if not name:
            return {"image": channels.choose(index, channel, options["back"])}
        newest = index["channels"][channel][-1:]
        if self._task.check_mode:
            channels.plan(Path(image_directory), name, channel, trusted)
            return {"changed": [entry["name"] for entry in newest] != [name]}
        key = sign.load_key(Path(options["key"] or sign.default_key()))
        entry = channels.promote(Path(image_directory), name, channel, trusted, key)
        return {"changed": [known["name"] for known in newest] != [name], "image": entry}
