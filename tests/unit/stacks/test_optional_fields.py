# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a format may leave out, or adds in a later version, stops nobody who does not ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from stacks_world import World, one

SERVER = {"name": "w1", "private_ip": "10.61.2.10", "address": "10.61.2.10", "tags": {"Name": "w1"}}
URN = "urn:pulumi:dev::shop::{}::{}"
INSTANCE = "aws:ec2/instance:Instance"


def state(*resources: dict[str, Any], **top: Any) -> dict[str, Any]:
    own = {"mode": "managed", "type": "aws_instance", "name": "w", "instances": [{"attributes": SERVER}]}
    return {"version": 4, "resources": [own, *resources], **top}


def shown(*resources: dict[str, Any], key: str = "values", **values: Any) -> dict[str, Any]:
    own = {"address": "aws_instance.w", "mode": "managed", "type": "aws_instance", "name": "w", "values": SERVER}
    return {"format_version": "1.0", key: {"root_module": {"resources": [own, *resources]}, **values}}


def pulumi(*resources: dict[str, Any], **deployment: Any) -> dict[str, Any]:
    outputs = {"privateIp": "10.61.2.10", "tags": {"Name": "w1"}}
    own = {"urn": URN.format(INSTANCE, "w"), "type": INSTANCE, "custom": True, "outputs": outputs}
    return {"version": 3, "deployment": {"resources": [own, *resources], **deployment}}


def cloudformation(*outputs: dict[str, Any], **described: Any) -> dict[str, Any]:
    own = {"OutputKey": "Web", "OutputValue": '[{"name": "w1", "address": "10.61.2.10"}]'}
    stack = {"StackName": "shop", "StackStatus": "CREATE_COMPLETE", "Outputs": [own, *outputs], **described}
    return {"Stacks": [stack]}


def outputs(**more: Any) -> dict[str, Any]:
    return {"web": {"value": [SERVER], "type": "dynamic", "sensitive": False}, **more}


OTHER = {"mode": "managed", "type": "aws_vpc", "name": "v"}
SHOWN = {**OTHER, "address": "aws_vpc.v"}
W = "s.resources.aws_instance.w"
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "state without serial, lineage and outputs": ("state", state(), W),
    "state with null outputs": ("state", state(outputs=None), W),
    "state, outputs alone": ("state", {"version": 4, "outputs": outputs()}, "s.outputs.web"),
    "state, output without a value": ("state", state(outputs={"x": {"type": "string"}}), W),
    "state, output with a null mark": ("state", state(outputs={"x": {"value": 1, "sensitive": None}}), W),
    "state, no instances": ("state", state({**OTHER, "instances": []}), W),
    "state, null module": ("state", state({**OTHER, "module": None, "instances": [{"attributes": {}}]}), W),
    "state, flat attributes": ("state", state({**OTHER, "instances": [{"attributes_flat": {"id": "1"}}]}), W),
    "state, attributes of another form": ("state", state({**OTHER, "instances": [{"attributes": "x"}]}), W),
    "state, null deposed": ("state", state({**OTHER, "instances": [{"attributes": {}, "deposed": None}]}), W),
    "state, null sensitive attributes": (
        "state",
        state({**OTHER, "instances": [{"attributes": {}, "sensitive_attributes": None}]}),
        W,
    ),
    "state, a mode of a later version": ("state", state({**OTHER, "mode": "ephemeral", "instances": []}), W),
    "state, members of a later version": ("state", state(check_results=None, checks={}), W),
    "shown, no values": ("show", shown(SHOWN), W),
    "shown, null values": ("show", shown({**SHOWN, "values": None}), W),
    "plan, no values": ("show", shown(SHOWN, key="planned_values"), W),
    "shown, null modules": ("show", {"format_version": "1.0", "values": {"outputs": outputs(), "root_module": None}}, "s.outputs.web"),
    "shown, null lists": (
        "show",
        {"format_version": "1.0", "values": {"outputs": outputs(), "root_module": {"resources": None, "child_modules": None}}},
        "s.outputs.web",
    ),
    "shown, null outputs": ("show", shown(outputs=None), W),
    "shown, output without a value": ("show", shown(outputs={"x": {"sensitive": False}}), W),
    "shown, null marks": ("show", shown({**SHOWN, "values": {}, "tainted": None, "deposed_key": None}), W),
    "shown, a mode of a later version": ("show", shown({**SHOWN, "mode": "ephemeral"}), W),
    "Pulumi, no outputs": ("pulumi", pulumi({"urn": URN.format("x:y:Z", "v"), "type": "x:y:Z", "custom": True}), "s.resources.**::w"),
    "Pulumi, null outputs": (
        "pulumi",
        pulumi({"urn": URN.format("x:y:Z", "v"), "type": "x:y:Z", "custom": True, "outputs": None, "delete": None}),
        "s.resources.**::w",
    ),
    "Pulumi, not said whether custom": ("pulumi", pulumi({"urn": URN.format("x:y:Z", "v"), "type": "x:y:Z"}), "s.resources.**::w"),
    "Pulumi, null operations": ("pulumi", pulumi(pending_operations=None, manifest=None), "s.resources.**::w"),
    "CloudFormation, one stack alone": ("cloudformation", cloudformation()["Stacks"][0], "s.outputs.Web"),
    "CloudFormation, null lists": ("cloudformation", {**cloudformation(), "StackResources": None}, "s.outputs.Web"),
    "outputs, members of a later version": (
        "outputs",
        outputs(x={"value": 1, "type": "number", "sensitive": False, "deprecated": "use y", "ephemeral": True}),
        "s.outputs.web",
    ),
    "outputs, one without a value": ("outputs", outputs(x={"type": "string", "sensitive": True}), "s.outputs.web"),
    "outputs named like members of other formats": (
        "command",
        outputs(version={"value": 4}, serial={"value": 1}, Stacks={"value": []}, format_version={"value": "1"}, deployment={"value": {}}),
        "s.outputs.web",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("option", "document", "reference"), CASES.values(), ids=CASES)
