# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host gets its name and its address on request: names of the code, clean names, names looked up, hosts left out."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from stacks_world import World, one, only

SERVERS = "s.resources.**aws_instance.*"


def instance(name: str, address: str | None, key: Any = None) -> dict[str, Any]:
    attributes = {"id": f"i-{name.lower().replace(' ', '')}", "private_ip": address, "tags": {"Name": name}}
    return {"attributes": attributes, **({} if key is None else {"index_key": key})}


def servers(world: World, *instances: dict[str, Any], module: str = "") -> None:
    own = {"mode": "managed", "type": "aws_instance", "name": "web", "instances": list(instances)}
    world.write("s", {"version": 4, "resources": [{**own, "module": module} if module else own]})


def names(world: World, reference: Any = SERVERS, **pool: Any) -> list[str]:
    return list(one(world, {"state": "s.json"}, reference, **pool).hosts)


def fault(world: World, reference: str = SERVERS, **pool: Any) -> str:
    with pytest.raises(StackError) as caught:
        names(world, reference, **pool)
    return str(caught.value)


def test_name_of_the_code(world: World) -> None:
    servers(world, instance("a", "10.61.2.10", 0), instance("b", "10.61.2.11", 1))
    assert names(world, host={"name": "each.name"}) == ["web-0", "web-1"]
    assert names(world, host={"name": "each.address"}) == ["aws-instance-web-0", "aws-instance-web-1"]
    servers(world, instance("a", "10.61.2.10", "eu.west"), module='module.m["x"]')
    assert names(world, host={"name": "each.name"}) == ["web-eu-west"]
    servers(world, instance("a", "10.61.2.10"))
    assert names(world, host={"name": "each.name"}) == ["web"]


def test_logical_name_and_name_of_a_urn(world: World) -> None:
    stack = {"cloudformation": "cloudformation.json", "members": "instances.json"}
    assert list(one(world, stack, "s.resources.Manager", host={"name": "each.name"}).hosts) == ["Manager"]
    found = one(world, {"pulumi": "pulumi.json"}, "s.resources.**Instance::web-*", host={"name": "each.name"})
    assert list(found.hosts) == ["web-0", "web-1"]


def test_key_of_an_output_is_its_own_name(world: World) -> None:
    world.write("s", {"version": 4, "outputs": {"h": {"value": {"a": {"name": "b", "ip": "10.61.2.10"}}}}})
    assert names(world, "s.outputs.h", host={"name": "each.name"}) == ["a"]


def test_a_list_of_paths_is_tried_until_one_gives_a_name(world: World) -> None:
    servers(world, instance("Web Server 1", "10.61.2.10", "w1"), instance("w2", "10.61.2.11", "x"))
    assert names(world, host={"name": ["tags.none", "tags.Name", "each.key"]}) == ["w1", "w2"]
    assert "has the text 'Web Server 1' as its name, which no host can have. Write `clean_names: true`" in fault(world)
    assert "has the text 'Web Server 1' as its name" in fault(world, host={"name": ["tags.none", "tags.Name"]})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Web Server 1", "web-server-1"),
        ("  Größe/Ö_2  ", "grosse-o-2"),
        ("web.EXAMPLE.org.", "web.example.org"),
        ("--a__b--", "a-b"),
    ],
)
def test_names_are_cleaned_on_request(world: World, text: str, name: str) -> None:
    servers(world, instance(text, "10.61.2.10"))
    assert names(world, clean_names=True) == [name]
    assert names(world, host={"clean_names": True}) == [name]


def test_cleaning_makes_no_two_hosts_one(world: World) -> None:
    servers(world, instance("Web 1", "10.61.2.10", 0), instance("web-1", "10.61.2.11", 1))
    assert "two hosts have the name web-1" in fault(world, clean_names=True)


def test_every_host_without_an_address_is_named(world: World) -> None:
    servers(world, *(instance(f"w{n}", None if n % 2 else f"10.61.2.{n}", n) for n in range(6)))
    world.write(
        "t",
        {
            "version": 4,
            "resources": [
                {"mode": "managed", "type": "aws_instance", "name": "db", "instances": [instance("d", None)]}
            ],
        },
    )
    only(world, {"state": "s.json"}, SERVERS)
    world.document["stacks"]["t"] = {"state": "t.json"}
    world.document["clusters"]["c"]["pools"]["db"] = {"hosts": "t.resources.aws_instance.db"}
    with pytest.raises(StackError) as caught:
        world.load()
    assert (
        f"pools.web.hosts: aws_instance.web[1] of {world.folder}/s.json: has no address: nothing at private_ip"
        in str(caught.value)
    )
    assert (
        f"; without one are also aws_instance.web[3] of {world.folder}/s.json, aws_instance.web[5] of {world.folder}/s.json, "
        f"aws_instance.db of {world.folder}/t.json. " in str(caught.value)
    )
    assert "`missing_address: skip` in a pool leaves such hosts out." in str(caught.value)


