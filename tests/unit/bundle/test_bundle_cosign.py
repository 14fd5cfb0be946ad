# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release files and images that their publisher signed by identity, from servers of the real layout."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import cosign, manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.fill import recipe
from bundle_world import Filling, Publisher, bump
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore_world import IDENTITY, ISSUER, START, YEAR, Sigstore
from test_bundle_registry import FakeRegistry

FILE = "/release/v1.0.0/bin/linux/amd64/tool"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "identity": ({"identity": "thief@example.com"}, f"signed by thief@example.com .*, not by {IDENTITY}"),
    "issuer": ({"issuer": "https://else.example.com"}, rf"\(https://else.example.com\), not by .* \({ISSUER}\)"),
    "use": ({"use": ExtendedKeyUsageOID.SERVER_AUTH}, "not for signing code"),
    "before the authority": ({"at": START - YEAR}, "of no authority of sigstore"),
    "after the authority": ({"at": START + 11 * YEAR}, "of no authority of sigstore"),
    "unlogged": ({"logged": False}, "in no public log"),
    "of another log": ({"logged": ec.generate_private_key(ec.SECP256R1())}, "in no public log"),
}


@pytest.fixture
def sigstore() -> Sigstore:
    return Sigstore()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    serving = FakeRegistry()
    yield serving
    serving.close()


def release(publisher: Publisher, signed: tuple[bytes, bytes] | None, content: bytes = b"#!/bin/sh\n") -> None:
    """Publish as Kubernetes does: the program, and beside it its digest, signature and certificate."""
    publisher.files[FILE] = content
    publisher.files[f"{FILE}.sha256"] = hashlib.sha256(content).hexdigest().encode()
    for ending, part in zip((".sig", ".cert"), signed or ()):
        publisher.files[FILE + ending] = part


def tool(filling: Filling, publisher: Publisher) -> Filling:
    """The manifest of a program that is published so."""
    url = publisher.url + "/release/v{version}/bin/linux/{architecture}/tool"
    filling.manifest(
        versions=[{"version": "1.0.0", "unpinned": "nobody looked it up"}],
        architectures=["amd64"],
        sources=[
            {
                "kind": "upstream",
                "url": url,
                "output": "tool",
                "sums": {"url": f"{url}.sha256"},
                "cosign": {
                    "signature": f"{url}.sig",
                    "certificate": f"{url}.cert",
                    "identity": IDENTITY,
                    "issuer": ISSUER,
                },
            }
        ],
    )
    return filling


@pytest.mark.parametrize("old", [False, True])
def test_a_signed_file(filling: Filling, publisher: Publisher, sigstore: Sigstore, old: bool) -> None:
    sigstore.trust(filling.manifests)
    release(publisher, sigstore.sign(b"#!/bin/sh\n", old=old))
    tool(filling, publisher).fill()
    assert filling.entry()["source"]["kind"] == "upstream"


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_others_signed(filling: Filling, publisher: Publisher, sigstore: Sigstore, case: str) -> None:
    options, fault = WRONG[case]
    sigstore.trust(filling.manifests)
    release(publisher, sigstore.sign(b"#!/bin/sh\n", **options))
    with pytest.raises(BundleError, match=rf"tool\.sig: .*{fault}"):
        tool(filling, publisher).fill()
    assert not filling.blobs()


def test_an_altered_file_with_its_own_digest(filling: Filling, publisher: Publisher, sigstore: Sigstore) -> None:
    sigstore.trust(filling.manifests)
    release(publisher, sigstore.sign(b"#!/bin/sh\n"), b"#!/bin/sh\nrm -rf /\n")
    with pytest.raises(BundleError, match="does not fit: it was altered"):
        tool(filling, publisher).fill()


def test_another_authority(filling: Filling, publisher: Publisher, sigstore: Sigstore) -> None:
    sigstore.trust(filling.manifests)
    release(publisher, Sigstore().sign(b"#!/bin/sh\n"))
    with pytest.raises(BundleError, match="of no authority of sigstore"):
        tool(filling, publisher).fill()


@pytest.mark.parametrize("part", [b"", b"nothing", b"\xff\x00", base64.b64encode(b"nothing")])
def test_parts_that_are_none(filling: Filling, publisher: Publisher, sigstore: Sigstore, part: bytes) -> None:
    sigstore.trust(filling.manifests)
    signature, certificate = sigstore.sign(b"#!/bin/sh\n")
    for parts in ((part, certificate), (signature, part)):
        release(publisher, parts)
        with pytest.raises(BundleError, match=r"tool\.sig: "):
            tool(filling, publisher).fill()


@pytest.mark.parametrize("ending", [".sig", ".cert"])
def test_a_missing_signature_gives_way(filling: Filling, publisher: Publisher, sigstore: Sigstore, ending: str) -> None:
    sigstore.trust(filling.manifests)
    release(publisher, sigstore.sign(b"#!/bin/sh\n"))
    del publisher.files[FILE + ending]
    with pytest.raises(BundleError, match=rf"no source works here: upstream: .*tool\{ending}: answered 404"):
        tool(filling, publisher).fill()
    assert not filling.blobs()


def test_no_trusted_root(filling: Filling, publisher: Publisher, sigstore: Sigstore) -> None:
    release(publisher, sigstore.sign(b"#!/bin/sh\n"))
    with pytest.raises(BundleError, match=r"sigstore\.json: no trusted root"):
        tool(filling, publisher).fill()


