# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images as their registry has them (OCI distribution specification 1.1), every part checked by digest.

With the login that this machine has for the registry, else anonymous, with the token that public registries give to everybody.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle import images

from . import cosign, logins
from .errors import BundleError, Refused, Unavailable
from .fetch import Fetcher
from .store import digest_of

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
#: Of a signature beside an image (cosign, specs/SIGNATURE_SPEC.md).
SIGNATURE, CERTIFICATE = "dev.cosignproject.cosign/signature", "dev.sigstore.cosign/certificate"
#: Where the images of a registry lie whose name is no host's.
HOSTS = {"docker.io": "registry-1.docker.io"}


def pull(
    fetcher: Fetcher, name: str, digest: str | None, architecture: str, scratch: Path, target: Path
) -> dict[str, str]:
    """Write the archive of an image of one architecture; ``name`` has its tag, ``digest`` is what it must be.

    Without a digest the tag is believed, over TLS. Raises Unavailable when the registry is away or refuses,
    BundleError when a part is not what its digest says.
    """
    source = _Repository(fetcher, name, scratch)
    top = source.manifest(digest or name.rsplit(":", 1)[1], digest)
    chosen = json.loads(top)
    if "manifests" in chosen:
        top = source.manifest(*_platform(chosen, name, architecture))
        chosen = json.loads(top)
    config = source.blob(chosen["config"]).read_bytes()
    found = json.loads(config).get("architecture")
    if found != architecture:
        raise BundleError(f"{name}: is an image for {found}, not for {architecture}")
    layers = {item["digest"].removeprefix("sha256:"): source.blob(item) for item in chosen["layers"]}
    return images.pack(name, top, config, layers, architecture, target)


def tagged(fetcher: Fetcher, name: str, scratch: Path) -> str:
    """Digest of what the tag of an image names now. Raises Unavailable when the registry is away or refuses."""
    content = _Repository(fetcher, name, scratch).manifest(name.rsplit(":", 1)[1], None)
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def signed(fetcher: Fetcher, name: str, signer: cosign.Signer, root: Path, scratch: Path) -> str:
    """Digest of what the tag of an image names now, which C(signer) has signed.

    Raises Unavailable when the registry is away or has no signature, BundleError when the signatures are others'.
    """
    digest, source, reasons = tagged(fetcher, name, scratch), _Repository(fetcher, name, scratch), []
    for layer in _signatures(source, name, digest):
        notes, payload = layer.get("annotations", {}), source.blob(layer).read_bytes()
        try:
            about = json.loads(payload)["critical"]["image"]["docker-manifest-digest"]
            if about != digest:
                raise cosign.NotSigned(f"the signature is of {about}")
            sign, certificate = (str(notes.get(key, "")).encode() for key in (SIGNATURE, CERTIFICATE))
            cosign.check(hashlib.sha256(payload).hexdigest(), sign, certificate, signer, root)
            return digest
        except (cosign.NotSigned, ValueError, KeyError, TypeError) as error:
            reasons.append(str(error))
    raise BundleError(f"{name}: {'; '.join(reasons) or 'its list of signatures is empty'}")


def _platform(index: Mapping[str, Any], name: str, architecture: str) -> tuple[str, str]:
    """Digest of the manifest for Linux and an architecture, twice: as what to ask for and as what it must be."""
    offered = [item for item in index["manifests"] if item.get("platform", {}).get("os") == "linux"]
    for item in offered:
        if item["platform"].get("architecture") == architecture:
            return item["digest"], item["digest"]
    known = ", ".join(sorted({item["platform"].get("architecture", "?") for item in offered})) or "nothing"
    raise BundleError(f"{name}: has no image for {architecture} (it has {known})")


class _Repository:
    """One repository of a registry."""

    def __init__(self, fetcher: Fetcher, name: str, scratch: Path) -> None:
        host, _slash, path = images.full_name(name).rsplit(":", 1)[0].partition("/")
        instead, _slash, folder = fetcher.registries.get(host, "").strip("/").partition("/")
        host, path = instead or host, f"{folder}/{path}" if folder else path
        self._fetcher, self._scratch, self._title, self._host = fetcher, scratch, name, host
        self._login = logins.login(os.environ, host, path)
        # As all container tools have it: a registry on this very machine may speak without TLS.
        plain = re.match(r"(localhost|127(\.\d+){3})(:|$)", host)
        self._base = f"{'http' if plain else 'https'}://{HOSTS.get(host, host)}/v2/{path}"
        self._headers: dict[str, str] = {}

    def manifest(self, reference: str, digest: str | None) -> bytes:
        """A manifest or an index, checked when its digest is known."""
        content = self._get(f"manifests/{reference}", {"Accept": ", ".join((*INDEXES, *MANIFESTS))}).read_bytes()
        found = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if digest is not None and found != digest:
            raise BundleError(f"{self._title}: wrong digest: {found}, expected {digest}")
        return content

    def blob(self, described: Mapping[str, Any]) -> Path:
        """A part of an image, by its descriptor."""
        path = self._get(f"blobs/{described['digest']}", {})
        found = digest_of(path)
        if found != described["digest"]:
            raise BundleError(f"{self._title}: wrong digest of a layer: {found}, expected {described['digest']}")
        return path

    def _get(self, what: str, headers: Mapping[str, str]) -> Path:
        url, target = f"{self._base}/{what}", self._scratch / what.replace("/", "-").replace(":", "-")
        try:
            try:
                return self._fetcher.get(url, target, {**headers, **self._headers})
            except Refused as error:
                if self._headers:
                    raise
                self._headers = self._answer(error)
            return self._fetcher.get(url, target, {**headers, **self._headers})
        except Refused as error:
            login = "the login that this machine has is not taken" if self._login else "nobody has logged in here"
            remedy = f"run podman login {self._host}, or name the file in REGISTRY_AUTH_FILE"
            raise Unavailable(f"{error}: {login}; {remedy}") from error

    def _answer(self, refused: Refused) -> dict[str, str]:
        """What to send to a registry that wants to know who asks. Raises Refused."""
        kind = refused.challenge.partition(" ")[0].lower()
        if kind == "bearer":
            return {"Authorization": f"Bearer {self._token(refused.challenge)}"}
        if kind == "basic" and self._login:
            return self._basic()
        raise refused

    def _basic(self) -> dict[str, str]:
        return {"Authorization": f"Basic {self._login}"} if self._login else {}

    def _token(self, challenge: str) -> str:
        """Ask for what the registry's refusal names (distribution specification, token authentication)."""
        words = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        asked = urllib.parse.urlencode({key: words[key] for key in ("service", "scope") if key in words})
        realm = words.get("realm", "")
        # A login never travels in the clear, but where the registry itself has no TLS.
        own = self._basic() if realm.startswith("https://") or self._base.startswith("http://") else {}
        path = self._fetcher.get(f"{realm}?{asked}", self._scratch / "token", own)
        answer = json.loads(path.read_text())
        path.unlink()
        return str(answer.get("token") or answer.get("access_token"))


def _signatures(source: _Repository, name: str, digest: str) -> list[dict[str, Any]]:
    try:
        listed: list[dict[str, Any]] = json.loads(source.manifest(f"{digest.replace(':', '-')}.sig", None))["layers"]
    except Unavailable as failure:
        raise Unavailable(f"{name}: its signature is missing: {failure}") from None
    except (ValueError, KeyError, TypeError) as failure:
        raise BundleError(f"{name}: its list of signatures cannot be read ({failure})") from failure
    return listed
