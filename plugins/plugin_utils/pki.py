# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's certificate authority and the certificates of its hosts, made on the controller, kept nowhere on it."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

CA_DAYS = 3650
# A host whose clock runs behind its controller's must not meet a certificate "not yet valid".
BACKDATE = datetime.timedelta(hours=1)


class PkiError(Exception):
    """A certificate or key cannot be read; the message says which."""


@dataclass(frozen=True)
class Names:
    """Who a host's certificate speaks for; see sort_names."""

    common_name: str
    dns: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


def sort_names(common_name: str, names: list[str]) -> Names:
    """Tell IP addresses from DNS names; of a URL and of a name with a port, such as an endpoint, only the host counts."""
    addresses: set[str] = set()
    dns: set[str] = set()
    for text in names:
        name = text
        if "/" in text or text.startswith("[") or text.count(":") == 1:
            name = urlsplit(text if "://" in text else f"//{text}").hostname or text
        try:
            addresses.add(str(ipaddress.ip_address(name)))
        except ValueError:
            dns.add(name)
    return Names(common_name, tuple(sorted(dns)), tuple(sorted(addresses)))


def now() -> datetime.datetime:
    """The present, with its time zone."""
    return datetime.datetime.now(datetime.timezone.utc)


def make_ca(name: str, path_length: int = 0) -> Pair:
    """Make an authority that can sign hosts' certificates, and C(path_length) further authorities below each other."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(_pem(certificate), _key_pem(key))


def make_intermediate(root: Pair, name: str, trust_domain: str) -> Pair:
    """Make an authority below a root that can sign SPIFFE IDs of a trust domain, and no name of another kind."""
    authority, key = load_certificate(root.certificate, "the root"), ec.generate_private_key(ec.SECP256R1())
    others = [x509.DNSName(""), *(x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0"))]
    certificate = (
        _builder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), authority.subject, key.public_key(), CA_DAYS
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([x509.UniformResourceIdentifier(trust_domain)], others), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issued_by(authority), critical=False)
        .sign(_load_key(root.key), hashes.SHA256())
    )
    return Pair(_pem(certificate), _key_pem(key))


def make_keys() -> tuple[str, str]:
    """Make a key to sign with, and the public key that proves its signatures, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _key_pem(key), key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def issue(ca: Pair, names: Names, days: int) -> Pair:
    """Sign a new key for a host, valid for C(days) and for both ends of a connection."""
    authority = load_certificate(ca.certificate, "the cluster's CA certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.common_name)])
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in names.addresses]
    certificate = (
        _builder(subject, authority.subject, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issued_by(authority), critical=False)
        .sign(_load_key(ca.key), hashes.SHA256())
    )
    return Pair(_pem(certificate), _key_pem(key))


def reason_to_renew(certificate: str | None, ca: str, names: Names, renew_before_days: int) -> str | None:
    """Why a host's certificate must be replaced, or None while it serves."""
    if not certificate:
        return "there is none"
    try:
        current = load_certificate(certificate, "the host's certificate")
    except PkiError as error:
        return str(error)
    try:
        current.verify_directly_issued_by(load_certificate(ca, "the cluster's CA certificate"))
    except Exception:
        return "another CA issued it"
    if names_of(current) != names:
        return "the names in it are not the host's"
    left = current.not_valid_after_utc - now()
    if left < datetime.timedelta(days=renew_before_days):
        return f"it expires in {left.days} days"
    return None


def names_of(certificate: x509.Certificate) -> Names:
    """The names in a certificate, sorted."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names(certificate.subject.rfc4514_string(), (), ())
    return Names(
        str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value),
        tuple(sorted(extension.get_values_for_type(x509.DNSName))),
        tuple(sorted(str(address) for address in extension.get_values_for_type(x509.IPAddress))),
    )


def fingerprint(certificate: str) -> str:
    """The SHA-256 fingerprint of a PEM certificate, shortened to what tells two apart on a screen."""
    return load_certificate(certificate, "the certificate").fingerprint(hashes.SHA256()).hex()[:16]


def load_certificate(pem: str, what: str) -> x509.Certificate:
    """Read a PEM certificate. Raises PkiError naming C(what)."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise PkiError(f"{what} cannot be read ({error})") from error


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, days: int) -> x509.CertificateBuilder:
    start = now() - BACKDATE
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + BACKDATE + datetime.timedelta(days=days))
    )


def _issued_by(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def _usage(sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _load_key(pem: str) -> CertificateIssuerPrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem.encode(), None)  # type: ignore[return-value]
    except ValueError as error:
        raise PkiError(f"the cluster's CA key cannot be read ({error})") from error
