# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the index of a bundle, wherever the bundle lies, with proof that it is the right one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from .. import sign
from .errors import BundleError
from .fetch import opened
from .store import Store, parse_index

#: How old a signed index may be, behind the name of its key.
#: Bytes of an index; one of all artifacts has some 300 kB.
LARGEST = 64 << 20
LIMITS = {"since": r"\d{4}-\d\d-\d\d(T[\d:]{8})?", "days": r"\d{1,5}"}


def is_remote(bundle: str) -> bool:
    """Whether a bundle is served over HTTP."""
    return bundle.startswith(("http://", "https://"))


def read_index(bundle: str) -> dict[str, Any]:
    """The index of a bundle: a directory, or an address with what proves that it is the right one."""
    if not is_remote(bundle):
        return Store(Path(bundle).expanduser()).index()
    url, _hash, proof = bundle.partition("#")
    return read_remote(url, proof)


def read_remote(url: str, proof: str) -> dict[str, Any]:
    """The index of a bundle that is served over HTTP.

    `proof` says how it is known to be the right one: C(sha256=HEX), its digest, or C(key=FILE), the public key that signed it, perhaps
    with C(&since=DATE), before which none is accepted, or C(&days=NUMBER), the most that it may be old. Without one the server's TLS
    certificate is all there is, so C(http://) needs it. Raises BundleError and SignError.
    """
    address = f"{url.rstrip('/')}/index.json"
    kind, _equals, value = proof.partition("=")
    value, *more = value.split("&")
    limits = dict(part.split("=", 1) for part in more if "=" in part)
    wrong = len(limits) < len(more) or any(not re.fullmatch(LIMITS.get(key, "-"), text) for key, text in limits.items())
    if proof and (kind not in ("sha256", "key") or wrong or (more and kind != "key")):
        raise BundleError(
            f"#{proof} is neither #sha256=DIGEST of index.json nor #key=FILE[&since=YYYY-MM-DD][&days=NUMBER] of the public key "
            "that signed it"
        )
    if not proof and not url.startswith("https://"):
        raise BundleError(
            f"{address}: anybody on the way can alter what comes by http; use https://, or add the digest of its "
            "index.json (#sha256=…) or the public key that signed it (#key=FILE) to the address"
        )
    try:
        with opened(address, 30) as reading:
            content = reading.read(LARGEST + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{address}: cannot be read: {error}") from error
    if len(content) > LARGEST:
        raise BundleError(f"{address}: has more than {LARGEST} bytes, which no index has")
    if kind == "sha256" and hashlib.sha256(content).hexdigest() != value:
        raise BundleError(f"{address}: its digest is {hashlib.sha256(content).hexdigest()}, not {value} as pinned")
    index = parse_index(text, address)
    if kind != "key":
        return index
    content = sign.unsealed(index, sign.load_public(Path(value).expanduser()), address)
    sign.refuse_old(content, address, limits.get("since", ""), int(limits.get("days", 0)))
    return content
