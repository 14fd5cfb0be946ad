# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugin as Ansible runs it: what is listed, what an error leaves, and that no text of a stack is ever a template.

KEELSON_TEST_ANSIBLE may name the folder of the programs of another ansible-core that is supported.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from stacks_world import World

PROGRAMS = pathlib.Path(os.environ.get("KEELSON_TEST_ANSIBLE") or pathlib.Path(sys.executable).parent)
ROOT = pathlib.Path(__file__).parents[3]


def ansible(
    world: World, program: str, *arguments: str, strict: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run an Ansible program in the test's folder, on its stacks file where no other inventory is given."""
    pathlib.Path(world.path).write_text(json.dumps(world.document))
    (world.folder / "ansible.cfg").touch()
    settings = {
        "ANSIBLE_CONFIG": str(world.folder / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_INVENTORY_ENABLED": "keelson.cluster.stacks,ansible.builtin.yaml",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": str(strict),
        "ANSIBLE_HOME": str(world.folder / "home"),
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "5000",
        **environment,
    }
    given = [] if "-i" in arguments or program == "ansible-vault" else ["-i", world.path]
    return subprocess.run(
        [PROGRAMS / program, *given, *arguments],
        cwd=world.folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def listed(world: World) -> dict[str, Any]:
    done = ansible(world, "ansible-inventory", "--list", "--export")
    assert done.returncode == 0, done.stderr
    # Ansible wraps text that it must not template.
    result: dict[str, Any] = json.loads(done.stdout, object_hook=lambda value: value.get("__ansible_unsafe", value))
    return result


def said(world: World, host: str, message: str, *arguments: str) -> str:
    """What debug shows of a message on a host."""
    done = ansible(
        world, "ansible", host, "-m", "ansible.builtin.debug", "-a", json.dumps({"msg": message}), *arguments
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_listing(world: World) -> None:
    result = listed(world)
    assert result["product"]["children"] == ["product_managers", "product_nodes"]
    assert result["product_pool_web"]["hosts"] == ["web0", "web1"]
    assert result["environment_prod"]["children"] == ["product"]
    assert result["product"]["vars"]["cluster_networks"]["web"] == "10.61.2.0/24"
    web = result["_meta"]["hostvars"]["web0"]
    assert (web["ansible_host"], web["cluster_part"], web["cluster_pool"], web["cluster_labels"]) == (
        "10.61.2.10",
        "node",
        "web",
        {"tier": "web"},
    )
    assert web["stack"]["address"] == "module.web.terraform_data.web[0]"


def enroll(world: World, *arguments: str) -> str:
    """What the playbook prints that lets hosts into a pool, on managers that are this machine, where it changes nothing."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "cluster_become": False}
    given = json.dumps({**local, "cluster_no_log": False, "enroll_document": str(world.folder / "join.json")})
    done = ansible(
        world, "ansible-playbook", str(ROOT / "playbooks" / "enroll.yml"), "--check", "--diff", "-e", given, *arguments
    )
    assert not (world.folder / "join.json").exists()
    return done.stdout + done.stderr


def test_a_pool_without_a_host_lets_hosts_in(world: World) -> None:
    world.cluster()["pools"]["burst"] = {"size": 0, "labels": {"tier": "burst"}}
    said = enroll(world, "-e", "cluster=product", "-e", "enroll_pool=burst")
    assert "after: /etc/keelson/product/pools/burst.json" in said, said
    for part in ('"tier": "burst"', '"node_pool": "burst"', '"name": "NAME.placeholder"'):
        assert part in said, part
    said = enroll(world, "-e", "cluster=product", "-e", "enroll_pool=bust")
    assert "declares no pool bust of the cluster product; it has web, batch, burst. A pool" in " ".join(said.split()), (
        said
    )
    assert "burst.json" not in said


def test_text_of_a_stack_is_never_a_template(world: World) -> None:
    state = world.state("managers")
    instance = state["resources"][1]["instances"][0]["attributes"]["output"]["value"]
    header = "#jinja2: variable_start_string:'<<', variable_end_string:'>>'\n<< 7 * 7 >>"
    instance["tags"] = {
        "Name": "{{ 7 * 7 }}",
        "statement": "{% set x = 7 %}{{ x * 7 }}",
        "header": header,
        "{{ 7 * 7 }}": "key",
    }
    world.write("managers", state)
    world.document["compose"] = {"tag": "output.tags.Name", "every": "output.tags", "joined": "output.tags.Name ~ 'x'"}
    world.document["strict"] = False
    world.cluster()["vars"] = {
        "of_a_stack": "nodes.outputs.clusters.described.vars.motd",
        "of_the_file": "{{ cluster_name }}",
    }
    shown = said(world, "m3", "{{ tag }} {{ every }} {{ joined }} {{ of_a_stack }} {{ of_the_file }}")
    assert "49" not in shown and "uid=" not in shown
    assert "{{ 7 * 7 }}x" in shown and "{{ lookup(" in shown and "product" in shown
    assert "49" not in json.dumps(listed(world)["_meta"]["hostvars"]["m3"])


def test_described_cluster_is_text_too(world: World) -> None:
    del world.document["clusters"]
    assert "uid=" not in said(world, "d1", "{{ motd }}")


MARK = "made-by-a-stack"
HOSTILE = {
    "expression": f'lookup("pipe","touch {MARK}") == ""',
    "template": f"{{{{ lookup('pipe', 'touch {MARK}') }}}}",
    "statement": f"{{% if lookup('pipe', 'touch {MARK}') %}}x{{% endif %}}",
    "header": f"#jinja2: variable_start_string:'<<', variable_end_string:'>>'\n<< lookup('pipe', 'touch {MARK}') >>",
    "word": "playbook_dir",
}
# What may be done with a variable x; none of it may do what x says.
CONSTRUCTS: list[dict[str, Any]] = [
    {"debug": {"msg": "{{ x }}"}},
    {"debug": {"var": "x"}},
    {"debug": {"var": "{{ x }}"}},
    {"debug": {"msg": "met"}, "when": "{{ x }}"},
    {"debug": {"msg": "met"}, "when": ["x", "{{ x }}"]},
    {"assert": {"that": "{{ x }}"}},
    {"assert": {"that": ["{{ x }}"]}},
    {"debug": {"msg": "{{ item }}"}, "loop": "{{ x }}"},
    {"debug": {"msg": "{{ item }}"}, "loop": ["{{ x }}"], "when": "{{ item }}"},
    {"debug": {"msg": "{{ item }}"}, "with_items": "{{ x }}"},
    {"debug": {"msg": "{{ item }}"}, "with_dict": {"a": "{{ x }}"}},
    {"debug": {"msg": "seen"}, "until": "{{ x }}", "retries": 1, "delay": 0},
    {"debug": {"msg": "seen"}, "failed_when": "{{ x }}"},
    {"debug": {"msg": "seen"}, "changed_when": "{{ x }}"},
    {"debug": {"msg": "{{ lookup('vars', x) }}"}},
    {"debug": {"msg": "{{ lookup(x) }}"}},
    {"debug": {"msg": "{{ [x] | map('upper') | list }} {{ x | default('') | string }}"}},
    {"debug": {"msg": "{{ y }}"}, "vars": {"y": "{{ x }}"}, "when": "{{ y }}"},
    {"set_fact": {"z": "{{ x }}"}},
    {"debug": {"msg": "{{ z }}"}, "when": "{{ z }}"},
    {"debug": {"msg": "{{ hostvars[inventory_hostname].x }} {{ groups.keys() }} {{ group_names }}"}},
    {"group_by": {"key": "of_{{ x }}"}},
    {"add_host": {"name": "added", "y": "{{ x }}"}},
    {"copy": {"content": "{{ x }}", "dest": "written", "mode": "0600"}, "delegate_to": "localhost"},
    {"template": {"src": "t.j2", "dest": "written", "mode": "0600"}},
]


def hostile(world: World, text: str) -> None:
    """A stacks file that brings TEXT to hosts in every way it knows."""
    managers, network = world.state("managers"), world.state("network")
    for instance in managers["resources"][1]["instances"]:
        instance["attributes"]["output"]["value"]["tags"] = {"Name": text, text: text}
    world.write("managers", managers)
    network["outputs"].update({name: {"value": text, "sensitive": name == "b"} for name in "ab"})
    world.write("network", network)
    name = "output.tags.Name"
    world.document["compose"] = {
        "c0": name, "c1": f"{name} ~ ''", "c2": "output.tags", "c3": f"[{name}]", "c4": f"{name} | string | trim", "c5": f"'%s' | format({name})",
        "c6": f"{name} | to_json | from_json", "c7": f"cluster_labels.a ~ {name}", "c8": f"{name} | replace('q', 'Q') | default('d')",
    }  # fmt: skip
    world.document["groups"] = {"named": f"{name} is defined"}
    world.document["keyed_groups"] = [{"key": name, "prefix": "k"}, {"key": "output.tags", "prefix": "t"}]
    cluster = world.cluster()
    del cluster["pools"]
    cluster["managers"]["labels"] = {"a": "b"}
    if "\n" not in text:  # no engine takes a label of two lines
        cluster["managers"]["labels"]["l"] = "network.outputs.a"
    cluster["vars"] = {
        "v0": "network.outputs.a", "v1": {"sensitive": "network.outputs.b"}, "v2": ["network.outputs.a"], "v3": {"k": "network.outputs.a"},
    }  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_construct_evaluates_text_of_a_stack(world: World, kind: str) -> None:
    hostile(world, HOSTILE[kind])
    (world.folder / "t.j2").write_text("{{ x }} {% if x %}{% endif %}")
    local = {"ansible_connection": "local", "ansible_python_interpreter": str(PROGRAMS / "python3")}
    tasks = [
        {"block": [{**task, "ignore_errors": True} for task in CONSTRUCTS], "vars": {"x": f"{{{{ {way} }}}}"}}
        for way in ("c0", "c5", "v0", "v1")
    ]
    play = {"hosts": "m1", "gather_facts": False, "vars": local, "tasks": tasks}
    (world.folder / "play.yml").write_text(json.dumps([play]))
    done = ansible(world, "ansible-playbook", "play.yml", "-v")
    assert "PLAY RECAP" in done.stdout, done.stdout + done.stderr
    assert not list(world.folder.rglob(MARK))
    if kind == "word":
        assert '"msg": "met"' not in done.stdout and f'"playbook_dir": "{world.folder}' not in done.stdout
    assert MARK in done.stdout or kind == "word", "the text itself is shown"


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_of_a_stack_is_marked_as_trusted(world: World, kind: str) -> None:
    hostile(world, HOSTILE[kind])
    listed = json.loads(ansible(world, "ansible-inventory", "--list", "--export").stdout)

    def trusted(value: Any) -> Iterator[str]:
        if isinstance(value, dict) and not any(key.startswith("__ansible_") for key in value):
            yield from (text for item in value.values() for text in trusted(item))
        elif isinstance(value, list):
            yield from (text for item in value for text in trusted(item))
        elif isinstance(value, str):
            yield value

    file = {"b", "nomad", "product", "prod", "managers"}
    ours = file | {"", "default", "manager", "terraform"}  # words of the collection
    assert set(trusted(listed["_meta"]["hostvars"])) | set(trusted(listed["product"]["vars"])) <= ours
    assert not [group for group in listed if not re.fullmatch(r"\w+", group)]


@pytest.mark.parametrize("strict", [True, False])
def test_an_error_leaves_nothing_and_its_message_survives(world: World, strict: bool) -> None:
    (world.folder / "good.yml").write_text("all: {hosts: {other: {}}}\n")
    world.cluster()["pools"]["web"]["hosts"] = "nodes.resources.module.web.terraform_data.wbe"
    done = ansible(world, "ansible-inventory", "-i", "good.yml", "-i", world.path, "--list", strict=strict)
    message = (
        f"{world.path}: clusters.product.pools.web.hosts: `nodes.resources.module.web.terraform_data.wbe`: {world.folder}/nodes.json "
        "holds no resource of that address. Correct the address; addresses there: module.web.terraform_data.web."
    )
    assert message in done.stderr
    assert (done.returncode != 0) is strict
    if not strict:
        assert f"[ERROR]: {message}" in done.stderr
        result = json.loads(done.stdout)
        assert not [group for group in result if group.startswith(("product", "clusters", "stack_", "environment_"))]
        assert re.findall(r'"(m1|web0|10\.61\.[0-9.]+)"', done.stdout) == []
        assert "other" in done.stdout


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"hosts": {"web0": {"ansible_host": "10.0.0.9"}}},
            "host web0 at 10.61.2.10, and another inventory has it at 10.0.0.9",
        ),
        ({"children": {"web0": {"hosts": {"a": {}}}}}, "host web0, the name of a group of another inventory"),
        (
            {"hosts": {"web0": {"x": 1}}, "children": {"own": {"hosts": {"web0": {}}}, "product": {"vars": {"y": 2}}}},
            "",
        ),
    ],
)
def test_a_host_of_a_stack_takes_nobodys_name(world: World, other: dict[str, Any], message: str) -> None:
    (world.folder / "a.yml").write_text(json.dumps({"all": other}))
    done = ansible(world, "ansible-inventory", "-i", "a.yml", "-i", world.path, "--list")
    assert (done.returncode != 0) is bool(message) and message in done.stderr
    done = ansible(world, "ansible-inventory", "-i", world.path, "-i", "a.yml", "-i", world.path, "--list")
    assert message or done.returncode == 0, done.stderr


def test_two_stacks_files_share_no_name(world: World) -> None:
    def both(text: str) -> str:
        (world.folder / "b.stacks.yml").write_text(text)
        return ansible(world, "ansible-inventory", "-i", world.path, "-i", "b.stacks.yml", "--list").stderr

    pathlib.Path(world.path).write_text(text := json.dumps(world.document))
    assert f"b.stacks.yml: has the cluster product, and so has {world.path}. Rename it" in both(text)
    text = text.replace('"product"', '"other"')
    assert f"b.stacks.yml: has the host m3, and so has {world.path}. Rename it" in both(text)


def test_a_late_error_leaves_nothing_either(world: World) -> None:
    world.document["compose"] = {"x": "output.nothing"}
    done = ansible(world, "ansible-inventory", "--list", strict=False)
    assert "`output.nothing`: m3 has nothing there" in done.stderr
    assert json.loads(done.stdout)["_meta"]["hostvars"] == {}


def test_secrets_are_printed_nowhere(world: World) -> None:
    secret = {"sensitive": "network.outputs.join_token"}
    world.cluster()["vars"] = {"token": secret, "app": {"peers": [{"token": secret}]}}
    done = ansible(world, "ansible-inventory", "--list", "--export", "-vvvv")
    assert done.returncode == 0
    assert "known-secret" not in done.stdout + done.stderr
    assert "__ansible_vault" in done.stdout
    for text in ("{{ token }}", "{{ app.peers[0].token }}"):
        assert "known-secret-1" in said(world, "m1", text), "what was asked for by name can be used"
    (world.folder / "password").write_text("swordfish")
    done = ansible(world, "ansible-inventory", "--list", "--export", "--vault-password-file", "password")
    (world.folder / "token").write_text(json.loads(done.stdout)["product"]["vars"]["token"]["__ansible_vault"])
    opened = ansible(world, "ansible-vault", "view", "--vault-password-file", "password", "token")
    assert opened.stdout.strip() == "known-secret-1"


def test_lookup_and_modules(world: World) -> None:
    play = [{
        "hosts": "localhost",
        "gather_facts": False,
        "connection": "local",
        "vars": {"ansible_python_interpreter": str(PROGRAMS / "python3")},
        "tasks": [
            {"ansible.builtin.debug": {"msg": "{{ lookup('keelson.cluster.stack_output', 'network.outputs.vlans.web') }}"}},
            {"ansible.builtin.debug": {"msg": "{{ lookup('keelson.cluster.stack_output', 'nodes.outputs.clusters.described.vars.motd') }}"}},
            {"keelson.cluster.stack_info": {"stacks": {"network": {"state": "network.json"}}, "folder": str(world.folder)}, "register": "info"},
            {"ansible.builtin.debug": {"msg": "{{ info.stacks.network.outputs.vlans.web }} without {{ info.stacks.network.sensitive_outputs }}"}},
            {"keelson.cluster.stack_report": {"file": world.path, "dest": str(world.folder / "page.html")}},
        ],
    }]  # fmt: skip
    (world.folder / "play.yml").write_text(json.dumps(play))
    done = ansible(world, "ansible-playbook", "play.yml", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"msg": "10.61.2.0/24"' in done.stdout and "{{ lookup('pipe', 'id') }}" in done.stdout
    assert "10.61.2.0/24 without ['join_token']" in done.stdout
    assert "known-secret" not in done.stdout
    assert (world.folder / "page.html").read_text().startswith("<!doctype html>")


def test_inventory_report_playbook(world: World) -> None:
    dest = {"inventory_report_directory": str(world.folder / "report")}
    done = ansible(world, "ansible-playbook", str(ROOT / "playbooks" / "inventory_report.yml"), "-e", json.dumps(dest))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"6 hosts: {world.folder}/report/inventory.html" in done.stdout
    page = (world.folder / "report" / "inventory.html").read_text()
    assert "<svg" in page and "10.61.2.10" in page and "What is no host, and why" in page
