# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways into and out of the mesh under live traffic.

It needs a manager and two host nodes: KEELSON_DRILLS_HOSTS="m1 w1 w2" tests/drills/run tests/drills/test_mesh_gateways.py
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, pki
from lab.mesh import Mesh, until

#: A server outside the mesh, which answers with what it was sent.
PAYMENTS = """
import http.server, json, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        text = json.dumps({"version": self.headers["Host"], "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_GET = do_POST
    def log_message(self, *a): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tmp/payments.pem", "/tmp/payments.key")
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8444), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
PAY = "http://127.0.0.1:18090/pay"


def variables(mesh: Mesh) -> dict[str, Any]:
    """The example's, with a gateway of each kind; orders calls payments."""
    found = mesh.variables()
    orders = found["mesh_services"][1]
    orders["allow"].append({"from": "edge", "paths": ["/orders*"]})
    orders["upstreams"].append({"name": "payments", "bind": 18090})
    edge = {"name": "edge", "tenant": "shop", "hosts": [mesh.w1.name], "port": 443}
    edge["routes"] = [
        {"host": "shop.test", "path": "/orders", "service": "orders"},
        {"host": "shop.test", "path": "/internal", "service": "orders"},
    ]
    payments = {"name": "payments", "host": "pay.test", "port": 8444, "ca": "/etc/ssl/pay.pem"}
    payments["allow"] = [{"from": "orders", "methods": ["POST"]}]
    out = {"name": "out", "tenant": "shop", "hosts": [mesh.w2.name], "port": 15443, "destinations": [payments]}
    return {**found, "mesh_gateways": [edge, out]}


@pytest.fixture(scope="module", autouse=True)
def outside(shop: Mesh) -> Iterator[pki.Pair]:
    """The authority of a server on the manager that stands for one outside, whose name the host of the gateway knows."""
    (manager,) = shop.lab.managers
    authority = pki.make_ca("outside", path_length=0)
    shop.has(shop.w2, "/etc/ssl/pay.pem", authority.certificate)
    shop.lab.ssh(shop.w2, f"echo {manager.address} pay.test >> /etc/hosts")
    shop.has(manager, "/tmp/payments.py", PAYMENTS)
    serve(shop, authority, "pay.test")
    yield authority
    shop.lab.ssh(manager, "systemctl stop payments; rm -f /tmp/payments.*")
    shop.lab.ssh(shop.w2, "rm /etc/ssl/pay.pem; grep -v pay.test /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts")


def serve(mesh: Mesh, authority: pki.Pair, name: str) -> None:
    """Have the server outside show a certificate for a name."""
    (manager,) = mesh.lab.managers
    pair = pki.issue(authority, pki.sort_names(name, [name]), 1)
    mesh.has(manager, "/tmp/payments.pem", pair.certificate)
    mesh.has(manager, "/tmp/payments.key", pair.key)
    mesh.lab.ssh(manager, "systemctl stop payments 2>/dev/null", check=False)
    mesh.lab.ssh(manager, "systemd-run --unit payments --collect python3 /tmp/payments.py")
    until(lambda: "8444" in mesh.lab.ssh(manager, "ss -ltn"), 10)


def from_outside(mesh: Mesh, path: str, *options: str, ca: str = "", host: str = "shop.test") -> tuple[str, str]:
    """The status and the answer of a call from the manager to the gateway on w1, by the cluster's CA unless named."""
    (manager,) = mesh.lab.managers
    trusted = ca or components.engine(mesh.lab.engine).identity.ca
    # By its address it is verified against the cluster's CA, by a site's certificate against the name.
    url = f"https://{host}{path}" if ca else f"https://{mesh.w1.address}{path}"
    resolve = f"{host}:443:{mesh.w1.address}"
    command = f"curl -s -m 5 -w '\n%{{http_code}}' --cacert {trusted} -H 'Host: {host}' --resolve {resolve}"
    text, _line, status = mesh.lab.ssh(manager, f"{command} {shlex.join(options)} {url}", check=False).rpartition("\n")
    return status, text


