# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mutated real texts of every format: the same hosts as an oracle of a few lines finds, or an error that names the file.

The oracles know nothing of the plugin and check nothing: where one stumbles, the plugin must say so. KEELSON_TEST_EXAMPLES
is how many mutations of each kind are tried.
"""

from __future__ import annotations

import copy
import ipaddress
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stacks_world import STATES

Hosts = list[tuple[str, str]]
EXAMPLES = int(os.environ.get("KEELSON_TEST_EXAMPLES", "150"))


def of_state(document: Any) -> Hosts:
    """Raw state."""
    found = []
    asked = [one for one in document["resources"] if one["mode"] == "managed" and one["type"] == "terraform_data"]
    for resource in asked:
        for instance in resource["instances"]:
            if not instance.get("deposed"):
                value = instance["attributes"]["output"]["value"]
                found.append((value["name"], value["private_ip"]))
    return found


def of_show(document: Any) -> Hosts:
    """`show -json`."""

    def walk(module: Any) -> Hosts:
        own = [
            (resource["values"]["output"]["name"], resource["values"]["output"]["private_ip"])
            for resource in module.get("resources", [])
            if resource["mode"] == "managed"
            and resource["type"] == "terraform_data"
            and not resource.get("deposed_key")
        ]
        return own + [host for child in module.get("child_modules", []) for host in walk(child)]

    return walk(document["values"]["root_module"])


def of_address(text: str) -> Hosts:
    """An output that is one address and nothing else."""
    return [(f"ip-{ipaddress.ip_address(text)}".replace(".", "-"), text)]


def of_list(value: Any) -> Hosts:
    """An output that is an address, or a list of addresses or objects."""
    if isinstance(value, str):
        return of_address(value)
    return [
        h for one in value for h in (of_address(one) if isinstance(one, str) else [(one["name"], one["private_ip"])])
    ]


def of_output(document: Any) -> Hosts:
    """`output -json`."""
    return of_list(document["batch_hosts"]["value"])


def of_pulumi(document: Any) -> Hosts:
    """`pulumi stack export`."""
    return [
        (resource["outputs"]["tags"]["Name"], resource["outputs"]["privateIp"])
        for resource in document["deployment"]["resources"]
        if "Instance::web-" in resource["urn"]
        and resource["custom"]
        and not resource.get("delete")
        and not resource.get("pendingReplacement")
    ]


def of_cloudformation(document: Any) -> Hosts:
    """`aws cloudformation describe-stacks`."""
    text = {output.get("OutputKey"): output.get("OutputValue") for output in document["Stacks"][0]["Outputs"]}["Hosts"]
    return [(host["name"], host["address"]) for host in json.loads(text)] if text[:1] == "[" else of_address(text)


OUTPUT = {"name": "output.name", "address": "output.private_ip"}
KINDS: dict[str, tuple[str, str, str, dict[str, str], Callable[[Any], Hosts]]] = {
    "state": ("managers.json", "state", "s.resources.**terraform_data.*", OUTPUT, of_state),
    "show": ("managers.show.json", "show", "s.resources.**terraform_data.*", OUTPUT, of_show),
    "output": (
        "nodes.output.json",
        "outputs",
        "s.outputs.batch_hosts",
        {"name": "name", "address": "private_ip"},
        of_output,
    ),
    "pulumi": (
        "pulumi.json",
        "pulumi",
        "s.resources.**Instance::web-*",
        {"name": "tags.Name", "address": "privateIp"},
        of_pulumi,
    ),
    "cloudformation": (
        "cloudformation.json",
        "cloudformation",
        "s.outputs.Hosts",
        {"name": "name", "address": "address"},
        of_cloudformation,
    ),
}
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 5), st.floats(allow_nan=False), st.text(max_size=6), st.sampled_from(["", "{{ 1 }}", "10.61.1.99", "../x"]),
    st.just([]), st.just({}), st.lists(st.integers(0, 2), max_size=2), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside VALUE."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in items for path in [(*above, key), *places(item, (*above, key))]]


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """DOCUMENT with one to three members removed, replaced, repeated or emptied."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        paths = places(document)
        if not paths:
            break
        *above, key = draw(st.sampled_from(paths))
        holder = document
        for step in above:
            holder = holder[step]
        way = draw(st.sampled_from(["remove", "replace", "repeat"]))
        if way == "remove":
            del holder[key]
        elif way == "replace":
            holder[key] = draw(JUNK)
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[f"{key}_"] = holder[key]
    return document


