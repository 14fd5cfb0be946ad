# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of a new host, signed with openssl on a manager. Standard library only.

Hosts have no library for it; the key never leaves the new host.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence

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
    if done.returncode or not found:
        raise Denied(400, f"the certificate request is none: {' '.join(done.stderr.split())[-300:]}")
    return digest(found[0])
