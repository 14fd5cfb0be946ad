# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh with Consul as its control plane, under live traffic.

It needs a manager and two host nodes: KEELSON_DRILLS_HOSTS="m1 w1 w2" tests/drills/run tests/drills/test_mesh_consul.py
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_consul.component import COMPONENT
from lab.mesh import SHOP, Mesh, until
from lab.servers import Lab

ORDERS = "http://127.0.0.1:18081/orders"
ALONE = "http://127.0.0.1:18081/alone"


class Consul(Mesh):
    """The shop, its sidecars told by Consul."""

    def variables(self) -> dict[str, Any]:
        """The example's variables without what Consul cannot do."""
        found: dict[str, Any] = json.loads(json.dumps(self.plain))
        front, _orders, stock = found["mesh_services"]
        front["upstreams"][0]["retries"] = {
            "attempts": 2,
            "retry_on": ["connect-failure", "refused-stream", "gateway-error"],
        }
        del stock["rate_limit"]
        return {**found, "cluster_components": [COMPONENT.name], "mesh_telemetry": {"access_log": "all"}}

    def consul(self, arguments: str, check: bool = True) -> str:
        """What the program consul prints on a manager, with the token that rules."""
        manager = self.lab.managers[0]
        return self.lab.ssh(manager, f"set -a; . /etc/keelson/{self.lab.name}/consul.env; consul {arguments}", check)


@pytest.fixture(scope="module")
def mesh(lab: Lab) -> Iterator[Consul]:
    """The shop, its services in the mesh."""
    found = Consul(lab)
    variables = found.variables()
    lab.play("bundle", variables=variables).expect()
    if lab.ssh(lab.nodes[0], "systemctl is-active nomad", check=False).strip() != "active":
        lab.play("install").expect()
    lab.play(str(SHOP / "deploy.yml"), variables=variables).expect()
    print(f"the mesh is there after {found.apply(variables):.0f} s")
    yield found


@pytest.fixture
def changed(mesh: Consul) -> Iterator[Consul]:
    """The mesh for a drill that changes it: afterwards it is as the example describes it."""
    yield mesh
    mesh.apply(mesh.variables())


def test_a_second_run_changes_nothing(mesh: Consul) -> None:
    done = mesh.lab.play("mesh", variables=mesh.variables()).expect()
    assert done.changed() == set()


def test_what_no_rule_allows_is_refused(mesh: Consul) -> None:
    until(lambda: mesh.calls(mesh.w1, "front", ORDERS).statuses == {"200": 1}, 30)
    assert mesh.calls(mesh.w1, "front", ORDERS, 50).statuses == {"200": 50}
    # Another path, another method; and stock, which front may not call, by the port of its sidecar.
    assert mesh.calls(mesh.w1, "front", "http://127.0.0.1:18081/admin").statuses == {"403": 1}
    assert mesh.calls(mesh.w1, "front", ORDERS, method="DELETE").statuses == {"403": 1}
    for port in (8081, 8082):
        found = mesh.calls(mesh.w1, "front", f"http://{mesh.w2.address}:{port}/alone")
        assert found.statuses == {"failed": 1}, "plain text is refused"
    # Nobody borrows an upstream, or reaches a service around its sidecar.
    for host, url in ((mesh.w1, ORDERS), (mesh.w1, "http://127.0.0.1:8081/alone"), (mesh.w2, "http://127.0.0.1:8082/")):
        assert mesh.calls(host, "daemon", url).statuses == {"failed": 1}, url
    request = "(printf 'GET /alone HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'; sleep 1)"
    client = f"timeout 5 openssl s_client -quiet -connect {mesh.w2.address}:8081 2>&1"
    assert "certificate required" in mesh.lab.ssh(mesh.w1, f"{request} | {client}", check=False)


def test_a_caller_that_no_rule_names_is_refused_until_one_does(changed: Consul) -> None:
    mesh = changed
    variables = mesh.variables()
    variables["mesh_services"][0]["upstreams"].append({"name": "stock", "bind": 18090})
    mesh.apply(variables)
    stock = "http://127.0.0.1:18090/"
    until(lambda: mesh.calls(mesh.w1, "front", stock).statuses == {"403": 1}, 20)
    variables["mesh_services"][2]["allow"].append({"from": "front"})
    mesh.apply(variables)
    until(lambda: mesh.calls(mesh.w1, "front", stock).statuses == {"200": 1}, 20)


