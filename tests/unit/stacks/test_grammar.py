# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine would refuse halfway is refused when the stacks file is loaded."""

from __future__ import annotations

import ast
import pathlib
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import grammar, load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from stacks_world import World

ENGINES = ["kubernetes", "nomad"]
FOLDER = pathlib.Path(grammar.__file__).parent


def described(world: World, engine: str, host: str = "w1", pool: str = "web", **more: Any) -> None:
    cluster = {
        "engine": engine,
        "managers": {"hosts": [{"name": "m1", "address": "10.61.1.11"}]},
        "pools": {pool: {"hosts": [{"name": host, "address": "10.61.2.10"}], "labels": more.pop("labels", {})}},
        **more,
    }
    world.document["clusters"] = {"c": cluster}


def fault(world: World) -> str:
    with pytest.raises(StackError) as caught:
        world.load()
    return str(caught.value).removeprefix(f"{world.path}: clusters.c.")


@pytest.mark.parametrize("engine", [*ENGINES, "another"])
def test_labels_become_texts(world: World, engine: str) -> None:
    described(world, engine, labels={"ssd": True, "gpu": False, "cores": 8, "tier": "web", "version": "1.10"})
    labels = {"ssd": "true", "gpu": "false", "cores": "8", "tier": "web", "version": "1.10"}
    inventory = world.load()
    assert inventory.hosts["w1"]["cluster_labels"] == labels
    assert inventory.groups["c_pool_web"].variables["cluster_labels"] == labels


def test_a_number_that_yaml_has_shortened_is_refused(world: World) -> None:
    described(world, "nomad", labels={"version": 1.10})
    assert (
        fault(world)
        == 'pools.web.labels.version: is the number 1.1, maybe not as it was written. Put it in quotes: "1.1".'
    )


@pytest.mark.parametrize(
    ("where", "text", "number"),
    [("pools.web.labels.build", "010", 8), ("pools.web.labels.build", "0x1F", 31), ("pools.web.labels.build", "1_000", 1000),
     ("pools.web.labels.build", "12:30", 750), ("pools.web.hosts[0].name", "007", 7), ("pools.web.size", "01", 1)],
)  # fmt: skip
def test_a_number_that_yaml_reads_as_another_is_refused(world: World, where: str, text: str, number: int) -> None:
    values = {"build": "7", "name": "w1", "size": "1"}
    values[where.rsplit(".", 1)[1]] = text
    file = pathlib.Path(world.path)
    file.write_text(
        "plugin: keelson.cluster.stacks\nstacks: {s: {state: network.json}}\nclusters:\n  c:\n    engine: another\n"
        "    vars: {mode: 0644}\n    managers: {hosts: [{name: m1, address: 10.61.1.11}]}\n    pools:\n      web:\n"
        f"        hosts: [{{name: {values['name']}, address: 10.61.2.10}}]\n        size: {values['size']}\n"
        f"        labels: {{build: {values['build']}}}\n"
    )
    with pytest.raises(StackError) as caught:
        load.load(load.document(world.path), world.path)
    message = f'is {text}, which YAML reads as the number {number}. Put it in quotes: "{text}".'
    assert str(caught.value) == f"{world.path}: clusters.c.{where}: {message}"
    file.write_text(file.read_text().replace(text, f'"{text}"'))
    assert load.load(load.document(world.path), world.path).hosts


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("kubernetes", {"labels": {"team": "data & ml"}}, "pools.web.labels.team: is the text 'data & ml', which kubernetes does not accept as"),
    ("kubernetes", {"labels": {"team": "x" * 64}}, "does not accept as the value of a label"),
    ("kubernetes", {"labels": {"my team": "x"}}, "pools.web.labels.my team: is the text 'my team', which kubernetes does not accept as the name of a label."),
    ("kubernetes", {"labels": {"Example.org/a": "x"}}, "does not accept as the name of a label"),
    ("kubernetes", {"pool": "web-"}, "pools.web-: is the text 'web-', which kubernetes does not accept as the name of a pool."),
    ("kubernetes", {"host": "w" * 70}, "does not accept as the name of a host. Use lower-case letters, digits, '-' and '.', 63 at most."),
    ("kubernetes", {"host": "Web1"}, "pools.web.hosts[0]: is the text 'Web1', which kubernetes does not accept as the name of a host."),
    ("kubernetes", {"host": "web_1"}, "does not accept as the name of a host"),
    ("kubernetes", {"host": "web..1"}, "does not accept as the name of a host"),
    ("kubernetes", {"endpoint": "http://api.example.org"}, "endpoint: is the text 'http://api.example.org', which kubernetes does not accept as an endpoint."),
    ("kubernetes", {"labels": {"kubernetes.io/hostname": "w9"}}, "pools.web.labels.kubernetes.io/hostname: is the text"),
    ("kubernetes", {"labels": {"node-role.kubernetes.io/control-plane": ""}}, "which kubernetes does not accept as the name of a label."),
    ("kubernetes", {"labels": {"keelson.node-restriction.kubernetes.io/pool": "x"}}, "which kubernetes does not accept as the name of a label."),
    ("kubernetes", {"labels": {"keelson.node-restriction.kubernetes.io/taint-0123456789abcdef": "x"}}, "does not accept as the name of a label"),
    *(
        (engine, {"endpoint": endpoint}, f"endpoint: is the text {endpoint[:60]!r}, which is {why}. Give the name or address at which")
        for engine in ENGINES
        for endpoint, why in {
            "https://127.0.0.1:6443": "a loopback address", "[::1]:6443": "a loopback address", "::1": "a loopback address",
            "0.0.0.0": "the unspecified address", "169.254.169.254": "a link-local address", "fe80::1": "a link-local address",
            "224.0.0.1": "a multicast address", "localhost:6443": "a name of the machine itself", "https://null:6443": "the text of an absent value",
            "None": "the text of an absent value", "undefined": "the text of an absent value", "127.1": "no whole address", "10.0.0.999": "no whole address",
            "1.2.3.4.5": "neither an address nor a name of DNS", "api..org": "neither an address nor a name of DNS",
            "api-.org": "neither an address nor a name of DNS", "a" * 64: "neither an address nor a name of DNS",
            "kubernetes.default.svc": "a name of Kubernetes", "api.example.org:0": "at a port that does not exist",
            "api.example.org:99999": "at a port that does not exist",
        }.items()
    ),
    *((engine, {"endpoint": "https://api.example.org/path"}, "does not accept as an endpoint") for engine in ENGINES),
    *(
        (engine, {"endpoint": endpoint}, "w1 (") for engine in ENGINES
        for endpoint in ("https://10.61.2.10:6443", "10.61.2.10", "[::ffff:10.61.2.10]:443")
    ),
    ("nomad", {"labels": {"my team": "x"}}, "does not accept as the name of a label. Constraints name it as ${meta.NAME}"),
    ("nomad", {"labels": {"team": "a\nb"}}, "does not accept as the value of a label"),
    ("nomad", {"host": "w" * 70}, "does not accept as the name of a host. Its certificate takes 64 characters at most"),
    ("nomad", {"host": "web..1"}, "does not accept as the name of a host"),
    ("nomad", {"endpoint": "tcp://api:4646"}, "endpoint: is the text 'tcp://api:4646', which nomad does not accept as an endpoint."),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "changes", "message"), FAULTS)
