# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer of tokens on a manager: with one, the agent of a sidecar asks Istio for its certificates. Standard library only.

In pods kubelets renew such tokens; on hosts a timer asks here. A host shows its certificate of the cluster, and gets tokens of those
service accounts alone whose services run on it, of use for nothing but Istio's authority.

usage: python3 -m utils.mesh_istio.issuer CLUSTER ADDRESS CA CERTIFICATE KEY
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..enrollment.service import notify
from ..kubernetes.api import Api, ApiError
from ..mesh.issuing import MutualServer, handler, requested
from . import places

AUDIENCE = "istio-ca"
SECONDS = 43200  # as tokens in pods
ROOT = "istio-ca-root-cert"


@dataclass(frozen=True)
class TokenIssuer:
    """Answers hosts of one cluster."""

    cluster: str
    issues: str = "tokens"
    unit: str = "keelson-istio-issuer"

    def answer(self, asked: Any, names: Iterable[str], peer: str) -> dict[str, Any]:
        """Tokens for the identities that a host asks for, and the root that sidecars trust. Raises Denied, OSError."""
        with open(places.ISSUED.format(cluster=self.cluster), encoding="utf-8") as file:
            known = json.load(file)
        requests = requested(asked, known, list(names), peer)
        try:
            api = Api.from_env(self.cluster)
            return {"tokens": {identity: token(api, identity) for identity in requests}, "trust": root(api)}
        except ApiError as error:
            raise OSError(str(error)) from error


def token(api: Api, identity: str) -> str:
    """A token of the service account of a SPIFFE ID. Raises ApiError."""
    _scheme, _empty, _domain, _ns, tenant, _sa, name = identity.split("/")
    spec = {"audiences": [AUDIENCE], "expirationSeconds": SECONDS}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    found = api.post(f"/api/v1/namespaces/{tenant}/serviceaccounts/{name}/token", body)
    return str(found["status"]["token"])


def root(api: Api) -> str:
    """The root certificate, which Istio keeps in every namespace. Raises ApiError."""
    return str(api.get(f"/api/v1/namespaces/{places.SPACE}/configmaps/{ROOT}")["data"]["root-cert.pem"])


def main(cluster: str, address: str, ca: str, certificate: str, key: str) -> None:
    """Serve until stopped."""
    server = MutualServer((address, places.ISSUER), handler(TokenIssuer(cluster)), ca, certificate, key)
    notify("READY=1")
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
