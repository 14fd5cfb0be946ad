# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of stacks, clusters and hosts."""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.plugin_utils.pages import inventory
from stacks_world import World


def test_everything_is_drawn_and_nothing_is_markup(world: World) -> None:
    state = world.state("nodes")
    key = "<script>alert(1)</script>"
    state["resources"].append(
        {"mode": "managed", "type": "aws_instance", "name": "x", "instances": [{"index_key": key, "attributes": {}}]}
    )
    world.write("nodes", state)
    page = inventory.render(*load.load_both(world.document, world.path), world.path)
    assert "<script>" not in page
    assert "aws_instance.x[&#34;&lt;script&gt;alert(1)&lt;/script&gt;&#34;]" in page
    assert "no cluster of the stacks file names it" in page
    for name in (
        "network",
        "managers (3) from managers",
        "pool web (2) from nodes",
        "batch0",
        "10.61.1.13",
        "terraform · default · serial 4",
    ):
        assert name in page


def test_a_large_pool_is_cut_and_says_so(world: World) -> None:
    world.write(
        "network",
        {**world.state("network"), "outputs": {"hosts": {"value": [f"10.61.2.{number}" for number in range(1, 41)]}}},
    )
    world.document["clusters"] = {"c": {"engine": "managed", "pools": {"p": {"hosts": "network.outputs.hosts"}}}}
    del world.document["host"]
    page = inventory.render(*load.load_both(world.document, world.path), world.path)
    assert "and 16 more, listed below" in page and page.count("<tr><td>ip-10-61-2-") == 40
