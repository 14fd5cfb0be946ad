# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ``upstream``: release file and images of the publisher.

A file is checked by pinned digest and by the publisher's checksum file, which is signed or comes over TLS, and by a signature of
the file; an image by pinned digest, else by the signature beside it, else it is what its tag says over TLS.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import cosign, registry, signature
from ..errors import BundleError, Unavailable
from ..manifest import Artifact
from ..store import digest_of
from .base import Delivery, Work


def deliver(artifact: Artifact, source: Mapping[str, Any], work: Work) -> Delivery:
    """Fetch what the manifest names, each file and each image checked."""
    pulled, signer = {}, image_signer(source)
    for number, (name, digest) in enumerate(source.get("images", {}).items()):
        work.progress(f"{artifact.title}: pulling {name}")
        folder = work.scratch / f"pull-{number}"
        folder.mkdir()
        if signer and not digest:
            digest = registry.signed(work.fetcher, name, signer, artifact.base / cosign.ROOT, folder)
        target = work.scratch / f"pulled-{number}.tar"
        pulled[name] = (
            target,
            registry.pull(work.fetcher, name, digest or None, artifact.architecture, folder, target),
        )
        shutil.rmtree(folder)
    files = _release(artifact, source, work) if "url" in source else {}
    return Delivery(detail=source.get("url") or ", ".join(pulled), files=files, images=pulled)


def _release(artifact: Artifact, source: Mapping[str, Any], work: Work) -> dict[str, Path]:
    """Download the release file, check it, and unpack the members the manifest names."""
    url = source["url"]
    pinned = source.get("sha256", {}).get(artifact.architecture)
    if pinned is None and "sums" not in source:
        raise Unavailable(f"{url}: no digest pinned for {artifact.architecture}")
    expected = {pinned} - {None}
    if "sums" in source:
        expected.add(published_digest(artifact, source, work))
    work.progress(f"{artifact.title}: downloading {url}")
    release = work.fetcher.get(url, work.scratch / url.rsplit("/", 1)[1])
    found = digest_of(release).removeprefix("sha256:")
    if expected != {found}:
        raise BundleError(f"{url}: wrong digest: {found}, expected {' and '.join(sorted(map(str, expected)))}")
    if "output" in source:
        return {source["output"]: release}
    return {output: unpack(release, member, work.scratch / output, url) for output, member in source["members"].items()}


def published_digest(artifact: Artifact, source: Mapping[str, Any], work: Work) -> str:
    """What the publisher's checksum file says of the release file, signatures of either checked; raise BundleError without it."""
    sums = source["sums"]
    listing = work.fetcher.get(sums["url"], work.scratch / sums["url"].rsplit("/", 1)[1])
    if "signature" in sums:
        try:
            detached = work.fetcher.get(sums["signature"], work.scratch / "signature")
        except Unavailable as error:
            # The checksums came, so the host is there: a missing signature is a reason to distrust, not to go on.
            raise BundleError(f"{sums['url']}: its signature is missing: {error}") from error
        signature.check(listing, detached, artifact.base / "keys" / f"{sums['key']}.asc", work.scratch)
    name = source["url"].rsplit("/", 1)[1]
    digest = signature.parse_sums(listing.read_text(), name).get(name)
    if digest is None:
        raise BundleError(f"{sums['url']}: does not list {name}")
    if "cosign" in source:
        _check_signature(artifact, source, digest, work)
    return digest


def _check_signature(artifact: Artifact, source: Mapping[str, Any], digest: str, work: Work) -> None:
    """Check the signature of a release file of that digest; raise Unavailable when there is none, BundleError when it is another's."""
    place = source["cosign"]
    sign, certificate = (
        work.fetcher.get(place[kind], work.scratch / kind).read_bytes() for kind in ("signature", "certificate")
    )
    signer = cosign.Signer(place["identity"], place["issuer"])
    try:
        cosign.check(digest, sign, certificate, signer, artifact.base / cosign.ROOT)
    except cosign.NotSigned as error:
        raise BundleError(f"{place['signature']}: {error}") from error


def image_signer(source: Mapping[str, Any]) -> cosign.Signer | None:
    """Who must have signed the images of a source."""
    return cosign.Signer(**source["image_signer"]) if "image_signer" in source else None


#: What reading a member of a truncated or altered archive raises, or of one that is packed in a way unknown here.
DAMAGED = (
    KeyError,
    EOFError,
    RuntimeError,
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
)


def unpack(archive: Path, member: str, target: Path, where: str) -> Path:
    """Write one member of a zip or tar archive to a file; the name inside the archive never becomes a path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened, opened.open(member) as reading, target.open("wb") as writing:
                shutil.copyfileobj(reading, writing)
        else:
            with tarfile.open(archive) as unpacked, target.open("wb") as writing:
                stream = unpacked.extractfile(member)
                if stream is None:
                    raise KeyError(member)
                shutil.copyfileobj(stream, writing)
    except DAMAGED as error:
        raise BundleError(f"{where}: cannot take {member} out of it: {error}") from error
    return target
