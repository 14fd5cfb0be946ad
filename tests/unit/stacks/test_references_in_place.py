# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reference is followed wherever the stacks file has a value, and an output may be written in any usual shape."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Secret
from stacks_world import World, one, only

OUTPUTS: dict[str, Any] = {
    "ip": "10.61.2.10",
    "ips": "10.61.2.10,10.61.2.11",
    "spaced": "10.61.2.10, 10.61.2.11\n",
    "list": ["10.61.2.10", "10.61.2.11"],
    "lists": [["10.61.2.10"], ["10.61.2.11"]],
    "ipv6": ["2001:db8::181", "2001:db8::1:2"],
    "ipv6_text": "2001:db8::181",
    "named": {"w1": "10.61.2.10", "w2": "10.61.2.11"},
    "object": {"name": "w1", "address": "10.61.2.10"},
    "instance": {"id": "i-1", "private_ip": "10.61.2.10", "tags": {"Name": "w1"}},
    "cidr": "10.61.2.0/24",
    "cidrs": ["10.61.2.0/24", "10.61.3.0/24"],
    "cidr_text": "10.61.2.0/24,10.61.3.0/24",
    "count": "2",
    "stage": "prod",
    "tier": "web",
    "labels": {"tier": "web", "zone": "a"},
    "endpoint": "api.example.org",
    "app": {"port": 1, "password": "known-secret-1"},
    "join_token": "known-secret-2",
    "nothing": "",
    "parts": {"web": ["10.61.2.10"]},
    "groups": {"web": {"a": "10.61.2.10"}},
    "json": '["10.61.2.10", "10.61.2.11"]',
    "unnamed": {"private_ip": "10.61.2.10", "zone": "a"},
    "each": {"w1": {"ip": "10.61.2.10"}},
    "pair": {"public": "203.0.113.9", "private": "10.61.2.10"},
    "url": ["http://10.61.2.10:80"],
    "gap": ["10.61.2.10", ""],
}


def server(name: str, number: int) -> dict[str, Any]:
    attributes = {"id": f"i-{name}", "private_ip": f"10.61.2.{number}", "tags": {"Name": name}}
    return {"mode": "managed", "type": "aws_instance", "name": name, "instances": [{"attributes": attributes}]}


@pytest.fixture
def stack(world: World) -> World:
    """A world with one stack s of two servers and outputs of many shapes."""
    outputs = {name: {"value": value, "sensitive": name == "join_token"} for name, value in OUTPUTS.items()}
    world.write("s", {"version": 4, "outputs": outputs, "resources": [server("x", 10), server("y", 11)]})
    return world


def loaded(world: World, hosts: Any, **pool: Any) -> Inventory:
    return one(world, {"state": "s.json"}, hosts, **pool)


def addresses(inventory: Inventory) -> dict[str, str]:
    return {name: host["cluster_address"] for name, host in inventory.hosts.items()}


BOTH = {"ip-10-61-2-10": "10.61.2.10", "ip-10-61-2-11": "10.61.2.11"}
SERVERS = {"x": "10.61.2.10", "y": "10.61.2.11"}
HOSTS: list[tuple[Any, dict[str, str]]] = [
    ("s.outputs.ip", {"ip-10-61-2-10": "10.61.2.10"}),
    ("s.outputs.ips", BOTH),
    ("s.outputs.spaced", BOTH),
    ("s.outputs.list", BOTH),
    ("s.outputs.lists", BOTH),
    ("s.outputs.list[1]", {"ip-10-61-2-11": "10.61.2.11"}),
    ("s.outputs.ipv6", {"ip-2001-db8--181": "2001:db8::181", "ip-2001-db8--1-2": "2001:db8::1:2"}),
    ("s.outputs.ipv6_text", {"ip-2001-db8--181": "2001:db8::181"}),
    ("s.outputs.named", {"w1": "10.61.2.10", "w2": "10.61.2.11"}),
    ("s.outputs.object", {"w1": "10.61.2.10"}),
    ("s.outputs.instance", {"w1": "10.61.2.10"}),
    ("s.outputs.json", BOTH),
    ("s.outputs.unnamed", {"unnamed": "10.61.2.10"}),
    ("s.outputs.each", {"w1": "10.61.2.10"}),
    ("s.outputs.each.w1", {"w1": "10.61.2.10"}),
    ("s.outputs.pair", {"pair": "10.61.2.10"}),
    ({"master": "s.outputs.ip"}, {"master": "10.61.2.10"}),
    ({"master": "s.outputs.object"}, {"master": "10.61.2.10"}),
    ({"master": "s.resources.aws_instance.x"}, {"master": "10.61.2.10"}),
    ({"a": "s.outputs.list[0]", "b": "10.61.2.11"}, {"a": "10.61.2.10", "b": "10.61.2.11"}),
    (["s.resources.aws_instance.x", "s.resources.aws_instance.y"], SERVERS),
    (["s.resources.aws_instance.x", "10.61.2.12"], {"x": "10.61.2.10", "ip-10-61-2-12": "10.61.2.12"}),
    (["s.outputs.ips", "s.outputs.ipv6_text"], {**BOTH, "ip-2001-db8--181": "2001:db8::181"}),
    ([{"name": "a", "address": "s.outputs.ip"}], {"a": "10.61.2.10"}),
    ([{"name": "s.outputs.tier", "address": "s.outputs.ip"}], {"web": "10.61.2.10"}),
    ({"a": {"address": "s.outputs.ip", "connect": "s.outputs.endpoint"}}, {"a": "10.61.2.10"}),
    (["2001:DB8::"], {"ip-2001-db8--0": "2001:db8::"}),
    (["2001:db8::181"], {"ip-2001-db8--181": "2001:db8::181"}),
]


