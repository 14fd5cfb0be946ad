# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups without a cluster: an engine that saves one file, and a program that seals as age does."""

from __future__ import annotations

import base64
import hmac
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.backup import program
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import secret_store
from ansible_collections.keelson.cluster.plugins.plugin_utils import age
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PAYLOAD = {"gossip_key": "old", "bootstrap_token": "t"}


def bech32(prefix: str, raw: bytes) -> str:
    """As age writes keys."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    values = [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]
    head = [*(ord(sign) >> 5 for sign in prefix), 0, *(ord(sign) & 31 for sign in prefix)]
    check = age._checksum([*head, *values, *[0] * 6]) ^ 1
    values += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1{''.join(age._SIGNS[value] for value in values)}"


class Key:
    """A pair of keys of age."""

    def __init__(self) -> None:
        private = X25519PrivateKey.generate()
        self.identity = bech32(age.IDENTITY, private.private_bytes_raw()).upper()
        self.recipient = bech32(age.RECIPIENT, private.public_key().public_bytes_raw())


def seal(text: bytes, recipient: str) -> bytes:
    """What age makes of a text for one recipient."""
    file_key, private = os.urandom(16), X25519PrivateKey.generate()
    share, public = private.public_key().public_bytes_raw(), age.key_of(recipient, age.RECIPIENT)
    wrapping = age._derive(
        private.exchange(X25519PublicKey.from_public_bytes(public)), share + public, b"age-encryption.org/v1/X25519"
    )
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)

    def plain(raw: bytes) -> bytes:
        return base64.b64encode(raw).rstrip(b"=")

    header = b"age-encryption.org/v1\n-> X25519 " + plain(share) + b"\n" + plain(body) + b"\n---"
    mac = hmac.digest(age._derive(file_key, b"", b"header"), header, "sha256")
    nonce = os.urandom(16)
    cipher = ChaCha20Poly1305(age._derive(file_key, nonce, b"payload"))
    chunks = [text[at : at + age.CHUNK] for at in range(0, len(text), age.CHUNK)] or [b""]
    sealed = [
        cipher.encrypt(number.to_bytes(11, "big") + bytes([number == len(chunks) - 1]), chunk, None)
        for number, chunk in enumerate(chunks)
    ]
    return header + b" " + plain(mac) + b"\n" + nonce + b"".join(sealed)


class World:
    """A manager with secrets and a store; `snapshot` is what the engine saves."""

    def __init__(self, folder: Path) -> None:
        self.store, self.spool = folder / "store", folder / "spool"
        self.store.mkdir()
        self.key = Key()
        self.snapshot = b"state of the cluster"
        self.leads = True
        self.recorded: dict[str, Any] = {}
        self.secrets = folder / "secrets"
        self.put(1, PAYLOAD)

    def put(self, number: int, payload: dict[str, Any]) -> None:
        generation = secret_store.Generation(number, secret_store.digest_of(number, payload), payload)
        secret_store.write("c1", generation, str(self.secrets))

    def engine(self) -> Any:
        def save(_cluster: str, place: str) -> None:
            Path(place, "snapshot").write_bytes(self.snapshot)

        return SimpleNamespace(
            save=save, leads=lambda _cluster: self.leads, recorded=lambda _cluster: self.recorded,
            record=lambda _cluster, status: self.recorded.update(status),
        )  # fmt: skip

    def settings(self, **more: Any) -> program.Settings:
        given = {"cluster": "c1", "components": ["toy"], "recipients": [self.key.recipient], "keep": 3, "hours": 26.0}
        return program.Settings(**{**given, "target": {"directory": str(self.store)}, **more})  # type: ignore[arg-type]

    def take(self, **more: Any) -> Any:
        return program.attempt(self.settings(**more))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    # What age does to its input, by this file.
    stand_in = tmp_path / "age"
    stand_in.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}\n"
        "from backup_world import seal\nto = sys.argv[sys.argv.index('--recipient') + 1]\n"
        "sealed = seal(sys.stdin.buffer.read(), to)\nopen(sys.argv[-1], 'wb').write(sealed)\n"
    )
    stand_in.chmod(0o755)
    monkeypatch.setattr(program, "AGE", str(stand_in))
    monkeypatch.setattr(program, "SPOOL", str(made.spool))
    monkeypatch.setattr(program.take, "__defaults__", (str(made.spool),))
    monkeypatch.setattr(program, "module_of", lambda _component: made.engine())
    monkeypatch.setattr(program, "directory", lambda cluster: secret_store.directory(cluster, str(made.secrets)))
    monkeypatch.setattr(program, "read_current", lambda cluster: secret_store.read_current(cluster, str(made.secrets)))
    return made
