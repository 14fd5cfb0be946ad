# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of a mesh is told with its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import inventory, model, rules

from .conftest import HOSTS

ROOT = Path(__file__).parents[3]
Change = Callable[[list[dict[str, Any]]], Any]


def faults(variables: dict[str, Any]) -> str:
    """What is wrong with them, '' when nothing is."""
    try:
        rules.check(model.read(variables, HOSTS, "product"))
    except model.MeshError as error:
        return str(error)
    return ""


def test_the_example_is_right(variables: dict[str, Any], mesh: model.Mesh) -> None:
    assert faults(variables) == ""
    assert (mesh.trust_domain, mesh.leaf_minutes, mesh.renew_before_minutes) == ("product.mesh", 1440, 720)
    assert [instance.host for instance in mesh.services["shop/orders"].instances] == ["w1", "w2"]


WRONG: list[tuple[Change, str]] = [
    (
        lambda s: s[1]["splits"][0].update(weight=80),
        "mesh_services[1].splits[0]: the weights of shop/orders are 90 together",
    ),
    (
        lambda s: s[1]["splits"][0].update(subset="v3"),
        "splits[0]: no run of shop/orders has the version v3 (versions: v1, v2)",
    ),
    (
        lambda s: s[0]["upstreams"][0].update(name="billing"),
        "mesh_services[0].upstreams[0]: nobody provides shop/billing",
    ),
    (lambda s: s[0].update(splits=[{"service": "front", "weight": 100}]), "a circle: shop/front → shop/front"),
    (
        lambda s: (
            s[0].update(splits=[{"service": "stock", "weight": 100}]),
            s[2].update(splits=[{"service": "front", "weight": 100}]),
        ),
        "lead in a circle: shop/front → shop/stock → shop/front",
    ),
    (
        lambda s: s[0].update(splits=[{"service": "x", "weight": 100}]),
        "mesh_services[0].splits[0]: no service is called shop/x",
    ),
    (
        lambda s: s[0].update(port=8081, mesh_port=8099),
        "would have port 8081 of loopback on w1, as the service shop/front has",
    ),
    (lambda s: s[0].update(mesh_port=8081), "would have port 8081 of the host's address on w1"),
    (
        lambda s: s[1]["upstreams"][0].update(bind=18081),
        "mesh_services[1].upstreams[0]: the upstream shop/stock of shop/orders would",
    ),
    (lambda s: s[0].update(metrics_port=8081), "port 8081 of loopback on w1, as the statistics of shop/front has"),
    (
        lambda s: s[2]["allow"][0].update({"from": "order"}),
        "mesh_services[2].allow[0]: no service is called shop/order",
    ),
    (
        lambda s: s[1].update(protocol="tcp"),
        "mesh_services[1].allow[0]: shop/orders speaks tcp, which has no methods and paths",
    ),
    (lambda s: s[0]["runs"][0].update(hosts=["w9"]), "shop/front runs on w9, which is no host node or group"),
    (lambda s: s[0]["runs"][0].update(hosts=["w1", "web"]), "shop/front runs twice on w1"),
    (
        lambda s: s[1].update(run_as="front"),
        "shop/orders runs as front on w1, as shop/front does: each could call as the other",
    ),
    (lambda s: s[0].update(run_as="root"), "shop/front runs as root; give it an account of its own"),
    (lambda s: s[0].update(name="a-service-with-a-long-name"), "have more than 25 characters together"),
    (lambda s: s[0].update(nme="x"), "mesh_services[0]: Additional properties are not allowed ('nme' was unexpected)"),
    (lambda s: s[0].update(port=70000), "mesh_services[0].port: 70000 is greater than the maximum of 65535"),
    (
        lambda s: s[1]["splits"][0].update(service="stock"),
        "mesh_services[1].splits[0]: a split has either subset or service",
    ),
    (
        lambda s: s[2]["runs"][0].update(unit="stock.service", job="stock"),
        "mesh_services[2].runs[0]:",
    ),
    (
        lambda s: (s[2]["runs"][0].pop("unit"), s[2]["runs"][0].update(job="stock")),
        "mesh_services[2]: shop/stock runs as a job: sidecars find it by its health; give it health",
    ),
    (lambda s: s.append(s[0]), "mesh_services[3]: shop/front is described twice"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[message[:50] for _change, message in WRONG])
def test_a_fault_is_told_with_its_place(variables: dict[str, Any], change: Change, message: str) -> None:
    change(variables["mesh_services"])
    assert message in faults(variables)


def test_all_faults_are_told_at_once(variables: dict[str, Any]) -> None:
    variables["mesh_services"][0]["upstreams"][0]["name"] = "billing"
    variables["mesh_services"][1]["splits"][0]["weight"] = 1
    variables["mesh_identity"] = {"leaf_minutes": 10, "renew_before_minutes": 10}
    assert len(faults(variables).splitlines()) == 3


def test_splits_of_splits_are_multiplied(variables: dict[str, Any]) -> None:
    variables["mesh_services"][0]["splits"] = [{"service": "orders", "weight": 50}, {"service": "stock", "weight": 50}]
    mesh = model.read(variables, HOSTS, "product")
    found = [(service.name, subset, weight) for service, subset, weight in mesh.shares("shop/front")]
    assert found == [("orders", "v1", 45.0), ("orders", "v2", 5.0), ("stock", "", 50.0)]


def test_hosts_are_those_with_the_component(variables: dict[str, Any]) -> None:
    host = {
        "cluster_name": "c",
        "cluster_part": "node",
        "cluster_address": "10.0.0.1",
        "group_names": ["web"],
        **variables,
    }
    variables["mesh_services"] = []
    hosts = {"a": {**host, "cluster_components": ["mesh_envoy"]}, "b": host}
    found = {**hosts["a"], "mesh_services": [{"name": "x", "port": 1, "run_as": "x", "runs": [{"hosts": ["web"]}]}]}
    mesh = inventory.mesh_of(found, hosts, "c", "mesh_envoy")
    assert [instance.host for instance in mesh.services["default/x"].instances] == ["a"]
    # What the playbook takes with -e is among the variables of every host.
    inventory.mesh_of({**found, "mesh_new_authority": True, "mesh_remove": False}, hosts, "c", "mesh_envoy")
    with pytest.raises(model.MeshError, match="mesh_service: no such variable of a mesh"):
        inventory.mesh_of({**found, "mesh_service": []}, hosts, "c", "mesh_envoy")


def test_the_line_of_a_fault_is_told(tmp_path: Path) -> None:
    """The place that Ansible knows of a value survives the way through an inventory."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text(
        "cluster_components: [mesh_envoy]\n"
        "mesh_services:\n"
        "  - name: one\n"
        "    port: 80\n"
        "    run_as: one\n"
        "    runs: [{hosts: [a]}]\n"
        "    upstreams:\n"
        "      - {name: two, bind: 81}\n"
    )
    (tmp_path / "hosts.yml").write_text(
        json.dumps(
            {
                "all": {
                    "hosts": {
                        "a": {
                            "cluster_name": "c",
                            "cluster_engine": "nomad",
                            "cluster_part": "node",
                            "cluster_address": "10.0.0.1",
                        }
                    }
                }
            }
        )
    )
    task = {"ansible.builtin.debug": {"msg": "{{ hostvars | keelson.cluster.mesh_issued('a') }}"}}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "-i",
            str(tmp_path / "hosts.yml"),
            str(tmp_path / "play.yml"),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    output = " ".join((done.stdout + done.stderr).split())
    assert (
        f"mesh_services[0].upstreams[0] ({tmp_path}/group_vars/all.yml, line 8): nobody provides default/two" in output
    )
