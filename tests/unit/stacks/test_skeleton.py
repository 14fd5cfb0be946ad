# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From stacks to an inventory in two tries: a stacks file without clusters is told one that loads when it is pasted."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory
from stacks_world import World

FIRST = "plugin: keelson.cluster.stacks\nstacks:\n"
STATE = "  servers: {state: s.json}\n"


def server(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"i-{number}", "private_ip": f"10.61.2.{number}", "tags": {"Name": f"web-{number}"}, **changes}


def state(*resources: tuple[str, str, list[dict[str, Any]]], **outputs: Any) -> dict[str, Any]:
    return {
        "version": 4,
        "outputs": {name: {"value": value} for name, value in outputs.items()},
        "resources": [
            {
                "mode": "managed",
                "module": module,
                "type": "aws_instance",
                "name": name,
                "instances": [
                    {"attributes": attributes, **({"index_key": number} if len(all_) > 1 else {})}
                    for number, attributes in enumerate(all_)
                ],
            }
            for module, name, all_ in resources
        ],
    }


def first_try(world: World, text: str) -> str:
    """The message of a stacks file of this text."""
    pathlib.Path(world.path).write_text(text)
    with pytest.raises(StackError) as caught:
        load.load(load.document(world.path), world.path)
    return str(caught.value)


def two_tries(world: World, text: str) -> Inventory:
    """The inventory after what the first try printed was added to the file."""
    message = first_try(world, text)
    assert message.startswith(
        f"{world.path}: has no `clusters:`, and no stack has an output named clusters. Add this to the file"
    )
    pathlib.Path(world.path).write_text(text + message.split("\n\n", 1)[1])
    return load.load(load.document(world.path), world.path)


THREE = [server(1), server(2), server(3)]
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "three by count": (state(("", "web", THREE)), 1),
    "three resources": (state(*(("", f"server_{n}", [server(n)]) for n in (1, 2, 3))), 1),
    "managers and nodes": (state(("", "web", [server(1)]), ("", "manager", [server(2), server(3)])), 2),
    "one name for all": (state(("", "web", [server(n, tags={"Name": "web"}) for n in (1, 2, 3)])), 1),
    "names with blanks": (state(("", "web", [server(n, tags={"Name": f"Web Server {n}"}) for n in (1, 2, 3)])), 1),
    "no names": (state(("", "web", [server(n, tags=None) for n in (1, 2, 3)])), 1),
    "one name in modules": (state(*((f'module.m["{n}"]', "this", [server(n, tags={"Name": "x"})]) for n in (1, 2, 3))), 1),
    "public addresses": (state(("", "web", [server(n, private_ip=None, public_ip=f"198.51.100.{n}") for n in (1, 2, 3)])), 1),
    "pools of hard names": (state(("", "All", [server(1)]), ("", "on", [server(2)]), ("", "all", [server(3)])), 1),
    "seven": (state(("", "web", [server(n) for n in range(1, 8)])), 3),
    "one": (state(("", "web", [server(1)])), 1),
    "outputs": (state(web_ips=["10.61.2.1", "10.61.2.2", "10.61.2.3"], vpc="vpc-1", lb_ip="198.51.100.1"), 1),
    "outputs of objects": (state(servers=[{"name": f"w{n}", "private_ip": f"10.61.2.{n}"} for n in (1, 2, 3)]), 1),
    "outputs of names": (state(servers={f"w{n}": f"10.61.2.{n}" for n in (1, 2, 3)}), 1),
    "outputs of objects by name": (state(servers={f"w{n}": {"ip": f"10.61.2.{n}"} for n in (1, 2, 3)}), 1),
    "outputs of one text": (state(web_ips="10.61.2.1,10.61.2.2,10.61.2.3"), 3),
    "outputs of both addresses": (state(private_ips=["10.61.2.1", "10.61.2.2", "10.61.2.3"], public_ips=["198.51.100.1"]), 1),
    "outputs of lists": (state(all={"managers": ["10.61.2.1"], "workers": ["10.61.2.2", "10.61.2.3"]}), 1),
    "outputs of texts": (state(manager_ip="10.61.2.1", ips="10.61.2.2, 10.61.2.3", cidr="10.61.2.0/24"), 1),
    "outputs twice": (state(ips=["10.61.2.1", "10.61.2.2"], hosts={"a": "10.61.2.1", "b": "10.61.2.2"}), 1),
}  # fmt: skip


