# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every bad input that is known by name: one message that names the place and the remedy. {} stands for the test's folder."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import documents
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from stacks_world import World

Bend = Callable[[World], Any]
FILE = "{}/product.stacks.yml: "
WEB = FILE + "clusters.product.pools.web"


def cut(world: World) -> None:
    world.write("nodes", (world.folder / "nodes.json").read_bytes()[:2000])


def loop(world: World) -> None:
    (world.folder / "nodes.json").unlink()
    (world.folder / "nodes.json").symlink_to("nodes.json")


def huge(world: World) -> None:
    with open(world.folder / "nodes.json", "wb") as handle:
        os.truncate(handle.fileno(), documents.LIMIT * 2)


def state(name: str, **changes: Any) -> Bend:
    """Change members at the top of a state."""
    return lambda world: world.write(name, {**world.state(name), **changes})


def web(key: str, value: Any) -> Bend:
    """Change an attribute of the first server of pool web."""

    def bend(world: World) -> None:
        content = world.state("nodes")
        instance = next(item for item in content["resources"] if item["type"] == "terraform_data")["instances"][0]
        instance["attributes"]["output"]["value"][key] = value
        world.write("nodes", content)

    return bend


def instance(**changes: Any) -> Bend:
    """Change members of the first instance of pool web."""

    def bend(world: World) -> None:
        content = world.state("nodes")
        next(item for item in content["resources"] if item["type"] == "terraform_data")["instances"][0].update(changes)
        world.write("nodes", content)

    return bend


def cluster(**changes: Any) -> Bend:
    """Change members of the cluster."""
    return lambda world: world.cluster().update(changes)


def pool(**changes: Any) -> Bend:
    """Change members of pool web."""
    return lambda world: world.cluster()["pools"]["web"].update(changes)


def top(**changes: Any) -> Bend:
    """Change members at the top of the stacks file."""
    return lambda world: world.document.update(changes)


def source(**entry: Any) -> Bend:
    """Read stack nodes otherwise."""
    return lambda world: world.document["stacks"].update(nodes=entry)


def pulumi(**changes: Any) -> Bend:
    """Read stack nodes from a changed Pulumi export."""

    def bend(world: World) -> None:
        world.write("pulumi", {**world.state("pulumi"), **changes})
        world.document["stacks"]["nodes"] = {"pulumi": "pulumi.json"}

    return bend


def status(word: str) -> Bend:
    """Read stack nodes from CloudFormation in another status."""

    def bend(world: World) -> None:
        content = world.state("cloudformation")
        content["Stacks"][0]["StackStatus"] = word
        world.write("cloudformation", content)
        world.document["stacks"]["nodes"] = {"cloudformation": "cloudformation.json"}

    return bend


def described(value: Any) -> Bend:
    """Let stack nodes describe the clusters."""

    def bend(world: World) -> None:
        del world.document["clusters"]
        content = world.state("nodes")
        content["outputs"]["clusters"]["value"] = value
        world.write("nodes", content)

    return bend


def uninitialised(world: World) -> None:
    """Pull from a folder whose tool says what both say, in OpenTofu's colours."""
    program = world.folder / "tf"
    program.write_text("#!/bin/sh\nprintf '\\033[31m│\\033[0m Error: Backend initialization required\\n' >&2\nexit 1\n")
    program.chmod(0o755)
    source(pull={"folder": ".", "binary": str(program)})(world)


SELF = "{}/nodes.json: outputs.clusters"
ENCRYPTED = {
    "serial": 1,
    "lineage": "x",
    "meta": {"key_provider.pbkdf2.main": "e30="},
    "encrypted_data": "AAAA",
    "encryption_version": "v0",
}
TWO = {"a": {"engine": "nomad", "managers": {"hosts": "managers.resources.terraform_data.server"}}}
TWO["b"] = TWO["a"]

