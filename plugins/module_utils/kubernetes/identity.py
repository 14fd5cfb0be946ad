# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CAs that the kubelet of this host trusts, and its certificates by the one in use. Standard library only.

Its client's certificate is asked for with the present one, which the cluster approves by itself; for its serving certificate kubelet
asks when it starts without one.
https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
"""

from __future__ import annotations

import base64
import contextlib
import glob
import os
import re
import secrets
import time
from collections.abc import Sequence

from ..cluster.remote import wait_for
from ..enrollment import certificate
from ..host import atomic
from . import authorities
from .api import CA_FILE, NODE_FILE, Api
from .authorities import pems, read
from .requests import CSRS

FOLDER = "/var/lib/kubelet/pki"
CLIENT, SERVER = "kubelet-client-current.pem", "kubelet-server-current.pem"
# There from before a change until kubelet has been restarted after it, for a run that was cut off in between.
DUE = "/var/lib/kubelet/keelson-restart"
# What kubelet gives pods of ConfigMap kube-root-ca.crt (plugin/pkg/admission/serviceaccount).
ROOTS = "/var/lib/kubelet/pods/*/volumes/kubernetes.io~projected/kube-api-access-*/ca.crt"
YEAR = 365 * 86400.0  # seconds
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def outdated(accepted: Sequence[str]) -> list[str]:
    """What of this host is not by the CAs that are C(accepted), the first of which signs. Raises OSError, ValueError."""
    ca, found = "".join(accepted), []
    if not ca or not os.path.exists(NODE_FILE):  # there is no cluster yet, or it has not joined
        return []
    if authorities.trusting(read(NODE_FILE), ca) != read(NODE_FILE):
        found.append(NODE_FILE)
    if read(CA_FILE) != ca:
        found.append(CA_FILE)
    for name in (CLIENT, SERVER):
        path = f"{FOLDER}/{name}"
        if os.path.exists(path) and not certificate.issued_by(authorities.first(read(path)), ca):
            found.append(name)
    return found


def adopt(cluster: str, accepted: Sequence[str], found: Sequence[str], timeout: float) -> None:
    """Change what is C(outdated); kubelet must be restarted afterwards, while DUE is there. Raises ApiError, OSError, ValueError.

    First it trusts, that the cluster can be asked.
    """
    ca = "".join(accepted)
    if set(found) - {CA_FILE}:  # that one is read again by itself
        with open(DUE, "w", encoding="ascii"):
            pass
    if NODE_FILE in found:
        authorities.replace(NODE_FILE, authorities.trusting(read(NODE_FILE), ca))
    if CA_FILE in found:
        authorities.replace(CA_FILE, ca)
    if CLIENT in found:
        _keep(ask(Api.from_env(cluster, path=NODE_FILE), ca, timeout))
    if SERVER in found:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{FOLDER}/{SERVER}")


def ended() -> bool:
    """Whether the certificate by which kubelet asks the cluster has ended, as after a long absence. Raises OSError."""
    path = f"{FOLDER}/{CLIENT}"
    return os.path.exists(path) and certificate.read(authorities.first(read(path))).end <= time.time()


def renew_here() -> None:
    """Sign another certificate for the kubelet of this manager, which has the CA's key; for a year, as the cluster does. Raises OSError."""
    subject, key = _user(), certificate.make_key()
    ca = authorities.first(read(CA_FILE)), read(f"{authorities.PKI}/ca.key")
    _keep(certificate.sign(certificate.make_request(key), *ca, subject, [], YEAR) + key)


def restarted() -> None:
    """Kubelet has been restarted since the last change. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(DUE)


def ask(api: Api, ca: str, timeout: float) -> str:
    """Another certificate and key of this node, PEM, by the first CA of C(ca). Raises ApiError, OSError."""
    subject, key = _user(), certificate.make_key()
    request = certificate.make_request(key, subject)
    name = f"{subject.rpartition(':')[2]}-{secrets.token_hex(4)}"
    spec = {
        "request": base64.b64encode(request.encode()).decode(),
        "signerName": SIGNER,
        "usages": ["digital signature", "client auth"],
    }
    meta = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}}
    api.post(CSRS, {**meta, "spec": spec})
    signed = ""

    def unsigned() -> str | None:
        nonlocal signed
        signed = (api.get(f"{CSRS}/{name}").get("status") or {}).get("certificate", "")
        return None if signed else f"nobody has signed the request {name} (kubectl describe csr {name})"

    fault = wait_for(unsigned, timeout, interval=0.5)
    if fault:
        raise OSError(fault)
    pem = base64.b64decode(signed).decode("ascii")
    if not certificate.issued_by(authorities.first(pem), ca):
        raise OSError(f"the request {name} was signed by another CA than the one in use")
    return pem + key


def _user() -> str:
    """Who this node is to the cluster, as the subject of a certificate. Raises OSError."""
    present = certificate.read(authorities.first(read(f"{FOLDER}/{CLIENT}"))).subject
    user = re.findall(r"CN=(system:node:[^,]+)", present)
    if len(user) != 1:
        raise OSError(f"{FOLDER}/{CLIENT} is of {present}, which is no node")
    return f"/O=system:nodes/CN={user[0]}"


def _keep(pair: str) -> None:
    """Put a certificate and its key where kubelet keeps them: a file of its own, and a link to it."""
    name = f"kubelet-client-{time.strftime('%Y-%m-%d-%H-%M-%S')}-{secrets.token_hex(2)}.pem"
    authorities.replace(f"{FOLDER}/{name}", pair)
    atomic.link(f"{FOLDER}/{CLIENT}", f"{FOLDER}/{name}")


def lagging(accepted: Sequence[str]) -> list[str]:
    """The files in which pods of this host have other CAs than those C(accepted)."""
    desired, found = pems("".join(accepted)), []
    for path in glob.glob(ROOTS) if accepted else ():
        with contextlib.suppress(OSError, ValueError):  # of a pod that has just ended
            if pems(read(path)) != desired:
                found.append(path)
    return found
