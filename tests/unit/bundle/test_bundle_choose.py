# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request for an artifact, a version or one of its images means."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.action.artifacts import choose, of_images
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError

VERSION = manifest.default_version(*manifest.load("kubernetes-images"))


def image(name: str) -> dict[str, str]:
    return {"name": f"registry.k8s.io/{name}:v{VERSION}", "path": f"images/{name}.tar"}


ENTRY: dict[str, Any] = {
    "name": "kubernetes-images",
    "version": VERSION,
    "images": [image("kube-proxy"), image("kube-apiserver")],
    "files": [{"path": "images/kube-proxy.tar"}, {"path": "images/kube-apiserver.tar"}, {"path": "notes"}],
    "links": {"/usr/local/bin/x": "notes"},
    "packages": [{"name": "nftables"}],
}
INDEX = {"artifacts": {"kubernetes-images": {VERSION: {"amd64": ENTRY}}}}


def test_the_whole_artifact() -> None:
    for request in ("kubernetes-images", f"kubernetes-images={VERSION}"):
        (found,) = choose([request], INDEX, [])
        assert found == {"name": "kubernetes-images", "version": VERSION, "architectures": {"amd64": ENTRY}}
    (absent,) = choose(["kubernetes-images=1.0.0"], INDEX, [])
    assert absent["architectures"] == {}


def test_one_image_of_it() -> None:
    for request in ("kubernetes-images/kube-proxy", f"kubernetes-images={VERSION}/kube-proxy"):
        (found,) = choose([request], INDEX, [])
        entry = found["architectures"]["amd64"]
        assert entry["images"] == [image("kube-proxy")]
        assert entry["files"] == [{"path": "images/kube-proxy.tar"}]
        assert entry["links"] == {} and entry["packages"] == []


def test_an_image_it_does_not_have() -> None:
    with pytest.raises(
        BundleError, match=f"kubernetes-images {VERSION} has no image kube-dns .it has registry.k8s.io/kube-p"
    ):
        choose(["kubernetes-images/kube-dns"], INDEX, [])


ALONE = {**ENTRY, "name": "shop", "links": {}, "packages": []}
SHOP = {
    "artifacts": {**INDEX["artifacts"], "shop": {"1.0": {"amd64": ALONE}, "1.1": {"amd64": {**ALONE, "images": []}}}}
}


@pytest.mark.parametrize(
    ("request_", "usable"),
    [
        ("shop=1.0", True),
        ("kubernetes-images/kube-proxy", True),
        ("shop=1.1", False),
        ("shop=2.0", False),
        ("shop", False),  # no manifest says which version
        ("kubernetes-images", False),  # it has programs and packages, which nobody in the cluster may choose for a host
        ("kubernetes-images/kube-dns", False),
        ("../shop=1.0", False),
        ("", False),
    ],
)
def test_what_applications_ask_for_is_images_of_the_bundle(request_: str, usable: bool) -> None:
    assert of_images(request_, SHOP, []) is usable
