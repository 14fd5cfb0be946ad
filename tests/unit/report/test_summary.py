# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells at its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.report.summary import run_seconds, summary


def hosts(engine: str, **shared: Any) -> dict[str, dict[str, Any]]:
    common = {"cluster_name": "product", "cluster_engine": engine, **shared}
    found = {
        f"m{n}": {**common, "cluster_part": "manager", "cluster_address": f"10.0.0.{n}", "ansible_host": f"192.0.2.{n}"}
        for n in (1, 2, 3)
    }
    pools = {"web-1": "web", "web-2": "web", "batch-1": "batch"}
    return found | {n: {**common, "cluster_part": "node", "cluster_pool": pool} for n, pool in pools.items()}


@pytest.mark.parametrize(
    ("engine", "shared", "endpoint", "login"),
    [
        (
            "nomad",
            {},
            "https://10.0.0.1:4646 https://10.0.0.2:4646 https://10.0.0.3:4646",
            "/etc/keelson/product/nomad.env",
        ),
        # The address of another engine's endpoint is none here.
        ("nomad", {"cluster_vip": "10.0.0.9"}, "https://10.0.0.1:4646 https://10.0.0.2:4646 https://10.0.0.3:4646", ""),
        ("nomad", {"cluster_endpoint": "https://nomad.example.com"}, "https://nomad.example.com", ""),
        ("kubernetes", {"cluster_vip": "10.0.0.9"}, "https://10.0.0.9:6443", "kubectl get nodes"),
        ("kubernetes", {"cluster_endpoint": "api.example.com:443"}, "https://api.example.com:443", ""),
        ("kubernetes", {}, "https://10.0.0.1:6443", ""),
    ],
)
def test_a_summary(engine: str, shared: dict[str, Any], endpoint: str, login: str) -> None:
    text = summary(hosts(engine, **shared), "installed", 92.6, {"report": "/tmp/report.html"})
    assert f"Cluster product ({engine}): installed in 93 s" in text
    assert "3 managers, 3 host nodes in pools batch (1), web (2)" in text
    assert f"endpoint  {endpoint}\n" in text
    assert "ssh 192.0.2.1, and as root: " in text and login in text
    assert text.endswith("report    /tmp/report.html\n")


def test_one_is_no_plural() -> None:
    known = {name: v for name, v in hosts("nomad").items() if v["cluster_part"] == "manager"}
    alone = dict([next(iter(known.items()))])
    assert "hosts     1 manager, 0 host nodes\n" in summary(alone, "installed", 0, {})


def test_the_time_of_a_run_is_that_of_the_parent() -> None:
    assert 0 < run_seconds() < 1e8