def test_hosts_without_an_address_are_left_out_on_request(world: World) -> None:
    servers(world, instance("w0", None, 0), instance("w1", "10.61.2.11", 1), instance("w2", "127.0.0.1", 2))
    assert "has no address" in fault(world, missing_address="error")
    inventory = one(world, {"state": "s.json"}, SERVERS, missing_address="skip")
    assert list(inventory.hosts) == ["w1"]
    assert [text for text in inventory.warnings if "left out" in text] == [
        f"{world.path}: clusters.c.pools.web: aws_instance.web[0] is left out: it has no address: nothing at private_ip or "
        "secondary_private_ips.* or ipv6_addresses.* or public_ip",
        f"{world.path}: clusters.c.pools.web: aws_instance.web[2] is left out: it has no address: 127.0.0.1 is a loopback address",
    ]
    assert [item.address for item in inventory.skipped] == ["aws_instance.web[0]", "aws_instance.web[2]"]


def test_an_address_that_is_none_is_never_left_out(world: World) -> None:
    servers(world, instance("w0", "somewhere", 0))
    message = fault(world, missing_address="skip", host={"address": "private_ip"})
    assert "has the text 'somewhere' as its address, which is no IP address" in message


def test_options_are_inherited_and_overridden(world: World) -> None:
    servers(world, instance("Web 1", None, 0), instance("Web 2", "10.61.2.11", 1))
    only(world, {"state": "s.json"}, SERVERS)
    world.document["host"] = {"clean_names": True}
    world.document["clusters"]["c"]["host"] = {"missing_address": "skip"}
    assert list(world.load().hosts) == ["web-2"]
    world.document["clusters"]["c"]["pools"]["web"]["missing_address"] = "error"
    with pytest.raises(StackError, match="has no address"):
        world.load()


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ({"missing_address": "ignore"}, "pools.web.missing_address: is the text 'ignore'. Write error or skip."),
        ({"resolve": "yes"}, "pools.web.resolve: is the text 'yes'. Write false or true."),
        ({"host": {"clean_names": 1}}, "pools.web.host.clean_names: is int '1'. Write false or true."),
    ],
)
def test_unknown_values_of_options(world: World, pool: dict[str, Any], message: str) -> None:
    servers(world, instance("w0", "10.61.2.10"))
    assert message in fault(world, **pool)