def check(folder: pathlib.Path, kind: str, text: bytes, oracle: Hosts | None) -> None:
    """Read TEXT; ORACLE is None where it stumbled."""
    _, option, hosts, mapping, _ = KINDS[kind]
    (folder / "state.json").write_bytes(text)
    document = {"plugin": "p", "stacks": {"s": {option: "state.json"}}, "host": mapping,
                "clusters": {"c": {"engine": "managed", "pools": {"p": {"hosts": hosts}}}}}  # fmt: skip
    try:
        inventory = load.load(document, str(folder / "x.stacks.yml"))
    except StackError as error:
        assert str(folder) in str(error) or str(error).startswith(("group ", "host ")), f"names no place: {error}"
        return
    assert oracle is not None, f"took what cannot be right: {list(inventory.hosts)}"
    assert [(name, host["cluster_address"]) for name, host in inventory.hosts.items()] == [
        (str(name), address) for name, address in oracle
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_mutated(kind: str, tmp_path: pathlib.Path) -> None:
    original = json.loads((STATES / KINDS[kind][0]).read_text())

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated(original))
    def run(document: Any) -> None:
        try:
            oracle: Hosts | None = KINDS[kind][4](document)
        except (KeyError, TypeError, AttributeError, IndexError, ValueError):
            oracle = None
        check(tmp_path, kind, json.dumps(document).encode(), oracle)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_cut_and_flipped_bytes(kind: str, tmp_path: pathlib.Path) -> None:
    original = (STATES / KINDS[kind][0]).read_bytes()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(original) - 2), st.integers(0, 255), st.booleans())
    def run(position: int, byte: int, cut: bool) -> None:
        text = original[:position] if cut else original[:position] + bytes([byte]) + original[position + 1 :]
        try:
            oracle: Hosts | None = KINDS[kind][4](json.loads(text))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError):
            oracle = None
        check(tmp_path, kind, text, oracle)

    run()


# The classes of what could be wrong in silence, drawn together: unusable addresses, absent secrets, public in place of private, printed
# addresses, servers that nobody names, pages, one address twice, unknown marks, servers that do not run, keys that stand twice. Below is what is
# drawn, how formats write it, and the oracle.

PRIVATE = st.sampled_from(
    [
        "10.0.0.1",
        "10.0.0.2",
        "192.168.1.5",
        "fd00::5",
        "::ffff:10.0.0.1",
        "127.0.0.1",
        "169.254.0.9",
        "fe80::1",
        "0.0.0.0",
    ]
)
PUBLIC = st.sampled_from(
    ["203.0.113.1", "203.0.113.2", "2001:db8::1", "2001:DB8:0::1", "::1", "ff02::1", "::ffff:127.0.0.1"]
)
SERVER = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["hcloud_server", "proxmox_virtual_environment_vm", "upcloud_server"]),
        "name": st.sampled_from([*"abcdefgh", "A", "localhost", "10.0.0.9", "x.nomad", "kubernetes"]),
        "private": st.lists(PRIVATE, max_size=2, unique=True),
        "public": st.lists(PUBLIC, max_size=1),
        "named": st.sampled_from([True, True, True, False]),
        "off": st.sampled_from([False, False, False, True]),
    }
)
MARKS = st.fixed_dictionaries(
    {key: st.sampled_from([False, False, False, False, True]) for key in ("page", "unknown", "hidden", "twice")}
)


def expected(servers: list[dict[str, Any]], marks: dict[str, bool]) -> tuple[dict[str, str], list[str]] | None:
    """The oracle: the addresses by name and what warnings must name; None where there must be an error."""

    def usable(text: str) -> str:
        ip = ipaddress.ip_address(text)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return "" if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified else str(ip)

    hosts: dict[str, str] = {}
    warned = []
    for server in servers:
        own = [[ip for ip in map(usable, server[key]) if ip] for key in ("private", "public")]
        if not server["named"]:
            warned.append(server["kind"])
        elif server["off"]:
            warned.append("is left out: its status is off")
        elif len(server["name"]) > 1 or not any(own) or (own[0] or own[1])[0] in hosts.values():
            return None
        else:
            hosts[server["name"]] = (own[0] or own[1])[0]
            warned += [] if own[0] else [f"{server['name']} {hosts[server['name']]}"]
    names = {name.lower() for name in hosts}
    faulty = (
        any(marks.values())
        or not hosts
        or len(names) < sum(server["named"] and not server["off"] for server in servers)
    )
    return None if faulty else (hosts, warned)