def test_what_nobody_asks_for_may_be_left_out(
    world: World, option: str, document: dict[str, Any], reference: str
) -> None:
    world.write("x", document)
    entry = {option: ["cat", "x.json"]} if option == "command" else {option: "x.json"}
    assert list(one(world, entry, reference).hosts) == ["w1"]


@pytest.mark.parametrize(
    ("option", "document", "reference", "message"),
    [
        ("state", state({**OTHER, "instances": [{"attributes_flat": {}}]}), "s.resources.aws_vpc.v", "aws_vpc.v has no attributes (an old flat state)."),
        ("state", state(outputs={"x": {}}), "s.outputs.x", "outputs.x has no value. The state is damaged"),
        ("show", shown(outputs={"x": {}}, key="planned_values"), "s.outputs.x", "outputs.x has no value. Apply the plan first."),
        ("show", shown(SHOWN), "s.resources.aws_vpc.v", "aws_vpc.v of {}/x.json: is no server, by its type aws_vpc."),
        ("pulumi", pulumi({"urn": "u::v", "type": "x:y:Z"}), "s.resources.u::v", "u::v does not say whether it is custom."),
        ("outputs", outputs(x={"sensitive": False}), "s.outputs.x", "outputs.x has no value."),
        ("outputs", {"web": ["10.61.2.10"]}, "s.outputs.web", "; or write `static:` in place of `outputs:` under stacks.s where it holds bare values"),
    ],
)  # fmt: skip
def test_who_asks_for_it_is_told(
    world: World, option: str, document: dict[str, Any], reference: str, message: str
) -> None:
    world.write("x", document)
    with pytest.raises(StackError) as caught:
        one(world, {option: "x.json"}, reference)
    assert message.replace("{}", str(world.folder)) in str(caught.value)


@pytest.mark.parametrize("option", ["state", "show", "pulumi", "cloudformation"])
def test_an_empty_object_is_no_stack(world: World, option: str) -> None:
    world.write("x", {})
    with pytest.raises(StackError, match="is an empty object, so it holds no stack. Apply the stack"):
        one(world, {option: "x.json"}, "s.outputs.web")
