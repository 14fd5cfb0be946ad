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
    for resource in document["resources"]:
        for instance in resource["instances"]:
            if resource["mode"] == "managed" and resource["type"] == "terraform_data" and not instance.get("deposed"):
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
            and ".terraform_data." in f".{resource['address']}"
            and not resource.get("deposed_key")
        ]
        return own + [host for child in module.get("child_modules", []) for host in walk(child)]

    return walk(document["values"]["root_module"])


def of_address(text: str) -> Hosts:
    """An output that is one address and nothing else."""
    return [(f"ip-{ipaddress.ip_address(text)}".replace(".", "-"), text)]


def of_output(document: Any) -> Hosts:
    """`output -json`."""
    value = document["batch_hosts"]["value"]
    return of_address(value) if isinstance(value, str) else [(host["name"], host["private_ip"]) for host in value]


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
    text = {output["OutputKey"]: output["OutputValue"] for output in document["Stacks"][0]["Outputs"]}["Hosts"]
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
