# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own code for programs that run on hosts without Ansible."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from ansible.errors import AnsibleFilterError

CODE = Path(__file__).parents[1] / "module_utils"


def shipped_code(names: list[str], folder: str) -> list[dict[str, Any]]:
    """The files of module_utils below C(folder)/utils on a host, in the form that config_files takes.

    They keep their places to each other, so that C(python3 -m utils.NAME) works in C(folder).
    """
    parents = {str(parent) for name in names for parent in PurePosixPath(folder, "utils", name).parents}
    kept = sorted(parent for parent in parents if PurePosixPath(parent).is_relative_to(PurePosixPath(folder).parent))
    result: list[dict[str, Any]] = [{"path": path, "state": "directory", "mode": "0755"} for path in kept]
    for name in names:
        try:
            content = (CODE / name).read_text(encoding="utf-8")
        except OSError as error:
            raise AnsibleFilterError(f"shipped_code: {name} is no file of module_utils: {error}") from error
        result.append({"path": f"{folder}/utils/{name}", "content": content, "mode": "0644"})
    return result


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"shipped_code": shipped_code}