def test_without_a_token_the_apis_tell_nothing(mesh: Consul) -> None:
    (manager,) = mesh.lab.managers[:1]
    keys = "--cacert /etc/consul.d/tls/ca.pem"
    own = "--cert /etc/consul.d/tls/cert.pem --key /etc/consul.d/tls/key.pem"
    status = "-s -o /dev/null -w %{http_code}"
    url = f"https://{manager.address}:8501/v1/acl/tokens"
    assert mesh.lab.ssh(manager, f"curl {status} {keys} {url}", check=False) == "000"
    assert mesh.lab.ssh(manager, f"curl {status} {keys} {own} {url}") == "403"
    local = "--unix-socket /run/consul/http.sock http://agent/v1"
    assert mesh.lab.ssh(mesh.w1, f"curl {status} {local}/agent/self") == "403"
    assert mesh.lab.ssh(mesh.w1, f"curl -s {local}/catalog/services") == "{}"
    # The agent tells the key of a leaf that it has to whoever asks, with a token or without: so no account but root may ask.
    leaf = f"curl {status} {local}/agent/connect/ca/leaf/shop_orders"
    assert mesh.lab.ssh(mesh.w1, leaf) == "200"
    for account in ("daemon", "front", "mesh_shop_front"):
        as_account = f"setpriv --reuid {account} --regid {account} --clear-groups"
        assert mesh.lab.ssh(mesh.w1, f"{as_account} {leaf}", check=False) == "000"
    for address in ("127.0.0.1", mesh.w1.address):
        assert mesh.lab.ssh(mesh.w1, f"curl {status} -m 3 http://{address}:8500/v1/status/leader", check=False) == "000"
    # The token of one sidecar is of no use for a service of another host.
    text = mesh.lab.ssh(mesh.w1, "cat /etc/consul.d/services.json")
    token = next(one["token"] for one in json.loads(text)["services"] if one["name"] == "shop_front")
    leaf = f"curl {status} -H 'X-Consul-Token: {token}' {local}/agent/connect/ca/leaf"
    assert mesh.lab.ssh(mesh.w1, f"{leaf}/shop_front") == "200"
    assert mesh.lab.ssh(mesh.w1, f"{leaf}/shop_stock") == "403"


def test_what_is_no_longer_described_is_pruned(mesh: Consul) -> None:
    """After the drill before, the caller that was let in is out again."""
    assert "shop_front" not in mesh.consul("intention list | grep shop_stock", check=False)
    assert mesh.calls(mesh.w1, "front", "http://127.0.0.1:18090/").statuses == {"failed": 1}


def test_the_split_is_kept_and_moved_without_a_loss(changed: Consul) -> None:
    mesh = changed
    found = mesh.calls(mesh.w1, "front", ORDERS, 2000, threads=4)
    assert found.statuses == {"200": 2000} and 0.85 < found["200 v1"] / 2000 < 0.95, found
    variables = mesh.variables()
    variables["mesh_services"][1]["splits"] = [{"subset": "v1", "weight": 0}, {"subset": "v2", "weight": 100}]
    with mesh.load() as moved:
        mesh.apply(variables)
        until(lambda: mesh.calls(mesh.w1, "front", ORDERS, 20) == {"200 v2": 20}, 20)
    assert set(moved.statuses) == {"200"}, moved


def test_traffic_goes_on_without_servers(mesh: Consul) -> None:
    servers = mesh.lab.managers
    for manager in servers:
        mesh.lab.ssh(manager, "systemctl kill -s KILL consul; systemctl stop consul")
    try:
        start = time.monotonic()
        for keep in (True, False):
            found = mesh.calls(mesh.w1, "front", ORDERS, 10**6, threads=2, seconds=20, keep=keep)
            assert set(found.statuses) == {"200"} and sum(found.values()) > 20, found
        print(f"{time.monotonic() - start:.0f} s without a server, new connections too")
        # An agent that starts again has nothing to tell; the sidecars go on with what they know.
        mesh.lab.ssh(mesh.w1, "systemctl stop consul")
        found = mesh.calls(mesh.w1, "front", ORDERS, 200, keep=False)
        assert found.statuses == {"200": 200}, found
    finally:
        for host in (*servers, mesh.w1):
            mesh.lab.ssh(host, "systemctl start consul")
    until(lambda: "shop_stock" in mesh.consul("catalog services", check=False), 60, 1)


def test_a_sidecar_that_dies_is_back(mesh: Consul) -> None:
    with mesh.load(keep=False, threads=2) as found:
        mesh.lab.ssh(mesh.w1, "systemctl kill -s KILL mesh-sidecar@shop_front")
        until(lambda: mesh.calls(mesh.w1, "front", ORDERS).statuses == {"200": 1}, 30)
    print(f"a sidecar was killed: {found.gap:.2f} s without an answer, {dict(found.statuses)}")
    assert found.gap < 10, found


def test_what_consul_cannot_do_is_refused_by_name(mesh: Consul) -> None:
    variables = mesh.variables()
    variables["mesh_services"][2]["rate_limit"] = {"requests": 5, "seconds": 1}
    for playbook in ("preflight", "mesh"):
        done = mesh.lab.play(playbook, variables=variables)
        assert done.code and "shop/stock has a rate_limit" in done.output, done.output


def test_a_backup_has_the_state_of_consul(mesh: Consul) -> None:
    (manager,) = mesh.lab.managers[:1]
    code = "import sys; sys.path.insert(0, '/tmp/drill'); from utils.mesh_consul import backup; "
    package = Path(__file__).parents[2] / "plugins/module_utils"
    names = ("__init__.py", "cluster/*.py", "mesh/*.py", "mesh_consul/*.py", "host/*.py", "checks/*.py", "texts.py")
    files = sorted(str(path.relative_to(package)) for name in names for path in package.glob(name))
    for file in files:
        target = f"/tmp/drill/utils/{file}"
        mesh.lab.ssh(manager, f"mkdir -p $(dirname {target}); cat > {target}", given=(package / file).read_text())
    run = f"{code}backup.save('{mesh.lab.name}', '/tmp/drill')"
    mesh.lab.ssh(manager, f"python3 -B -c {shlex.quote(run)}")
    mesh.consul("config delete -kind service-intentions -name shop_stock")
    until(lambda: mesh.calls(mesh.w1, "orders", "http://127.0.0.1:18082/").statuses == {"403": 1}, 20)
    mesh.lab.ssh(manager, f"python3 -B -c {shlex.quote(run.replace('backup.save', 'backup.load'))}; rm -rf /tmp/drill")
    # Agents ask for what is newer than what they know, and the state of the backup is older.
    for host in (mesh.w1, mesh.w2):
        mesh.lab.ssh(host, "systemctl restart consul")
    until(lambda: mesh.calls(mesh.w1, "orders", "http://127.0.0.1:18082/").statuses == {"200": 1}, 30)


def test_verify_sees_what_is_broken(mesh: Consul, tmp_path: Path) -> None:
    def failed() -> set[str]:
        arguments = ["-e", "verify_sample_application=false", "-e", f"verify_report={tmp_path}"]
        mesh.lab.play("verify", *arguments, variables=mesh.variables())
        checks = json.loads((tmp_path / "report.json").read_text())["checks"]
        return {check["check"] for check in checks if not check["passed"]}

    assert failed() == set()
    mesh.lab.ssh(mesh.w1, "nft flush table inet keelson_mesh")
    mesh.lab.ssh(mesh.w2, "systemctl stop mesh-sidecar@shop_stock")
    mesh.consul("intention create -allow keelson-nobody shop_front")
    try:
        assert failed() >= {"mesh_owner", "mesh_sidecar", "mesh_default"}
    finally:
        mesh.consul("intention delete keelson-nobody shop_front", check=False)
        mesh.lab.ssh(mesh.w1, "systemctl reload keelson-mesh-rules")
        mesh.lab.ssh(mesh.w2, "systemctl start mesh-sidecar@shop_stock")


def test_the_mesh_is_removed_and_services_are_reached_as_before(mesh: Consul) -> None:
    traces = (
        "getent passwd | grep -cE '^(mesh_|consul)'; ls -d /etc/keelson-mesh /var/lib/keelson-mesh /run/mesh-sidecar /etc/consul.d "
        "/usr/local/bin/envoy /usr/local/bin/consul /opt/keelson/consul /var/lib/consul /etc/systemd/system/*mesh* "
        "/etc/systemd/system/consul* /dev/shm/envoy* 2>/dev/null; nft list tables | grep keelson_mesh; pgrep -x 'envoy|consul'"
    )
    hosts = (*mesh.lab.managers, mesh.w1, mesh.w2)
    for host in hosts:
        assert len(mesh.lab.ssh(host, traces, check=False).split()) > 5
    mesh.apply(mesh.variables(), "-e", "mesh_remove=true")
    for host in hosts:
        assert mesh.lab.ssh(host, traces, check=False).split() == ["0"], host
    found = mesh.calls(mesh.w1, "daemon", "http://127.0.0.1:8081/alone")
    assert found.statuses == {"200": 1}, found
