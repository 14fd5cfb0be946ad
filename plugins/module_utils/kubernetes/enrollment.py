# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What letting a new host node into a Kubernetes cluster takes: join tokens in Secrets, records of who was let in, and for each
host a certificate of its node alone, by which its kubelet gets the one that it renews. Standard library only. The program of
the enrollment service: see enrollment/service.py.

https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
"""

from __future__ import annotations

import base64
import sys
import time
from typing import Any

from ..cluster.remote import bracketed
from ..enrollment import certificate, manager, service
from ..enrollment.manager import JoiningHost
from ..enrollment.tokens import Denied, Token, dump, parse
from . import nodes, removed, requests, tokens
from .api import CA_FILE, Api, ApiError
from .requests import LET_IN, RECORD, SECONDS, SPACE, pending_host
from .view import NODES, parse_node

SECRETS = f"{SPACE}/secrets"
CA_KEY = "/etc/kubernetes/pki/ca.key"


class EnrollmentService(manager.EnrollmentService):
    """The managers share the tokens by etcd, so one is used up on all of them at once."""

    api: Api
    connect = staticmethod(Api.from_env)

    @property
    def ca_file(self) -> str:
        """Where the CA certificate lies by which new hosts know the managers."""
        return CA_FILE

    def read(self, number: str) -> tuple[Token | None, str]:
        """A token and its version, which write takes. Raises ApiError."""
        found = self.api.find(f"{SECRETS}/{number}")
        if found is None:
            return None, ""
        return parse(base64.b64decode(found["data"]["token"]).decode()), str(found["metadata"]["resourceVersion"])

    def write(self, token: Token, version: str = "") -> bool:
        """Keep a token unless somebody else has changed it since C(version); tells whether it is kept. Raises ApiError."""
        data = {"token": base64.b64encode(dump(token).encode()).decode()}
        return self._keep(
            "Secret", SECRETS, token.number, version, {"type": "keelson.cluster/join-token", "data": data}
        )

    def numbers(self) -> list[str]:
        """The numbers of all tokens. Raises ApiError."""
        return [entry["metadata"]["name"] for entry in self.api.items(f"{SECRETS}?labelSelector={RECORD}%3Dtoken")]

    def forget(self, number: str) -> None:
        """Delete a token. Raises ApiError."""
        self.api.delete(f"{SECRETS}/{number}")

    def sweep(self, now: float) -> list[str]:
        """Forget ended tokens, and hosts that were let in and have never come. Raises ApiError."""
        requests.forget_absent(self.api, now)
        return super().sweep(now)

    def holder(self, name: str) -> str:
        """The address of the host that has this name by the inventory, as a live node, or by having just been let in, or ''.

        Raises ApiError.
        """
        known = requests.inventory(self.api).get(name, "")
        found = self.api.find(f"{NODES}/{name}")
        node = parse_node(found) if found else None
        record = self.api.find(f"{LET_IN}/{name}")
        if known or (node and not node.trouble):
            return known or (node.address if node else "")
        return str(record["data"]["address"]) if record and pending_host(record, time.time()) else ""

    def enroll(self, joining_host: JoiningHost, pool: str) -> dict[str, Any]:
        """The pool's files, kubeadm's configuration, and how the host knows and asks the cluster. Raises ApiError, Denied.

        The Node is there before the host has any credentials, so that it takes only what its pool's taints tolerate; nodes
        may change neither these nor the pool's label.
        """
        found = self.description(pool, joining_host)
        record = self.api.find(f"{LET_IN}/{joining_host.name}")
        version = str(record["metadata"]["resourceVersion"]) if record else ""
        data = {"address": joining_host.address, "key": joining_host.key, "pool": pool, "time": str(time.time())}
        if not self._keep("ConfigMap", LET_IN, joining_host.name, version, {"data": data}):
            raise Denied(503, f"another host of the name {joining_host.name} asks at the same time; ask again")
        removed.readmit(self.api, [joining_host.name])
        nodes.announce(self.api, nodes.desired(found["node"]))
        with open(self.ca_file, encoding="ascii") as file, open(CA_KEY, encoding="ascii") as key_file:
            ca, ca_key = file.read(), key_file.read()
        subject = f"/O=system:nodes/CN=system:node:{joining_host.name}"
        signed = certificate.sign(joining_host.request, ca, ca_key, subject, [], SECONDS)
        user = {"client-certificate-data": base64.b64encode(signed.encode()).decode()}
        discovery = tokens.discovery(f"https://{bracketed(self.api.host)}:{self.api.port}", ca, user)
        own = {"cluster": self.cluster, "address": joining_host.address, "discovery": discovery}
        return {"files": found["files"], "units": found["units"], "config": found["config"], **own}

    def settle(self, joining_host: JoiningHost) -> str:
        """Approve its serving certificate, and give the node its labels and taints. Raises ApiError, Denied."""
        record = self.api.find(f"{LET_IN}/{joining_host.name}")
        if not record or (record["data"]["address"], record["data"]["key"]) != (joining_host.address, joining_host.key):
            raise Denied(
                403, f"no {joining_host.name} was let in from {joining_host.address} with this key; have a token issued"
            )
        node = self.api.find(f"{NODES}/{joining_host.name}")
        if node is None or parse_node(node).address != joining_host.address:
            return f"node {joining_host.name} has not registered with the address {joining_host.address}"
        self._bind(record, node)
        requests.approve(self.api, requests.read_members(self.api), False)
        desired = nodes.desired(self.description(record["data"]["pool"], joining_host)["node"])
        nodes.settle(self.api, desired, False)
        return "; ".join(nodes.unready(self.api, [desired]))

    def _bind(self, record: dict[str, Any], node: dict[str, Any]) -> None:
        """Let the record live as long as the node does: the API deletes what an object that is gone has owned."""
        meta = node["metadata"]
        owner = {"apiVersion": "v1", "kind": "Node", "name": meta["name"], "uid": meta["uid"]}
        if record["metadata"].get("ownerReferences") != [owner]:
            self.api.merge(f"{LET_IN}/{meta['name']}", {"metadata": {"ownerReferences": [owner]}})

    def _keep(self, kind: str, folder: str, name: str, version: str, body: dict[str, Any]) -> bool:
        """Write an object unless somebody else has changed it since C(version), '' for a new one. Raises ApiError."""
        label = {RECORD: "token" if kind == "Secret" else "host"}
        meta = {"name": name, "namespace": SPACE.rpartition("/")[2], "labels": label}
        body = {"apiVersion": "v1", "kind": kind, "metadata": meta, **body}
        try:
            if version:
                self.api.put(f"{folder}/{name}", {**body, "metadata": {**meta, "resourceVersion": version}})
            else:
                requests.make_space(self.api)
                self.api.post(folder, body)
        except ApiError as error:
            # Changed, made, or deleted by somebody else in between.
            if error.status in (404, 409):
                return False
            raise
        return True


if __name__ == "__main__":
    service.main(EnrollmentService, *sys.argv[1:])