def test_calls_from_outside_go_by_host_and_path(mesh: Mesh) -> None:
    mesh.apply(variables(mesh))
    front = f"spiffe://{mesh.lab.name}.mesh/ns/shop/svc/front"
    status, text = from_outside(mesh, "/orders/7", "-H", f"x-forwarded-client-cert: URI={front}")
    caller = json.loads(text)["caller"]
    assert status == "200" and caller.endswith("/svc/edge") and front not in caller
    assert from_outside(mesh, "/ordersx")[0] == "404"
    assert from_outside(mesh, "/orders", host="other.test")[0] == "404"
    # The gateway has a route; the service has no rule for it.
    assert from_outside(mesh, "/internal")[0] == "403"
    assert from_outside(mesh, "/orders/../internal")[0] == "403"
    (manager,) = mesh.lab.managers
    plain = f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://{mesh.w1.address}:443/orders"
    assert mesh.lab.ssh(manager, plain, check=False) == "000"
    assert mesh.lab.play("mesh", variables=variables(mesh)).expect().changed() == set()


def test_a_gateway_shows_the_sites_certificate_and_its_successor(mesh: Mesh) -> None:
    (manager,) = mesh.lab.managers
    found = variables(mesh)
    found["mesh_gateways"][0]["certificate"] = {"chain": "/etc/ssl/site.pem", "key": "/etc/ssl/site.key"}
    done = mesh.lab.play("mesh", variables=found)
    assert (
        done.code
        and "the certificate of the gateway shop/edge (/etc/ssl/site.pem, /etc/ssl/site.key) cannot be used"
        in (" ".join(done.output.split()))
    )
    for number in (1, 2):
        site = pki.make_ca(f"site {number}", path_length=0)
        pair = pki.issue(site, pki.sort_names("shop.test", ["shop.test"]), 30)
        mesh.has(mesh.w1, "/etc/ssl/site.pem", pair.certificate)
        mesh.has(mesh.w1, "/etc/ssl/site.key", pair.key, "0600")
        mesh.has(manager, f"/tmp/site{number}.pem", site.certificate)
        if number == 1:
            mesh.apply(found)
        else:
            mesh.lab.ssh(mesh.w1, "systemctl start keelson-mesh-renew")  # as its timer does
        until(lambda number=number: from_outside(mesh, "/orders", ca=f"/tmp/site{number}.pem")[0] == "200", 10)
    assert from_outside(mesh, "/orders", ca="/tmp/site1.pem")[0] == "000"


def test_a_route_changes_without_a_lost_call(mesh: Mesh) -> None:
    found = variables(mesh)
    mesh.apply(found)
    (manager,) = mesh.lab.managers
    command = (
        f"rm -f /tmp/stop; while ! [ -e /tmp/stop ]; do curl -s -m 5 -o /dev/null -w '%{{http_code}}\\n' "
        f"--cacert {components.engine(mesh.lab.engine).identity.ca} -H 'Host: shop.test' https://{mesh.w1.address}/orders"
        " >> /tmp/answers; done"
    )
    mesh.lab.ssh(manager, f"rm -f /tmp/answers; systemd-run --unit outside-load --collect sh -c {shlex.quote(command)}")
    found["mesh_gateways"][0]["routes"][0]["timeout"] = 5
    found["mesh_gateways"][0]["routes"].append({"host": "shop.test", "path": "/more", "service": "orders"})
    mesh.apply(found)
    mesh.lab.ssh(manager, "touch /tmp/stop; sleep 1")
    answers = mesh.lab.ssh(manager, "sort /tmp/answers | uniq -c; rm -f /tmp/answers /tmp/stop").split()
    print(f"calls from outside while a route changed: {answers}")
    assert answers[1:] == ["200"] and int(answers[0]) > 20


def test_listed_destinations_are_reached_by_name_and_verified(mesh: Mesh, outside: pki.Pair) -> None:
    mesh.apply(variables(mesh))
    until(lambda: mesh.calls(mesh.w1, "orders", PAY, method="POST").statuses == {"200": 1}, 15)
    assert dict(mesh.calls(mesh.w1, "orders", PAY, 20, method="POST")) == {"200 pay.test:8444": 20}
    assert mesh.calls(mesh.w1, "orders", PAY).statuses == {"403": 1}
    assert set(mesh.calls(mesh.w1, "front", PAY, method="POST").statuses) == {"failed"}
    # What sidecars say to each other stays inside.
    sent = mesh.lab.ssh(mesh.w1, f"setpriv --reuid orders --regid orders --clear-groups curl -s -X POST {PAY}")
    assert "spiffe" not in sent and "X-Envoy" not in sent.title()
    serve(mesh, outside, "other.test")
    try:
        until(lambda: mesh.calls(mesh.w1, "orders", PAY, method="POST").statuses == {"503": 1}, 15)
    finally:
        serve(mesh, outside, "pay.test")
    until(lambda: mesh.calls(mesh.w1, "orders", PAY, method="POST").statuses == {"200": 1}, 15)


def test_a_name_that_is_not_listed_leads_nowhere(mesh: Mesh, outside: pki.Pair) -> None:
    mesh.apply(variables(mesh))
    program = (
        "import json; s = json.load(open('/var/lib/keelson-mesh/shop_orders/identity.json'))['resources'][0]"
        "['tls_certificate']; print(s['certificate_chain']['inline_string'] + s['private_key']['inline_string'])"
    )
    mesh.lab.ssh(mesh.w1, f'umask 077; python3 -c "{program}" > /tmp/orders.pem')

    def answered(name: str) -> str:
        request = "printf 'POST /pay HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'; sleep 2"
        client = f"openssl s_client -quiet -connect {mesh.w2.address}:15443 -servername {name} -cert /tmp/orders.pem"
        return mesh.lab.ssh(
            mesh.w1, f"({request}) | timeout 10 {client} -cert_chain /tmp/orders.pem -key /tmp/orders.pem 2>&1", False
        )

    try:
        assert "HTTP/1.1 200 OK" in answered("payments.shop")
        assert "HTTP/1.1" not in answered("elsewhere.shop")
    finally:
        mesh.lab.ssh(mesh.w1, "rm -f /tmp/orders.pem")


def test_an_isolated_service_goes_out_by_its_gateway_alone(mesh: Mesh, outside: pki.Pair) -> None:
    (manager,) = mesh.lab.managers
    direct = f"setpriv --reuid orders --regid orders --clear-groups curl -sk -m 5 https://{manager.address}:8444/"
    mesh.apply(variables(mesh))
    assert "headers" in mesh.lab.ssh(mesh.w1, direct)
    found = variables(mesh)
    found["mesh_services"][1]["isolated"] = True
    mesh.apply(found)
    assert mesh.lab.ssh(mesh.w1, direct, check=False) == ""
    assert mesh.calls(mesh.w1, "orders", PAY, method="POST").statuses == {"200": 1}


def test_verify_and_status_know_gateways(mesh: Mesh, outside: pki.Pair, tmp_path: Path) -> None:
    found = variables(mesh)
    mesh.apply(found)
    until(lambda: mesh.calls(mesh.w1, "orders", PAY, method="POST").statuses == {"200": 1}, 15)

    def failed() -> set[tuple[str, str]]:
        arguments = ["-e", "verify_sample_application=false", "-e", f"verify_report={tmp_path}"]
        mesh.lab.play("verify", *arguments, variables=found)
        checks = json.loads((tmp_path / "report.json").read_text())["checks"]
        return {(c["check"], c["target"]) for c in checks if not c["passed"] and c["check"].startswith("mesh")}

    assert failed() == set()
    identity = components.engine(mesh.lab.engine).identity
    short = pki.issue(outside, pki.sort_names("shop.test", ["shop.test"]), 3)
    mesh.has(mesh.w1, "/etc/ssl/site.pem", short.certificate)
    mesh.has(mesh.w1, "/etc/ssl/site.key", short.key, "0600")
    found["mesh_gateways"][0]["certificate"] = {"chain": "/etc/ssl/site.pem", "key": "/etc/ssl/site.key"}
    mesh.apply(found)
    assert failed() == {("mesh_outside", "shop/edge")}, identity


def test_a_gateway_that_is_described_no_more_is_gone(mesh: Mesh) -> None:
    mesh.apply(variables(mesh))
    assert mesh.lab.ssh(mesh.w1, "systemctl is-active mesh-sidecar@shop_edge").strip() == "active"
    mesh.apply(mesh.variables())
    left = "ls -d /etc/keelson-mesh/shop_edge /var/lib/keelson-mesh/shop_edge 2>/dev/null; pgrep -u mesh_shop_edge"
    assert mesh.lab.ssh(mesh.w1, left, check=False) == ""
    assert from_outside(mesh, "/orders")[0] == "000"