def resources(servers: list[dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    """Type, name in the code and attributes of the servers and of what lies beside them."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for number, server in enumerate(servers):
        label, name, private, public = (
            f"{'n' if server['named'] else 'x'}{number}",
            server["name"],
            server["private"],
            server["public"],
        )
        if server["kind"] == "hcloud_server":
            found.append(
                (server["kind"], label, {"id": str(number + 1), "name": name, "ipv4_address": "".join(public)})
            )
            found += [
                ("hcloud_server_network", f"{label}_{ip}", {"id": "1", "server_id": number + 1, "ip": ip})
                for ip in private
            ]
        elif server["kind"] == "upcloud_server":
            cards = [{"ip_address": ip, "type": "public"} for ip in public] + [
                {"ip_address": ip, "type": "private"} for ip in private
            ]
            found.append((server["kind"], label, {"id": label, "hostname": name, "network_interface": cards}))
        else:
            lists = [["127.0.0.1"], *([ip] for ip in public), [*private, "fe80::7"]]
            found.append((server["kind"], label, {"id": label, "name": name, "ipv4_addresses": lists}))
        found = [
            (kind, own, {**values, "status": "off"} if server["off"] and own == label else values)
            for kind, own, values in found
        ]
    return found


def as_state(servers: list[dict[str, Any]], marks: dict[str, bool]) -> tuple[str, Any]:
    """Raw state."""
    listed = [
        {"mode": "managed", "module": "module.m", "type": kind, "name": name, "instances": [
            {"index_key": "k", "attributes": values, "status": "frozen" if marks["unknown"] else None}]}
        for kind, name, values in resources(servers)
    ]  # fmt: skip
    return "state", {"version": 4, "outputs": {"t": {"value": None if marks["hidden"] else "t"}}, "resources": listed}


def as_show(servers: list[dict[str, Any]], marks: dict[str, bool]) -> tuple[str, Any]:
    """`show -json` of Terraform 0.12, which prints addresses without module and index."""
    listed = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name, "index": "k", "values": values}
        for kind, name, values in resources(servers)
    ]
    values = {
        "outputs": {"t": {"value": "(sensitive value)" if marks["hidden"] else "t"}},
        "root_module": {"child_modules": [{"address": "module.m", "resources": listed}]},
    }
    return "show", {"format_version": "2.0" if marks["unknown"] else "0.1", "values": values}


def as_pulumi(servers: list[dict[str, Any]], marks: dict[str, bool]) -> tuple[str, Any]:
    """`pulumi stack export`, whose attributes are in camelCase."""
    types = {"hcloud_server": "hcloud:index/server:Server", "hcloud_server_network": "hcloud:index/serverNetwork:ServerNetwork",
             "upcloud_server": "upcloud:index/server:Server", "proxmox_virtual_environment_vm": "proxmoxve:VM/virtualMachine:VirtualMachine"}  # fmt: skip
    spelled = {"ipv4_address": "ipv4Address", "server_id": "serverId", "network_interface": "networkInterfaces", "ip_address": "ipAddress",
               "ipv4_addresses": "ipv4Addresses"}  # fmt: skip
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}

    def camel(value: Any) -> Any:
        if isinstance(value, dict):
            return {spelled.get(key, key): camel(item) for key, item in value.items()}
        return [camel(item) for item in value] if isinstance(value, list) else value

    listed = [{"urn": "urn:pulumi:d::p::pulumi:pulumi:Stack::p-d", "type": "pulumi:pulumi:Stack", "custom": False,
               "outputs": {"t": secret if marks["hidden"] else "t"}}]  # fmt: skip
    for kind, name, values in resources(servers):
        urn = f"urn:pulumi:d::p::{types[kind]}::{name}"
        listed.append({"urn": urn, "type": types[kind], "custom": True, "id": values["id"], "outputs": camel(values)})
    features = ["taint", "otherLayout"] if marks["unknown"] else ["taint"]
    return "pulumi", {"version": 4, "features": features, "deployment": {"resources": listed}}


@pytest.mark.parametrize("write", [as_state, as_show, as_pulumi])
def test_never_wrong_in_silence(write: Callable[..., tuple[str, Any]], tmp_path: pathlib.Path) -> None:
    @settings(max_examples=EXAMPLES * 2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(SERVER, min_size=1, max_size=4), MARKS)
    def run(servers: list[dict[str, Any]], marks: dict[str, bool]) -> None:
        oracle = expected(servers, marks)
        option, document = write(servers, marks)
        text = json.dumps({**document, **({"NextToken": "x"} if marks["page"] else {})})
        (tmp_path / "state.json").write_text(
            text.replace("{", '{"serial": 1, "serial": 2, ', 1) if marks["twice"] else text
        )
        kinds = {
            "state": "s.resources.module.m.{0}.n{1}",
            "show": 's.resources.module.m.{0}.n{1}["k"]',
            "pulumi": "s.resources.**::n{1}",
        }
        hosts = [
            kinds[option].format(server["kind"], number) for number, server in enumerate(servers) if server["named"]
        ]
        cluster = {"engine": "managed", "pools": {"p": {"hosts": hosts}}, "vars": {"t": {"sensitive": "s.outputs.t"}}}
        try:
            inventory = load.load(
                {"plugin": "p", "stacks": {"s": {option: "state.json"}}, "clusters": {"shop": cluster}},
                str(tmp_path / "x.stacks.yml"),
            )
        except StackError as error:
            assert oracle is None, f"refused what is right: {error}"
            return
        assert oracle is not None, f"took what cannot be right: {inventory.hosts}"
        assert {name: host["cluster_address"] for name, host in inventory.hosts.items()} == oracle[0]
        spoken = " ".join(inventory.warnings)
        if option == "pulumi":
            spoken += spoken.replace("hcloud:index/server:Server", "hcloud_server").replace(
                "upcloud:index/server:Server", "upcloud_server"
            )
            spoken = spoken.replace("proxmoxve:VM/virtualMachine:VirtualMachine", "proxmox_virtual_environment_vm")
        assert all(text in spoken for text in oracle[1]), f"{oracle[1]} is not told: {inventory.warnings}"

    run()
