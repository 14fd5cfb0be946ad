# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing of who may call whom, and who did."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import checks as every
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import model, picture
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import component, hosts
from ansible_collections.keelson.cluster.plugins.plugin_utils.pages import graph

from .conftest import HOSTS
from .test_gateways import EDGE, OUT

SVG = "{http://www.w3.org/2000/svg}"


def arrows(svg: str) -> dict[str, str]:
    """The state of each arrow by what it says on pointing at it."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}g")
    return {g.find(f"{SVG}title").text or "": g.get("class", "") for g in found if "arrow" in g.get("class", "")}  # type: ignore[union-attr]


def check(target: str, passed: bool = True) -> Any:
    """A check of the calls to an upstream."""
    return {"check": picture.CALLS, "host": "w1", "target": target, "passed": passed, "evidence": "7 calls"}


def test_allowed_refused_and_called(variables: dict[str, Any]) -> None:
    variables["mesh_services"][2]["allow"] = []
    mesh = model.read(variables, HOSTS, "product")
    found = arrows(picture.draw(mesh, [check("shop/front → shop/orders"), check("shop/orders → shop/stock", False)]))
    assert found == {
        "GET,POST /orders*,/slow,/alone. w1: 7 calls": "arrow good",
        "no rule allows it. w1: 7 calls": "arrow bad",
    }
    assert set(arrows(picture.draw(mesh, [])).values()) == {"arrow none"}


def test_gateways_and_what_lies_outside(variables: dict[str, Any]) -> None:
    variables["mesh_gateways"] = [EDGE, OUT]
    variables["mesh_services"][1]["upstreams"].append({"name": "payments", "bind": 18090})
    svg = picture.draw(model.read(variables, HOSTS, "product"), [])
    for text in ("outside", "shop/edge", "by out, outside", "shop/payments", "shop.test/orders and 2 more"):
        assert text in svg


def test_columns_go_from_left_to_right_and_circles_end() -> None:
    lines = [graph.Arrow("a", "b", ""), graph.Arrow("b", "c", ""), graph.Arrow("a", "c", "")]
    assert graph.columns(["c", "a", "b", "d"], lines) == {"c": 2, "a": 0, "b": 1, "d": 0}
    late = [graph.Arrow("a", "b", ""), graph.Arrow("b", "c", ""), graph.Arrow("d", "c", "")]
    assert graph.columns(["a", "b", "c", "d"], late) == {"a": 0, "b": 1, "c": 2, "d": 1}
    circle = [graph.Arrow("a", "b", ""), graph.Arrow("b", "a", "")]
    assert set(graph.columns(["a", "b"], circle).values()) <= {0, 1}


def test_names_are_escaped() -> None:
    svg = graph.graph({"<b>": "&", "c": ""}, [graph.Arrow("<b>", "c", "<i>", '"')], "x")
    ElementTree.fromstring(svg)
    assert "<b>" not in svg and "<i>" not in svg


def test_only_a_cluster_with_the_mesh_has_the_drawing(variables: dict[str, Any]) -> None:
    host = {"cluster_name": "product", "cluster_part": "node", "cluster_address": "10.0.0.21", **variables}
    enabled = {**host, "cluster_components": ["mesh_envoy"]}
    known = {"w1": enabled, "w2": {**enabled, "cluster_address": "10.0.0.22"}}
    assert component.diagrams({"w1": host}, []) == {}
    assert "shop/orders" in component.diagrams(known, [])[picture.TITLE]


@pytest.mark.parametrize(
    ("stats", "passed", "evidence"),
    [
        ({}, True, "0 calls"),
        ({"rq_completed": 9, "rq_5xx": 2, "rq_403": 3}, True, "9 calls, 5 of them"),
        ({"rq_completed": 9, "rq_403": 9}, False, "9 calls, 9 of them"),
        ({"cx_total": 4, "cx_connect_fail": 4}, False, "4 calls, 4 of them"),
    ],
)
def test_calls_that_were_all_refused_are_a_fault(stats: dict[str, int], passed: bool, evidence: str) -> None:
    found = {f"cluster.shop/orders_v1.upstream_{name}": count for name, count in stats.items()}
    verdict = every.called(found, ["shop/orders_v1", "shop/orders_v2"])
    assert verdict.passed is passed and verdict.evidence.startswith(evidence)


def test_calls_are_counted_by_the_names_of_envoys_statistics(mesh: model.Mesh) -> None:
    (upstream,) = hosts._upstreams(mesh, mesh.services["shop/front"])
    assert upstream == {"key": "shop/orders", "bind": 18081, "clusters": ["shop/orders_v1", "shop/orders_v2"]}
