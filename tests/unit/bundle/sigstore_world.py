# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority of the test's own that certifies identities as sigstore's does, and a log of its certificates."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import cosign
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

IDENTITY, ISSUER = "release@example.com", "https://accounts.example.com"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
YEAR = datetime.timedelta(days=365)
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
PROMISES = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


class Sigstore:
    """A root, an authority below it, and a log."""

    def __init__(self) -> None:
        self.root_key, self.key, self.log = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.root = self._authority("root", self.root_key, None)
        self.authority = self._authority("intermediate", self.key, self.root)

    def _authority(
        self, name: str, key: ec.EllipticCurvePrivateKey, above: x509.Certificate | None
    ) -> x509.Certificate:
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(named).issuer_name(above.subject if above else named)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(START).not_valid_after(START + 10 * YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return builder.sign(self.root_key, hashes.SHA256())

    def trust(self, folder: Path) -> Path:
        """Write the trusted root beside manifests."""
        path = folder / cosign.ROOT
        path.parent.mkdir(parents=True, exist_ok=True)
        chain = [{"rawBytes": text(item.public_bytes(DER))} for item in (self.authority, self.root)]
        key = self.log.public_key().public_bytes(DER, SPKI)
        log = {"publicKey": {"rawBytes": text(key)}, "logId": {"keyId": text(hashlib.sha256(key).digest())}}
        path.write_text(
            json.dumps({"certificateAuthorities": [{"certChain": {"certificates": chain}}], "ctlogs": [log]})
        )
        return path

    def sign(
        self,
        content: bytes,
        identity: str = IDENTITY,
        issuer: str = ISSUER,
        at: datetime.datetime = START + YEAR,
        use: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        old: bool = False,
        logged: Any = None,
    ) -> tuple[bytes, bytes]:
        """Signature and certificate, as cosign writes them; C(logged) is another log's key, or False."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(self.authority.subject)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(at).not_valid_after(at + datetime.timedelta(minutes=10))
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(identity)]), critical=True)
        vouched = issuer.encode()
        oid, value = (cosign.OLD_ISSUER, vouched) if old else (cosign.ISSUER, b"\x0c" + bytes([len(vouched)]) + vouched)
        builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical=False)
        if logged is not False:
            promise = self._promise(builder.sign(self.key, hashes.SHA256()).tbs_certificate_bytes, logged or self.log)
            builder = builder.add_extension(x509.UnrecognizedExtension(PROMISES, promise), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        return base64.b64encode(key.sign(content, ec.ECDSA(hashes.SHA256()))), base64.b64encode(certificate)

    def _promise(self, listed: bytes, log: ec.EllipticCurvePrivateKey) -> bytes:
        """The log's promise to list a certificate (RFC 6962, section 3.3)."""
        when = int((START + YEAR).timestamp() * 1000).to_bytes(8, "big")
        issuer = hashlib.sha256(self.key.public_key().public_bytes(DER, SPKI)).digest()
        signed = b"\0\0" + when + b"\0\1" + issuer + len(listed).to_bytes(3, "big") + listed + b"\0\0"
        signature = log.sign(signed, ec.ECDSA(hashes.SHA256()))
        known = hashlib.sha256(self.log.public_key().public_bytes(DER, SPKI)).digest()
        one = b"\0" + known + when + b"\0\0" + b"\x04\x03" + len(signature).to_bytes(2, "big") + signature
        several = (len(one) + 2).to_bytes(2, "big") + len(one).to_bytes(2, "big") + one
        return (
            b"\x04\x81" + bytes([len(several)]) + several
            if len(several) > 127
            else b"\x04" + bytes([len(several)]) + several
        )


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()
