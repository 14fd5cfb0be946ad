# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every builder's template, asked of Packer itself.

Its syntax and form always; all of it where Packer has the builder's plugins. $KEELSON_BUILDERS names builders whose plugins must
be in the bundle (make image-builders); without it that is the fast builder's alone.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import build
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.builders import registry
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request
from fake_keystone import keystone

REQUIRED = os.environ.get("KEELSON_BUILDERS", "tree").split()
#: A value of each builder that no user may give, and what is said of it.
WRONG = {
    "qemu": ("accelerator", '"warp"', "The accelerator is kvm or tcg"),
    "amazon-ebs": ("source_image", '"debian-12"', "The source image is an AMI's id"),
    "azure-arm": ("source_version", '"latest"', "latest is none"),
    "googlecompute": ("source_image", '"debian-12"', "a family is not taken"),
    "openstack": ("source_image", '"debian-12"', "The source_image is an id"),
    "proxmox": ("url", '"http://proxmox.example"', "The url is https"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where Packer and its plugins are put, the folder of a build, and the way to an OpenStack that lets Packer log in."""
    folder = tmp_path_factory.mktemp("builders")
    with keystone(folder / "clouds.yaml"):
        yield folder


@pytest.fixture(scope="module")
def work(place: Path) -> Path:
    """What a template reads."""
    folder = place / "work"
    folder.mkdir()
    places = {"output": place, "bundle": default_root(), "key": place / "key.pem"}
    about = {"engine": "nomad", "architecture": "amd64", "artifacts": ["nomad"], "size": 4096, "kernel_options": ""}
    base = {"base": "cloud.qcow2", "base_digest": f"sha256:{'0' * 64}", "base_days": 7.0, "apt_sources": "", "epoch": 0}
    request = Request(**places, **about, **base)  # type: ignore[arg-type]
    build.prepare(folder, request.spec(place), {"nomad": request.version}, {})
    return folder


def packer(place: Path, name: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run Packer with the plugins of a builder."""
    _version, program = build.place_packer(Store(default_root()), place / name, registry.plugins(name))
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "PACKER_PLUGIN_PATH": str(place / name / "plugins")}
    environment["PACKER_CONFIG_DIR"] = str(place / name)
    environment["OS_CLIENT_CONFIG_FILE"] = str(place / "clouds.yaml")
    return subprocess.run([program, *argv], capture_output=True, text=True, check=False, env=environment)


def values(name: str) -> list[str]:
    """The options that give a builder its own variables."""
    file = registry.TARGETS / f"{name}.pkrvars.hcl"
    return [f"-var-file={file}"] if file.exists() else []


def test_every_template_is_in_packers_own_form_and_can_be_read(place: Path) -> None:
    done = packer(place, "tree", "fmt", "-check", "-diff", "-recursive", str(registry.ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in registry.BUILDERS:
        done = packer(place, "tree", "validate", "-syntax-only", *values(name), str(registry.FOLDER / name))
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_builder_is_valid(name: str, place: Path, work: Path) -> None:
    options = [f"-var-file={work / 'packer.json'}", *values(name)]
    done = packer(place, name, "validate", *options, str(registry.FOLDER / name))
    assert done.returncode == 0 and "Warning" not in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", [name for name in REQUIRED if name in WRONG])
def test_a_wrong_value_is_refused(name: str, place: Path, work: Path) -> None:
    word, value, said = WRONG[name]
    options = [f"-var-file={work / 'packer.json'}", *values(name), f"-var={word}={value.strip(chr(34))}"]
    done = packer(place, name, "validate", *options, str(registry.FOLDER / name))
    assert done.returncode == 1
    message = build.fault((done.stdout + done.stderr).splitlines())
    assert said in message and len(message) < 400


def test_every_builder_of_a_user_has_a_value_that_is_refused() -> None:
    assert WRONG.keys() == {name for name in registry.BUILDERS if registry.declared(name)}
