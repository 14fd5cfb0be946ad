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
from collections.abc import Sequence

from .tokens import Denied, digest


def sign(request: str, ca: str, ca_key: str, common_name: str, names: Sequence[str], days: int) -> str:
    """Sign a certificate request (PEM) for C(names), host names and addresses; what the request itself asks for is ignored.

    The request is one that key_digest has taken. Raises OSError when openssl fails.
    """
    alternatives = [
        f"{'IP' if re.fullmatch(r'[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*', name) else 'DNS'}:{name}" for name in names
    ]
    extensions = (
        f"subjectAltName = {','.join(alternatives)}\nbasicConstraints = critical,CA:FALSE\n"
        "keyUsage = critical,digitalSignature\nextendedKeyUsage = serverAuth,clientAuth\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = {"request": request, "ca": ca, "key": ca_key, "extensions": extensions}
        paths = {name: os.path.join(folder, name) for name in files}
        for name, text in files.items():
            with open(os.open(paths[name], os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        command = ["openssl", "x509", "-req", "-in", paths["request"], "-CA", paths["ca"], "-CAkey", paths["key"]]
        command += ["-set_serial", f"0x{os.urandom(19).hex()}", "-days", str(days), "-extfile", paths["extensions"]]
        done = subprocess.run(
            [*command, "-subj", f"/CN={common_name}"], capture_output=True, text=True, timeout=30, check=False
        )
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
