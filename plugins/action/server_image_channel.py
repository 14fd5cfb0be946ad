# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promotes images to channels, and tells which image a channel has, on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# isort: off
from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones

# isort: on
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import channels
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ARGUMENTS = {
    "image_directory": {"type": "str", "required": True},
    "channel": {"type": "str", "choices": ["candidate", "tested", "released"], "required": True},
    "name": {"type": "str"},
    "public_key": {"type": "path"},
    "key": {"type": "path"},
    "back": {"type": "int", "default": 0},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """With a name it promotes, without one it asks."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """See DOCUMENTATION of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENTS)
        image_directory, channel, name = options["image_directory"], options["channel"], options["name"]
        try:
            trusted = sign.load_public(Path(options["public_key"] or sign.default_key().with_suffix(".pub")))
            index = channels.read(image_directory, trusted)
            if not name:
                return {**result, "changed": False, "image": channels.choose(index, channel, options["back"])}
            newest = index["channels"][channel][-1:]
            if self._task.check_mode:
                return {**result, "changed": [entry["name"] for entry in newest] != [name]}
            key = sign.load_key(Path(options["key"] or sign.default_key()))
            entry = channels.promote(Path(image_directory), name, channel, trusted, key)
        except UserError as error:
            raise AnsibleActionFail(str(error)) from error
        return {**result, "changed": [known["name"] for known in newest] != [name], "image": entry}
