# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures by identity, as cosign makes them: a certificate of an hour names who signed, and a public log has the certificate.

The certificate's authorities and the logs are those of a sigstore trusted root (protobuf-specs, TrustedRoot). Whether the
signature itself is in a log is not asked: that would need the log's server.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.x509.oid import ExtendedKeyUsageOID

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

from .errors import BundleError

#: Where trusted roots lie beside a manifest.
ROOT = Path("keys") / "sigstore.json"
#: Extensions of the certificate that name who vouched for the identity: the DER text, and the plain one of older certificates.
ISSUER, OLD_ISSUER = "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1"


class NotSigned(Exception):
    """Why a signature is not the publisher's."""


@dataclass(frozen=True)
class Signer:
    """Who must have signed: an identity (an address or URI) and who vouches for it."""

    identity: str
    issuer: str


def check(digest: str, signature: bytes, certificate: bytes, signer: Signer, root: Path) -> None:
    """Check the signature of what has a SHA-256 C(digest) (hex). Signature and certificate are base64, or PEM. Raises NotSigned, BundleError."""
    if not HAS_CRYPTOGRAPHY:
        raise BundleError(missing("cryptography"))
    trusted = _trusted(root)
    try:
        found = x509.load_pem_x509_certificate(_pem(certificate))
        signed = base64.b64decode(signature, validate=False)
        key = found.public_key()
    except (ValueError, binascii.Error) as error:
        raise NotSigned(f"its signature or certificate cannot be read ({error})") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotSigned("its certificate has a key of another kind")
    _known(found, signer)
    authority = _issued(found, trusted)
    _logged(found, authority, trusted)
    try:
        key.verify(signed, bytes.fromhex(digest), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except InvalidSignature as error:
        raise NotSigned("the signature does not fit: it was altered") from error


def _pem(text: bytes) -> bytes:
    return text if text.lstrip().startswith(b"-----BEGIN") else base64.b64decode(text)


def _trusted(root: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(root.read_text())
        return {"certificateAuthorities": found["certificateAuthorities"], "ctlogs": found["ctlogs"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{root}: no trusted root of sigstore ({error})") from error


def _known(certificate: x509.Certificate, signer: Signer) -> None:
    """The certificate is for signing code, and of the signer."""
    extensions = certificate.extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uses = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise NotSigned("its certificate names nobody") from error
    identities = [
        *names.get_values_for_type(x509.RFC822Name),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
    ]
    issuers = [text for oid in (ISSUER, OLD_ISSUER) for text in _text(extensions, oid)]
    if identities != [signer.identity] or set(issuers) != {signer.issuer}:
        raise NotSigned(
            f"it was signed by {', '.join(identities) or 'nobody'} ({', '.join(sorted(set(issuers))) or 'unknown'}), "
            f"not by {signer.identity} ({signer.issuer})"
        )
    if ExtendedKeyUsageOID.CODE_SIGNING not in uses:
        raise NotSigned("its certificate is not for signing code")


def _text(extensions: x509.Extensions, oid: str) -> Iterator[str]:
    for extension in extensions:
        if extension.oid.dotted_string == oid and isinstance(extension.value, x509.UnrecognizedExtension):
            raw = extension.value.value
            plain = raw[2:] if oid == ISSUER and raw[:1] == b"\x0c" and raw[1] == len(raw) - 2 < 128 else raw
            yield plain.decode(errors="replace")


def _issued(certificate: x509.Certificate, trusted: Mapping[str, Any]) -> x509.Certificate:
    """The authority that issued a certificate; every one up to the root was valid when it did."""
    at = certificate.not_valid_before_utc
    for authority in trusted["certificateAuthorities"]:
        listed = authority["certChain"]["certificates"]
        chain = [x509.load_der_x509_certificate(base64.b64decode(item["rawBytes"])) for item in listed]
        try:
            for child, parent in zip([certificate, *chain], [*chain, chain[-1]]):
                child.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature):
            continue
        if all(item.not_valid_before_utc <= at <= item.not_valid_after_utc for item in chain):
            return chain[0]
    raise NotSigned("its certificate is of no authority of sigstore")


def _logged(certificate: x509.Certificate, authority: x509.Certificate, trusted: Mapping[str, Any]) -> None:
    """A log has promised to list the certificate (RFC 6962, section 3.2)."""
    logs = {
        base64.b64decode(log["logId"]["keyId"]): serialization.load_der_public_key(
            base64.b64decode(log["publicKey"]["rawBytes"])
        )
        for log in trusted["ctlogs"]
    }
    try:
        promises = certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    except x509.ExtensionNotFound as error:
        raise NotSigned("its certificate is in no public log") from error
    listed = certificate.tbs_precertificate_bytes
    of = hashes.Hash(hashes.SHA256())
    of.update(
        authority.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    issuer = of.finalize()
    for promise in promises:
        key = logs.get(promise.log_id)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            continue
        moment = calendar.timegm(promise.timestamp.timetuple()) * 1000 + promise.timestamp.microsecond // 1000
        text = b"\0\0" + moment.to_bytes(8, "big") + b"\0\1" + issuer + len(listed).to_bytes(3, "big") + listed
        text += len(promise.extension_bytes).to_bytes(2, "big") + promise.extension_bytes
        try:
            key.verify(promise.signature, text, ec.ECDSA(hashes.SHA256()))
            return
        except InvalidSignature:
            continue
    raise NotSigned("its certificate is in no public log")
