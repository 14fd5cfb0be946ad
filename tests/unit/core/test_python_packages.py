# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages the controller needs are declared, and a missing one or an old ansible-core is one line with the command."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core

ROOT = Path(__file__).parents[3]
CORE = {"ansible", "ansible_collections"}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", line.strip())[0].lower() for line in requirements if re.match(r"\w", line)}


def imported() -> dict[str, str]:
    """Top-level package: a file of the plugins that imports it."""
    found = {}
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found.update({module.split(".")[0]: str(path.relative_to(ROOT)) for module in modules})
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | CORE}


def test_every_imported_package_is_declared() -> None:
    declared = names((ROOT / "meta/ee-requirements.txt").read_text().splitlines())
    by_core = names(metadata.requires("ansible-core") or [])
    packages = metadata.packages_distributions()
    undeclared = {
        f"{path} imports {name}"
        for name, path in imported().items()
        if not {package.lower() for package in packages.get(name, [name])} & (declared | by_core)
    }
    assert not undeclared, "add to meta/ee-requirements.txt"


PREFIX = "ansible_collections.keelson.cluster.plugins."
MISSING = {
    "hvac": "plugin_utils.external_store import HashicorpVault as f; f(dict(url='u', mount='m', path='p', token='t'))",
    "jsonschema": "plugin_utils.bundle.manifest import validate as f; f(None, {})",
    "cyclonedx": "plugin_utils.server_image.assembly.sbom import text as f; f('n', 0, [], [])",
    "cryptography": "plugin_utils.sign import load_public as f; f(None)",
    "cryptography.x509": "plugin_utils.checks.foreign import foreign_identity as f; f('n', '10.0.0.1')",
    "hcl2": "module_utils.stacks.code import read as f; f('.')",
    "boto3": "module_utils.stacks.sources.aws import client as f; f('s3', dict(timeout=1), 'place')",
    "psycopg": "module_utils.stacks.sources.pg import fetch as f; "
    f"from {PREFIX}module_utils.stacks.source import Source; f(Source('a', 'pg', dict(conn_str='x'), '', '.'))",
    "yaml": "module_utils.stacks.readers.static import load as f; f(b'', 'place')",
}


@pytest.mark.parametrize("package", MISSING)
def test_a_missing_package_is_one_line_with_the_command(package: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / '.ansible/collections')!r}); import ansible.errors\n"
        f"sys.modules[{package!r}] = None\n"
        f"from {PREFIX}{MISSING[package]}"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = run.stderr.splitlines()[-1]
    assert re.search(r"Error|Fail", last) and f"{sys.executable} -m pip install" in last, run.stderr


@pytest.mark.parametrize("version", ["2.15.13", "2.18.1rc1"])
def test_an_older_ansible_core_is_refused_in_one_line(version: str) -> None:
    text = ansible_core.refusal(version)
    assert "\n" not in text and version in text and "-m pip install 'ansible-core>=2.19'" in text


@pytest.mark.parametrize("version", ["2.19.0", "2.21.5", "3.0.0"])
def test_a_supported_ansible_core_passes(version: str) -> None:
    assert ansible_core.refusal(version) == ""


def test_a_fake_older_version_stops_the_inventory_plugin() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / '.ansible/collections')!r})\n"
        "import ansible.errors; import ansible.module_utils.ansible_release as r; r.__version__ = '2.16.3'\n"
        f"import {PREFIX}inventory.stacks"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ansible-core 2.19 or newer, and this is 2.16.3" in run.stderr.splitlines()[-1]


def test_the_oldest_version_is_that_of_the_runtime_file() -> None:
    oldest = ".".join(map(str, ansible_core.OLDEST))
    assert yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["requires_ansible"] == f">={oldest}.0"


def test_every_playbook_begins_with_a_plugin_that_refuses_an_older_version() -> None:
    for path in (ROOT / "playbooks").glob("*.yml"):
        first = yaml.safe_load(path.read_text())[0]
        imported = first.get("ansible.builtin.import_playbook")
        if imported:
            assert (path.parent / imported).exists()
            continue
        text = path.read_text()
        modules = re.findall(r"^ +keelson\.cluster\.(\w+):", text, re.MULTILINE)
        action = ROOT / f"plugins/action/{modules[0]}.py"
        # What has no action runs on hosts by Ansible's own module library alone, and Ansible itself warns.
        assert not action.exists() or re.search(r"\b(ansible_core|ControllerAction)\b", action.read_text()), path
