# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaf certificates of sidecars, made with openssl. Standard library only.

A key is made where it is used, and reaches no disk but as part of the secret that Envoy reads.
"""

from __future__ import annotations

import calendar
import re
import subprocess
import time

from ..enrollment.certificate import issue

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
EXTENSIONS = """extendedKeyUsage = serverAuth,clientAuth
subjectAltName = critical,URI:{identity}
authorityKeyIdentifier = keyid"""


def make_key() -> str:
    """A new private key, PEM."""
    return _run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])


def make_request(key: str) -> str:
    """A certificate request for a key; who it is for the issuer knows."""
    return _run(["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=sidecar"], key)


def sign(request: str, identity: str, ca: str, ca_key: str, minutes: float) -> str:
    """A leaf certificate for a SPIFFE ID; what the request itself asks for is ignored. Raises OSError."""
    # Not a name of DNS, which the authority may not give.
    subject = "/CN=sidecar of the mesh"
    return issue(request, ca, ca_key, subject, EXTENSIONS.format(identity=identity), minutes * 60)


def end(certificate: str) -> float:
    """When a certificate ends, in seconds since 1970. Raises OSError."""
    text = (
        _run(["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601"], certificate).partition("=")[2].strip()
    )
    return float(_seconds(text))


def chain(text: str) -> list[str]:
    """The certificates of a PEM text, in their order."""
    return CERTIFICATE.findall(text)


def _seconds(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%SZ"))


def _run(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:2])} fails: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout
