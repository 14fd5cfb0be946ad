# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps and contradictions between the rules of the mesh, and with the network."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import boundary, model

from .conftest import HOSTS

INSIDE = {"all": "10.0.0.0/24"}


def found(variables: dict[str, Any], networks: dict[str, str]) -> list[tuple[str, str]]:
    """Kinds and texts."""
    mesh = model.read(variables, HOSTS, "product")
    return [(finding.kind, finding.text) for finding in boundary.compare(mesh, networks)]


def test_the_example_has_none(variables: dict[str, Any]) -> None:
    assert found(variables, INSIDE) == []


@pytest.mark.parametrize(
    ("number", "change", "kind", "text"),
    [
        (1, {"allow": []}, "contradiction", "shop/front calls shop/orders, which has no allow rule for it"),
        (0, {"upstreams": []}, "gap", "shop/orders allows shop/front, which has no upstream that leads to it"),
        (2, {"mode": "permissive"}, "gap", "shop/stock is permissive"),
    ],
)
def test_findings(variables: dict[str, Any], number: int, change: dict[str, Any], kind: str, text: str) -> None:
    variables["mesh_services"][number].update(change)
    ((seen, message),) = found(variables, INSIDE)
    assert seen == kind and text in message


def test_an_instance_outside_the_networks(variables: dict[str, Any]) -> None:
    assert {kind for kind, _text in found(variables, {"other": "10.1.0.0/24"})} == {"contradiction"}