ANSWERS = {
    "web1.example.org": ["10.61.2.10"],
    "dual.example.org": ["2001:db8::1", "10.61.2.10"],
    "public.example.org": ["198.51.100.7", "10.61.2.10"],
    "many.example.org": ["10.61.2.10", "10.61.2.11"],
    "self.example.org": ["127.0.1.1"],
}


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(name: str, *_rest: object, **_more: object) -> list[Any]:
        if name not in ANSWERS:
            raise socket.gaierror("unknown")
        return [(0, 0, 0, "", (text, 0)) for text in ANSWERS[name]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize(
    ("name", "networks", "address"),
    [
        ("web1.example.org", None, "10.61.2.10"),
        ("web1.example.org.", None, "10.61.2.10"),
        ("dual.example.org", None, "10.61.2.10"),
        ("dual.example.org", ["2001:db8::/64"], "2001:db8::1"),
        ("public.example.org", None, "10.61.2.10"),
        ("many.example.org", ["10.61.2.11/32"], "10.61.2.11"),
    ],
)
def test_dns_names_are_looked_up_on_request(world: World, name: str, networks: list[str] | None, address: str) -> None:
    servers(world, instance("w0", name))
    assert "write `resolve: true` to look up the name" in fault(world, host={"address": "private_ip"})
    only(world, {"state": "s.json"}, SERVERS, resolve=True)
    world.document["clusters"]["c"]["networks"] = networks
    host = world.load().hosts["w0"]
    assert (host["cluster_address"], host["ansible_host"]) == (address, address)


@pytest.mark.usefixtures("resolver")
def test_names_of_an_output_are_looked_up(world: World) -> None:
    outputs = {"one": {"value": "web1.example.org"}, "more": {"value": ["web1.example.org", "10.61.2.11"]}}
    world.write("s", {"version": 4, "outputs": outputs})
    host = one(world, {"state": "s.json"}, "s.outputs.one", resolve=True).hosts["web1.example.org"]
    assert (host["cluster_address"], host["ansible_host"]) == ("10.61.2.10", "web1.example.org")
    assert names(world, "s.outputs.more", resolve=True) == ["web1.example.org", "ip-10-61-2-11"]
    assert names(world, ["web1.example.org"], resolve=True) == ["web1.example.org"]
    assert "write `resolve: true` to look up the name" in fault(world, "s.outputs.one")


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.example.org", "has no address: gone.example.org resolves to nothing on this host"),
        ("self.example.org", "has no address: self.example.org is a loopback address"),
        ("many.example.org", "has the name many.example.org, which resolves to 10.61.2.10 and 10.61.2.11. Give the address itself"),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere(world: World, name: str, message: str) -> None:
    servers(world, instance("w0", name))
    assert message in fault(world, resolve=True)


def test_a_list_of_address_paths_is_tried_until_one_is_an_address(world: World) -> None:
    servers(world, instance("w0", "10.61.2.10"))
    assert names(world, host={"address": ["tags.Name", "private_ip"]}) == ["w0"]


def test_instance_of_cloudformation_without_an_address(world: World) -> None:
    """Its stack never has one, so applying it again is no help."""
    with pytest.raises(StackError) as caught:
        one(world, {"cloudformation": "cloudformation.json"}, "s.resources.Manager")
    assert (
        "has no address: nothing at PrivateIpAddress or PrivateIp or private_ips.* or ipv6_addresses.* or PublicIpAddress or PublicIp or public_ip. "
        "CloudFormation lists no addresses of instances: give `members:` under stacks.s, the text of `aws ec2 describe-instances` or `{ec2: {region: REGION}}`"
    ) in str(caught.value)


def test_what_pulumi_only_reads_is_named_by_its_urn(world: World) -> None:
    urn = "urn:pulumi:dev::shop::aws:ec2/instance:Instance::old"
    outputs = {"privateIp": "10.61.2.10", "tags": {"Name": "old"}}
    resource = {"urn": urn, "type": "aws:ec2/instance:Instance", "custom": True, "external": True, "outputs": outputs}
    world.write("p", {"version": 3, "deployment": {"resources": [resource]}})
    assert list(one(world, {"pulumi": "p.json"}, f"s.resources.{urn}").hosts) == ["old"]
    with pytest.raises(StackError) as caught:
        one(world, {"pulumi": "p.json"}, "s.resources.**::old")
    assert f"holds only what the stack reads and does not make, such as {urn}. Name it by its full address" in str(
        caught.value
    )


def test_a_value_of_another_kind_is_passed_over_where_a_path_follows(world: World) -> None:
    server = {"id": "w", "tags": {"Name": {"x": 1}}, "private_ip": {"v4": "10.0.0.9"}, "ip": "10.0.0.1"}
    found = {"mode": "managed", "type": "aws_instance", "name": "w", "instances": [{"attributes": server}]}
    world.write("s", {"version": 4, "serial": 1, "resources": [found]})
    rules = {"name": ["tags.Name", "id"], "address": ["private_ip", "ip"]}
    (host,) = one(world, {"state": "s.json"}, "s.resources.aws_instance.w", host=rules).hosts.items()
    assert (host[0], host[1]["cluster_address"]) == ("w", "10.0.0.1")
    with pytest.raises(StackError, match=r"has a mapping at private_ip where its address is expected"):
        one(world, {"state": "s.json"}, "s.resources.aws_instance.w", host={**rules, "address": "private_ip"})


@pytest.mark.parametrize(
    ("name", "helps"),
    [("Web Server 1", True), ("null", False), ("localhost", False), ("日本", False), ("x.nomad", False)],
)
def test_clean_names_is_named_only_where_it_helps(world: World, name: str, helps: bool) -> None:
    world.write("o", {"h": {"value": [{"name": name, "ip": "10.0.0.1"}]}})
    with pytest.raises(StackError) as caught:
        one(world, {"outputs": "o.json"}, "s.outputs.h")
    assert ("`clean_names" in str(caught.value)) is helps