CASES: list[tuple[str, Bend, str]] = [
    # The file of a stack
    (
        "absent",
        source(state="gone.json"),
        "{}/gone.json: does not exist. Give a readable file; paths start at the folder of the stacks file.",
    ),
    ("folder without a state", source(state="."), "{}/terraform.tfstate: does not exist. Give a readable file"),
    ("symlink loop", loop, "{}/nodes.json: is a loop of symbolic links."),
    ("1 GiB", huge, "{}/nodes.json: is 1024 MiB, the limit is 512 MiB. Name the state itself, or split the stack."),
    (
        "empty",
        lambda world: world.write("nodes", ""),
        "{}/nodes.json: is empty. Apply the stack first, or fetch the file again.",
    ),
    ("blank", lambda world: world.write("nodes", " \n"), "{}/nodes.json: is empty."),
    ("cut off", cut, "{}/nodes.json: is cut off: the JSON ends in the middle, at line 9"),
    (
        "cut off in a text",
        lambda world: world.write("nodes", '{"version": 4, "lin'),
        "{}/nodes.json: is cut off: the JSON ends",
    ),
    (
        "no JSON",
        lambda world: world.write("nodes", "<html>"),
        "{}/nodes.json: is not JSON: Expecting value at line 1 column 1.",
    ),
    (
        "two documents",
        lambda world: world.write("nodes", "{} {}"),
        "{}/nodes.json: is not JSON: Extra data at line 1 column 4.",
    ),
    (
        "a list",
        lambda world: world.write("nodes", [1]),
        "{}/nodes.json: holds a JSON list where an object is expected.",
    ),
    (
        "null",
        lambda world: world.write("nodes", "null"),
        "{}/nodes.json: holds a JSON null where an object is expected.",
    ),
    (
        "no UTF-8",
        lambda world: world.write("nodes", b'{"version": "\xff\xfe\xfa"}'),
        "{}/nodes.json: is not text in UTF-8.",
    ),
    (
        "nested deeply",
        lambda world: world.write("nodes", '{"a":' + "[" * 200000),
        "{}/nodes.json: is nested too deeply to be read.",
    ),
    (
        "long number",
        lambda world: world.write("nodes", '{"version": ' + "1" * 5000 + "}"),
        "{}/nodes.json: has a number of more digits than can be read.",
    ),
    (
        "broken gzip",
        lambda world: world.write("nodes", gzip.compress(b"{}" * 99)[:20]),
        "{}/nodes.json: is a broken gzip file. Fetch it again.",
    ),
    (
        "gzip of junk",
        lambda world: world.write("nodes", gzip.compress(b"junk")),
        "{}/nodes.json: is not JSON: Expecting value",
    ),
    (
        "unknown shape",
        lambda world: world.write("nodes", {"a": 1}),
        "{}/nodes.json: is JSON of a shape that no reader knows. Give one of:",
    ),
    (
        "bare outputs",
        lambda world: world.write("nodes", {"ip": "10.61.2.10"}),
        "; or write `static:` in place of `state:` under stacks.nodes where it holds bare values, as `pulumi stack output --json`",
    ),
    (
        "empty object",
        lambda world: world.write("nodes", {}),
        "{}/nodes.json: is an empty object, so it holds no stack. Apply the stack, and give the file again.",
    ),
    (
        "pointer to a backend",
        lambda world: world.write("nodes", {"version": 3, "terraform_version": "1.9.0", "backend": {"type": "s3"}}),
        "{}/nodes.json: holds no state: `init` writes it to remember the backend 's3'. Write `pull: FOLDER`",
    ),
    (
        "older pointer to a backend",
        lambda world: world.write("nodes", {"version": 3, "lineage": "x", "backend": {"type": "gcs"}, "modules": []}),
        "{}/nodes.json: holds no state: `init` writes it to remember the backend 'gcs'. Write `pull: FOLDER`",
    ),
    (
        "no instances",
        state(
            "nodes",
            resources=[
                {"mode": "managed", "module": "module.web", "type": "terraform_data", "name": "web", "instances": []},
                {"mode": "managed", "type": "x", "name": "y", "instances": [{"attributes": {}}]},
            ],
        ),
        "every match in {}/nodes.json is skipped (module.web.terraform_data.web: it has no instances: its `count` or `for_each` "
        "makes none). Apply the stack so that it has such a resource, or write `size: 0` where no host is meant.",
    ),
    ("NUL in the path", source(state="a\0b"), FILE + "stacks.nodes.state: holds a NUL character."),
    # The kind and version of it
    (
        "version 3",
        state("nodes", version=3),
        "{}/nodes.json: is a state of version 3, only version 4 is read. Run `terraform apply` once",
    ),
    (
        "version 5",
        state("nodes", version=5),
        "{}/nodes.json: is a state of version 5, only version 4 is read. Update keelson.cluster",
    ),
    (
        "version true",
        state("nodes", version=True),
        "{}/nodes.json: is a state of version True, only version 4 is read.",
    ),
    (
        "encrypted",
        lambda world: world.write("nodes", ENCRYPTED),
        "{}/nodes.json: is encrypted by OpenTofu (key_provider.pbkdf2.main). Read it through",
    ),
    (
        "outputs as state",
        source(state="nodes.output.json"),
        "{}/nodes.output.json: is the text of `terraform output -json`, not a Terraform",
    ),
    (
        "state as outputs",
        source(outputs="nodes.json"),
        "{}/nodes.json: is a Terraform or OpenTofu state, not the text of `terraform output -json`. Write `state:`",
    ),
    (
        "shown as state",
        source(state="nodes.show.json"),
        "{}/nodes.show.json: is the text of `terraform show -json`, not",
    ),
    (
        "shown version 2",
        lambda world: (world.write("s", {"format_version": "2.0"}), source(show="s.json")(world)),
        "{}/s.json: has the format version '2.0'",
    ),
    (
        "shown nothing",
        lambda world: (world.write("s", {"format_version": "1.0"}), source(show="s.json")(world)),
        "{}/s.json: holds no values: nothing is applied.",
    ),
    (
        "plan with errors",
        lambda world: (world.write("s", {"format_version": "1.0", "errored": True}), source(show="s.json")(world)),
        "{}/s.json: is a plan that ended with errors.",
    ),
    (
        "workspace absent",
        source(state="nodes.json", workspace="qa"),
        "{}/terraform.tfstate.d/qa/nodes.json: does not exist, so there is no workspace qa.",
    ),
    (
        "workspace hostile",
        source(state="nodes.json", workspace="../x"),
        FILE + "stacks.nodes.workspace: is '../x', no name of a workspace.",
    ),
    (
        "workspace of what has none",
        source(show="nodes.show.json", workspace="qa"),
        FILE + "stacks.nodes.workspace: is given, but `show` knows no workspaces. Remove it and let `show` name what",
    ),
    # What stands in a state
    (
        "resources a text",
        state("nodes", resources="x"),
        "{}/nodes.json: resources is a string where a list is expected. The file is damaged",
    ),
    (
        "resource null",
        state("nodes", resources=[None]),
        "{}/nodes.json: resources[0] is a null where an object is expected.",
    ),
    (
        "resource without a type",
        state("nodes", resources=[{"mode": "managed", "name": "x"}]),
        "{}/nodes.json: resources[0].type is a null where a string",
    ),
    (
        "instances a text",
        state("nodes", resources=[{"mode": "managed", "type": "t", "name": "n", "instances": "x"}]),
        "{}/nodes.json: instances of t.n is a string",
    ),
    ("serial a text", state("nodes", serial="7"), "{}/nodes.json: serial is a string where a number is expected."),
    (
        "output without a value",
        state("network", outputs={"vlans": {"type": "string"}}),
        "{}/network.json: outputs.vlans has no value.",
    ),
    (
        "attributes null",
        instance(attributes=None),
        "{}/nodes.json: module.web.terraform_data.web[0] has no attributes (an old flat state).",
    ),
    (
        "index of an odd type",
        instance(index_key=[1]),
        "{}/nodes.json: module.web.terraform_data.web has the index [1], which is neither",
    ),
    (
        "nothing applied",
        state("nodes", resources=[], outputs={}),
        WEB + ".hosts: `nodes.resources.module.*.terraform_data.web`: {}/nodes.json holds no resources. Apply",
    ),
    (
        "all deposed",
        lambda world: state(
            "nodes",
            resources=[
                {
                    "mode": "managed",
                    "module": "module.web",
                    "type": "terraform_data",
                    "name": "web",
                    "instances": [{"deposed": "ab", "attributes": {}}],
                },
                {"mode": "managed", "type": "x", "name": "y", "instances": [{"attributes": {}}]},
            ],
        )(world),
        "every match in {}/nodes.json is skipped (module.web.terraform_data.web (deposed ab): deposed: it waits to be destroyed).",
    ),
    # A host
    (
        "address null",
        web("private_ip", None),
        "module.web.terraform_data.web[0] of {}/nodes.json: has no address: nothing at output.private_ip.",
    ),
    ("address empty", web("private_ip", ""), "has no address: nothing at output.private_ip."),
    (
        "address no address",
        web("private_ip", "web-0.local"),
        "has the text 'web-0.local' as its address, which is no IP address. Let `host.address`",
    ),
    (
        "address with octal",
        web("private_ip", "10.61.02.10"),
        "has the text '10.61.02.10' as its address, which is no IP address.",
    ),
    (
        "address outside",
        web("private_ip", "10.9.9.9"),
        WEB + ".hosts: web0 (module.web.terraform_data.web[0]) has the address 10.9.9.9, outside the networks",
    ),
    (
        "address a list",
        web("private_ip", ["10.61.2.10"]),
        "has a list at output.private_ip where its address is expected.",
    ),
    ("name empty", web("name", ""), "has no name: nothing at output.name."),
    ("name unicode", web("name", "wéb"), "has the text 'wéb' as its name, which no host can have."),
    ("name with a space", web("name", "web 0"), "has the text 'web 0' as its name, which no host can have."),
    (
        "name that climbs",
        web("name", "../../etc/passwd"),
        "has the text '../../etc/passwd' as its name, which no host can have.",
    ),
    ("name a template", web("name", "{{ lookup('pipe', 'id') }}"), "as its name, which no host can have."),
    ("name a range", web("name", "web[0:9]"), "has the text 'web[0:9]' as its name, which no host can have."),
    ("name with a newline", web("name", "web\n0"), "as its name, which no host can have."),
    ("name too long", web("name", "w" * 300), "as its name, which no host can have."),
    (
        "name of a group",
        web("name", "product_nodes"),
        "host product_nodes: has the name of a group (the host nodes of cluster product).",
    ),
    ("name all", web("name", "all"), "host all: has the name of a group (all hosts)."),
    (
        "name taken",
        web("name", "web1"),
        "two hosts have the name web1: module.web.terraform_data.web[0] of {}/nodes.json and module.web.terraform_data.web[1] of {}/nodes.json.",
    ),
    (
        "connect an option",
        lambda world: (web("c", "-oProxyCommand=id")(world), pool(host={"connect": "output.c"})(world)),
        "has the text '-oProxyCommand=id' to connect to, neither an address nor a DNS name.",
    ),
    (
        "name sensitive by mark",
        instance(
            sensitive_attributes=[[{"type": "get_attr", "value": "output"}, {"type": "get_attr", "value": "name"}]]
        ),
        "has its name at output.name, which is sensitive.",
    ),
    (
        "name sensitive by name",
        lambda world: (web("token", "t")(world), pool(host={"name": "output.token"})(world)),
        "has its name at output.token, which is sensitive.",
    ),
    # References
    (
        "unknown stack",
        pool(hosts="node.resources.terraform_data.web"),
        WEB
        + ".hosts: `node.resources.terraform_data.web` names the unknown stack node. Correct it; stacks there: nodes,",
    ),
    (
        "unknown resource",
        pool(hosts="nodes.resources.module.web.terraform_data.wbe"),
        "{}/nodes.json holds no resource of that address. Correct the address; addresses there: module.web.terraform_data.web.",
    ),
    (
        "unknown index",
        pool(hosts="nodes.resources.module.web.terraform_data.web[7]"),
        "without that index or attribute. Correct the address, and name an attribute by `host.address`; addresses there:",
    ),
    (
        "unknown output",
        pool(hosts="nodes.outputs.batch"),
        "`nodes.outputs.batch`: {}/nodes.json has no output batch. Declare it and apply the stack, or correct the name; outputs there:",
    ),
    (
        "path to nothing",
        cluster(networks="network.outputs.vlans.dmz"),
        FILE
        + "clusters.product.networks: `network.outputs.vlans.dmz`: the output vlans has nothing at that path. Correct the path; keys there: batch,",
    ),
    (
        "no reference",
        pool(hosts="terraform_data.web"),
        WEB + ".hosts: is the text 'terraform_data.web', no reference. Write STACK.resources.ADDRESS",
    ),
    ("template for a reference", pool(hosts="{{ web }}"), WEB + ".hosts: is the text '{{ web }}', no reference."),
    (
        "broken path",
        cluster(endpoint="network.outputs.a..b"),
        FILE + "clusters.product.endpoint: `network.outputs.a..b` has no path that can be read",
    ),
    (
        "open index",
        pool(hosts="nodes.resources.a.b[0"),
        WEB + ".hosts: `nodes.resources.a.b[0` has an index that is not closed.",
    ),
    (
        "resources for a value",
        cluster(endpoint="network.resources.a.b"),
        "names resources where one value is wanted. Name an output",
    ),
    (
        "sensitive output",
        cluster(vars={"token": "network.outputs.join_token"}),
        FILE
        + "clusters.product.vars.token: `network.outputs.join_token` is sensitive. Write `{sensitive: network.outputs.join_token}`",
    ),
    (
        "no list of hosts",
        pool(hosts="network.outputs.api_endpoint"),
        "`network.outputs.api_endpoint` is the text 'https://10.61.1.11:4646', no list of hosts.",
    ),
    (
        "list of numbers",
        lambda world: (
            state("network", outputs={**world.state("network")["outputs"], "n": {"value": [1]}})(world),
            pool(hosts="network.outputs.n")(world),
        ),
        "`network.outputs.n[0]` is int '1', no host.",
    ),
    (
        "zero hosts",
        lambda world: (
            state("network", outputs={**world.state("network")["outputs"], "n": {"value": []}})(world),
            pool(hosts="network.outputs.n")(world),
        ),
        WEB
        + ".hosts: `network.outputs.n` names no host at all. Apply the stack, correct the reference, or write `size: 0`",
    ),
    (
        "one host twice",
        lambda world: world.cluster()["pools"].update(other={"hosts": "nodes.resources.**.terraform_data.web[1]"}),
        FILE
        + "clusters.product.pools.other.hosts: module.web.terraform_data.web[1] of {}/nodes.json is claimed already by "
        + WEB
        + ".",
    ),
    (
        "two clusters claim one host",
        top(clusters=TWO),
        'terraform_data.server["m.3"] of {}/managers.json is claimed already by ' + FILE + "clusters.a.managers.",
    ),
    # The stacks file
    ("unknown key", top(hots={}), FILE.rstrip(": ") + ".hots: is unknown. Remove or correct it; keys there: host,"),
    ("no stacks", top(stacks={}), FILE + "stacks: names no stack."),
    ("stacks a list", top(stacks=[]), FILE + "stacks: is a list where a mapping is expected."),
    ("stack without a source", source(members="x"), FILE + "stacks.nodes: names no source. Give exactly one of: show,"),
    ("two sources", source(state="a", outputs="b"), FILE + "stacks.nodes: names more than one source: state, outputs."),
    (
        "unknown source",
        source(stat="a"),
        FILE + "stacks.nodes.stat: is unknown. Remove or correct it; keys there: state, static,",
    ),
    (
        "stack of a bad name",
        top(stacks={"My.Stack": {"state": "a"}}),
        FILE + "stacks.My.Stack: is the text 'My.Stack', no name of a stack.",
    ),
    ("path a number", source(state=7), FILE + "stacks.nodes.state: is 7, no path."),
    ("clusters empty", top(clusters={}), FILE + "clusters: is empty."),
    (
        "cluster of a bad name",
        top(clusters={"Product": {}}),
        FILE + "clusters.Product: is the text 'Product', no name of a cluster. Use small letters",
    ),
    ("cluster without an engine", cluster(engine=None), FILE + "clusters.product: has no engine."),
    ("cluster without managers", cluster(managers=None), FILE + "clusters.product: has no managers."),
    ("pool without hosts", pool(hosts=None), WEB + ": has no hosts."),
    ("pool with an unknown key", pool(label={}), WEB + ".label: is unknown. Remove or correct it; keys there: labels,"),
    (
        "pools of one group",
        lambda world: world.cluster()["pools"].update(
            {"a-b": {"hosts": "nodes.outputs.batch_hosts", "size": 0}, "a_b": {"hosts": "nodes.outputs.batch_hosts"}}
        ),
        "group product_pool_a_b: would hold pool a-b of cluster product and pool a_b of cluster product. Rename one of them.",
    ),
    (
        "group taken",
        lambda world: world.document["clusters"].update(product_nodes=world.cluster()),
        "group product_nodes: would hold the host nodes of cluster product and cluster product_nodes.",
    ),
    ("size negative", pool(size=-1), WEB + ".size: is int '-1', no number of hosts."),
    ("label a list", pool(labels={"a": [1]}), WEB + ".labels.a: is a list. Give a text, a number or a boolean."),
    ("host path broken", top(host={"name": "tags..Name"}), FILE + "host.name: is the text 'tags..Name', no path."),
    (
        "host path a template",
        top(host={"name": "{{ tags.Name }}"}),
        FILE + "host.name: is the text '{{ tags.Name }}', no path.",
    ),
    (
        "host with an unknown key",
        top(host={"adress": "x"}),
        FILE + "host.adress: is unknown. Remove or correct it; keys there: address,",
    ),
    (
        "reserved variable",
        cluster(vars={"cluster_name": "x"}),
        FILE + "clusters.product.vars.cluster_name: is set by the plugin itself.",
    ),
    ("no variable", cluster(vars={"a-b": 1}), FILE + "clusters.product.vars.a-b: is no name of a variable."),
    (
        "on_duplicate unknown",
        top(on_duplicate="last"),
        FILE + "on_duplicate: is the text 'last'. Choose one of: error, first, address.",
    ),
    (
        "network no network",
        cluster(networks={"a": "10.0.0.0"}),
        FILE + "clusters.product.networks.a: is the text '10.0.0.0', no network.",
    ),
    (
        "network with host bits",
        cluster(networks=["10.61.2.1/24"]),
        FILE + "clusters.product.networks.0: is 10.61.2.1/24, an address within the network 10.61.2.0/24.",
    ),
    ("networks a number", cluster(networks=7), FILE + "clusters.product.networks: is int '7', no networks."),
    ("networks none", cluster(networks=[]), FILE + "clusters.product.networks: lists no network."),
    ("endpoint a mapping", cluster(endpoint={}), FILE + "clusters.product.endpoint: is a mapping, no endpoint."),
    (
        "compose reserved",
        top(compose={"cluster_name": "x"}),
        FILE + "compose.cluster_name: is no name that a variable may have here.",
    ),
    ("compose broken", top(compose={"a": "1 +"}), FILE + "compose.a: `1 +` cannot be compiled:"),
    (
        "compose with an unknown filter",
        top(compose={"a": "1 | nope"}),
        FILE + "compose.a: `1 | nope` cannot be compiled: No filter named 'nope'.",
    ),
    (
        "compose that finds nothing",
        top(compose={"a": "output.zone"}),
        FILE + "compose.a: `output.zone`: m3 has nothing there.",
    ),
    (
        "compose of a secret",
        top(compose={"a": "output.password"}),
        FILE + "compose.a: `output.password` of m3 is sensitive.",
    ),
    (
        "compose that asks for a secret",
        top(compose={"a": "output['pass' ~ 'word']"}),
        FILE + "compose.a: `output['pass' ~ 'word']` fails for m3:",
    ),
    (
        "compose that climbs into Python",
        top(compose={"a": "output.__class__.__mro__ | string"}),
        FILE + "compose.a: `output.__class__.__mro__ | string` fails for m3:",
    ),
    (
        "keyed group taken",
        top(keyed_groups=[{"key": "cluster_name"}]),
        FILE + "keyed_groups[0].key: would put m3 into product, a name that the clusters use.",
    ),
    # Members
    (
        "pool without members",
        lambda world: (
            state(
                "nodes",
                resources=[
                    {
                        "mode": "managed",
                        "type": "aws_autoscaling_group",
                        "name": "web",
                        "instances": [{"attributes": {"name": "asg"}}],
                    }
                ],
            )(world),
            pool(hosts="nodes.resources.aws_autoscaling_group.web")(world),
        ),
        WEB
        + ".hosts: aws_autoscaling_group.web of {}/nodes.json makes servers that no state lists, and no members of it are known. Give",
    ),
    (
        "members of no pool",
        lambda world: (world.write("m", {"asg": []}), source(state="nodes.json", members="m.json")(world)),
        "{}/m.json: asg: is no pool of {}/nodes.json. Correct the name, or give the text of `aws ec2 describe-instances`; there are no pools.",
    ),
    (
        "members a number",
        source(state="nodes.json", members=7),
        FILE + "stacks.nodes.members: is 7. Give the path of a file, or one of: file, command, ec2.",
    ),
    # Stacks that describe themselves
    (
        "described by nobody",
        lambda world: (world.document.pop("clusters"), world.document["stacks"].pop("nodes")),
        "{}/product.stacks.yml: has no `clusters:`, and no stack has an output named clusters.",
    ),
    (
        "described with a reference",
        described({"c": {"engine": "nomad", "managers": {"hosts": "managers.resources.**"}}}),
        SELF + ".c.managers.hosts: is the text 'managers.resources.**', no reference. Write hosts in place.",
    ),
    (
        "described with a connection",
        described({"c": {"engine": "nomad", "managers": {"hosts": []}, "vars": {"ansible_connection": "local"}}}),
        SELF + ".c.vars.ansible_connection: would let a stack decide how Ansible connects.",
    ),
    (
        "described with a switch",
        described({"c": {"engine": "nomad", "managers": {"hosts": []}, "vars": {"cluster_no_log": False}}}),
        SELF + ".c.vars.cluster_no_log: is none of the variables that a stack may set. Set it in group_vars",
    ),
    ("described as a text", described("x"), SELF + ": is the text 'x' where a mapping is expected."),
    # Pulumi, CloudFormation, static, command
    ("Pulumi version 1", pulumi(version=1), "{}/pulumi.json: is of version 1, only 3 and 4 are read."),
    (
        "Pulumi without a deployment",
        pulumi(deployment=None, checkpoint={}),
        "{}/pulumi.json: holds no deployment: nothing is applied.",
    ),
    (
        "CloudFormation deleted",
        status("DELETE_COMPLETE"),
        "{}/cloudformation.json: the stack shop is in DELETE_COMPLETE: there is nothing to use.",
    ),
    (
        "CloudFormation rolled back",
        status("ROLLBACK_COMPLETE"),
        "{}/cloudformation.json: the stack shop is in ROLLBACK_COMPLETE",
    ),
    (
        "CloudFormation broken",
        status("UPDATE_ROLLBACK_FAILED"),
        "{}/cloudformation.json: the stack shop is broken: UPDATE_ROLLBACK_FAILED. Repair it",
    ),
    (
        "two CloudFormation stacks",
        lambda world: (world.write("cf", {"Stacks": [{}, {}]}), source(cloudformation="cf.json")(world)),
        "{}/cf.json: describes 2 stacks.",
    ),
    (
        "static no YAML",
        lambda world: (world.write("s", "a: [1"), source(static="s.json")(world)),
        "{}/s.json: is not YAML at line 1 column 6.",
    ),
    (
        "static a list",
        lambda world: (world.write("s", "- a"), source(static="s.json")(world)),
        "{}/s.json: is no mapping of names.",
    ),
    (
        "static with a tag",
        lambda world: (world.write("s", "a: !!python/object/apply:os.system [id]"), source(static="s.json")(world)),
        "{}/s.json: is not YAML at line 1 column 4.",
    ),
    (
        "command absent",
        source(command=["no-such-program"]),
        FILE
        + "stacks.nodes.command: no-such-program cannot be run: no such file or directory. Install it, or give its path.",
    ),
    (
        "command fails",
        source(command=["sh", "-c", "echo no token >&2; exit 3"]),
        FILE + "stacks.nodes.command: sh failed with code 3: no token. Make it work by hand first.",
    ),
    (
        "command with an open quote",
        source(command="echo 'x"),
        FILE + 'stacks.nodes.command: is "echo \'x", no command.',
    ),
    ("command silent", source(command="true"), FILE + "stacks.nodes.command: is empty."),
    ("pull of no folder", source(pull="gone"), FILE + "stacks.nodes.pull: {}/gone: is no folder."),
    (
        "pull of a folder not initialised",
        uninitialised,
        FILE
        + "stacks.nodes.pull: {}: is not initialised: {}/tf failed with code 1: Error: Backend initialization required. Run `tf init`",
    ),
    # Backends, as far as no server is needed
    ("http without an address", source(http={"username": "x"}), FILE + "stacks.nodes.http: has no address."),
    ("http of another scheme", source(http="ftp://x"), "stacks.nodes.http: ftp://x: 'ftp://x' is no HTTP address."),
    (
        "http with an unknown key",
        source(http={"address": "http://x", "pasword": "y"}),
        "stacks.nodes.http.pasword: is unknown. Remove or correct it; keys there: password,",
    ),
    (
        "http with a text as timeout",
        source(http={"address": "http://x", "timeout": "5"}),
        "stacks.nodes.http.timeout: is '5'. Give seconds.",
    ),
    (
        "http refused",
        source(http="http://127.0.0.1:1/state"),
        "http://127.0.0.1:1/state: cannot be reached: connection refused. Correct the address, or start the server.",
    ),
    (
        "http with credentials in the address",
        source(http="https://ann:known-secret@127.0.0.1:1/state"),
        FILE + "stacks.nodes.http: has credentials in its address. Give them as `username` and `password`.",
    ),
    (
        "http with a token in the address",
        source(http="http://127.0.0.1:1/state?token=known-secret"),
        "stacks.nodes.http: http://127.0.0.1:1/state: cannot be reached: connection refused.",
    ),
    (
        "tfe with a line break in its token",
        source(tfe={"organization": "a", "workspace": "w", "hostname": "127.0.0.1:1", "token": "known-secret\nx"}),
        "127.0.0.1:1/a/w: has an address or credentials that no request can carry. Look for a line break in them.",
    ),
    ("s3 without a key", source(s3="s3://bucket"), "stacks.nodes.s3.key: is ''. Give a text."),
    ("tfe without a workspace", source(tfe={"organization": "acme"}), "stacks.nodes.tfe: has no workspace."),
    (
        "tfe without a token",
        source(tfe={"organization": "acme", "workspace": "w", "hostname": "tfe.example.org"}),
        "tfe.example.org/acme/w: has no token. Run `terraform login tfe.example.org`, or set TF_TOKEN_tfe_example_org.",
    ),
    *(
        (
            f"what is no stack, {key}",
            lambda world, key=key, value=value: world.write("nodes", {key: value}),
            f"{{}}/nodes.json: is {what}, no stack. {remedy}",
        )
        for key, value, what, remedy in [
            ("Reservations", [], "a list of EC2 instances", "Give it as `members:` beside the stack"),
            (
                "Resources",
                {"W": {"Type": "AWS::EC2::Instance"}},
                "a template of CloudFormation",
                "Give what `aws cloudformation desc",
            ),
            ("StackSummaries", [], "a list of stacks", "Give what `aws cloudformation describe-stacks`"),
            ("steps", [], "a preview of Pulumi", "Give what `pulumi stack export` prints."),
            (
                "data",
                {"type": "state-versions"},
                "an answer of the API of HCP Terraform",
                "Read the workspace by `tfe:`.",
            ),
            ("_meta", {}, "an inventory of Ansible", "Give it to Ansible itself."),
        ]
    ),
    (
        "a plan as it is saved",
        lambda world: world.write("nodes", b"PK\x03\x04\0"),
        "nodes.json: is a plan as the tool saves it. Print it by `show -json`, and give that to `show:`.",
    ),
    (
        "what another command prints",
        lambda world: (
            world.write("nodes", {"format_version": "1.0", "valid": True}) or source(show="nodes.json")(world)
        ),
        "nodes.json: holds no values: it is of another command. Give what `show -json` prints of a state or a plan.",
    ),
    (
        "a query of a description",
        lambda world: world.write("nodes", [{"OutputKey": "a", "OutputValue": "b"}]),
        "whole and without a filter such as `--query` or `jq`.",
    ),
    *(
        (
            f"a network of everything, {text}",
            cluster(networks={"all": text}),
            f"networks.all: is {text}, every address there is. Write what hosts are in.",
        )
        for text in ("0.0.0.0/0", "::/0")
    ),
    ("cache folder a number", top(cache_folder=7), FILE + "cache_folder: is int '7', no path."),
]