@pytest.mark.parametrize(("hosts", "found"), HOSTS, ids=[str(case[0]) for case in HOSTS])
def test_hosts(stack: World, hosts: Any, found: dict[str, str]) -> None:
    inventory = loaded(stack, hosts)
    assert addresses(inventory) == found
    if hosts == ["s.resources.aws_instance.x", "10.61.2.12"]:
        assert [inventory.hosts[name]["stack"]["name"] for name in found] == ["s", None]


def test_addresses_of_an_output_need_no_paths(stack: World) -> None:
    """`host:` says where the attributes of servers are; an address has none."""
    loaded(stack, "s.outputs.ips")
    stack.document["host"] = {"name": "tags.Name", "address": "private_ip"}
    assert addresses(stack.load()) == BOTH


def test_values_of_a_cluster(stack: World) -> None:
    loaded(stack, "s.resources.aws_instance.*", labels={"tier": "s.outputs.tier", "team": "x"}, size="s.outputs.count")
    cluster = stack.document["clusters"]["c"]
    cluster.update(
        endpoint="s.outputs.endpoint",
        environment="s.outputs.stage",
        networks={"web": "s.outputs.cidr"},
        vars={"a": {"b": ["s.outputs.app", "plain"]}, "secret": {"deep": {"sensitive": "s.outputs.join_token"}}},
    )
    inventory = stack.load()
    assert inventory.groups["c"].variables == {
        "cluster_engine": "managed",
        "cluster_environment": "prod",
        "cluster_endpoint": "api.example.org",
        "cluster_networks": {"web": "10.61.2.0/24"},
        "a": {"b": [{"port": 1}, "plain"]},
        "secret": {"deep": Secret("known-secret-2")},
    }
    assert inventory.groups["c_pool_web"].variables == {"cluster_labels": {"tier": "web", "team": "x"}}
    assert inventory.hosts["x"]["cluster_labels"] == {"tier": "web", "team": "x"}
    assert [text for text in inventory.warnings if "secret" in text] == [
        f"{stack.path}: clusters.c.vars.a.b[0]: b[0].password is left out because its name says it is secret"
    ]
    stack.document["clusters"]["c"]["pools"]["web"]["labels"] = "s.outputs.labels"
    assert stack.load().hosts["x"]["cluster_labels"] == {"tier": "web", "zone": "a"}


