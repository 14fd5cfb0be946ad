# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own code for programs that run on hosts without Ansible."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.shipped import MODULE_UTILS, closure


def shipped_paths(entries: Sequence[str], folder: str) -> list[str]:
    """Where shipped_code puts the files of `entries` and of all that they import."""
    try:
        return [f"{folder}/utils/{name}" for name in closure(entries)]
    except OSError as error:
        raise AnsibleFilterError(f"shipped_code: no such file of module_utils: {error}") from error


def shipped_code(entries: Sequence[str], folder: str) -> list[dict[str, Any]]:
    """The files of `entries` and of all that they import, below C(folder)/utils, in the form that config_files takes.

    They keep their places to each other, so that C(python3 -m utils.NAME) works in C(folder).
    """
    base = f"{folder}/utils"
    files = shipped_paths(entries, folder)
    parents = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    kept = sorted(parent for parent in parents if PurePosixPath(parent).is_relative_to(PurePosixPath(folder).parent))
    result: list[dict[str, Any]] = [{"path": path, "state": "directory", "mode": "0755"} for path in kept]
    for path in files:
        content = (MODULE_UTILS / PurePosixPath(path).relative_to(base)).read_text(encoding="utf-8")
        result.append({"path": path, "content": content, "mode": "0644"})
    return result


def shipped_steps(components: Sequence[str], step: str) -> list[str]:
    """The files C(COMPONENT/STEP.py) of those components that have one."""
    return [name for name in (f"{component}/{step}.py" for component in components) if (MODULE_UTILS / name).is_file()]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"shipped_code": shipped_code, "shipped_paths": shipped_paths, "shipped_steps": shipped_steps}
