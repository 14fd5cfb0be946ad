# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that tells which image each host was made from."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import labels
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


def server_image_labels(contents: dict[str, str], image_directory: str, now: float, public_key: str = "") -> list[str]:
    """One line a host; see module_utils."""
    try:
        return labels.lines(contents, image_directory, public_key, now)
    except UserError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"server_image_labels": server_image_labels}
