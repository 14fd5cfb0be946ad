# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may import what: hosts' code the standard library alone, nothing in a circle; every version is written once."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PLUGINS = ROOT / "plugins"
OF_MODULES = "module_utils.modules."  # what modules have in common, which Ansible itself runs
PREFIX = "ansible_collections.keelson.cluster.plugins."


def imports(path: Path, base: Path = PLUGINS) -> set[str]:
    """The files of the collection that a file imports when it is loaded, as dotted names below plugins."""
    package = path.relative_to(base).parent.parts
    found = set()
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            if statement.level:
                module = ".".join([*package[: len(package) - statement.level + 1], *module.split(".")]).strip(".")
            elif module.startswith(PREFIX):
                module = module.removeprefix(PREFIX)
            else:
                continue
            names = [f"{module}.{alias.name}".lstrip(".") for alias in statement.names]
            found |= {name for name in (*names, module) if (base / f"{name.replace('.', '/')}.py").is_file()}
    return found


def graph(base: Path = PLUGINS) -> dict[str, set[str]]:
    """Every file of plugins with those it imports."""
    files = sorted(base.glob("**/*.py"))
    return {".".join(path.relative_to(base).with_suffix("").parts): imports(path, base) for path in files}


def test_no_file_imports_itself_by_way_of_others() -> None:
    found = graph()
    assert len(found) > 250 and sum(map(len, found.values())) > 500
    list(graphlib.TopologicalSorter(found).static_order())


def test_code_of_hosts_imports_no_code_of_the_controller() -> None:
    apart = ("module_utils.", "modules.")
    wrong = {
        (a, b) for a, names in graph().items() for b in names if a.startswith(apart) and b.startswith("plugin_utils.")
    }
    assert wrong == set()


def test_a_circle_and_an_arrow_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from . import b\n")
    (tmp_path / "b.py").write_text("from .a import x\n")
    assert graph(tmp_path) == {"a": {"b"}, "b": {"a"}}
    with pytest.raises(graphlib.CycleError):
        list(graphlib.TopologicalSorter(graph(tmp_path)).static_order())


def loaded(names: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Import files in a Python that has nothing but its standard library."""
    lines = "".join(f"import {name}\n" for name in names)
    command = [sys.executable, "-I", "-S", "-c", f"import sys\nsys.path.insert(0, {str(folder)!r})\n{lines}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_code_of_hosts_needs_the_standard_library_alone() -> None:
    own = [name for name in graph() if name.startswith("module_utils.") and not name.startswith(OF_MODULES)]
    names = [PREFIX + name.removesuffix(".__init__") for name in own]
    done = loaded(names, ROOT / ".ansible/collections")
    assert len(names) > 80 and done.returncode == 0, done.stderr


def test_a_missing_library_is_found(tmp_path: Path) -> None:
    (tmp_path / "needs.py").write_text("import yaml\n")
    assert "No module named 'yaml'" in loaded(["needs"], tmp_path).stderr


def other_style(text: str, room: str) -> list[str]:
    """The imports that are not as they must be: relative within a room, by the whole name across rooms."""
    absolute, relative = rf"from {re.escape(PREFIX)}{room}\b.*", r"from \.+(?:module|plugin)_utils\b.*"
    return re.findall(rf"^\s*(?:{absolute}|{relative})", text, re.MULTILINE)


@pytest.mark.parametrize("room", ["module_utils", "plugin_utils"])
def test_imports_are_relative_within_a_room(room: str) -> None:
    found = {str(path): other_style(path.read_text(), room) for path in (PLUGINS / room).rglob("*.py")}
    assert len(found) > 50 and {path: lines for path, lines in found.items() if lines} == {}


def test_an_import_of_another_style_is_found() -> None:
    assert other_style(f"    from {PREFIX}module_utils.host import files\n", "module_utils")
    assert other_style("from ...module_utils.host import files\n", "plugin_utils")
    assert not other_style(f"from {PREFIX}module_utils.host import files\nfrom ..host import x\n", "plugin_utils")


def versions() -> set[str]:
    """Every version of every artifact that is told from other numbers: three parts."""
    found = set()
    for path in ROOT.glob("artifacts/*.yml"):
        found |= {str(entry["version"]) for entry in yaml.safe_load(path.read_text())["versions"]}
    return {version for version in found if re.fullmatch(r"\d+\.\d+\.\d+", version)}


def written(text: str, known: set[str]) -> set[str]:
    """The versions that a text has, but for those in examples of documentation."""
    text = re.sub(r'(DOCUMENTATION|EXAMPLES|RETURN) = r"""(.|\n)*?\n"""|^\s*#.*$', "", text, flags=re.MULTILINE)
    return set(re.findall(r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])", text)) & known


def test_versions_are_written_in_artifacts_alone() -> None:
    """Numbers of controls are no versions."""
    known = versions()
    files = [*ROOT.glob("plugins/**/*.py"), *ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/**/*.yml")]
    found = {
        str(path.relative_to(ROOT)): written(path.read_text(), known)
        for path in files
        if path.name not in ("hardening.yml", "benchmark.py")
    }
    assert len(known) > 10 and {path: names for path, names in found.items() if names} == {}


def test_a_version_in_a_role_is_found() -> None:
    assert written("images: [pause=3.10.2]", {"3.10.2"}) == {"3.10.2"}


def private(text: str) -> set[str]:
    """The private variables that a file has, by the roles they are named after."""
    return set(re.findall(r"\b__([a-z]+_[a-z]+)_\w+", text))


def test_a_role_reads_no_private_variable_of_another() -> None:
    """What one role needs of another is an output that its README has."""
    roles = {path.name for path in ROOT.glob("roles/*")}
    files = [(path, path.relative_to(ROOT / "roles").parts[0]) for path in ROOT.glob("roles/*/**/*.yml")]
    found = {str(path.relative_to(ROOT)): private(path.read_text()) & (roles - {role}) for path, role in files}
    assert len(found) > 50 and {path: names for path, names in found.items() if names} == {}


def test_a_private_variable_is_found() -> None:
    assert private("when: __host_node_x.changed and not __cluster_manager_y") == {"host_node", "cluster_manager"}


def others(path: Path, imported: set[str]) -> set[str]:
    """What a file of a provider of the mesh imports of other providers."""
    providers = {folder.name for folder in PLUGINS.glob("*/mesh_*") if folder.is_dir()}
    own = path.relative_to(PLUGINS).parts[1]
    return {name for name in imported if name.split(".")[1] in providers - {own}}


def test_no_provider_of_the_mesh_imports_another() -> None:
    """What several have in common is in C(mesh)."""
    files = list(PLUGINS.glob("*_utils/mesh_*/**/*.py"))
    found = {str(path.relative_to(PLUGINS)): others(path, imports(path)) for path in files}
    assert len(found) > 20 and {path: names for path, names in found.items() if names} == {}


def options(path: Path) -> set[str]:
    """The names of a module's options."""
    told = re.search(r'^DOCUMENTATION = r"""\n(.*?)\n"""', path.read_text(), re.MULTILINE | re.DOTALL)
    return set((yaml.safe_load(told[1]) if told else {}).get("options") or {})


def test_no_option_is_called_as_a_condition_of_a_task() -> None:
    """ansible-lint takes the value of one for an expression, and warns of its braces."""
    conditions = {"when", "until", "changed_when", "failed_when"}
    found = {path.stem: options(path) for path in (PLUGINS / "modules").glob("*.py")}
    assert (
        found["rotate_plan"] and {name: names & conditions for name, names in found.items() if names & conditions} == {}
    )
