# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways, as real Envoys on loopback, with traffic through them."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import model, rules
from lab.envoys import Envoys, program

W1, W2 = "127.0.31.1", "127.0.31.2"


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any path."""
        text = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def serving(pair: pki.Pair | None = None, folder: Path | None = None) -> Iterator[int]:
    """A server on loopback, with TLS when there is a certificate; gives its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    if pair and folder:
        (folder / "server.pem").write_text(pair.certificate + pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def free(count: int) -> list[int]:
    """Ports that nobody has."""
    found = [socket.create_server(("127.0.0.1", 0)) for _number in range(count)]
    ports = [one.getsockname()[1] for one in found]
    for one in found:
        one.close()
    return ports


@pytest.fixture(scope="module")
def outside() -> pki.Pair:
    """The authority of servers outside, and of the site."""
    return pki.make_ca("outside", path_length=0)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a short path: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="ks-mesh-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture(scope="module")
def live(outside: pki.Pair, folder: Path) -> Iterator[dict[str, Any]]:
    """orders on w2, behind a gateway on w1; it calls payments outside by a gateway on w1."""
    (folder / "outside.pem").write_text(outside.certificate)
    envoys = Envoys(folder, program())
    good = pki.issue(outside, pki.sort_names("localhost", ["localhost"]), 1)
    wrong = pki.issue(outside, pki.sort_names("other.test", ["other.test"]), 1)
    (folder / "good").mkdir()
    (folder / "wrong").mkdir()
    with serving() as orders, serving(good, folder / "good") as pay, serving(wrong, folder / "wrong") as bad:
        edge, out, mesh_port, by_payments, by_wrong, by_mail, by_closed = free(7)
        common = {"host": "localhost", "ca": str(folder / "outside.pem"), "allow": [{"from": "orders"}]}
        variables = {
            "mesh_services": [
                {
                    "name": "orders",
                    "port": orders,
                    "mesh_port": mesh_port,
                    "run_as": "orders",
                    "runs": [{"hosts": ["w2"]}],
                    "allow": [{"from": "edge", "paths": ["/orders*"]}],
                    "upstreams": [
                        {"name": "payments", "bind": by_payments},
                        {"name": "wrong", "bind": by_wrong},
                        {"name": "mail", "bind": by_mail},
                        {"name": "closed", "bind": by_closed},
                    ],
                }
            ],
            "mesh_gateways": [
                {
                    "name": "edge",
                    "hosts": ["w1"],
                    "port": edge,
                    "routes": [
                        {"host": "shop.test", "path": "/orders", "service": "orders"},
                        {"host": "shop.test", "path": "/internal", "service": "orders"},
                    ],
                },
                {
                    "name": "out",
                    "hosts": ["w1"],
                    "port": out,
                    "destinations": [
                        {**common, "name": "payments", "port": pay, "allow": [{"from": "orders", "methods": ["POST"]}]},
                        {**common, "name": "wrong", "port": bad},
                        {**common, "name": "mail", "port": pay, "protocol": "tcp"},
                        {"name": "closed", "host": "localhost", "port": orders, "protocol": "tcp", "tls": False},
                    ],
                },
            ],
        }
        mesh = rules.check(model.read(variables, [model.Host("w1", W1), model.Host("w2", W2)], "live"))
        site = pki.issue(outside, pki.sort_names("shop.test", ["shop.test"]), 1)
        envoys.secret("w1", "default_edge", "outside", site.certificate, site.key)
        try:
            envoys.start(mesh, "w1")
            envoys.start(mesh, "w2")
            ports = {
                "edge": edge,
                "out": out,
                "payments": by_payments,
                "wrong": by_wrong,
                "mail": by_mail,
                "closed": by_closed,
            }
            yield {"envoys": envoys, **ports}
        finally:
            envoys.stop()


def from_outside(live: dict[str, Any], path: str, host: str = "shop.test", **headers: str) -> tuple[int, Any]:
    """The status and the answer of a call to the gateway, whose certificate must be the site's."""
    context = ssl.create_default_context(cafile=live["envoys"].folder / "outside.pem")
    with socket.create_connection((W1, live["edge"]), 5) as plain:
        link = http.client.HTTPConnection(host, timeout=5)
        link.sock = context.wrap_socket(plain, server_hostname="shop.test")
        link.putrequest("GET", path, skip_host=True)
        link.putheader("Host", f"{host}:{live['edge']}")
        for name, value in headers.items():
            link.putheader(name.replace("_", "-"), value)
        link.endheaders()
        reply = link.getresponse()
        text = reply.read().decode()
        return reply.status, json.loads(text) if text.startswith("{") else text


def to_destination(live: dict[str, Any], name: str, method: str = "POST") -> tuple[int, Any]:
    """The same of a call of orders to what it calls outside."""
    link = http.client.HTTPConnection("127.0.0.1", live[name], timeout=5)
    try:
        link.request(method, "/pay", headers={"Host": "whatever"})
        reply = link.getresponse()
        text = reply.read().decode()
        return reply.status, json.loads(text) if text.startswith("{") else text
    finally:
        link.close()


def soon(question: Callable[[], Any]) -> Any:
    """The first true answer; the last one after 10 s."""
    deadline = time.monotonic() + 10
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def test_calls_from_outside_go_by_host_and_path_with_the_gateways_identity(live: dict[str, Any]) -> None:
    front = "spiffe://live.mesh/ns/default/svc/front"
    status, answer = from_outside(live, "/orders/7", X_Forwarded_Client_Cert=f"URI={front}", X_Forwarded_For="9.9.9.9")
    assert status == 200 and answer["path"] == "/orders/7"
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert "ns/default/svc/edge" in headers["x-forwarded-client-cert"] and front not in json.dumps(headers)
    assert headers["x-forwarded-for"] != "9.9.9.9"  # the address that the gateway saw is the last one
    assert from_outside(live, "/ordersx")[0] == 404
    assert from_outside(live, "/orders", host="other.test")[0] == 404
    assert from_outside(live, "/internal")[0] == 403  # a route, and no rule of the service
    assert from_outside(live, "/orders/../internal")[0] == 403
    assert from_outside(live, "/orders%2f..%2finternal")[0] == 400


def test_plain_text_and_a_foreign_name_are_refused(live: dict[str, Any]) -> None:
    with socket.create_connection((W1, live["edge"]), 5) as plain:
        plain.sendall(b"GET /orders HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        plain.settimeout(5)
        with contextlib.suppress(ConnectionError):
            assert not plain.recv(100).startswith(b"HTTP")


def test_a_new_certificate_of_the_site_is_shown_without_a_restart(live: dict[str, Any], outside: pki.Pair) -> None:
    def shown() -> str:
        text: str = ssl.get_server_certificate((W1, live["edge"]), timeout=5)
        return text.strip()

    new = pki.issue(outside, pki.sort_names("shop.test", ["shop.test"]), 2)
    assert shown() != new.certificate.strip()
    live["envoys"].secret("w1", "default_edge", "outside", new.certificate, new.key)
    assert soon(lambda: shown() == new.certificate.strip())
    assert from_outside(live, "/orders")[0] == 200


def test_a_listed_destination_is_reached_by_its_name(live: dict[str, Any]) -> None:
    assert soon(lambda: to_destination(live, "payments")[0] == 200)
    _status, answer = to_destination(live, "payments")
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["host"].startswith("localhost:")
    assert not {"x-forwarded-client-cert", "x-request-id"} & set(headers)
    assert not [name for name in headers if name.startswith("x-envoy-")], headers
    assert to_destination(live, "payments", "GET")[0] == 403


def test_a_destination_with_another_name_in_its_certificate_is_refused(live: dict[str, Any]) -> None:
    status, text = to_destination(live, "wrong")
    assert status == 503 and "CERTIFICATE_VERIFY_FAILED" in text


def test_without_a_rule_nobody_gets_out(live: dict[str, Any]) -> None:
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        to_destination(live, "closed")
    # With a rule any protocol does, what the gateway does not read too.
    status, answer = to_destination(live, "mail")
    assert status == 200 and answer["headers"]["Host"] == "whatever"


def test_a_name_that_is_not_listed_leads_nowhere(live: dict[str, Any], folder: Path) -> None:
    identity = json.loads((folder / "w2/var/lib/keelson-mesh/default_orders/identity.json").read_text())
    pair = identity["resources"][0]["tls_certificate"]
    (folder / "orders.pem").write_text(
        pair["certificate_chain"]["inline_string"] + pair["private_key"]["inline_string"]
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata="".join(live["envoys"].authority["roots"]))
    context.load_cert_chain(folder / "orders.pem")

    def answered(name: str) -> bytes:
        request = b"POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with socket.create_connection((W1, live["out"]), 5) as plain:
            link = context.wrap_socket(plain, server_hostname=name)
            link.sendall(request)
            return link.recv(100)

    assert answered("payments.default").startswith(b"HTTP/1.1 200")
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert answered("elsewhere.default") == b""
