# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ``directory``: ready files a site dropped into ``DROP/NAME/VERSION/ARCHITECTURE``, with their SHA256SUMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import BundleError, Unavailable
from ..manifest import Artifact
from ..signature import parse_sums
from ..store import digest_of
from .base import Delivery, Work


def deliver(artifact: Artifact, _source: Mapping[str, Any], work: Work) -> Delivery:
    """Take every output from the site's folder; a file without a listed or with another digest is an error."""
    if work.drop is None:
        raise Unavailable("no drop folder was named (bundle_directory)")
    folder = work.drop / artifact.name / artifact.version / artifact.architecture
    if not folder.is_dir():
        raise Unavailable(f"{folder}: no such folder")
    sums_path = folder / "SHA256SUMS"
    sums = parse_sums(sums_path.read_text()) if sums_path.is_file() else {}
    for output in sorted(artifact.outputs()):
        path = folder / output
        if not path.is_file():
            raise BundleError(f"{path}: missing; the manifest of {artifact.name} needs it")
        if output not in sums:
            raise BundleError(f"{sums_path}: does not list {output}; write it with sha256sum")
        found = digest_of(path).removeprefix("sha256:")
        if found != sums[output]:
            raise BundleError(f"{path}: wrong digest: {found}, but {sums_path} says {sums[output]}")
    return Delivery(detail=str(folder), files={output: folder / output for output in artifact.outputs()})
