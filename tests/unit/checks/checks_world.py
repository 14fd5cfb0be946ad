# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local servers that checks probe at, closed or open as a test wants them, and certificates for them."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ansible_collections.keelson.cluster.plugins.module_utils.checks.tls import Identity
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Authority:
    """A CA of the test's own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def issue(self, folder: Path, name: str, days: float = 30, address: str = ADDRESS) -> Identity:
        """Write a certificate that lasts `days` (negative: has expired) and return its files."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = sign(key, name, self.certificate.subject, self.key, days, address=address)
        return write(folder, name, self.certificate, certificate, key)


def sign(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    issuer: x509.Name | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: float,
    address: str = "",
) -> x509.Certificate:
    """Sign a certificate; one without an issuer is a CA."""
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
    )
    if address:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = builder.add_extension(names, False)
    return builder.sign(issuer_key, hashes.SHA256())


def authority(days: float = 300) -> Authority:
    """Make a CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(key, sign(key, "test CA", None, key, days))


def write(
    folder: Path, name: str, ca: x509.Certificate, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Identity:
    """Write the three files of an identity."""
    pem = serialization.Encoding.PEM
    texts = {
        "ca": ca.public_bytes(pem),
        "cert": certificate.public_bytes(pem),
        "key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    paths = {kind: folder / f"{name}.{kind}.pem" for kind in texts}
    for kind, text in texts.items():
        paths[kind].write_bytes(text)
    return Identity(**{kind: str(path) for kind, path in paths.items()})


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve each connection with `answer` on a port of its own, which is lent."""
    with socket.create_server((ADDRESS, 0)) as server:
        server.settimeout(10)

        def work() -> None:
            while True:
                try:
                    link, _peer = server.accept()
                except OSError:
                    return
                with link, contextlib.suppress(OSError):
                    link.settimeout(5)
                    answer(link)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def https(
    identity: Identity, reply: bytes, client_ca: str | None = None, oldest: bool = False, preamble: int = 0
) -> Callable[[socket.socket], None]:
    """Answer like an HTTPS server; with `client_ca` only clients of that CA, with `oldest` also in TLS 1.0."""

    def answer(link: socket.socket) -> None:
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.load_cert_chain(identity.cert, identity.key)
        if client_ca:
            settings.verify_mode = ssl.CERT_REQUIRED
            settings.load_verify_locations(client_ca)
        # Said in any case: what Python itself starts with depends on who built it.
        settings.minimum_version = ssl.TLSVersion.TLSv1 if oldest else ssl.TLSVersion.TLSv1_2
        if oldest:
            settings.set_ciphers("ALL:@SECLEVEL=0")
        link.recv(preamble) if preamble else None
        with settings.wrap_socket(link, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(reply)

    return answer


def plain(reply: bytes) -> Callable[[socket.socket], None]:
    """Answer whatever comes with `reply`, without TLS."""

    def answer(link: socket.socket) -> None:
        link.recv(4096)
        link.sendall(reply)

    return answer
