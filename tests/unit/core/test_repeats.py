# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two engines do alike stands in code that they share: no six lines of one are those of another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from ansible_collections.keelson.cluster.plugins.plugin_utils import components

ROOT = Path(__file__).parents[3]
MOST = 5  # lines that may be alike
FOLDERS = ("plugins/*utils/{0}/**/*.py", "plugins/modules/{0}_*.py", "plugins/*/{0}_*.py", "roles/*/tasks/{0}/**/*.yml")
# Lines that say nothing by themselves: brackets, imports, how every module begins.
EMPTY = re.compile(r"[\[\](){},:\"'-]*$|from |import |#|---$|def main|module = AnsibleModule|argument_spec=")
# Tables: values of keys, fields and arguments, and the one task or function that they belong to.
TABLE = re.compile(r'[\w."]+: \S.*|\w+=.*,')


def lines(path: Path, engine: str) -> list[str]:
    """The lines of a file that do something, with the engine's name taken out of them."""
    text, told = path.read_text(), set()
    for node in ast.walk(ast.parse(text)) if path.suffix == ".py" else ():
        value = getattr(node, "value", None)
        if (
            isinstance(value, ast.Constant)
            and isinstance(value.value, str)
            and isinstance(node, (ast.Expr, ast.Assign))
        ):
            told |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    kept = (line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in told)
    return [re.sub(engine, "ENGINE", line, flags=re.IGNORECASE) for line in kept if not EMPTY.match(line)]


def runs(one: list[str], other: list[str]) -> list[list[str]]:
    """The longest runs of lines that both have."""
    found, before = [], dict.fromkeys(range(-1, len(other)), 0)
    for number, line in enumerate(one):
        now = dict.fromkeys(before, 0)
        for at, same in enumerate(other):
            now[at] = before[at - 1] + 1 if line == same else 0
            ends = one[number + 1 : number + 2] != other[at + 1 : at + 2] or number + 1 == len(one)
            if now[at] > MOST and ends:
                found.append(one[number - now[at] + 1 : number + 1])
        before = now
    return found


def alike(files: Iterable[tuple[Path, list[str], Path, list[str]]]) -> dict[str, list[str]]:
    """What is no table, by the two files that have it."""
    found = {}
    for path, one, twin, other in files:
        for run in runs(one, other):
            if sum(not TABLE.fullmatch(line) for line in run) > 2:
                found[f"{path} {twin}"] = run
    return found


def of(engine: str) -> list[tuple[Path, list[str]]]:
    """The files of an engine, by their paths in the repository."""
    paths = {path for pattern in FOLDERS for path in ROOT.glob(pattern.format(engine))}
    return [(path.relative_to(ROOT), lines(path, engine)) for path in sorted(paths)]


def test_engines_repeat_nothing_of_one_another() -> None:
    files = {engine: of(engine) for engine in components.engines()}
    assert all(len(found) > 30 for found in files.values())
    pairs = combinations(files.values(), 2)
    twins = (
        (*one, *other) for left, right in pairs for one in left for other in right if one[0].suffix == other[0].suffix
    )
    assert alike(twins) == {}


def test_a_repeat_is_found(tmp_path: Path) -> None:
    task = "- name: {0}\n  keelson.cluster.live_manager:\n    port: {1}\n  run_once: true\n  register: live\n"
    twins = []
    for engine in ("kubernetes", "nomad"):
        path = tmp_path / f"{engine}.yml"
        path.write_text(task.format("Find", engine) + task.format("Find again", engine) + f"  when: {engine} == 1\n")
        twins += [Path(path.name), lines(path, engine)]
    found = alike([tuple(twins)])  # type: ignore[list-item]
    assert [len(run) for run in found.values()] == [11]
    assert alike([(twins[0], twins[1][:5], twins[2], twins[3][:5])]) == {}  # type: ignore[arg-type, index]
