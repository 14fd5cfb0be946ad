# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that render configurations from data."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.toml import dumps


def documents(objects: list[dict[str, Any]]) -> str:
    """Several objects as one text of YAML documents, each of them JSON, which YAML contains."""
    return "".join(f"---\n{json.dumps(entry, indent=2, sort_keys=True)}\n" for entry in objects)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"toml": dumps, "documents": documents}
