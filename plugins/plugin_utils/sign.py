# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed statements about files (in-toto statements in DSSE envelopes) and signed indexes, by ed25519 keys.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, https://github.com/secure-systems-lab/dsse
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

from .user_error import UserError


class SignError(UserError):
    """A key cannot be read, or a signature is not of the trusted key."""


TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
#: Key of an index under which its signature lies.
SIGNATURE = "signature"
#: Key of a signed index that says when it was written: an older one that is served again is as well signed as it ever was.
WRITTEN = "written"


def default_key() -> Path:
    """Where the key lies that signs images and indexes, unless told otherwise (XDG base directory specification)."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "keelson" / "image.pem"


def _need_library() -> None:
    if not HAS_CRYPTOGRAPHY:
        raise SignError(missing("cryptography"))


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs, made the first time; its public half is written beside it. Raise SignError for any other."""
    _need_library()
    if not path.exists():
        _make_key(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise SignError(f"{path}: no private key in PEM can be read there: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignError(f"{path}: the key is not an ed25519 key")
    return key


def _make_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as writing:
        writing.write(pem)
    path.with_suffix(".pub").write_text(public_text(key.public_key()))
    beside.replace(path)


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def load_public(path: Path) -> Ed25519PublicKey:
    """The key that a reader trusts; raise SignError when there is none."""
    _need_library()
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SignError(f"{path}: no public key in PEM can be read there: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignError(f"{path}: the key is not an ed25519 key")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """By what a signature names its key: the digest of its PEM."""
    return hashlib.sha256(public_text(key).encode()).hexdigest()


def statement(subjects: Mapping[str, str], kind: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """An in-toto statement about files, {name: C(sha256:HEX)}."""
    named = [{"name": name, "digest": {"sha256": digest.split(":")[1]}} for name, digest in sorted(subjects.items())]
    return {"_type": STATEMENT, "subject": named, "predicateType": kind, "predicate": dict(predicate)}


def encoding(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)


def envelope(content: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A statement in a signed envelope."""
    payload = json.dumps(content, sort_keys=True).encode()
    encoded = base64.b64encode(payload).decode()
    return {"payloadType": TYPE, "payload": encoded, "signatures": [envelope_signature(payload, key)]}


def envelope_signature(payload: bytes, key: Ed25519PrivateKey) -> dict[str, str]:
    """A signature of a payload, as DSSE's envelopes list them."""
    return {"keyid": key_id(key.public_key()), "sig": base64.b64encode(key.sign(encoding(payload))).decode()}


def opened(signed: Mapping[str, Any], key: Ed25519PublicKey, where: str) -> dict[str, Any]:
    """The statement in an envelope; raise SignError unless the key signed it."""
    try:
        payload = base64.b64decode(signed["payload"], validate=True)
        signatures = [base64.b64decode(entry["sig"], validate=True) for entry in signed["signatures"]]
        known = signed["payloadType"] == TYPE
    except (KeyError, TypeError, ValueError) as error:
        raise SignError(f"{where}: not a signed statement ({error})") from error
    for signature in signatures if known else []:
        try:
            key.verify(signature, encoding(payload))
        except InvalidSignature:
            continue
        content: dict[str, Any] = json.loads(payload)
        return content
    raise SignError(f"{where}: the signature is not of the trusted key, or what it signs was altered")


def sealed(index: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """An index (a JSON object) with a signature of all its other keys."""
    content = {name: value for name, value in index.items() if name != SIGNATURE}
    return {**content, SIGNATURE: envelope_signature(canonical(content), key)}


def unsealed(index: Mapping[str, Any], key: Ed25519PublicKey, where: str) -> dict[str, Any]:
    """The index without its signature; raise SignError unless the key signed it as it is."""
    content = {name: value for name, value in index.items() if name != SIGNATURE}
    try:
        key.verify(base64.b64decode(index[SIGNATURE]["sig"], validate=True), encoding(canonical(content)))
    except (KeyError, TypeError, ValueError) as error:
        raise SignError(f"{where}: is not signed; sign it with the key whose public half you trust") from error
    except InvalidSignature as error:
        raise SignError(f"{where}: the signature is not of the trusted key, or the index was altered") from error
    return content


def refuse_old(content: Mapping[str, Any], where: str, since: str = "", days: int = 0) -> None:
    """Raise SignError when an index was written before a date, or more days ago than these; neither is asked where it is empty."""
    allowed = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    first = max(since, allowed.strftime("%Y-%m-%dT%H:%M:%S") if days else "")
    # Its date and time alone: UTC is written in more than one way.
    if first and str(content.get(WRITTEN, ""))[:19] < first:
        when = f"was written {content[WRITTEN]}" if WRITTEN in content else "does not say when it was written"
        raise SignError(
            f"{where} {when}, and none before {first} is accepted: write and sign it again, or look who serves an old one"
        )


def canonical(content: Mapping[str, Any]) -> bytes:
    """What of an index is signed: the same bytes for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
