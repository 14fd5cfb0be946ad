# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of module_utils for hosts without Ansible: an entry point with everything that it imports."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

PACKAGE = "ansible_collections/keelson/cluster/plugins/module_utils"
MODULE_UTILS = Path(__file__).resolve().parents[1] / "module_utils"
#: The file of an archive in which its data lie.
DATA = "data.json"


def closure(entries: Iterable[str]) -> list[str]:
    """The files (paths below module_utils, sorted) that `entries` and all they import need; packages have no code.

    Raises OSError when there is no such file.
    """
    found: set[str] = set()
    todo = list(entries)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _imports(name)
    return sorted(found)


def _imports(name: str) -> list[str]:
    found = []
    for statement in ast.walk(ast.parse((MODULE_UTILS / name).read_text(encoding="utf-8"))):
        if isinstance(statement, ast.ImportFrom) and statement.level:
            base = PurePosixPath(name).parents[statement.level - 1] / (statement.module or "").replace(".", "/")
            candidates = [f"{base}.py", *(f"{base / alias.name}.py" for alias in statement.names)]
            found += [candidate for candidate in candidates if (MODULE_UTILS / candidate).is_file()]
    return found


def archive(entry: str, data: Mapping[str, Any] | None = None) -> bytes:
    """An archive that calls main of `entry`, a path below module_utils; C(python3 FILE) runs it."""
    packed = io.BytesIO()
    parts = closure([entry])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
        for part in parts:
            writing.write(MODULE_UTILS / part, f"{PACKAGE}/{part}")
        # Python finds packages in an archive by these alone.
        folders = {str(parent) for part in parts for parent in Path(PACKAGE, part).parents} - {"."}
        for folder in sorted(folders):
            writing.writestr(f"{folder}/__init__.py", "")
        if data is not None:
            writing.writestr(DATA, json.dumps(dict(data)))
        dotted = f"{PACKAGE}/{entry}".removesuffix(".py").replace("/", ".")
        writing.writestr("__main__.py", f"from {dotted} import main\nmain()\n")
    return packed.getvalue()
