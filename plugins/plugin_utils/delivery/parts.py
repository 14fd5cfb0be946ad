# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a release: files and folders by their digests, and the version of this collection."""

from __future__ import annotations

import re

from ..variable_types import COLLECTION
from . import results
from .pipeline import Pipeline


def digests(pipeline: Pipeline) -> dict[str, str]:
    """What would be released now."""
    found = {path: results.digest_of(path) for path in pipeline.release["parts"]}
    return {**found, "collection": collection_version()}


def collection_version() -> str:
    """The version of this collection, as its manifest or its source has it; nothing when neither can be read."""
    for name in ("MANIFEST.json", "galaxy.yml"):
        path = COLLECTION / name
        version = re.search(r'"?version"?: "?([^",\n]+)', path.read_text(encoding="utf-8")) if path.is_file() else None
        if version:
            return version[1]
    return ""