@pytest.mark.parametrize(("bend", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_fault(world: World, bend: Bend, message: str) -> None:
    bend(world)
    with pytest.raises(StackError) as caught:
        world.load()
    assert message.replace("{}", str(world.folder)) in str(caught.value)
    assert "known-secret" not in str(caught.value)


def test_there_are_enough_cases_and_each_has_a_name_of_its_own() -> None:
    assert len({case[0] for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("where", ["hosts", "vars"])
@pytest.mark.parametrize("text", ["bomb", "x: &x [*x]\n", "x: &x {a: {b: *x}}\n"])
def test_aliases_that_unpack_to_too_much(world: World, text: str, where: str) -> None:
    if text == "bomb":
        lines = [f"{name}: &{name} [{', '.join(['*' + last] * 9)}]" for last, name in zip("abcdefgh", "bcdefghx")]
        text = "a: &a [z, z, z, z, z, z, z, z, z]\n" + "\n".join(lines)
    (world.folder / "s.yml").write_text("web: [10.61.2.10]\n" + text)
    world.document["stacks"]["s"] = {"static": "s.yml"}
    if where == "vars":
        world.cluster()["vars"] = {"x": "s.outputs.x"}
    else:
        world.cluster()["pools"]["web"] = {"hosts": "s.outputs.x"}
    with pytest.raises(StackError, match=r"s\.yml: unpacks to more than 10000000 values: aliases of aliases"):
        world.load()


@pytest.mark.parametrize("name", ["pulumi", "state"])
def test_values_nested_too_deeply(world: World, name: str) -> None:
    mark = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "plaintext": "[" * 50_000 + "]" * 50_000,
    }
    stack = {
        "urn": "urn:pulumi:a::b::pulumi:pulumi:Stack::c",
        "type": "pulumi:pulumi:Stack",
        "custom": False,
        "outputs": {"x": mark},
    }
    deep = '{"version": 4, "outputs": {"x": {"value": ' + "[" * 990 + "1" + "]" * 990 + "}}}"
    world.write("d", {"version": 3, "deployment": {"resources": [stack]}} if name == "pulumi" else deep)
    world.document["stacks"]["d"] = {name: "d.json"}
    world.cluster()["vars"] = {"x": {"sensitive": "d.outputs.x"} if name == "pulumi" else "d.outputs.x"}
    with pytest.raises(StackError, match="holds a secret that is not JSON|nested too deeply to be read"):
        world.load()


@pytest.mark.parametrize("members", [1, 3])
def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit(
    world: World, monkeypatch: pytest.MonkeyPatch, members: int
) -> None:
    monkeypatch.setattr(documents, "LIMIT", 1 << 20)
    world.write("nodes", gzip.compress(b" " * (60 << 20)) * members)
    tracemalloc.start()
    with pytest.raises(StackError, match=r"nodes\.json: unpacks to more than 1 MiB\. Name the state itself"):
        world.load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
