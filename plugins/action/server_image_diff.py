# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two published images, told from what lies beside them; the disks are not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import listing
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import publish

ARGUMENTS = {"before": {"type": "path", "required": True}, "after": {"type": "path", "required": True}}


def versions(folder: Path) -> dict[str, str]:
    """Versions of an image's packages and artifacts, by name, from its bill of materials."""
    bill = json.loads((folder / publish.BILL).read_text())
    return {component["name"]: component["version"] for component in bill["components"]}


class ActionModule(ControllerAction):
    """Compares the lists of files and of packages."""

    FAULTS = (ImageError, OSError, ValueError, KeyError)
    ARGUMENTS = ARGUMENTS

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Compare them."""
        folders = [Path(options["before"]), Path(options["after"])]
        before, after = (publish.read(folder) for folder in folders)
        packages = listing.difference(*(versions(folder) for folder in folders))
        files = listing.difference(*(listing.read(folder / publish.FILES) for folder in folders))
        same = publish.file_described(before)["digest"] == publish.file_described(after)["digest"]
        return {"same": same, "packages": packages, "files": files}