@pytest.mark.parametrize(
    "networks",
    [{"a": {"ip_cidr_range": "10.61.2.0/24"}, "b": {"addressPrefixes": ["10.61.3.0/24"]}}, [{"address_space": ["10.61.2.0/24", "10.61.3.0/24"]}],
     "s.outputs.cidrs", "s.outputs.cidr_text", ["s.outputs.cidrs"], ["s.outputs.cidr", "10.61.3.0/24"], {"a": "s.outputs.cidr_text"},
     '["10.61.2.0/24", "10.61.3.0/24"]'],
)  # fmt: skip
def test_networks(stack: World, networks: Any) -> None:
    loaded(stack, "s.resources.aws_instance.*")
    stack.document["clusters"]["c"]["networks"] = networks
    assert list(stack.load().groups["c"].variables["cluster_networks"].values()) == ["10.61.2.0/24", "10.61.3.0/24"]


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        ("s.outputs.nothing", "`s.outputs.nothing` names no host at all."),
        ({"master": "s.outputs.ips"}, "clusters.c.pools.web.hosts.master: `s.outputs.ips` names 2 hosts, but master is the name of one."),
        ({"master": "s.resources.aws_instance.*"}, "names 2 hosts, but master is the name of one. Name exactly one, or write a list"),
        ("s.outputs.parts", "`s.outputs.parts.web` is a list, no host. Name it alone, `s.outputs.parts.web`."),
        ("s.outputs.groups", "`s.outputs.groups.web` is a mapping, no host. Name it alone, `s.outputs.groups.web`."),
        ("s.outputs.url", "s.outputs.url[0] of {}/s.json: has the text 'http://10.61.2.10:80' as its address, which is no IP address."),
        ("s.outputs.gap", "s.outputs.gap[1] of {}/s.json: has no address: nothing at address. Apply the stack until it has one;"),
        ([{"name": "a", "ip": "10.61.2.10"}], "clusters.c.pools.web.hosts[0]: has no address: nothing at address. Write it as `address:`;"),
        ([["s.outputs.ip"]], "hosts[0]` is a list, no host. Make it an object with a name and an address, or an address alone."),
        ({"s.outputs.tier": "10.61.2.10"}, "clusters.c.pools.web.hosts: has the reference `s.outputs.tier` in place of a name. Write the name"),
        (["s.outputs.gone"], "clusters.c.pools.web.hosts[0]: `s.outputs.gone`: {}/s.json has no output gone."),
        ([{"name": "a", "address": "s.outputs.gone"}], "clusters.c.pools.web.hosts[0].address: `s.outputs.gone`: {}/s.json has no output"),
        (["s.outputs.ip", "s.outputs.ip"], "is claimed already by"),
        ("s.resources.aws_instance.x['a']", "s.json holds aws_instance.x without that index or attribute. Correct the address, and name an"),
        ("s.resources.aws_instance.x.private_ip", "s.json holds aws_instance.x without that index or attribute."),
        ({"a": "s.resources.aws_instance.x", "b": "s.resources.aws_instance.x"}, "is claimed already by"),
    ],
)  # fmt: skip
def test_faults(stack: World, hosts: Any, message: str) -> None:
    with pytest.raises(StackError) as caught:
        loaded(stack, hosts)
    assert message.replace("{}", str(stack.folder)) in str(caught.value)


@pytest.mark.parametrize("where", ["networks", "vars", "labels"])
def test_names_are_no_references(stack: World, where: str) -> None:
    value = {"a": {"s.outputs.tier": "10.61.2.0/24"}} if where == "vars" else {"s.outputs.tier": "10.61.2.0/24"}
    only(stack, {"state": "s.json"}, "s.resources.aws_instance.*", **({"labels": value} if where == "labels" else {}))
    if where != "labels":
        stack.document["clusters"]["c"][where] = value
    with pytest.raises(StackError, match=rf"{where}.*: has the reference `s\.outputs\.tier` in place of a name"):
        stack.load()


@pytest.mark.parametrize("text", ["http://${s.outputs.ip}:80", "{{ s.outputs.ip }}"])
def test_a_reference_within_a_text_is_told(stack: World, text: str) -> None:
    loaded(stack, "s.resources.aws_instance.*")
    stack.document["clusters"]["c"]["vars"] = {"a": [text]}
    with pytest.raises(
        StackError, match=r"vars\.a\[0\]: has a reference within a text, .*Let a reference be the whole"
    ):
        stack.load()
    stack.document["clusters"]["c"]["vars"] = {"a": text.replace("s.", "other.")}
    assert stack.load().groups["c"].variables["a"] == text.replace("s.", "other.")


def test_what_a_stack_says_is_followed_nowhere(stack: World) -> None:
    """Texts of the output `clusters` are no references, in no position."""
    described = {
        "c": {
            "engine": "managed",
            "vars": {"site_a": {"b": "s.outputs.ip"}},
            "pools": {"web": {"hosts": [{"name": "a", "address": "10.61.2.10"}], "labels": {"a": "s.outputs.tier"}}},
        }
    }
    state = stack.state("s")
    state["outputs"]["clusters"] = {"value": described}
    stack.write("s", state)
    stack.document.update(stacks={"s": {"state": "s.json"}}, host={})
    del stack.document["clusters"]
    inventory = stack.load()
    assert inventory.groups["c"].variables["site_a"] == {"b": "s.outputs.ip"}
    assert inventory.hosts["a"]["cluster_labels"] == {"a": "s.outputs.tier"}


def test_a_server_is_a_manager_or_a_host_node(stack: World) -> None:
    loaded(stack, "s.resources.aws_instance.*", host={"name": "id"})
    cluster = stack.document["clusters"]["c"]
    cluster.update(engine="nomad", managers={"hosts": "s.resources.aws_instance.*"})
    with pytest.raises(StackError) as caught:
        stack.load()
    assert str(caught.value) == (
        f"{stack.path}: clusters.c.pools.web.hosts: aws_instance.x of {stack.folder}/s.json is claimed already by "
        f"{stack.path}: clusters.c.managers. Let one part of one cluster have it: a server is a manager or a host node, never both."
    )
