# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file on the controller: a local state, or text that a tool printed."""

from __future__ import annotations

import json
import os

from .. import documents
from ..errors import StackError
from ..source import Fetched, Source


def fetch(source: Source, etag: str = "") -> Fetched:
    """Read the file; with a workspace, the file that the local backend keeps for it beside the default one."""
    path = source.path(source.value)
    if os.path.isdir(path):
        path = os.path.join(path, "terraform.tfstate")
    if source.workspace and source.workspace != "default":
        folder, name = os.path.split(path)
        path = os.path.join(folder, "terraform.tfstate.d", source.workspace, name)
        if not os.path.exists(path):
            raise StackError(
                path,
                f"does not exist, so there is no workspace {source.workspace}",
                "Give a workspace that `terraform workspace list` shows, and apply it first",
            )
    return Fetched(documents.read_file(path), path, option=source.option, warnings=_lock(path))


def _lock(path: str) -> tuple[str, ...]:
    """Warn when the local backend holds its lock: the stack is being changed at this moment."""
    folder, name = os.path.split(path)
    try:
        with open(os.path.join(folder, f".{name}.lock.info"), encoding="utf-8") as handle:
            info = json.load(handle)
        return (
            f"{path}: is locked by {info['Who']} since {info['Created']} ({info['Operation']}): what is read may change at once",
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()
