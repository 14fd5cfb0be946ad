# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file that Python runs on another server: modules of the collection that need its standard library alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGE = "ansible_collections/keelson/cluster/plugins/module_utils"
HERE = Path(__file__).resolve().parents[1]
#: The file of an archive in which its data lie.
DATA = "data.json"


def archive(parts: Sequence[str], module: str, data: Mapping[str, Any] | None = None) -> bytes:
    """An archive of `parts` (paths below module_utils) that calls main of `module`, one of them; C(python3 FILE) runs it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
        for part in parts:
            writing.write(HERE / part, f"{PACKAGE}/{part}")
        # Python finds packages in an archive by these alone.
        folders = {str(parent) for part in parts for parent in Path(PACKAGE, part).parents} - {"."}
        for folder in sorted(folders):
            writing.writestr(f"{folder}/__init__.py", "")
        if data is not None:
            writing.writestr(DATA, json.dumps(dict(data)))
        dotted = f"{PACKAGE}/{module}".removesuffix(".py").replace("/", ".")
        writing.writestr("__main__.py", f"from {dotted} import main\nmain()\n")
    return packed.getvalue()