def sign_image(registry: FakeRegistry, sigstore: Sigstore, digest: str, about: str = "", **options: Any) -> None:
    """Put a signature beside an image, as cosign does."""
    payload = json.dumps(
        {"critical": {"image": {"docker-manifest-digest": about or digest}}, "optional": None}
    ).encode()
    signature, certificate = sigstore.sign(payload, **options)
    notes = {cosign_note: part.decode() for cosign_note, part in zip(NOTES, (signature, base64.b64decode(certificate)))}
    layer = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", **registry.put(payload)}
    listed = {"schemaVersion": 2, "layers": [{**layer, "annotations": notes}]}
    registry.content[f"{digest.replace(':', '-')}.sig"] = json.dumps(listed).encode()


NOTES = ("dev.cosignproject.cosign/signature", "dev.sigstore.cosign/certificate")


def image(filling: Filling, registry: FakeRegistry, digest: str = "") -> Filling:
    """The manifest of a tool that is nothing but a signed image."""
    name = f"{registry.host}/team/tool:v1.0.0"
    source = {"kind": "upstream", "images": {name: digest}, "image_signer": {"identity": IDENTITY, "issuer": ISSUER}}
    filling.manifest(
        versions=[{"version": "1.0.0", "unpinned": "nobody looked it up"}],
        architectures=["amd64"],
        sources=[source],
        images=[{"name": name, "files": {"/tool": "tool"}}],
        files={},
        links={},
    )
    return filling


def test_a_signed_image(filling: Filling, registry: FakeRegistry, sigstore: Sigstore) -> None:
    sigstore.trust(filling.manifests)
    sign_image(registry, sigstore, registry.publish("v1.0.0"))
    image(filling, registry).fill()
    assert filling.entry()["source"]["kind"] == "upstream"


@pytest.mark.parametrize("case", WRONG)
def test_an_image_that_others_signed(filling: Filling, registry: FakeRegistry, sigstore: Sigstore, case: str) -> None:
    options, fault = WRONG[case]
    sigstore.trust(filling.manifests)
    sign_image(registry, sigstore, registry.publish("v1.0.0"), **options)
    with pytest.raises(BundleError, match=rf"team/tool:v1\.0\.0: .*{fault}"):
        image(filling, registry).fill()
    assert not filling.blobs()


def test_the_signature_of_another_image(filling: Filling, registry: FakeRegistry, sigstore: Sigstore) -> None:
    sigstore.trust(filling.manifests)
    sign_image(registry, sigstore, registry.publish("v1.0.0"), about=f"sha256:{'0' * 64}")
    with pytest.raises(BundleError, match="the signature is of sha256:000"):
        image(filling, registry).fill()


def test_an_image_without_a_signature_gives_way(filling: Filling, registry: FakeRegistry, sigstore: Sigstore) -> None:
    sigstore.trust(filling.manifests)
    digest = registry.publish("v1.0.0")
    with pytest.raises(BundleError, match="no source works here: upstream: .*its signature is missing"):
        image(filling, registry).fill()
    image(filling, registry, digest).fill()  # what is pinned needs none


def test_a_signer_does_not_change_what_an_artifact_is(filling: Filling, registry: FakeRegistry) -> None:
    image(filling, registry)
    path, data = manifest.load("tool", [filling.manifests])
    signed = recipe(manifest.resolve(path, data, None, "amd64"))
    del data["sources"][0]["image_signer"]
    assert recipe(manifest.resolve(path, data, None, "amd64")) == signed
    data["sources"][0]["images"] = {"r.io/another": ""}
    assert recipe(manifest.resolve(path, data, None, "amd64")) != signed


def test_bump_pins_what_is_signed_alone(
    filling: Filling, publisher: Publisher, registry: FakeRegistry, sigstore: Sigstore
) -> None:
    sigstore.trust(filling.manifests)
    release(publisher, sigstore.sign(b"#!/bin/sh\n", identity="thief@example.com"))
    refused = bump(tool(filling, publisher), "1.0.0")
    assert refused.returncode == 1 and "thief@example.com" in refused.stderr and "Nothing was changed" in refused.stderr
    release(publisher, sigstore.sign(b"#!/bin/sh\n"))
    assert bump(filling, "1.0.0").returncode == 0
    digest = hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    assert manifest.load("tool", [filling.manifests])[1]["versions"] == [
        {"version": "1.0.0", "pins": {"amd64": digest}}
    ]
    whole = registry.publish("v1.0.0")
    assert "its signature is missing" in bump(image(filling, registry), "1.0.0").stderr
    sign_image(registry, sigstore, whole)
    assert bump(filling, "1.0.0").returncode == 0
    name = f"{registry.host}/team/tool:v1.0.0"
    assert manifest.load("tool", [filling.manifests])[1]["versions"] == [{"version": "1.0.0", "pins": {name: whole}}]


def test_the_shipped_root_is_that_of_sigstore() -> None:
    trusted = cosign._trusted(manifest.SHIPPED / cosign.ROOT)
    authority = trusted["certificateAuthorities"][-1]["certChain"]["certificates"]
    root = base64.b64decode(authority[-1]["rawBytes"])
    # As its authority announces it: https://docs.sigstore.dev/certificate_authority/overview/
    assert len(authority) == 2 and len(trusted["ctlogs"]) == 2 and b"sigstore.dev" in root
