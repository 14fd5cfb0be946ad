# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server from the image joins a cluster, which costs it what joining is and no more: `make image-join`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import publish

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.from_image import joined  # noqa: E402

CHANGES = 10


@pytest.mark.skipif("KEELSON_IMAGE_JOIN" not in os.environ, reason="it makes a cluster: make image-join")
def test_it_joins_and_tells_its_image() -> None:
    folder = Path(os.environ["KEELSON_IMAGE"])
    manifest = publish.read(folder)
    found = joined(manifest["engine"], folder)
    print(f"changed: {', '.join(found.changed)}; {found.ready.seconds:.1f} s by a run, {found.alone:.1f} s by itself,")
    print(f"a plain server {found.plain.seconds:.1f} s")
    assert 0 < len(found.changed) <= CHANGES
    assert f"w2: {manifest['name']}, 0 days old" in found.listed
    assert f"w3: {manifest['name']}, 0 days old" in found.listed
    assert "w1: made from no image" in found.listed
