# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an endpoint answers to unauthorized clients: no TLS, no certificate, somebody else's, an old protocol. Standard library only."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .model import Verdict

TIMEOUT = 6.0  # seconds for each step of a connection


@dataclass(frozen=True)
class Endpoint:
    """Where to probe. `preamble` is sent before TLS starts, `request` after (or at once where there is no TLS)."""

    address: str
    port: int
    request: bytes
    preamble: bytes = b""


@dataclass(frozen=True)
class Identity:
    """Files of a certificate and its key, and of the CA that must have signed the other side's; '' is none."""

    ca: str = ""
    cert: str = ""
    key: str = ""


class Unreachable(Exception):
    """Nothing answered at all, so nothing was learnt about what it refuses."""


def http_request(path: str, address: str) -> bytes:
    """Return a plain GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()


def context(identity: Identity, oldest: bool = False) -> ssl.SSLContext:
    """Return a client's TLS settings; `oldest` speaks nothing newer than TLS 1.1. Without a CA nobody is verified."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = bool(identity.ca)
    settings.verify_mode = ssl.CERT_REQUIRED if identity.ca else ssl.CERT_NONE
    if identity.ca:
        settings.load_verify_locations(identity.ca)
    if identity.cert:
        settings.load_cert_chain(identity.cert, identity.key)
    if oldest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            settings.minimum_version = ssl.TLSVersion.TLSv1
            settings.maximum_version = ssl.TLSVersion.TLSv1_1
        settings.set_ciphers("ALL:@SECLEVEL=0")
    return settings


@contextlib.contextmanager
def connection(endpoint: Endpoint) -> Iterator[socket.socket]:
    """Open a TCP connection; raise Unreachable when there is none."""
    try:
        link = socket.create_connection((endpoint.address, endpoint.port), TIMEOUT)
    except OSError as error:
        where = f"{endpoint.address}:{endpoint.port}"
        raise Unreachable(f"no connection to {where} ({error}), so nothing was tried") from error
    with link:
        yield link


def exchange(endpoint: Endpoint, settings: ssl.SSLContext | None) -> bytes:
    """Send the request, through TLS where `settings` say how, and return the answer's first part.

    Raises OSError when refused."""
    with connection(endpoint) as link:
        if settings is None:
            link.sendall(endpoint.request)
            return link.recv(1 << 14)
        link.sendall(endpoint.preamble)
        with settings.wrap_socket(link, server_hostname=endpoint.address) as secure:
            secure.sendall(endpoint.request)
            return secure.recv(1 << 14)


def first_line(data: bytes) -> str:
    """Return the beginning of an answer as printable text."""
    text = data.split(b"\r\n", 1)[0][:80].decode("ascii", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)


def refused(endpoint: Endpoint, settings: ssl.SSLContext | None) -> Verdict:
    """Judge that the endpoint gives no answer to a client with these settings."""
    try:
        data = exchange(endpoint, settings)
    except ssl.SSLError as error:
        return Verdict(True, f"refused: {error.reason or error}")
    except socket.timeout:
        return Verdict(False, f"the connection was accepted and kept open for {TIMEOUT:.0f} s")
    except (ConnectionError, BrokenPipeError) as error:
        return Verdict(True, f"refused: {error.strerror or error}")
    if not data:
        return Verdict(True, "refused: the connection was closed without an answer")
    if settings is None and (data[:2] == b"\x15\x03" or (b" 400 " in data[:16] and b"HTTPS server" in data)):
        return Verdict(True, f"refused: {first_line(data) if data[:1] != chr(0x15).encode() else 'TLS alert'}")
    return Verdict(False, f"answered: {first_line(data)}")


def old_tls_refused(endpoint: Endpoint, identity: Identity) -> Verdict:
    """Judge that no protocol older than TLS 1.2 is spoken, not even with a member of the cluster."""
    try:
        with connection(endpoint) as link:
            link.sendall(endpoint.preamble)
            with context(identity, oldest=True).wrap_socket(link, server_hostname=endpoint.address) as secure:
                return Verdict(False, f"speaks {secure.version()}")
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return Verdict(True, "refused: the connection was closed in the handshake")
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
            return Verdict(True, f"refused: {reason}")
        return Verdict(False, f"could not be tried: {reason}")
    except ConnectionError as error:
        return Verdict(True, f"refused: {error.strerror or error}")


def token_required(endpoint: Endpoint, identity: Identity, paths: list[str], tries: int = 3) -> Verdict:
    """Judge that a member's certificate alone opens nothing: each path answers 401 or 403 without a token.

    An agent that has just lost the manager it asks answers 5xx: then it is asked again, up to `tries` times.
    """
    seen = []
    for path in paths:
        asked = Endpoint(endpoint.address, endpoint.port, http_request(path, endpoint.address), endpoint.preamble)
        for attempt in range(tries):
            time.sleep(attempt)
            line = first_line(exchange(asked, context(identity)))
            status = (line.split() + ["", ""])[1]
            if not status.startswith("5"):
                break
        seen.append(f"{path}: {line}")
        if status in ("401", "403"):
            continue
        opened = status.startswith(("2", "3"))
        return Verdict(False, f"{'answered without a token' if opened else 'no answer to judge by'}: {path}: {line}")
    return Verdict(True, "; ".join(seen))


def untrusted(endpoint: Endpoint, unauthorized: Identity, paths: list[str]) -> Verdict:
    """Judge that a foreign certificate is refused at once or opens no path."""
    try:
        return token_required(endpoint, unauthorized, paths)
    except (ssl.SSLError, ConnectionError) as error:
        return Verdict(True, f"refused: {getattr(error, 'reason', None) or error}")


def served(endpoint: Endpoint, identity: Identity) -> dict[str, Any]:
    """Return the certificate the endpoint shows, verified against the CA and the address; raise OSError otherwise."""
    with connection(endpoint) as link:
        link.sendall(endpoint.preamble)
        with context(identity).wrap_socket(link, server_hostname=endpoint.address) as secure:
            return dict(secure.getpeercert() or {})


def days_left(not_after: str, now: float) -> float:
    """Return the days from `now` (seconds since 1970) to a certificate's notAfter as Python's ssl writes it."""
    return (ssl.cert_time_to_seconds(not_after) - now) / 86400


def until(left: float) -> str:
    """Return the day on which so many days are over."""
    return time.strftime("until %Y-%m-%d", time.gmtime(round(time.time() + left * 86400)))


def certificate(endpoint: Endpoint, identity: Identity, least: float) -> Verdict:
    """Judge that the certificate shown is the CA's, speaks for this address and lasts at least `least` days."""
    shown = served(endpoint, identity)
    left = days_left(shown["notAfter"], time.time())
    names = ", ".join(value for _kind, value in shown.get("subjectAltName", ()))
    return Verdict(left >= least, f"{until(left)}, {left:.0f} days left (at least {least:.0f} desired), for {names}")


def authority(path: str, least: float) -> Verdict:
    """Judge that the CA's own certificate lasts at least `least` days."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.load_verify_locations(path)
    left = min(days_left(str(entry["notAfter"]), time.time()) for entry in settings.get_ca_certs())
    return Verdict(left >= least, f"{until(left)}, {left:.0f} days left (at least {least:.0f} desired)")


@contextlib.contextmanager
def foreign(pem: str) -> Iterator[Identity]:
    """Lend a certificate and key, given as one PEM text, as a file that is gone afterwards."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        yield Identity(cert=file.name, key=file.name)