@pytest.mark.parametrize(("document", "managers"), CASES.values(), ids=CASES)
def test_what_is_printed_loads_when_pasted(world: World, document: dict[str, Any], managers: int) -> None:
    world.write("s", document)
    inventory = two_tries(world, FIRST + STATE)
    servers = sum(len(item["instances"]) for item in document["resources"])
    wanted = servers or (2 if {"ips", "hosts"} == set(document["outputs"]) else 3)
    assert len(inventory.hosts) == wanted
    assert len(inventory.groups["main_managers"].hosts) == managers
    assert not [text for text in inventory.warnings if "no cluster names" in text]


def test_servers_of_a_type_that_is_not_known(world: World) -> None:
    servers = [{"attributes": {"name": f"w{n}", "nics": [{"ip": f"10.61.2.{n}"}]}, "index_key": n} for n in (1, 2, 3)]
    found = {"mode": "managed", "type": "acme_server", "name": "web", "instances": servers}
    other = {"mode": "managed", "type": "acme_mail_server", "name": "m", "instances": [{"attributes": {"name": "m"}}]}
    world.write("s", {"version": 4, "resources": [found, other]})
    assert list(two_tries(world, FIRST + STATE).hosts) == ["w1", "w2", "w3"]


def test_the_block_is_short_and_the_servers_are_shown(world: World) -> None:
    world.write("s", state(("", "web", THREE)))
    assert first_try(world, FIRST + STATE).split("\n\n", 1)[1] == (
        "# Servers in the stacks:\n"
        "#   servers.resources.aws_instance.web: web-1 10.61.2.1, web-2 10.61.2.2, web-3 10.61.2.3\n"
        "clusters:\n"
        "  main:\n"
        "    engine: kubernetes\n"
        "    managers:\n"
        "      hosts:\n"
        '        - "servers.resources.aws_instance.web[0]"\n'
        "    pools:\n"
        "      nodes:\n"
        "        hosts:\n"
        '          - "servers.resources.aws_instance.web[1]"\n'
        '          - "servers.resources.aws_instance.web[2]"\n'
        "# Engines: kubernetes, nomad."
    )


def test_a_server_without_an_address_is_shown_and_left_out(world: World) -> None:
    world.write("s", state(("", "web", [server(1), server(2, private_ip=None), server(3)])))
    assert "aws_instance.web[1] has no address" in first_try(world, FIRST + STATE)
    assert list(two_tries(world, FIRST + STATE).hosts) == ["web-1", "web-3"]


def test_every_format(world: World) -> None:
    assert list(two_tries(world, FIRST + "  p: {pulumi: pulumi.json}\n").hosts) == ["web-0", "web-1"]
    cloudformation = "  c: {cloudformation: cloudformation.json, members: instances.json}\n"
    assert len(two_tries(world, FIRST + cloudformation).hosts) == 2
    assert list(two_tries(world, FIRST + "  s: {static: static.yml}\n").hosts) == ["s1", "s2"]


def test_stacks_without_a_server_are_shown(world: World) -> None:
    network = {"mode": "managed", "type": "aws_vpc", "name": "v", "instances": [{"attributes": {}}]}
    world.write("s", {"version": 4, "resources": [network], "outputs": {"vpc": {"value": "vpc-1"}}})
    assert first_try(world, FIRST + STATE).endswith(
        f"No server with an address is seen: {world.folder}/s.json holds resources of the types aws_vpc and the outputs vpc."
    )
    message = first_try(world, FIRST + "  c: {cloudformation: cloudformation.json}\n")
    assert "c.resources.Manager: Manager has no address" in message and "give `members:` under stacks.c" in message


def test_servers_that_do_not_run_are_shown_and_not_named(world: World) -> None:
    found = [
        {
            "index_key": number,
            "attributes": {"id": f"i-{number}", "private_ip": f"10.0.0.{number + 1}", "instance_state": state},
        }
        for number, state in enumerate(("terminated", "running", "running"))
    ]
    servers = {"mode": "managed", "type": "aws_instance", "name": "w", "instances": found}
    world.write("s", {"version": 4, "serial": 1, "resources": [servers]})
    assert "aws_instance.w[0]: its instance_state is terminated" in first_try(world, FIRST + STATE)
    assert sorted(two_tries(world, FIRST + STATE).hosts) == ["i-1", "i-2"]


def test_a_group_of_servers_leads_on_to_its_members(world: World) -> None:
    pool = {
        "mode": "managed",
        "type": "aws_autoscaling_group",
        "name": "w",
        "instances": [{"attributes": {"name": "asg"}}],
    }
    world.write("s", {"version": 4, "serial": 1, "resources": [pool]})
    world.document["stacks"] = {"s": {"state": "s.json"}}
    del world.document["clusters"]
    with pytest.raises(StackError, match=r"no members of it are known\. Give `members:` under stacks\.s"):
        world.load()
