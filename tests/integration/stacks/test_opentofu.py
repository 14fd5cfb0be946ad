# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state that OpenTofu encrypted: recognised as it lies there, and read through tofu in its initialised folder.

tofu is taken from PATH or from the default bundle. Where it is in neither, tests/drills/test_encrypted_state.py builds it.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from stacks_world import World

ROOT = pathlib.Path(__file__).parents[3]
CODE = """
variable "passphrase" {
  type      = string
  sensitive = true
}

terraform {
  encryption {
    key_provider "pbkdf2" "main" {
      passphrase = var.passphrase
    }
    method "aes_gcm" "main" {
      keys = key_provider.pbkdf2.main
    }
    state {
      method   = method.aes_gcm.main
      enforced = true
    }
  }
}

resource "terraform_data" "web" {
  count = 2
  input = { name = "web${count.index}", private_ip = "10.61.2.1${count.index}" }
}
"""


@pytest.fixture
def encrypted(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Stack nodes, applied by a real tofu with its state encrypted."""
    if not shutil.which("tofu"):
        taken = subprocess.run(
            [sys.executable, ROOT / "tools" / "bundle-file", "opentofu", "tofu", world.folder / "tofu"],
            capture_output=True,
            check=False,
        )
        if taken.returncode:
            pytest.skip(
                "tofu is neither on PATH nor in the bundle, so no encrypted state was read; `make drills` builds it"
            )
        monkeypatch.setenv("PATH", f"{world.folder}:{os.environ['PATH']}")
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.setenv("TF_VAR_passphrase", "a passphrase of some length")
    (world.folder / "code").mkdir()
    (world.folder / "code" / "main.tofu").write_text(CODE)
    for arguments in (("init",), ("apply", "-auto-approve")):
        done = subprocess.run(
            ["tofu", *arguments, "-no-color"], cwd=world.folder / "code", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    world.cluster()["pools"] = {"web": {"hosts": "nodes.resources.terraform_data.web"}}
    return world


def test_encrypted_state(encrypted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = encrypted.document["stacks"]["nodes"] = {"state": "code"}
    assert "web0" not in (encrypted.folder / "code" / "terraform.tfstate").read_text()
    with pytest.raises(StackError, match=r"terraform.tfstate: is encrypted by OpenTofu \(key_provider.pbkdf2.main\)"):
        encrypted.load()
    nodes.clear()
    nodes["pull"] = "code"
    assert encrypted.load().groups["product_pool_web"].hosts == ["web0", "web1"]
    monkeypatch.setenv("TF_VAR_passphrase", "another passphrase, a wrong one")
    with pytest.raises(StackError, match="pull: .*/code: .*decryption failed for all provided methods") as caught:
        encrypted.load()
    assert "wrong one" not in str(caught.value) and "\x1b" not in str(caught.value)
