# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference language and dotted paths."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import paths, reference


@pytest.mark.parametrize(
    ("pattern", "address", "matches"),
    [
        ("aws_instance.web", "aws_instance.web", True),
        ("aws_instance.web", "aws_instance.web[0]", True),
        ("aws_instance.web", 'aws_instance.web["a.b"]', True),
        ("aws_instance.web", "aws_instance.web2", False),
        ("aws_instance.web", "module.x.aws_instance.web", False),
        ("aws_instance.web[0]", "aws_instance.web[0]", True),
        ("aws_instance.web[0]", "aws_instance.web[01]", False),
        ("aws_instance.web[0]", "aws_instance.web[1]", False),
        ("aws_instance.web[0]", "aws_instance.web", False),
        ('aws_instance.web["a.b"]', 'aws_instance.web["a.b"]', True),
        ('aws_instance.web["a*"]', 'aws_instance.web["abc"]', True),
        ('aws_instance.web["a*"]', 'aws_instance.web["a.c"]', False),
        ('aws_instance.web["a**"]', 'aws_instance.web["a.c"]', True),
        ("aws_instance.*", 'aws_instance.web["a.b"]', True),
        ("aws_instance.*", "aws_instance.web.x", False),
        ("*.web", "aws_instance.web[2]", True),
        ("module.*.aws_instance.web", 'module.pool["eu.west"].aws_instance.web[0]', True),
        ("module.*.aws_instance.web", "module.a.module.b.aws_instance.web", False),
        ("module.**.aws_instance.web", 'module.a["x"].module.b.aws_instance.web[1]', True),
        ("module.pool.aws_instance.web", 'module.pool["eu"].aws_instance.web[0]', True),
        ('module.pool["eu"].aws_instance.web', 'module.pool["us"].aws_instance.web[0]', False),
        ("**aws_instance.web", "aws_instance.web", True),
        ("**.aws_instance.*", "aws_instance.web[0]", True),
        ("**.aws_instance.*", 'module.a["x.y"].aws_instance.web[0]', True),
        ("**.aws_instance.*", "my_aws_instance.web", False),
        ("module.a.**.aws_instance.web", "module.a.aws_instance.web", True),
        ("module.a.**.aws_instance.web", "module.ab.aws_instance.web", False),
        ("aws_**.web", "aws_instance.web", True),
        ("**", 'module.a["x"].aws_instance.web[1]', True),
        ("aws_inst*ce.web", "aws_instance.web", True),
        ("aws_instance.web[*]", "aws_instance.web[7]", True),
        ("aws_instance.we(b", "aws_instance.we(b", True),
        ("aws_instance.we.", "aws_instance.web", False),
    ],
)
def test_address(pattern: str, address: str, matches: bool) -> None:
    parsed = reference.parse(f"s.resources.{pattern}").pattern
    assert parsed is not None
    assert (parsed.fullmatch(address) is not None) is matches


def test_output_reference() -> None:
    parsed = reference.parse('net.outputs.vlans.a[0]["x.y"]')
    assert (parsed.stack, parsed.name, parsed.path) == ("net", "vlans", ("a", 0, "x.y"))


@pytest.mark.parametrize(
    "text", ["net.outputs", "outputs.x", "net.things.x", "", "net", "10.0.0.1:4646", "https://a.outputs/x"]
)
def test_no_reference(text: str) -> None:
    assert not reference.is_reference(text)


@pytest.mark.parametrize(
    "text", ["s.outputs..x", "s.outputs.a..b", "s.outputs.a[", "s.outputs.a b", "s.resources.a.b[0"]
)
def test_broken_reference(text: str) -> None:
    with pytest.raises(ValueError):
        reference.parse(text)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("name", ("name",)),
        ("tags.Name", ("tags", "Name")),
        ("a.0.b", ("a", "0", "b")),
        ("a[0].b", ("a", 0, "b")),
        ('tags["a.b"].c', ("tags", "a.b", "c")),
        ('t["a\\"b"]', ("t", 'a"b')),
        ("tags.kubernetes.io/x", ("tags", "kubernetes", "io/x")),
    ],
)
def test_path(text: str, steps: tuple[object, ...]) -> None:
    assert paths.parse(text) == steps


@pytest.mark.parametrize("text", ["", ".a", "a.", "a..b", "a b", "{{ a }}", "a[", 'a["x]', "a[-1]"])
def test_broken_path(text: str) -> None:
    with pytest.raises(ValueError):
        paths.parse(text)


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (("a", "0"), 1),
        (("a", 1), 2),
        (("a", 2), paths.MISSING),
        (("a", "x"), paths.MISSING),
        (("b", "c"), paths.MISSING),
    ],
)
def test_resolve(steps: tuple[str | int, ...], value: object) -> None:
    assert paths.resolve({"a": [1, 2], "b": None}, steps) == value
