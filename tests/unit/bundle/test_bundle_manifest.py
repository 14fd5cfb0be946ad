# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests: the shipped ones hold, and every fault of one is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.signature import dearmor
from bundle_world import Filling

SHIPPED = sorted(path.stem for path in manifest.SHIPPED.glob("*.yml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_manifest_resolves_for_every_version_and_architecture(name: str) -> None:
    path, data = manifest.load(name)
    manifest.validate(path, data)
    for item in data["versions"]:
        for architecture in data["architectures"]:
            artifact = manifest.resolve(path, data, item["version"], architecture)
            assert artifact.sources, f"no source for {artifact.title}"
            for source in artifact.sources:
                if "key" in source.get("sums", {}):
                    dearmor((manifest.SHIPPED / "keys" / f"{source['sums']['key']}.asc").read_text())
                if source["kind"] == "upstream":
                    pulled = source.get("images", {})
                    assert set(pulled) <= {image["name"] for image in artifact.images}
                    delivered = {source["output"]} if "output" in source else set(source.get("members", {}))
                    assert artifact.outputs(pulled) <= delivered


def test_placeholders_are_filled_everywhere() -> None:
    artifact = manifest.find("nomad", None, "arm64")
    assert artifact.sources[1]["url"].endswith(f"/nomad_{artifact.version}_linux_arm64.zip")
    image = manifest.find("pause", None, "amd64").images[0]
    assert image["name"].startswith("registry.k8s.io/pause:3.")


def test_a_sites_folder_comes_first(filling: Filling) -> None:
    filling.manifest(name="nomad", files={"nomad": "0755"}, links={})
    artifact = manifest.find("nomad", None, "amd64", [filling.manifests, manifest.SHIPPED])
    assert artifact.version == "1.0.0"


def test_source_may_be_of_some_versions_or_architectures_only(filling: Filling) -> None:
    versions = [{"version": "2.0.0"}, {"version": "1.0.0"}]
    sources = [{"kind": "directory", "versions": ["1.0.0"]}, {"kind": "directory", "architectures": ["arm64"]}]
    filling.manifest(versions=versions, sources=sources)
    assert len(manifest.find("tool", "1.0.0", "arm64", [filling.manifests]).sources) == 2
    assert len(manifest.find("tool", "2.0.0", "amd64", [filling.manifests]).sources) == 0


FAULTS = {
    "unknown key": ({"colour": "red"}, "top level: .*'colour' was unexpected"),
    "no licence": ({"licence": ""}, "licence: "),
    "mode as a number": ({"files": {"tool": 0o755}}, "files.tool: 493 is not of type 'string'"),
    "path that climbs out": ({"files": {"../tool": "0755"}}, "files: "),
    "relative link": ({"links": {"bin/tool": "tool"}}, "links: "),
    "link to nothing": ({"links": {"/usr/bin/tool": "other"}}, "leads to 'other', which is not among 'files'"),
    "unknown kind": ({"sources": [{"kind": "torrent"}]}, "sources.0.kind: 'torrent' is not one of"),
    "upstream unchecked": (
        {"sources": [{"kind": "upstream", "url": "https://example.com/x", "output": "tool"}]},
        "sources.0: 'sums' is a required property",
    ),
    "checksums that anybody on the way may change": (
        {"sources": [{"kind": "upstream", "url": "https://e.com/x", "output": "t", "sums": {"url": "http://e.com/s"}}]},
        "sources.0.sums.url: 'http://e.com/s' does not match",
    ),
    "signature of nobody": (
        {
            "sources": [
                {
                    "kind": "upstream",
                    "url": "https://e.com/x",
                    "output": "t",
                    "sums": {"url": "https://e.com/s", "signature": "https://e.com/s.sig"},
                }
            ]
        },
        "sources.0.sums: 'key' is a dependency of 'signature'",
    ),
    "short digest of an image": (
        {"sources": [{"kind": "upstream", "images": {"e.com/x:1": "sha256:ab"}}]},
        "sources.0.images.e.com/x:1: 'sha256:ab' does not match",
    ),
    "short digest": (
        {"sources": [{"kind": "upstream", "url": "https://e.com/x", "output": "t", "sha256": {"amd64": "ab"}}]},
        "sources.0.sha256.amd64: 'ab' does not match",
    ),
    "key of another kind": (
        {"sources": [{"kind": "package", "packages": ["tool"], "cgo": True}]},
        "sources.0: .*'cgo' was unexpected",
    ),
    "unknown placeholder": ({"files": {"tool{flavour}": "0755"}, "links": {}}, r"unknown placeholder \{flavour\}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_file_and_key(filling: Filling, fault: str) -> None:
    changes, message = FAULTS[fault]
    filling.manifest(**changes)
    with pytest.raises(BundleError, match=message) as caught:
        manifest.find("tool", None, "amd64", [filling.manifests])
    assert str(filling.manifests / "tool.yml") in str(caught.value)


def test_unknown_artifact_lists_the_known(filling: Filling) -> None:
    filling.manifest()
    with pytest.raises(BundleError, match=r"unknown artifact 'tol': .* has manifests of tool"):
        manifest.find("tol", None, "amd64", [filling.manifests])


def test_unknown_version_and_architecture_list_the_known(filling: Filling) -> None:
    filling.manifest(architectures=["amd64"])
    with pytest.raises(BundleError, match=r"has no version 9 \(it lists 1\.0\.0\)"):
        manifest.find("tool", "9", "amd64", [filling.manifests])
    with pytest.raises(BundleError, match=r"has no architecture arm64 \(it lists amd64\)"):
        manifest.find("tool", None, "arm64", [filling.manifests])


def test_broken_yaml_and_wrong_name_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: [")
    with pytest.raises(BundleError, match=r"a\.yml: not YAML"):
        manifest.load("a", [tmp_path])
    (tmp_path / "b.yml").write_text("name: c")
    with pytest.raises(BundleError, match=r"b\.yml: 'name' must be 'b'"):
        manifest.load("b", [tmp_path])
