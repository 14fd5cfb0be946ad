# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio on real hosts: services of hosts and of pods call each other, what it must refuse, and what goes on without its control plane.

One manager and two host nodes are enough:
KEELSON_DRILLS_ENGINE=kubernetes KEELSON_DRILLS_HOSTS="m1 w1 w2" tests/drills/run tests/drills/kubernetes/test_mesh_istio.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from lab.istio import Istio
from lab.mesh import SHOP, until
from lab.servers import Lab

ORDERS, ALONE = "http://127.0.0.1:18081/orders", "http://127.0.0.1:18081/alone"
STOCK = "http://127.0.0.1:18082/"


@pytest.fixture(scope="module")
def shop(lab: Lab) -> Iterator[Istio]:
    """The shop, its services in the mesh."""
    mesh = Istio(lab)
    variables = mesh.variables()
    lab.play("install", variables=variables).expect()
    lab.play(str(SHOP / "deploy.yml"), variables=variables).expect()
    lab.play("tests/drills/sample_image.yml", variables=variables).expect()
    mesh.deploy_stock()
    until(lambda: mesh.status(mesh.w1, "front", ORDERS) == "200", 60, 1)
    yield mesh


@pytest.fixture
def mesh(shop: Istio) -> Iterator[Istio]:
    """The mesh as the example describes it, before and after."""
    yield shop
    shop.apply(shop.variables())


def test_a_second_run_changes_nothing_and_every_check_passes(shop: Istio) -> None:
    again = shop.lab.play("install", variables=shop.variables()).expect()
    assert not again.changed(), again.changed()
    shop.lab.play("verify", variables=shop.variables()).expect()


def test_hosts_and_pods_call_each_other(shop: Istio) -> None:
    """front of a host calls orders of a host, which calls stock of a pod; the pod calls orders."""
    found = shop.calls(shop.w1, "front", ORDERS, 200, 4)
    assert found.statuses == {"200": 200}
    assert shop.status(shop.w2, "orders", STOCK) == "200"
    assert shop.from_stock(ALONE) == "200"


def test_who_is_not_allowed_is_refused(mesh: Istio) -> None:
    assert mesh.status(mesh.w1, "front", ORDERS, "DELETE") == "403"
    assert mesh.status(mesh.w1, "front", "http://127.0.0.1:18081/admin") == "403"
    assert mesh.from_stock(ORDERS) == "403"  # which is for front
    variables = mesh.variables()
    variables["mesh_services"][2]["allow"] = [{"from": "front"}]
    mesh.apply(variables)
    took = until(lambda: mesh.status(mesh.w1, "orders", STOCK) == "403", 30)
    mesh.apply(mesh.variables())
    print(
        f"\na changed rule held {took:.1f} s after the run, back after {until(lambda: mesh.status(mesh.w1, 'orders', STOCK) == '200', 30):.1f} s"
    )


def test_plain_text_is_refused_unless_permissive(mesh: Istio) -> None:
    def plain(host: str, port: int) -> str:
        command = f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://{host}:{port}/alone"
        return mesh.lab.ssh(mesh.w1, command, check=False)

    (pod, *_more) = mesh.pods("-n shop -l app=stock")
    assert plain(mesh.w2.address, 8081) == plain(pod["status"]["podIP"], 8082) == "000"
    variables = mesh.variables()
    variables["mesh_services"][1]["mode"] = "permissive"
    mesh.apply(variables)
    until(lambda: plain(mesh.w2.address, 8081) == "200", 30)
    assert mesh.status(mesh.w1, "front", "http://127.0.0.1:18081/admin") == "403"
    mesh.apply(mesh.variables())
    until(lambda: plain(mesh.w2.address, 8081) == "000", 30)


def test_nobody_borrows_an_identity(shop: Istio) -> None:
    for account in ("orders", "daemon", "mesh_shop_orders", "root"):
        assert shop.status(shop.w1, account, ORDERS) == "failed", account
    assert shop.status(shop.w1, "root", "http://127.0.0.1:8081/") == "failed"
    # The admin page of a sidecar, with which it could be ended.
    assert shop.status(shop.w1, "front", "http://127.0.0.1:15400/ready") == "failed"
    token = "/var/lib/keelson-mesh/shop_orders/var/run/secrets/tokens/istio-token"
    assert not shop.lab.ssh(shop.w1, f"setpriv --reuid front --regid front --clear-groups cat {token}", check=False)
    shop.lab.ssh(shop.w1, "nft flush table inet keelson_mesh")
    assert shop.status(shop.w1, "orders", ORDERS) == "200"  # so it is the rules that refuse
    shop.lab.ssh(shop.w1, "systemctl reload keelson-mesh-rules")
    assert shop.status(shop.w1, "orders", ORDERS) == "failed"


def test_calls_are_split_and_moved_without_a_loss(mesh: Istio) -> None:
    found = mesh.calls(mesh.w1, "front", ALONE, 1000, 4)
    assert found.statuses == {"200": 1000} and 0.06 < found["200 v2"] / 1000 < 0.14, found
    variables = mesh.variables()
    with mesh.load() as going:
        for weights in ((0, 100), (100, 0)):
            for split, weight in zip(variables["mesh_services"][1]["splits"], weights):
                split["weight"] = weight
            mesh.apply(variables)
    assert set(going.statuses) == {"200"}, going


def test_traffic_goes_on_without_the_control_plane(shop: Istio) -> None:
    """Also on new connections; a sidecar that is killed then comes back with nobody to ask, and waits."""
    shop.kubectl("-n istio-system scale deployment istiod-v1-31 --replicas=0")
    until(lambda: not shop.pods("-n istio-system -l app=istiod"), 60, 1)
    begin = time.monotonic()
    for _round in range(10):
        assert shop.calls(shop.w1, "front", ORDERS, 100, 4, keep=False).statuses == {"200": 100}
        time.sleep(2)
    print(f"\n{time.monotonic() - begin:.0f} s without the control plane, 1000 calls on new connections, none lost")
    shop.kubectl("-n istio-system scale deployment istiod-v1-31 --replicas=2")
    shop.kubectl("-n istio-system rollout status deployment istiod-v1-31 --timeout=120s")


def test_a_sidecar_that_is_killed_is_back(shop: Istio) -> None:
    shop.lab.ssh(shop.w1, "systemctl kill -s KILL mesh-sidecar@shop_front")
    took = until(lambda: shop.status(shop.w1, "front", ALONE) == "200", 20)
    print(f"\na killed sidecar was back after {took:.1f} s")


def test_tokens_are_renewed_without_a_controller(shop: Istio) -> None:
    place = "/var/lib/keelson-mesh/shop_orders/var/run/secrets/tokens/istio-token"
    before = shop.lab.ssh(shop.w1, f"cat {place}")
    shop.lab.ssh(shop.w1, f"rm {place}; systemctl start keelson-istio-tokens")
    assert shop.lab.ssh(shop.w1, f"cat {place}") not in ("", before)
    shop.lab.ssh(shop.w1, "systemctl restart mesh-sidecar@shop_front")
    until(lambda: shop.status(shop.w1, "front", ALONE) == "200", 20)


def test_a_second_revision_takes_over_tenant_by_tenant(mesh: Istio) -> None:
    """As an upgrade begins: another control plane beside the first, and a tenant that is moved to it."""
    variables = mesh.variables()
    image = {
        "artifacts": ["istio", "istio-proxy"],
        "image": "docker.io/istio/pilot:1.31.0",
        "proxy": "docker.io/istio/proxyv2:1.31.0",
        "template": "/opt/keelson/istio/1.31.0/injection.yaml",
    }
    variables["mesh_sidecar_istio_revisions"] = [{"name": name, **image} for name in ("v1-31", "next")]
    mesh.apply(variables)
    variables["mesh_sidecar_istio_tenants"] = {"shop": "next"}
    mesh.apply(variables)
    mesh.kubectl("-n shop rollout restart deployment stock")
    mesh.kubectl("-n shop rollout status deployment stock --timeout=120s")
    assert {pod["metadata"]["annotations"]["istio.io/rev"] for pod in mesh.pods("-n shop -l app=stock")} == {"next"}
    until(lambda: mesh.status(mesh.w1, "front", ORDERS) == "200", 30)
    mesh.apply(mesh.variables())
    assert {pod["metadata"]["labels"]["istio.io/rev"] for pod in mesh.pods("-n istio-system")} == {"v1-31"}
    mesh.kubectl("-n shop rollout restart deployment stock")
    mesh.kubectl("-n shop rollout status deployment stock --timeout=120s")
    until(lambda: mesh.status(mesh.w1, "front", ORDERS) == "200", 30)


def test_removal_leaves_nothing_and_services_are_reached_as_before(shop: Istio) -> None:
    """The last one: it takes the mesh away."""
    lab, variables = shop.lab, shop.variables()
    shop.kubectl("-n shop delete deployment stock --wait")
    confirmed = ("-e", f"uninstall_confirm={lab.name}", "-e", "uninstall_component=mesh_istio")
    lab.play("uninstall", *confirmed, variables=variables).expect()
    left = "ls -d /etc/keelson-mesh /var/lib/keelson-mesh /usr/local/lib/keelson/mesh /etc/systemd/system/*istio* /opt/keelson/istio*"
    for host in lab.hosts:
        assert not lab.ssh(
            host, f"{left} 2>/dev/null; nft list tables | grep istio; getent passwd | grep ^mesh_", check=False
        )
    for kind in ("namespaces", "crds", "clusterroles", "clusterrolebindings", "mutatingwebhookconfigurations"):
        assert "istio" not in shop.kubectl(f"get {kind} -o name")
    assert "istio" not in shop.kubectl("get configmaps -A -o name")
    assert shop.status(shop.w1, "root", "http://127.0.0.1:8081/alone") == "200"