def test_faults(world: World, engine: str, changes: dict[str, Any], message: str) -> None:
    described(world, engine, **changes)
    assert message in fault(world)
    if "endpoint" not in changes:
        described(world, "another", **changes)
        world.load()  # nothing is known of that engine


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("nomad", {"labels": {"team": "data & ml", "rack.row": "1", "empty": ""}}),
    ("nomad", {"host": "Web_1"}),
    ("kubernetes", {"labels": {"example.org/tier": "web", "empty": "", "A_b.c": "x" * 63}}),
    ("kubernetes", {"host": f"{'w' * 60}.a"}),
    *(
        (engine, {"endpoint": endpoint})
        for engine in ENGINES
        for endpoint in ("api.example.org", "api:6443", "https://10.61.1.10:6443", "https://api.example.org/", "2001:db8::1", "[2001:db8::1]:6443")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "changes"), GOOD)
def test_what_an_engine_accepts(world: World, engine: str, changes: dict[str, Any]) -> None:
    described(world, engine, **changes)
    assert world.load().groups["c"].variables["cluster_endpoint"] == changes.get("endpoint", "")


@pytest.mark.parametrize(
    ("endpoint", "dns", "addresses"),
    [
        ("https://10.61.1.11:4646", (), ("10.61.1.11",)),
        ("https://api.example.org", ("api.example.org",), ()),
        ("api.example.org:4646", ("api.example.org",), ()),
        ("api.example.org", ("api.example.org",), ()),
        ("[2001:db8::1]:4646", (), ("2001:db8::1",)),
        ("2001:db8::1", (), ("2001:db8::1",)),
    ],
)
def test_a_certificate_is_for_the_host_of_an_endpoint(
    endpoint: str, dns: tuple[str, ...], addresses: tuple[str, ...]
) -> None:
    names = pki.sort_names("m1", [endpoint])
    assert (names.dns, names.addresses) == (dns, addresses)


def test_engines_declare_their_own() -> None:
    assert grammar.engines() == ENGINES
    texts = [
        node.value
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert not [text for text in texts if text in ENGINES], "shared code names no engine"
