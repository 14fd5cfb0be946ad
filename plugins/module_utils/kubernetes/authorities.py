# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CAs a file trusts, and which of them signed a certificate. Standard library only.

While the cluster goes from one CA to another, ca.crt has both, first the one that signs. kubeadm takes the first one
(cmd/kubeadm/app/phases/certs/renewal/readwriter.go); services that read ca.crt trust all of it.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Sequence

from ..enrollment import certificate
from ..host import atomic
from .api import ACCESS_FILE, CA_FILE, read_access

PKI = os.path.dirname(CA_FILE)
FRONT_PROXY = f"{PKI}/front-proxy-ca.crt"
KUBECONFIGS = (ACCESS_FILE, "/etc/kubernetes/controller-manager.conf", "/etc/kubernetes/scheduler.conf")
_DATA = re.compile(r"^([ -]*certificate-authority-data: *)[\"']?([^\s\"']+)[\"']? *$", re.MULTILINE)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def read(path: str) -> str:
    """The text of a file. Raises OSError."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def pems(text: str) -> set[str]:
    """The certificates in a text, whatever stands around them."""
    return {"".join(body.split()) for body in _PEM.findall(text)}


def first(text: str) -> str:
    """The first certificate in a text, that of the CA which signs; '' where there is none."""
    found = _PEM.search(text)
    return f"{found[0]}\n" if found else ""


def trusting(kubeconfig: str, ca: str) -> str:
    """A kubeconfig, as kubeadm and kubelet write it, that trusts exactly the CAs of a text; itself where it does so. Raises ValueError."""
    found = _DATA.search(kubeconfig)
    if not found or pems(base64.b64decode(found[2]).decode("utf-8", "replace")) == pems(ca):
        return kubeconfig
    return _DATA.sub(lambda line: line[1] + base64.b64encode(ca.encode()).decode(), kubeconfig)


def align(
    paths: Iterable[str] = KUBECONFIGS, ca_file: str = CA_FILE, check: bool = False, keep_times: bool = False
) -> list[str]:
    """Have kubeconfigs trust what this host trusts; returns those that did not. Raises OSError, ValueError.

    With C(keep_times) the files look as old as they were, for services that need not be started again for this.
    """
    found = []
    for path in paths:
        if not os.path.exists(path):
            continue
        before = read(path)
        after = trusting(before, read(ca_file))
        if after != before:
            found.append(path)
            if not check:
                replace(path, after, keep_times)
    return found


def replace(path: str, text: str, keep_times: bool = False) -> None:
    """Write a file whole or not at all; its mode stays, a new one is root's alone. Raises OSError."""
    before = os.stat(path) if os.path.exists(path) else None
    times = (before.st_atime_ns, before.st_mtime_ns) if before and keep_times else None
    atomic.write(path, text, (before.st_mode & 0o777) if before else 0o600, times=times)


def signer(name: str, pki: str = PKI) -> str:
    """The file of the CAs by which kubeadm signs the certificate of a name, first the one that signs."""
    if "etcd" in name:
        return f"{pki}/etcd/ca.crt"
    return f"{pki}/{'front-proxy-' if name.startswith('front-proxy-') else ''}ca.crt"


def foreign(leaves: Sequence[str], kubeconfigs: Sequence[str] = KUBECONFIGS, pki: str = PKI) -> list[str]:
    """The certificates of this manager, by names below its folder and in kubeconfigs, that the CA which signs has not signed.

    Raises OSError, ValueError.
    """
    found = []
    for name in leaves:
        path = f"{pki}/{name}.crt"
        if os.path.exists(path) and not certificate.issued_by(read(path), read(signer(name, pki))):
            found.append(name)
    for path in kubeconfigs:
        if os.path.exists(path) and not certificate.issued_by(read_access(read(path)).cert, read(f"{pki}/ca.crt")):
            found.append(os.path.basename(path))
    return found
