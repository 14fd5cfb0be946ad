# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate a service inside the cluster shows to the API, made with openssl on a manager. Standard library only.

The cluster's CA signs it, so that whoever asks the service can verify it; a manager holds that CA.
"""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from dataclasses import dataclass
from typing import Any, Callable

from ..enrollment import certificate
from .api import Api

PKI = "/etc/kubernetes/pki"

Run = Callable[[list[str]], "tuple[int, str, str]"]


class ServingError(Exception):
    """openssl refused; the message is what it said."""


@dataclass(frozen=True)
class Serving:
    """Whose certificate it is: a service of a namespace; and the Secret where it is kept."""

    namespace: str
    service: str
    secret: str

    @property
    def name(self) -> str:
        """The name the API asks for."""
        return f"{self.service}.{self.namespace}.svc"

    @property
    def path(self) -> str:
        """Where the API keeps the Secret."""
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.secret}"


def reason_to_renew(found: dict[str, Any] | None, serving: Serving, days: int, run: Run, pki: str = PKI) -> str:
    """Return why the certificate in a Secret must be made anew, '' where it need not."""
    if found is None:
        return "there is none"
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        path = os.path.join(folder, "tls.crt")
        with open(path, "wb") as file:
            file.write(base64.b64decode((found.get("data") or {}).get("tls.crt", "")))
        with open(path, encoding="utf-8", errors="replace") as file, open(f"{pki}/ca.crt", encoding="ascii") as ca:
            if not certificate.issued_by(file.read(), ca.read()):
                return "it is not by the CA that the cluster uses"
        if run(["openssl", "x509", "-in", path, "-noout", "-checkend", str(days * 86400)])[0]:
            return f"it ends in less than {days} days"
        names = run(["openssl", "x509", "-in", path, "-noout", "-ext", "subjectAltName"])[1]
        return "" if f"DNS:{serving.name}" in names.replace(",", " ").split() else f"it is not for {serving.name}"


def issue(serving: Serving, days: int, run: Run, pki: str = PKI) -> dict[str, str]:
    """Make a key and a certificate for it; return them as the data of a Secret. Raises ServingError."""
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        key, request, cert, names = (os.path.join(folder, name) for name in ("tls.key", "csr", "tls.crt", "names"))
        with open(names, "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{serving.name}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        signer = ["-CA", f"{pki}/ca.crt", "-CAkey", f"{pki}/ca.key", "-set_serial", f"0x{secrets.token_hex(16)}"]
        for command in (
            ["openssl", "req", "-new", *curve, "-subj", f"/CN={serving.name}", "-keyout", key, "-out", request],
            ["openssl", "x509", "-req", "-in", request, *signer, "-days", str(days), "-extfile", names, "-out", cert],
        ):
            code, _out, error = run(command)
            if code:
                raise ServingError(f"'{' '.join(command[:2])}' failed: {' '.join(error.split())[-300:]}")
        return {name: encoded(os.path.join(folder, name)) for name in ("tls.crt", "tls.key")}


def encoded(path: str) -> str:
    """Return a file as the API takes bytes."""
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


def keep(api: Api, serving: Serving, data: dict[str, str]) -> None:
    """Write the Secret."""
    meta = {"name": serving.secret, "namespace": serving.namespace}
    api.apply(
        serving.path,
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/tls", "data": data},
    )
