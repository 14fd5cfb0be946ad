# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small server that speaks the part of Nomad's API the collection uses, with mutual TLS and Nomad's own answers.

The answers (status and words) are those of Nomad 1.11.3.
"""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

ANONYMOUS = {"AccessorID": "anonymous", "Name": "Anonymous Token", "Type": "client", "Policies": ["anonymous"]}


TOKEN = "11111111-1111-1111-1111-111111111111"
A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"  # the managers of most tests


class FakeNomad:
    """A Nomad with one state for all its managers. `cut` drops the connection after the bootstrap, answer unsent."""

    def __init__(self, folder: Path) -> None:
        """Make a CA and certificates in `folder` and listen on a port of the loopback."""
        self.bootstraps = 0
        self.tokens: dict[str, dict[str, Any]] = {}
        self.leader = "10.0.0.1:4647"
        self.servers: list[dict[str, Any]] = []
        self.unknown_peers: set[str] = set()
        self.nodes: list[dict[str, Any]] = []
        self.joins: list[str] = []
        self.keyrings: list[list[str]] = []  # of each manager, first the key that is used
        self.variables: dict[str, dict[str, Any]] = {}
        self.allocations: dict[str, list[dict[str, Any]]] = {}
        self.disconnected: set[str] = set()  # ids of nodes that no server has a session with
        self.slow: set[str] = set()  # ids of nodes whose drains do not end
        self.cut = False
        self.before_bootstrap: Callable[[], None] = lambda: None
        self.requests: list[tuple[str, str]] = []
        ca = pki.make_ca("fake")
        pair = pki.issue(ca, pki.sort_names("fake", ["127.0.0.1"]), 1)
        for name, text in (("ca", ca.certificate), ("cert", pair.certificate), ("key", pair.key)):
            (folder / f"{name}.pem").write_text(text)
        self.folder = folder
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def api(self, token: str = "", timeout: float = 5.0) -> Api:
        """A client of this server."""
        ca, cert, key = (str(self.folder / f"{name}.pem") for name in ("ca", "cert", "key"))
        return Api("127.0.0.1", self._server.server_address[1], ca, cert, key, token, timeout)

    def set_servers(self, *words: str) -> None:
        """One peer a word: `10.0.0.1`, with `*` the leader, with `-` unhealthy, with `?` no voter yet."""
        self.servers = [
            {
                "ID": f"id-{word.strip('*-?')}",
                "Name": f"m{word.strip('*-?').rpartition('.')[2]}.global",
                "Address": f"{word.strip('*-?')}:4647",
                "Version": "1.11.3",
                "Leader": "*" in word,
                "Voter": "?" not in word,
                "Healthy": "-" not in word,
            }
            for word in words
        ]

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any] | None:
        """Status and body of one request; None drops the connection."""
        self.requests.append((method, path))
        url = urlparse(path)
        if url.path == "/v1/status/leader":
            return (200, self.leader) if self.leader else (500, "No cluster leader")
        if not self.leader:
            return 500, "No cluster leader"
        if url.path == "/v1/acl/bootstrap":
            return self._bootstrap(body)
        if token and token not in self.tokens:
            return 403, "ACL token not found"
        if url.path == "/v1/acl/token/self":
            return 200, self.tokens.get(token, ANONYMOUS)
        if self.tokens.get(token, ANONYMOUS)["Type"] != "management":
            return 403, "Permission denied"
        if url.path == "/v1/operator/raft/transfer-leadership":
            self.leader = parse_qs(url.query)["id"][0].removeprefix("id-") + ":4647"
            return 200, {}
        if url.path == "/v1/operator/raft/peer":
            number = parse_qs(url.query)["id"][0]
            if number in self.unknown_peers:
                return 500, f'id "{number}" was not found in the Raft configuration'
            self.servers = [entry for entry in self.servers if entry["ID"] != number]
            return 200, None
        if url.path == "/v1/agent/members":
            return 200, {"Members": [self._gossip(entry) for entry in self.servers]}
        if url.path == "/v1/agent/join":
            self.joins.append(parse_qs(url.query)["address"][0])
            return 200, {"num_joined": 1}
        if url.path.startswith("/v1/agent/keyring/"):
            return self._keyring(url.path.rpartition("/")[2], body)
        if url.path.startswith("/v1/acl/token"):
            return self._tokens(method, url.path.removeprefix("/v1/acl/token").strip("s/"), body)
        if url.path == "/v1/agent/force-leave":
            return 200, None
        if url.path == "/v1/client/stats":
            number = parse_qs(url.query)["node_id"][0]
            return (404, "No path to node") if number in self.disconnected else (200, {})
        if url.path == "/v1/vars":
            prefix = parse_qs(url.query)["prefix"][0]
            return 200, [entry for path, entry in self.variables.items() if path.startswith(prefix)]
        if url.path.startswith("/v1/var/"):
            path = url.path.removeprefix("/v1/var/")
            if method == "DELETE":
                self.variables.pop(path, None)
            elif method == "PUT":
                self.variables[path] = {**body, "ModifyTime": time.time_ns(), "ModifyIndex": 1}
            return (200, self.variables.get(path)) if path in self.variables or method == "DELETE" else (404, "none")
        if url.path == "/v1/acl/identity/client-introduction-token":
            return 200, {"JWT": f"{body['NodeName']} of {body['NodePool']}"}
        if url.path == "/v1/nodes":
            return 200, self.nodes
        if url.path.startswith("/v1/node/"):
            return self._node(*(url.path.split("/") + [""])[3:5], body)
        if url.path == "/v1/operator/autopilot/health":
            voters = sum(entry["Voter"] and entry["Healthy"] for entry in self.servers)
            healthy = all(entry["Healthy"] for entry in self.servers)
            tolerance = max(0, voters - (len(self.servers) // 2 + 1))
            health = {"Healthy": healthy, "FailureTolerance": tolerance, "Servers": self.servers}
            return (200 if healthy else 429), health
        return 404, "Invalid URL"

    def _gossip(self, entry: dict[str, Any]) -> dict[str, Any]:
        status = "alive" if entry["Healthy"] else "failed"
        tags = {"region": "global", "id": entry["ID"], "build": entry["Version"]}
        return {"Name": entry["Name"], "Addr": entry["Address"].rpartition(":")[0], "Status": status, "Tags": tags}

    def add_node(self, name: str, address: str, status: str = "ready", number: str = "", **more: Any) -> dict[str, Any]:
        """A host node that is known."""
        entry = {"ID": number or f"id-{name}", "Name": name, "Address": address, "Status": status, "NodePool": "web"}
        self.nodes.append({**entry, "SchedulingEligibility": "eligible", **more})
        return self.nodes[-1]

    def _node(self, number: str, what: str, body: Any) -> tuple[int, Any]:
        entry = next((entry for entry in self.nodes if entry["ID"] == number), {})
        if not what:
            return 200, entry
        if what == "eligibility":
            entry["SchedulingEligibility"] = body["Eligibility"]
        if what == "allocations":
            return 200, self.allocations.get(number, [])
        if what == "purge":
            self.nodes = [entry for entry in self.nodes if entry["ID"] != number]
        if what == "drain":
            entry["SchedulingEligibility"] = "eligible" if body["MarkEligible"] else "ineligible"
            entry["LastDrain"] = {"Meta": body.get("Meta")}
            if number in self.slow:
                entry["DrainStrategy"] = body["DrainSpec"]
            else:
                self.allocations.pop(number, None)
        return 200, {}

    def _keyring(self, operation: str, body: Any) -> tuple[int, Any]:
        key = (body or {}).get("Key", "")
        for ring in self.keyrings:
            if operation == "install" and key not in ring:
                ring.append(key)
            if operation == "use":
                ring.sort(key=lambda one: one != key)
            if operation == "remove":
                if ring[0] == key:
                    return 500, "Removing the primary key is not allowed"
                ring[:] = [one for one in ring if one != key]
        held = [key for ring in self.keyrings for key in ring]
        return 200, {"Messages": {}, "Keys": {key: held.count(key) for key in held}, "NumNodes": len(self.keyrings)}

    def _tokens(self, method: str, accessor: str, body: Any) -> tuple[int, Any]:
        if method == "POST":
            number = len(self.tokens)
            self.tokens[f"secret-{number}"] = {
                **body,
                "AccessorID": f"accessor-{number}",
                "SecretID": f"secret-{number}",
            }
            return 200, self.tokens[f"secret-{number}"]
        if not accessor:
            return 200, [{k: v for k, v in token.items() if k != "SecretID"} for token in self.tokens.values()]
        found = [secret for secret, token in self.tokens.items() if token["AccessorID"] == accessor]
        if method == "DELETE":
            return 200, [self.tokens.pop(secret) for secret in found] and None
        return (200, self.tokens[found[0]]) if found else (404, "ACL token not found")

    def _bootstrap(self, body: Any) -> tuple[int, Any] | None:
        self.before_bootstrap()
        if self.bootstraps:
            return 400, "ACL bootstrap already done (reset index: 7)"
        self.bootstraps += 1
        secret = body["BootstrapSecret"]
        self.tokens[secret] = {"AccessorID": "a", "SecretID": secret, "Name": "Bootstrap Token", "Type": "management"}
        return None if self.cut else (200, self.tokens[secret])


def _handler(fake: FakeNomad) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            reply = fake.answer(self.command, self.path, self.headers.get("X-Nomad-Token", ""), body)
            if reply is None:
                self.close_connection = True
                return
            status, answer = reply
            text = answer if status >= 400 and isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = do_POST = do_DELETE = handle_request  # noqa: N815 (names of the standard library)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    return Handler
