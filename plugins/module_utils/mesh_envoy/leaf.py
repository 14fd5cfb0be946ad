# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaf certificates of sidecars, made with openssl. Standard library only.

A key is made where it is used, and reaches no disk but as part of the secret that Envoy reads.
"""

from __future__ import annotations

import calendar
import os
import re
import subprocess
import tempfile
import time

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
BACKDATE = 3600  # seconds: a host's clock may run behind its manager's
CONFIG = """
[ca]
default_ca = mesh
[mesh]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
rand_serial = yes
unique_subject = no
policy = subject
[subject]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = critical,URI:{identity}
authorityKeyIdentifier = keyid
"""


def make_key() -> str:
    """A new private key, PEM."""
    return _run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])


def make_request(key: str) -> str:
    """A certificate request for a key; who it is for the issuer knows."""
    return _run(["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=sidecar"], key)


def sign(request: str, identity: str, ca: str, ca_key: str, minutes: float) -> str:
    """A leaf certificate for a SPIFFE ID; what the request itself asks for is ignored. Raises OSError."""
    now = time.time()
    with tempfile.TemporaryDirectory() as folder:
        files = {"config": CONFIG.format(folder=folder, identity=identity), "index": "", "ca": ca, "key": ca_key}
        for name, text in {**files, "request": request}.items():
            with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        command = ["openssl", "ca", "-batch", "-notext", "-config", f"{folder}/config", "-extensions", "leaf"]
        command += ["-cert", f"{folder}/ca", "-keyfile", f"{folder}/key", "-in", f"{folder}/request"]
        # Not a name of DNS, which the authority may not give.
        command += ["-subj", "/CN=sidecar of the mesh", "-startdate", _moment(now - BACKDATE)]
        return _run([*command, "-enddate", _moment(now + minutes * 60)])


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


def _moment(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))


def _run(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:2])} fails: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout
