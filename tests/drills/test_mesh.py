# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh under live traffic: what it must refuse, what it must carry, and that no change loses a call.

It needs a manager and two host nodes: KEELSON_DRILLS_HOSTS="m1 w1 w2" tests/drills/run tests/drills/test_mesh.py
"""

from __future__ import annotations

import calendar
import json
import shlex
import time
from pathlib import Path

from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import leaf
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import secrets
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy.component import COMPONENT
from lab.mesh import SHOP, Mesh, until

ORDERS = "http://127.0.0.1:18081/orders"
ALONE = "http://127.0.0.1:18081/alone"


def by_openssl(mesh: Mesh, certificate: str, key: str, port: int = 8081) -> str:
    """What orders on w2 answers to a client with a certificate; root of w1 is the client."""
    for name, text in (("cert", certificate), ("key", key)):
        mesh.lab.ssh(mesh.w1, f"umask 077; cat > /tmp/mesh-{name}.pem", given=text)
    request = "printf 'GET /alone HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'; sleep 2"
    client = f"openssl s_client -quiet -connect {mesh.w2.address}:{port} -cert /tmp/mesh-cert.pem -cert_chain /tmp/mesh-cert.pem"
    done = mesh.lab.ssh(mesh.w1, f"({request}) | timeout 10 {client} -key /tmp/mesh-key.pem 2>&1", check=False)
    mesh.lab.ssh(mesh.w1, "rm -f /tmp/mesh-cert.pem /tmp/mesh-key.pem")
    return done


def a_leaf(mesh: Mesh, minutes: float = 10, foreign: bool = False) -> tuple[str, str]:
    """A leaf of front and its key, of the mesh's authority or of another one of the same names."""
    domain = f"{mesh.lab.name}.mesh"
    authority = secrets.make_secrets("x", domain) if foreign else mesh.lab.secrets()[COMPONENT.name]
    key, identity = certificate.make_key(), f"spiffe://{domain}/ns/shop/svc/front"
    chain = str(authority["intermediate"])
    signed = leaf.sign(certificate.make_request(key), identity, chain, str(authority["intermediate_key"]), minutes)
    return signed + chain, key


def test_a_second_run_changes_nothing(mesh: Mesh) -> None:
    done = mesh.lab.play("mesh", variables=mesh.variables()).expect()
    assert done.changed() == set()


def test_plain_text_is_refused_unless_permissive(mesh: Mesh) -> None:
    command = f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://{mesh.w2.address}:8081/alone"
    assert mesh.lab.ssh(mesh.w1, command, check=False) == "000"
    variables = mesh.variables()
    variables["mesh_services"][1]["mode"] = "permissive"
    mesh.apply(variables)
    assert mesh.lab.ssh(mesh.w1, command) == "200"
    assert mesh.calls(mesh.w1, "front", ORDERS, 20).statuses == {"200": 20}


def test_a_certificate_of_another_authority_or_of_the_past_is_refused(mesh: Mesh) -> None:
    assert "HTTP/1.1 200 OK" in by_openssl(mesh, *a_leaf(mesh))
    assert "unknown ca" in by_openssl(mesh, *a_leaf(mesh, foreign=True)).lower()
    assert "certificate expired" in by_openssl(mesh, *a_leaf(mesh, minutes=-1)).lower()


def test_what_no_rule_allows_is_refused(mesh: Mesh) -> None:
    def status(account: str, url: str, method: str = "GET") -> str:
        (answer,) = mesh.calls(mesh.w1, account, url, method=method).statuses
        return answer

    assert status("front", ORDERS) == "200" and status("front", ORDERS, "POST") == "200"
    assert status("front", ORDERS, "DELETE") == "403"
    assert status("front", "http://127.0.0.1:18081/admin") == "403"
    assert status("front", "http://127.0.0.1:18081/orders/../admin") == "403"
    assert status("front", "http://127.0.0.1:18081/orders%2f..%2fadmin") == "400"
    assert status("orders", "http://127.0.0.1:18082/") == "200"
    variables = mesh.variables()
    variables["mesh_services"][2]["allow"] = [{"from": "front"}]
    mesh.apply(variables)
    assert status("orders", "http://127.0.0.1:18082/") == "403"
    until(lambda: mesh.log(mesh.w2, "shop_stock", 1), 10)
    (entry,) = mesh.log(mesh.w2, "shop_stock", 1)
    assert entry["caller"].endswith("/ns/shop/svc/orders") and "rbac_access_denied" in entry["details"]


def test_a_new_rule_holds_for_open_connections_too(mesh: Mesh) -> None:
    variables = mesh.variables()
    variables["mesh_services"][1]["allow"] = []
    with mesh.load(threads=1) as found:
        mesh.apply(variables)
    assert set(found.statuses) == {"200", "403"}


def test_nobody_borrows_an_identity(mesh: Mesh) -> None:
    assert mesh.calls(mesh.w1, "front", ORDERS).statuses == {"200": 1}
    for account in ("orders", "daemon", "mesh_shop_orders", "root"):
        found = mesh.calls(mesh.w1, account, ORDERS)
        assert set(found.statuses) == {"failed"} and "refused" in next(iter(found)), account
    # Around the sidecar, and with its key.
    for account, url in (("front", "http://127.0.0.1:8081/"), ("root", "http://127.0.0.1:8081/")):
        assert set(mesh.calls(mesh.w1, account, url).statuses) == {"failed"}
    for account in ("front", "orders", "mesh_shop_front"):
        secret = "/var/lib/keelson-mesh/shop_orders/identity.json"
        command = f"setpriv --reuid {account} --regid {account} --clear-groups cat {secret}"
        assert "PRIVATE KEY" not in mesh.lab.ssh(mesh.w1, command, check=False)
    mesh.lab.ssh(mesh.w1, "nft flush table inet keelson_mesh")
    assert mesh.calls(mesh.w1, "orders", ORDERS).statuses == {"200": 1}  # so it is the rules that refuse
    mesh.lab.ssh(mesh.w1, "systemctl reload keelson-mesh-rules")
    assert set(mesh.calls(mesh.w1, "orders", ORDERS).statuses) == {"failed"}


def test_calls_are_split_and_moved_without_a_loss(mesh: Mesh) -> None:
    found = mesh.calls(mesh.w1, "front", ALONE, 2000, 4)
    assert found.statuses == {"200": 2000} and 0.07 < found["200 v2"] / 2000 < 0.13, found
    variables = mesh.variables()
    for weights in ((0, 100), (100, 0)):  # the switch, and the way back
        for split, weight in zip(variables["mesh_services"][1]["splits"], weights):
            split["weight"] = weight
        with mesh.load() as during:
            mesh.apply(variables)
        print(f"switch to {weights}: {dict(during)}")
        assert set(during.statuses) == {"200"}, during
        after = mesh.calls(mesh.w1, "front", ALONE, 100)
        assert dict(after) == {f"200 v{1 if weights[0] else 2}": 100}


def test_a_bad_instance_is_ejected_and_taken_back(mesh: Mesh) -> None:
    variables = mesh.variables()
    del variables["mesh_services"][1]["splits"]
    variables["mesh_services"][0]["upstreams"][0]["ejection"]["duration"] = 30
    mesh.apply(variables)
    assert len(mesh.calls(mesh.w1, "front", ALONE, 100)) == 2
    mesh.lab.ssh(mesh.w2, "touch /tmp/orders.fails")
    try:
        mesh.calls(mesh.w1, "front", ALONE, 60)
        assert (
            mesh.stats(mesh.w1, "shop_front", "ejections_active")[
                "cluster.shop/orders.outlier_detection.ejections_active"
            ]
            == 1
        )
        assert dict(mesh.calls(mesh.w1, "front", ALONE, 50)) == {"200 v1": 50}
    finally:
        mesh.lab.ssh(mesh.w2, "rm -f /tmp/orders.fails")
    took = until(lambda: mesh.calls(mesh.w1, "front", ALONE, 20).get("200 v2"), 90)
    print(f"taken back after {took:.1f} s")


def test_limits_hold(mesh: Mesh) -> None:
    variables = mesh.variables()
    del variables["mesh_services"][1]["splits"]
    variables["mesh_services"][0]["upstreams"][0].update(
        limits={"connections": 20, "pending": 20, "requests": 20}, timeout=8
    )
    mesh.apply(variables)
    found = mesh.calls(mesh.w1, "front", "http://127.0.0.1:18081/slow?5", 120, 120)
    assert found.statuses["503"] > 60 and 20 <= found.statuses["200"] <= 40, found
    overflow = mesh.stats(mesh.w1, "shop_front", "cluster.shop/orders.upstream_rq_pending_overflow$")
    assert max(overflow.values()) > 0, overflow
    mesh.apply(mesh.variables())
    found = mesh.calls(mesh.w1, "front", "http://127.0.0.1:18081/slow?6")
    assert found.statuses == {"504": 1} and 1.8 < found.longest < 3, (found, found.longest)
    variables = mesh.variables()
    variables["mesh_services"][2]["rate_limit"] = {"requests": 50, "seconds": 60}
    mesh.apply(variables)
    found = mesh.calls(mesh.w1, "orders", "http://127.0.0.1:18082/", 200)
    # The bucket fills all the time, by 50 a minute.
    assert set(found.statuses) == {"200", "429"} and 50 <= found.statuses["200"] <= 50 + found.seconds + 1, found


def test_a_failing_upstream_starts_no_storm(mesh: Mesh) -> None:
    variables = mesh.variables()
    variables["mesh_services"][0]["upstreams"][0]["retries"] = {
        "attempts": 5,
        "retry_on": ["5xx"],
        "budget_percent": 20,
    }
    variables["mesh_services"][0]["upstreams"][0]["ejection"] = {"errors": 100000}
    mesh.apply(variables)
    for host in (mesh.w1, mesh.w2):
        mesh.lab.ssh(host, "touch /tmp/orders.fails")
    try:
        name = "cluster.shop/orders_v1.(upstream_rq_total|upstream_rq_retry|upstream_rq_retry_overflow)$"
        before = mesh.stats(mesh.w1, "shop_front", name)
        mesh.calls(mesh.w1, "front", ALONE, 600, 30)
        after = mesh.stats(mesh.w1, "shop_front", name)
    finally:
        for host in (mesh.w1, mesh.w2):
            mesh.lab.ssh(host, "rm -f /tmp/orders.fails")
    added = {key.rpartition(".")[2]: after[key] - before[key] for key in after}
    print(f"retry budget: {added}")
    sent = added["upstream_rq_total"] - added["upstream_rq_retry"]
    assert added["upstream_rq_retry"] < sent and added["upstream_rq_retry_overflow"] > 0, added


def test_leaves_and_the_authority_are_replaced_under_load(mesh: Mesh) -> None:
    def serial(host: str = "") -> str:
        return mesh.lab.ssh(mesh.w1, "sha256sum /var/lib/keelson-mesh/shop_front/identity.json")

    variables = mesh.variables()
    variables["mesh_identity"] = {"leaf_minutes": 2, "renew_before_minutes": 1}
    mesh.apply(variables, "-e", "mesh_new_authority=true")  # so that all leaves are of the new lifetime
    first, trust = serial(), mesh.lab.ssh(mesh.w1, "cat /var/lib/keelson-mesh/shop_front/trust.json")
    with mesh.load(keep=False, threads=2) as found:
        until(lambda: serial() != first, 100, 1)
    print(f"a leaf renewed by the timer: {dict(found.statuses)}")
    assert set(found.statuses) == {"200"}, found
    with mesh.load(keep=False, threads=2) as found:
        mesh.apply(variables, "-e", "mesh_new_authority=true")
    print(f"the authority replaced: {dict(found.statuses)}")
    assert set(found.statuses) == {"200"}, found
    after = mesh.lab.ssh(mesh.w1, "cat /var/lib/keelson-mesh/shop_front/trust.json")
    assert after != trust and after.count("BEGIN CERTIFICATE") == 1


def test_traffic_goes_on_without_the_issuer(mesh: Mesh) -> None:
    (manager,) = mesh.lab.managers
    mesh.lab.ssh(manager, "systemctl stop keelson-mesh-issuer")
    try:
        assert mesh.calls(mesh.w1, "front", ORDERS, 200, 2, keep=False).statuses == {"200": 200}
        mesh.lab.ssh(mesh.w1, "systemctl restart mesh-sidecar@shop_front")  # new connections, all of them
        assert mesh.calls(mesh.w1, "front", ORDERS, 200, 2, keep=False).statuses == {"200": 200}
        assert "Connection refused" in mesh.lab.ssh(
            mesh.w1, "systemctl start keelson-mesh-renew; journalctl -u keelson-mesh-renew -n 5 -o cat", check=False
        )
    finally:
        mesh.lab.ssh(manager, "systemctl start keelson-mesh-issuer")


def test_how_long_traffic_goes_on_without_the_issuer(mesh: Mesh) -> None:
    (manager,) = mesh.lab.managers
    variables = mesh.variables()
    variables["mesh_identity"] = {"leaf_minutes": 2, "renew_before_minutes": 1}
    mesh.apply(variables, "-e", "mesh_new_authority=true")
    mesh.lab.ssh(manager, "systemctl stop keelson-mesh-issuer")
    try:
        (front,) = mesh.told(mesh.w1, "service=shop/front")
        left = calendar.timegm(time.strptime(front["certificate_ends"], "%Y-%m-%dT%H:%M:%SZ")) - time.time()
        answers = []
        for wait in (max(0.0, left - 25), 30):  # shortly before the end, and after it
            time.sleep(wait)
            mesh.lab.ssh(mesh.w1, "systemctl restart mesh-sidecar@shop_front")  # new connections, all of them
            answers.append(set(mesh.calls(mesh.w1, "front", ALONE, 20).statuses))
        print(f"without the issuer new connections go on until leaves end, here after {left:.0f} s: {answers}")
        assert left > 60 and answers == [{"200"}, {"503"}]
    finally:
        mesh.lab.ssh(manager, "systemctl start keelson-mesh-issuer")
        for host in (mesh.w1, mesh.w2):
            mesh.lab.ssh(host, "systemctl start keelson-mesh-renew")
    until(lambda: mesh.calls(mesh.w1, "front", ALONE, 20, keep=False).statuses == {"200": 20}, 30)


def test_one_command_tells_which_rule_on_which_side_refused(mesh: Mesh) -> None:
    assert mesh.calls(mesh.w1, "front", ORDERS, 3, method="DELETE").statuses == {"403": 3}

    def refused() -> list[str]:
        found = [one for host in (mesh.w1, mesh.w2) for one in mesh.told(host, "service=shop/orders minutes=5")]
        return [call["why"] for one in found for call in one["failed"]]

    until(lambda: any("has not the method DELETE" in why for why in refused()), 20)
    call = "service=shop/orders caller=shop/front method=GET path=/admin"
    judged = [one["call"] for one in mesh.told(mesh.w1, call)]
    assert judged[0].startswith("it leaves the caller's side by 127.0.0.1:18081")
    assert judged[1].startswith("refused on the side of shop/orders: allow[0] (") and "the path /admin" in judged[1]


def test_a_killed_sidecar_is_back(mesh: Mesh) -> None:
    for account, url in (("front", ALONE), ("stock", "")):  # that of the caller; that of a service on the other host
        with mesh.load(threads=1) as found:
            host, sidecar = (mesh.w1, "mesh_shop_front") if url else (mesh.w2, "mesh_shop_stock")
            mesh.lab.ssh(host, f"pkill -9 -u {sidecar} -x envoy")
            time.sleep(5)
        print(f"the sidecar of {account} killed: {found.gap:.2f} s without an answer, {dict(found.statuses)}")
        assert found.statuses["200"] > 10 and 0 < found.gap <= 2, (account, found, found.gap)


def test_envoy_is_upgraded_and_taken_back_without_a_loss(mesh: Mesh) -> None:
    mesh.lab.play("bundle", "-e", '{"bundle_artifacts": ["envoy=1.40.0"]}').expect()
    for version in ("1.40.0", "1.36.4"):
        chosen = json.dumps({"mesh_sidecar_envoy_artifacts": [f"envoy={version}", "mesh-host"]})
        with mesh.load() as found:
            mesh.apply(mesh.variables(), "-e", chosen)
        print(f"to Envoy {version}: {dict(found.statuses)}")
        assert set(found.statuses) == {"200"}, found
        server = "curl -s --unix-socket /run/mesh-sidecar/shop_front/admin.sock http://admin/server_info"
        assert f"/{version}/" in mesh.lab.ssh(mesh.w1, server)


def test_a_host_that_boots_serves_by_itself(mesh: Mesh) -> None:
    mesh.lab.disconnect()
    mesh.lab.podman("restart", mesh.w2, "-t", "5")
    start = time.monotonic()
    until(lambda: mesh.lab.ssh(mesh.w2, "echo up", check=False), 60)
    until(lambda: mesh.calls(mesh.w1, "orders", "http://127.0.0.1:18082/").statuses == {"200": 1}, 60)
    print(f"serving {time.monotonic() - start:.1f} s after the boot")
    assert set(mesh.calls(mesh.w2, "daemon", "http://127.0.0.1:8082/").statuses) == {"failed"}


def test_what_envoy_would_refuse_is_never_put_into_place(mesh: Mesh) -> None:
    variables = mesh.variables()
    variables["mesh_services"][0]["upstreams"][0]["connect_timeout"] = 1e-10
    state = "cat /etc/keelson-mesh/shop_front/* | sha256sum"
    before = mesh.lab.ssh(mesh.w1, state)
    done = mesh.lab.play("mesh", variables=variables)
    assert done.code and "Envoy refuses the configuration of shop_front, and the old one stays" in done.output
    assert mesh.lab.ssh(mesh.w1, state) == before
    assert mesh.calls(mesh.w1, "front", ORDERS, 20).statuses == {"200": 20}


def test_a_job_of_nomad_is_found_wherever_it_runs(mesh: Mesh) -> None:
    (manager,) = mesh.lab.managers
    variables = mesh.variables()
    orders = variables["mesh_services"][1]
    orders["runs"] = [{"hosts": [mesh.w1.name, mesh.w2.name], "job": "orders"}]
    del orders["splits"]
    nomad = f"set -a; . /etc/keelson/{mesh.lab.name}/nomad.env; nomad"
    text = (SHOP / "orders.nomad.hcl").read_text()

    def run_on(host: str) -> None:
        constraint = f'constraint {{\n attribute = "${{node.unique.name}}"\n value = "{host}"\n }}\n'
        placed = text.replace('group "orders" {', f'{constraint} group "orders" {{')
        mesh.lab.ssh(manager, f"{nomad} job run -detach -", given=placed)

    def answered_by(host: str) -> bool:
        return dict(mesh.calls(mesh.w1, "front", ORDERS, 20)) == {f"200 {host}": 20}

    for host in (mesh.w1, mesh.w2):
        mesh.lab.ssh(host, "systemctl stop orders")
    try:
        mesh.apply(variables)
        for host in (mesh.w2.name, mesh.w1.name):
            run_on(host)
            print(f"the job on {host} serves after {until(lambda host=host: answered_by(host), 240):.1f} s")
        # Its account is the only one that has its identity, and nobody reaches it around its sidecar.
        assert set(mesh.calls(mesh.w1, "daemon", "http://127.0.0.1:8081/alone").statuses) == {"failed"}
        assert set(mesh.calls(mesh.w1, "front", ORDERS, method="DELETE").statuses) == {"403"}
    finally:
        mesh.lab.ssh(manager, f"{nomad} job stop -purge orders", check=False)
        for host in (mesh.w1, mesh.w2):
            mesh.lab.ssh(host, "systemctl start orders")


COLLECTOR = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        while self.headers["Transfer-Encoding"] and (size := int(self.rfile.readline(), 16)):
            body += self.rfile.read(size)
            self.rfile.readline()
        open("/tmp/traces", "ab").write(body)
        self.send_response(200); self.end_headers()
    def log_message(self, *a): pass
http.server.HTTPServer(("0.0.0.0", 4318), Handler).serve_forever()
"""


def test_metrics_logs_and_a_trace(mesh: Mesh) -> None:
    (manager,) = mesh.lab.managers
    mesh.lab.ssh(manager, "cat > /tmp/collector.py; : > /tmp/traces", given=COLLECTOR)
    mesh.lab.ssh(manager, "systemd-run --unit mesh-collector --collect python3 /tmp/collector.py")
    variables = mesh.variables()
    variables["mesh_telemetry"] = {"access_log": "all", "traces": {"collector": f"{manager.address}:4318"}}
    try:
        mesh.apply(variables)
        assert mesh.calls(mesh.w1, "front", ORDERS, 5).statuses == {"200": 5}
        metrics = mesh.lab.ssh(mesh.w1, "curl -s http://127.0.0.1:9080/stats/prometheus")
        assert 'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="shop/orders_v1"}' in metrics
        assert "envoy_cluster_upstream_rq_time_bucket" in metrics

        def last() -> str:
            return next((line["trace"] or "" for line in mesh.log(mesh.w1, "shop_front", 1)), "")

        until(last, 10)
        trace = last()

        def seen() -> set[tuple[str, str]]:
            places = ((mesh.w1, "shop_orders"), (mesh.w2, "shop_orders"), (mesh.w2, "shop_stock"))
            logs = [(name, line) for host, name in places for line in mesh.log(host, name, 40)]
            return {(name, line["side"]) for name, line in logs if line["trace"] == trace}

        whole = {("shop_orders", "inbound"), ("shop_orders", "outbound"), ("shop_stock", "inbound")}
        until(lambda: seen() == whole, 10)  # sidecars write their logs once a second
        found = f"python3 -c \"print(open('/tmp/traces','rb').read().count(bytes.fromhex('{trace}')))\""
        until(lambda: int(mesh.lab.ssh(manager, found) or 0) >= 4, 15, 1)
    finally:
        mesh.lab.ssh(manager, "systemctl stop mesh-collector; rm -f /tmp/collector.py /tmp/traces", check=False)


def test_verify_sees_what_is_broken(mesh: Mesh, tmp_path: Path) -> None:
    def failed() -> set[str]:
        arguments = ["-e", "verify_sample_application=false", "-e", f"verify_report={tmp_path}"]
        mesh.lab.play("verify", *arguments, variables=mesh.variables())
        checks = json.loads((tmp_path / "report.json").read_text())["checks"]
        return {check["check"] for check in checks if not check["passed"] and check["check"].startswith("mesh")}

    assert failed() == set()
    mesh.lab.ssh(mesh.w1, "nft flush table inet keelson_mesh; systemctl stop orders")
    mesh.lab.ssh(mesh.w2, "systemctl stop mesh-sidecar@shop_stock")
    try:
        assert failed() >= {"mesh_owner", "mesh_health", "mesh_sidecar"}
    finally:
        mesh.lab.ssh(mesh.w1, "systemctl start orders; systemctl reload keelson-mesh-rules")
        mesh.lab.ssh(mesh.w2, "systemctl start mesh-sidecar@shop_stock")
    until(lambda: mesh.calls(mesh.w1, "front", ORDERS).statuses == {"200": 1}, 20)
    assert failed() == set()


def test_the_mesh_is_removed_and_services_are_reached_as_before(mesh: Mesh) -> None:
    traces = (
        "getent passwd | grep -c ^mesh_; ls -d /etc/keelson-mesh /var/lib/keelson-mesh /run/mesh-sidecar /usr/local/bin/envoy "
        "/etc/systemd/system/*mesh* /dev/shm/envoy* 2>/dev/null; nft list tables | grep keelson_mesh; pgrep -x envoy"
    )
    assert len(mesh.lab.ssh(mesh.w1, traces, check=False).split()) > 8
    mesh.apply(mesh.variables(), "-e", "mesh_remove=true")
    for host in (mesh.w1, mesh.w2):
        assert mesh.lab.ssh(host, traces, check=False).split() == ["0"]
    (manager,) = mesh.lab.managers
    assert "mesh" not in mesh.lab.ssh(
        manager, "ls /etc/systemd/system /etc/keelson/* /usr/local/lib/keelson", check=False
    )
    found = mesh.calls(mesh.w1, "daemon", "http://127.0.0.1:8081/alone")
    assert found.statuses == {"200": 1}, shlex.join(found)
