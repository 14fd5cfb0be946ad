# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of discovery a running sidecar uses. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LISTS = {"lds.json": "listener_manager.lds", "cds.json": "cluster_manager.cds"}


def version_name(file: str, content: Mapping[str, Any]) -> str:
    """The statistic that has the version of what a file of discovery holds, '' for other files."""
    if file.startswith("rds_"):
        name = content["resources"][0]["name"]
        return f"http.{name}.rds.{name}.version_text"
    return f"{LISTS[file]}.version_text" if file in LISTS else ""


def unsettled(found: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The files whose content the sidecar does not use yet, by its statistics."""
    names = {file: version_name(file, content) for file, content in files.items()}
    return [file for file, name in names.items() if name and found.get(name) != files[file]["version_info"]]
