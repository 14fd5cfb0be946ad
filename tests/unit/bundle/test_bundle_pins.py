# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions have the publisher's digests, or say why not; tools/bump fetches them."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from bundle_world import Filling, Key, Publisher, bump, have, upstream

needs_gpg = pytest.mark.skipif(not have("gpg", "gpgv"), reason="gpg and gpgv are not installed")


@pytest.mark.parametrize("path", sorted(manifest.SHIPPED.glob("*.yml")), ids=lambda path: path.stem)
def test_a_version_is_pinned_or_says_why_not(path: Path) -> None:
    data = yaml.safe_load(path.read_text())
    if any(source["kind"] == "upstream" for source in data["sources"]):
        assert all(("pins" in version) != ("unpinned" in version) for version in data["versions"])


def test_pins_reach_the_source() -> None:
    data: dict[str, Any] = {
        "name": "tool",
        "licence": "MIT",
        "versions": [{"version": "1", "pins": {"amd64": "0" * 64, "r.io/tool:v{version}": f"sha256:{'1' * 64}"}}],
        "architectures": ["amd64"],
        "sources": [
            {"kind": "upstream", "url": "https://example.com/tool", "output": "tool"},
            {"kind": "upstream", "images": {"r.io/tool:v{version}": ""}},
        ],
    }
    file, images = manifest.resolve(Path("/m/tool.yml"), data, None, "amd64").sources
    assert file["sha256"] == {"amd64": "0" * 64}
    assert images["images"] == {"r.io/tool:v1": f"sha256:{'1' * 64}"}


@pytest.fixture
def tool(tmp_path: Path, publisher: Publisher) -> Filling:
    """An artifact of version 1.0.0 whose publisher has 1.1.0 too."""
    filling = Filling(tmp_path)
    key = Key(tmp_path / "gpg")
    key.save(filling.manifests / "keys")
    for version in ("1.0.0", "1.1.0"):
        publisher.release(key, version=version)
    versions = [{"version": "1.0.0", "unpinned": "nobody looked it up"}]
    filling.manifest(sources=[upstream(publisher, key)], versions=versions, architectures=["amd64"])
    return filling


@needs_gpg
def test_a_bumped_version_is_the_default_and_pinned(tool: Filling, publisher: Publisher) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tool.manifests, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tool.manifests, check=True)
    done = bump(tool, "1.1.0")
    assert done.returncode == 0 and "1.1.0" in done.stdout and "+      amd64: " in done.stdout, "it shows what changed"
    path, data = manifest.load("tool", [tool.manifests])
    manifest.validate(path, data)
    digest = hashlib.sha256(publisher.files["/tool/1.1.0/tool_1.1.0_linux_amd64.zip"]).hexdigest()
    assert [dict(version) for version in data["versions"]] == [
        {"version": "1.1.0", "pins": {"amd64": digest}},
        {"version": "1.0.0", "unpinned": "nobody looked it up"},
    ]
    # The publisher changes the release and its signed checksums: the pin tells.
    publisher.release(Key(tool.manifests.parent / "thief"), version="1.1.0")
    with pytest.raises(BundleError):
        tool.fill()


@needs_gpg
def test_nothing_changes_without_the_figures(tool: Filling, publisher: Publisher) -> None:
    before = (tool.manifests / "tool.yml").read_text()
    refused = bump(tool, "9.9.9")
    assert refused.returncode == 1 and "answered 404" in refused.stderr and "Nothing was changed" in refused.stderr
    assert (tool.manifests / "tool.yml").read_text() == before
    assert bump(tool, "9.9.9", "--unpinned", "the publisher is away").returncode == 0
    assert manifest.load("tool", [tool.manifests])[1]["versions"][0] == {
        "version": "9.9.9",
        "unpinned": "the publisher is away",
    }
