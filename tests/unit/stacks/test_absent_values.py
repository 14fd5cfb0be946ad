# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is not there is never handed on as if it were: an empty secret, a placeholder, a mark of Pulumi."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Secret
from stacks_world import World, only

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def variables(world: World, value: Any, asked: Any = None) -> Inventory:
    world.write("o", {"t": {"value": value, "sensitive": asked is None}})
    only(world, {"outputs": "o.json"}, [{"name": "w", "address": "10.0.0.1"}])
    world.document["clusters"]["c"]["vars"] = {"t": asked or {"sensitive": "s.outputs.t"}}
    return world.load()


@pytest.mark.parametrize(
    "value", ["", "  ", "null", "None", "nil", "undefined", "NaN", " null ", '""', "''", "{}", '"null"', [], {}]
)
def test_an_empty_secret(world: World, value: Any) -> None:
    with pytest.raises(
        StackError, match=r"vars\.t: `s\.outputs\.t` is (empty|the text .* which stands for no value)\. Give the output"
    ):
        variables(world, value)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"user": "a", "password": None}, "password in `s.outputs.t` is empty"),
        ({"user": "a", "password": ""}, "password in `s.outputs.t` is empty"),
        ({"db": {"apiKey": "null"}}, "apiKey in db in `s.outputs.t` is the text 'null', which stands for no value"),
        (["a", None], "1 in `s.outputs.t` is empty"),
        ([{"token": ["a", ""]}], "1 in token in 0 in `s.outputs.t` is empty"),
    ],
)
def test_an_empty_part_of_a_secret(world: World, value: Any, what: str) -> None:
    with pytest.raises(StackError, match=rf"vars\.t: {what}\. Give the output its value"):
        variables(world, value)


@pytest.mark.parametrize("value", ["null", "None", "undefined", "nil", "NaN"])
@pytest.mark.parametrize("key", ["endpoint", "environment", "vars", "labels"])
def test_the_text_of_an_absent_value_is_none(world: World, value: str, key: str) -> None:
    world.write("o", {"t": {"value": value}})
    labels = {"labels": {"a": "s.outputs.t"}} if key == "labels" else {}
    only(world, {"outputs": "o.json"}, [{"name": "w", "address": "10.0.0.1"}], **labels)
    if not labels:
        world.document["clusters"]["c"][key] = {"a": "s.outputs.t"} if key == "vars" else "s.outputs.t"
    with pytest.raises(
        StackError, match=rf"{key}.*: `s\.outputs\.t` is the text '{value}', which stands for no value\."
    ):
        world.load()


@pytest.mark.parametrize("value", ["p", "0", 0, False, ["a"], {"user": "a", "port": None}])
def test_a_secret_with_a_value(world: World, value: Any) -> None:
    assert variables(world, value).groups["c"].variables["t"] == Secret(value)


@pytest.mark.parametrize(
    "value",
    ["<nil>", "<null>", "<no value>", "<unknown>", "<redacted>", "[REDACTED]", "(Known after apply)", "<Sensitive>", "[MASKED]", "<hidden>",
     "(sensitive, write-only)", "****hidden****", "[object Object]", "output<string>", "<pulumi.output.Output object at 0x7f>",
     "http://Calling [toString] on an [Output<T>] is not supported.\n:80", "Calling __str__ on an Output[T] is not supported.",
     "http://${Token[TOKEN.12]}:80", "${TfToken[TOKEN.0]}", "{{resolve:secretsmanager:db:SecretString:password}}", "ENC(abc=)",
     "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==", "-----BEGIN PGP MESSAGE-----\nhQ", "-----BEGIN AGE ENCRYPTED FILE-----\nYW"],
)  # fmt: skip
def test_what_only_stands_for_a_value(world: World, value: str) -> None:
    for asked in (None, "s.outputs.t", {"in": ["s.outputs.t"]}):
        with pytest.raises(StackError, match="which only stands for a value"):
            variables(world, value, asked)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({SIGNATURE: SECRET, "plaintext": "not JSON"}, "holds a secret that is not JSON. The file is damaged"),
        ({SIGNATURE: SECRET, "plaintext": '{"a": 1, "a": 2}'}, "holds a secret that is not JSON. The file is damaged"),
        ({SIGNATURE: SECRET, "plaintext": '""'}, "is empty. Give the output its value"),
        ({"a": {SIGNATURE: SECRET, "ciphertext": "v1"}}, "is encrypted. Export it with"),
        ({SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": "x", "text": "hello"}, "is an asset, no value. Export the values"),
        ({SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "hash": "x"}, "is an archive, no value"),
        ([{SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u", "id": "i"}], "is a reference to a resource, no value"),
        ({SIGNATURE: "another"}, "has a mark that is not known here. Update keelson.cluster"),
        ({SIGNATURE: None}, "has a mark that is not known here"),
    ],
)  # fmt: skip
def test_marks_of_pulumi(world: World, value: Any, fault: str) -> None:
    stack = {
        "urn": "urn:pulumi:a::b::pulumi:pulumi:Stack::b-a",
        "type": "pulumi:pulumi:Stack",
        "outputs": {"t": value, "u": "x"},
    }
    world.write("p", {"version": 3, "deployment": {"resources": [{**stack, "custom": False}]}})
    only(world, {"pulumi": "p.json"}, [{"name": "w", "address": "10.0.0.1"}])
    cluster = world.document["clusters"]["c"]
    cluster["vars"] = {"u": "s.outputs.u"}
    assert world.load().groups["c"].variables["u"] == "x", "what nobody asked for stops nothing"
    cluster["vars"] = {"t": {"sensitive": "s.outputs.t"}}
    with pytest.raises(StackError, match=fault.replace(".", r"\.")):
        world.load()


def test_a_resource_that_pulumi_did_not_finish(world: World) -> None:
    content = world.state("pulumi")
    web = next(item for item in content["deployment"]["resources"] if "Instance::web-" in item["urn"])
    web["initErrors"] = ["timed out"]
    content["deployment"]["metadata"] = {"integrity_error": {"version": "3"}}
    world.write("p", content)
    only(
        world, {"pulumi": "p.json"}, "s.resources.**Instance::web-*", host={"name": "tags.Name", "address": "privateIp"}
    )
    warnings = world.load().warnings
    assert f"{world.folder}/p.json: {web['urn']} was not finished: run `pulumi up` again before trusting it" in warnings
    assert any("Pulumi has marked it as damaged" in text for text in warnings)


@pytest.mark.parametrize(
    ("content", "option"),
    [
        ({"version": 4, "serial": 1, "outputs": {}}, "state"),
        ({"format_version": "1.0", "values": {}}, "show"),
        ({"h": {"value": ["10.0.0.1"], "type": ["list", "string"]}}, "outputs"),
        ({"version": 3, "deployment": {"resources": []}}, "pulumi"),
    ],
)
def test_a_static_file_that_is_a_stack(world: World, content: Any, option: str) -> None:
    world.write("s", json.dumps(content))
    only(world, {"static": "s.json"}, "s.outputs.h")
    with pytest.raises(
        StackError, match=f"not a static description. Write `{option}:` in place of `static:` under stacks.s"
    ):
        world.load()


@pytest.mark.parametrize("beside", [{"deployment": "blue"}, {"Stacks": 1}, {"h2": {"value": 1}}, {"version": 4}])
def test_a_static_file_of_any_names(world: World, beside: dict[str, Any]) -> None:
    world.write("s", json.dumps({"h": [{"name": "a", "address": "10.0.0.1"}], **beside}))
    only(world, {"static": "s.json"}, "s.outputs.h")
    assert list(world.load().hosts) == ["a"]
