# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that go with others, and wheels of a version of their own."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.manifest import find
from bundle_world import Filling, Key, Publisher, upstream

SUMS = "/tool/1.0.0/tool_1.0.0_SHA256SUMS"


def test_a_source_goes_with_another_one(filling: Filling, publisher: Publisher, key: Key) -> None:
    publisher.release(key)
    key.save(filling.manifests / "keys")
    own = upstream(publisher, key)
    other = {**own, "members": {"licence": "LICENSE.txt"}}
    filling.manifest(sources=[{**own, "with": [other]}], files={"tool": "0755", "licence": "0644"})
    filling.fill()
    entry = filling.entry()
    assert [file["path"] for file in entry["files"]] == ["licence", "tool"]
    assert entry["source"]["detail"].count("tool_1.0.0_linux_amd64.zip") == 2
    # Both or none: what one of them lacks is no delivery.
    publisher.status[SUMS] = 404
    with pytest.raises(BundleError, match="no source works here"):
        filling.fill(refresh=True)


def test_a_wheel_may_have_a_version_of_its_own(filling: Filling) -> None:
    wheel = {
        "kind": "wheel",
        "project": "none",
        "version": "{other}",
        "members": {"a": "a"},
        "sha256": {"amd64": "0" * 64},
    }
    filling.manifest(
        sources=[{**wheel, "with": [wheel]}],
        versions=[{"version": "1.0.0", "other": "2.5"}],
        files={"a": "0644"},
        links={},
    )
    found = find("tool", None, "amd64", [filling.manifests])
    assert [source["version"] for source in (found.sources[0], found.sources[0]["with"][0])] == ["2.5", "2.5"]
