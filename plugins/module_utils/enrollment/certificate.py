# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of hosts, signed with openssl on a manager. Standard library only.

Hosts have no library for it; a key never leaves its host.
"""

from __future__ import annotations

import calendar
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .tokens import Denied, digest

BACKDATE = 3600.0  # seconds
CONFIG = """
[ca]
default_ca = one
[one]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
organizationName = optional
commonName = supplied
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
{extensions}
"""


def sign(request: str, ca: str, ca_key: str, subject: str, names: Sequence[str], seconds: float) -> str:
    """Sign a certificate request (PEM) for C(subject), as /O=x/CN=y, and C(names), host names and addresses.

    Without names the certificate is a client's alone. Raises OSError when openssl fails.
    """
    alternatives = ",".join(
        f"{'IP' if re.fullmatch(r'[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*', name) else 'DNS'}:{name}" for name in names
    )
    extensions = f"extendedKeyUsage = serverAuth,clientAuth\nsubjectAltName = {alternatives}"
    return issue(request, ca, ca_key, subject, extensions if names else "extendedKeyUsage = clientAuth", seconds)


def issue(request: str, ca: str, ca_key: str, subject: str, extensions: str, seconds: float) -> str:
    """Sign a certificate request for C(subject) with C(extensions), lines of openssl's configuration.

    What the request itself asks for is ignored; it is one that key_digest has taken. The certificate begins an hour ago, for
    a host whose clock is behind. Raises OSError when openssl fails.
    """
    now = time.time()
    begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(moment)) for moment in (now - BACKDATE, now + seconds))
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.format(folder=folder, extensions=extensions)
        files = {"request": request, "ca": ca, "key": ca_key, "index": "", "config": config}
        paths = {name: os.path.join(folder, name) for name in files}
        for name, text in files.items():
            with open(os.open(paths[name], os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        command = ["openssl", "ca", "-batch", "-notext", "-config", paths["config"], "-in", paths["request"]]
        command += ["-cert", paths["ca"], "-keyfile", paths["key"], "-startdate", begin, "-enddate", end]
        done = subprocess.run([*command, "-subj", subject], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(f"openssl cannot sign the certificate: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout


def key_digest(request: str) -> str:
    """The digest of the public key in a certificate request. Raises Denied when it is none, or not signed with that key, OSError when openssl was killed."""
    done = subprocess.run(
        ["openssl", "req", "-noout", "-verify", "-pubkey"],
        input=request,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode < 0:
        raise OSError(f"openssl was ended by signal {-done.returncode}")
    found = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", done.stdout, re.DOTALL)
    # OpenSSL 3.0 ends well also when the signature is wrong, and signs a certificate for such a request. It prints what it
    # found as an error, 3.5 as output.
    told = done.stdout + done.stderr
    if "verify failure" in told:
        raise Denied(400, "the certificate request is not signed with its own key")
    if done.returncode or not found or "verify OK" not in told:
        raise Denied(400, f"the certificate request is none: {' '.join(done.stderr.split())[-300:]}")
    return digest(found[0])


@dataclass(frozen=True)
class Present:
    """What a certificate says. C(subject) is as sign takes it, C(begin) and C(end) are in seconds since 1970."""

    subject: str
    names: tuple[str, ...]
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """For how long it was signed."""
        return self.end - self.begin - BACKDATE

    def due(self, now: float) -> bool:
        """Whether no more than a third of its time is left."""
        return self.end - now <= self.seconds / 3


def read(pem: str) -> Present:
    """Read a certificate of a host. Raises OSError."""
    shown = ["-subject", "-nameopt", "RFC2253", "-ext", "subjectAltName", "-dates", "-dateopt", "iso_8601"]
    text = run(["openssl", "x509", "-noout", *shown], pem)
    found = dict(re.findall(r"^(subject|notBefore|notAfter)=(.*)$", text, re.MULTILINE))
    begin, end = (
        calendar.timegm(time.strptime(found[when], "%Y-%m-%d %H:%M:%SZ")) for when in ("notBefore", "notAfter")
    )
    names = tuple(re.findall(r"(?:DNS|IP Address):([^,\s]+)", text))
    return Present(f"/{found['subject']}", names, float(begin), float(end))


def issued_by(pem: str, authorities: str) -> bool:
    """Whether the first CA of a text (PEM) signed a certificate, ended or not. Raises OSError when openssl cannot be run."""
    first = run(["openssl", "x509"], authorities)
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(first)
        file.flush()
        command = ["openssl", "verify", "-no_check_time", "-no-CApath", "-no-CAstore", "-CAfile", file.name]
        done = subprocess.run(command, input=pem, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode == 0


def make_key() -> str:
    """A new private key, PEM."""
    return run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])


def make_request(key: str, subject: str = "/CN=host") -> str:
    """A certificate request for a key; in most cases the issuer knows who it is for."""
    return run(["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", subject], key)


def run(command: list[str], given: str = "") -> str:
    """What a command prints that is given a text. Raises OSError when it fails."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:2])} fails: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout
