# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one Terraform state of three servers to a loaded inventory, as Ansible prints and reads it: two tries."""

from __future__ import annotations

import json

import pytest
from stacks_world import World
from test_plugin import ansible


@pytest.mark.parametrize("strict", [True, False])
def test_two_tries(world: World, strict: bool) -> None:
    instances = [
        {"index_key": n, "attributes": {"id": f"i-{n}", "private_ip": f"10.61.2.1{n}", "tags": {"Name": "Web Server"}}}
        for n in range(3)
    ]
    servers = {"mode": "managed", "type": "aws_instance", "name": "web", "instances": instances}
    world.write("s", {"version": 4, "resources": [servers]})
    file = world.folder / "first.stacks.yml"
    first = "plugin: keelson.cluster.stacks\nstacks:\n  servers: {state: s.json}\n"
    file.write_text(first)
    done = ansible(world, "ansible-inventory", "-i", str(file), "--list", strict=strict)
    block = done.stderr.split("# Servers in the stacks:\n", 1)[1].split("# Engines:", 1)[0]
    file.write_text(first + block)
    done = ansible(world, "ansible-inventory", "-i", str(file), "--list", "--export", strict=True)
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["_meta"]["hostvars"]) == ["web-0", "web-1", "web-2"]
