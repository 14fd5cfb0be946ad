# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small server that keeps objects as the Kubernetes API does, asks for a client's certificate, and answers by HTTPS."""

from __future__ import annotations

import base64
import copy
import http.server
import json
import re
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Access, Api, client_context
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

COLLECTION = re.compile(r"^(/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/([^/]+))?/([^/]+)$")
NAMESPACE = re.compile(r"^/api/v1/namespaces/[^/]+$")
Answer = tuple[int, Any]


class FakeKubernetes:
    """Objects by their paths. `react` may answer a request before the store does; it returns None to let it."""

    def __init__(self, folder: Path) -> None:
        """Make a CA and certificates in `folder` and listen on a port of the loopback."""
        self.objects: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.react: Callable[[str, str, Any], Answer | None] = lambda _method, _path, _body: None
        ca = pki.make_ca("fake")
        pair = pki.issue(ca, pki.sort_names("fake", ["127.0.0.1"]), 1)
        self.ca, self.cert, self.key = ca.certificate, pair.certificate, pair.key
        for name, text in (("ca", ca.certificate), ("cert", pair.certificate), ("key", pair.key)):
            (folder / f"{name}.pem").write_text(text)
        self.folder = folder
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def api(self, timeout: float = 5.0) -> Api:
        """A client of this server."""
        return Api("127.0.0.1", self.port, client_context(self.ca, self.cert, self.key), timeout)

    def access(self) -> Access:
        """What a kubeconfig for this server says."""
        return Access(f"https://127.0.0.1:{self.port}", self.ca, self.cert, self.key)

    def kubeconfig(self) -> str:
        """A kubeconfig as kubeadm 1.36 writes it."""
        ca, cert, key = (base64.b64encode(text.encode()).decode() for text in (self.ca, self.cert, self.key))
        return (
            "apiVersion: v1\nclusters:\n- cluster:\n"
            f"    certificate-authority-data: {ca}\n    server: https://127.0.0.1:{self.port}\n"
            "  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n    user: kubernetes-admin\n"
            "  name: kubernetes-admin@kubernetes\ncurrent-context: kubernetes-admin@kubernetes\nkind: Config\n"
            "users:\n- name: kubernetes-admin\n  user:\n"
            f"    client-certificate-data: {cert}\n    client-key-data: {key}\n"
        )

    def add(self, path: str, **fields: Any) -> dict[str, Any]:
        """Put an object at its path."""
        name = path.rpartition("/")[2]
        found = {**fields, "metadata": {"name": name, **fields.get("metadata", {})}}
        spaces = re.search(r"/namespaces/([^/]+)/[^/]+/", path)
        if spaces:
            found["metadata"]["namespace"] = spaces[1]
        self.objects[path] = found
        return found

    def answer(self, method: str, target: str, body: Any) -> Answer:
        """Status and body of one request."""
        self.requests.append((method, target))
        reacted = self.react(method, target, body)
        if reacted is not None:
            return reacted
        url = urlparse(target)
        path, query = url.path, parse_qs(url.query)
        if method == "GET" and path not in self.objects and COLLECTION.match(path) and not NAMESPACE.match(path):
            return 200, {"items": self._items(path, query.get("labelSelector", [""])[0])}
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return 409, {"message": f"{path} exists"}
            return 201, self._keep(path, self._numbered(body), query)
        if method == "PATCH" and "fieldManager" in query:
            return 200, self._keep(path, _merged(self.objects.get(path, {}), body), query)
        if path not in self.objects:
            return 404, {"message": f"{path} not found"}
        if method == "PUT" and "resourceVersion" in body["metadata"]:
            if body["metadata"]["resourceVersion"] != self.objects[path]["metadata"].get("resourceVersion"):
                return 409, {"message": f"{path} has been modified"}
            return 200, self._keep(path, self._numbered(body), query)
        meta = self.objects[path]["metadata"]
        if method == "PATCH" and (body.get("metadata") or {}).get("uid", meta.get("uid")) != meta.get("uid"):
            return 422, {"message": "metadata.uid: field is immutable"}
        if method == "DELETE":
            desired = (body or {}).get("preconditions") or {}
            if any(meta.get(name) != value for name, value in desired.items()):
                return 409, {"message": f"precondition failed for {path}"}
        if method == "PATCH":
            return 200, self._keep(path, _merged(self.objects[path], body), query)
        if method == "DELETE":
            space = f"/namespaces/{path.rpartition('/')[2]}/" if NAMESPACE.match(path) else f"{path}/"
            for inner in [key for key in self.objects if key == path or space in key]:
                del self.objects[inner]
            return 200, {}
        return 200, self.objects[path]

    def _numbered(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "metadata": {**body["metadata"], "resourceVersion": str(len(self.requests))}}

    def _keep(self, path: str, body: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
        found = copy.deepcopy(body)
        if "dryRun" not in query:
            self.objects[path] = found
        return found

    def _items(self, path: str, selector: str) -> list[dict[str, Any]]:
        match = COLLECTION.match(path)
        assert match
        base, space, plural = match.groups()
        pattern = re.compile(
            f"^{re.escape(base)}(/namespaces/{re.escape(space) if space else '[^/]+'})?/{plural}/[^/]+$"
        )
        desired = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        found = [item for key, item in sorted(self.objects.items()) if pattern.match(key)]
        return [i for i in found if desired.items() <= (i["metadata"].get("labels") or {}).items()]


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for key, value in new.items():
        if value is None:
            found.pop(key, None)
        else:
            inner = old.get(key)
            found[key] = _merged(inner if isinstance(inner, dict) else {}, value) if isinstance(value, dict) else value
    return found


def _handler(fake: FakeKubernetes) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if not self.connection.getpeercert():  # type: ignore[attr-defined]
                status, answer = 401, {"kind": "Status", "message": "Unauthorized"}
            else:
                status, answer = fake.answer(self.command, self.path, body)
            text = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_request  # noqa: N815 (names of the standard library)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    return Handler
