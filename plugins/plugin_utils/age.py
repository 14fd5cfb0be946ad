# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What age makes of a file, read on the controller: recipients, identities and sealed files of the kind X25519.

https://github.com/C2SP/C2SP/blob/main/age.md
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from typing import BinaryIO

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:  # pki.HAS_CRYPTOGRAPHY says so
    pass

from .user_error import UserError

RECIPIENT, IDENTITY = "age", "age-secret-key-"
CHUNK = 1 << 16
_SIGNS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VERSION = b"age-encryption.org/v1"
_POLYNOMIAL = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class AgeError(UserError):
    """A key or a file cannot be read; the message says which and what to do."""


def key_of(text: str, prefix: str) -> bytes:
    """The 32 bytes of a recipient (C(age1...)) or an identity (C(AGE-SECRET-KEY-1...)). Raises ValueError."""
    lower = text.lower()
    head, _one, data = lower.rpartition("1")
    if head != prefix or text not in (lower, text.upper()) or not re.fullmatch(f"[{_SIGNS}]+", data):
        raise ValueError("is no key of age of the kind X25519")
    values = [_SIGNS.index(sign) for sign in data]
    if _checksum([*(ord(s) >> 5 for s in head), 0, *(ord(s) & 31 for s in head), *values]) != 1:
        raise ValueError("has a typing error (its checksum is wrong)")
    bits = "".join(f"{value:05b}" for value in values[:-6])
    if len(bits) // 8 != 32:
        raise ValueError("is no key of age of the kind X25519")
    return int(bits[:256], 2).to_bytes(32, "big")


def _checksum(values: Iterable[int]) -> int:
    """That of bech32, https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki."""
    found = 1
    for value in values:
        top, found = found >> 25, (found & 0x1FFFFFF) << 5 ^ value
        for bit, polynomial in enumerate(_POLYNOMIAL):
            found ^= polynomial if top >> bit & 1 else 0
    return found


def identities(text: str, place: str) -> list[bytes]:
    """The keys in the text of an identity file. Raises AgeError naming the place."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = [key_of(line, IDENTITY) for line in lines]
    except ValueError as error:
        raise AgeError(f"{place} {error}; give the file that age-keygen wrote") from error
    if not keys:
        raise AgeError(f"{place} has no key; give the file that age-keygen wrote")
    return keys


def decrypt(source: BinaryIO, keys: list[bytes], output: BinaryIO, place: str) -> None:
    """Decrypt a sealed file. Raises AgeError when no key opens it, or when it is not what was written."""
    try:
        header, mac, stanzas = _read_header(source)
    except (ValueError, IndexError) as error:
        raise AgeError(f"{place} is no file of age ({error}); use another backup") from error
    file_key = next((found for key in keys for found in [_unwrap(key, stanzas)] if found), None)
    if file_key is None:
        raise AgeError(f"{place} is not encrypted to this key; give the identity of one of cluster_backup.recipients")
    if not hmac.compare_digest(hmac.digest(_derive(file_key, b"", b"header"), header, "sha256"), mac):
        raise AgeError(f"{place} was changed after it was written (its header); use another backup")
    try:
        _decrypt_chunks(source, ChaCha20Poly1305(_derive(file_key, source.read(16), b"payload")), output)
    except InvalidTag as error:
        raise AgeError(f"{place} was changed or cut off after it was written; use another backup") from error


def _decrypt_chunks(source: BinaryIO, cipher: ChaCha20Poly1305, output: BinaryIO) -> None:
    number, block = 0, source.read(CHUNK + 16)
    while True:
        following = source.read(CHUNK + 16)
        output.write(cipher.decrypt(number.to_bytes(11, "big") + bytes([not following]), block, None))
        if not following:
            return
        number, block = number + 1, following


def _read_header(source: BinaryIO) -> tuple[bytes, bytes, list[tuple[list[bytes], bytes]]]:
    """What the MAC covers, the MAC, and each stanza's arguments and body. Raises ValueError, IndexError."""
    lines = [source.readline(CHUNK)]
    if lines[0].strip() != _VERSION:
        raise ValueError("it does not begin with age's version")
    stanzas: list[tuple[list[bytes], bytes]] = []
    while True:
        line = source.readline(CHUNK)
        if line.startswith(b"--- "):
            return b"".join(lines) + b"---", _unbase64(line.split()[1]), stanzas
        if not line.startswith(b"-> "):
            raise ValueError("its header is broken")
        lines.append(line)
        body = b""
        while True:
            part = source.readline(CHUNK)
            lines.append(part)
            body += part.strip()
            if len(part.strip()) < 64:
                break
        stanzas.append((line.split()[1:], _unbase64(body)))


def _unwrap(key: bytes, stanzas: list[tuple[list[bytes], bytes]]) -> bytes | None:
    private = X25519PrivateKey.from_private_bytes(key)
    own = private.public_key().public_bytes_raw()
    for arguments, body in stanzas:
        if len(arguments) == 2 and arguments[0] == b"X25519":
            try:
                share = _unbase64(arguments[1])
                secret = private.exchange(X25519PublicKey.from_public_bytes(share))
                return ChaCha20Poly1305(_derive(secret, share + own, b"age-encryption.org/v1/X25519")).decrypt(
                    bytes(12), body, None
                )
            except (InvalidTag, ValueError):
                continue
    return None


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def _unbase64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
