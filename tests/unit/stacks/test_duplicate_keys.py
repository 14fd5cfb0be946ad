# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key that stands twice in one object: the last one would count without a word."""

from __future__ import annotations

import gzip
import re

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import documents, load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from stacks_world import World, one

STATE = """{"version": 4, "serial": 1, "resources": [
  {"mode": "managed", "type": "aws_instance", "name": "w", "instances": [
    {"attributes": {"id": "w", "private_ip": "10.0.0.1", "tags": {"id": "a"},
      "private_ip": "10.0.0.2"}}]}]}
"""


def test_a_state_says_where(world: World) -> None:
    for text in (STATE.encode(), gzip.compress(STATE.encode()), b"\xef\xbb\xbf" + STATE.encode()):
        world.write("s", text)
        with pytest.raises(StackError) as caught:
            one(world, {"state": "s.json"}, "s.resources.aws_instance.w")
        assert str(caught.value) == (
            f"{world.folder}/s.json: holds 'private_ip' twice in one object, the second at line 4 column 7, "
            "and which of them counts is unknown. Fetch it again, or correct what writes it."
        )
    world.write("s", STATE.replace('"private_ip": "10.0.0.2"', '"public_ip": "10.0.0.2"'))
    assert list(one(world, {"state": "s.json"}, "s.resources.aws_instance.w").hosts) == ["w"]


@pytest.mark.parametrize(
    ("text", "at"),
    [('{"a": 1,\n "a": 2}', "line 2 column 2"), (r'{"a": 1, "\u0061": 2}', "line 1 column 10"),
     (r'{"b": [{"a\"{": 1}, {"a\"{": 2, "a\"{": 3}]}', "line 1 column 33")],
)  # fmt: skip
def test_in_every_json(text: str, at: str) -> None:
    with pytest.raises(StackError, match=rf"twice in one object, the second at .*{at},"):
        documents.load_json(text.encode(), "f")


@pytest.mark.parametrize("text", ['{"a": {"a": 1}, "b": {"a": 1}}', '{"a": "a\\": \\"a", "b": "{"}'])
def test_one_name_in_two_objects_is_fine(text: str) -> None:
    assert documents.load_json(text.encode(), "f")


def test_yaml_too(world: World) -> None:
    path = world.folder / "s.yml"
    path.write_text("web: [{name: a, address: 10.0.0.1}]\nweb: [{name: b, address: 10.0.0.2}]\n")
    with pytest.raises(StackError, match=re.escape("s.yml: holds 'web' twice at line 2 column 1. Correct it.")):
        one(world, {"static": "s.yml"}, "s.outputs.web")
    with pytest.raises(StackError, match="holds 'web' twice"):
        load.document(str(path))
    path.write_text("base: &base {address: 10.0.0.1, name: x}\nweb: [{<<: *base, name: b}]\n")
    assert list(one(world, {"static": "s.yml"}, "s.outputs.web").hosts) == ["b"]
