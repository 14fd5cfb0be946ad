# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finished file of an image: what lies in it, and what is said about it. $KEELSON_IMAGE is the published folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.manifest import SHIPPED
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import build, disk, hardening
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.base import read_recipe
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.listing import difference, read
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.programs import run
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.expected import entry_of, profile
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import publish

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.runs import children  # noqa: E402

SCHEMA = Path(__file__).parents[2] / "docs/reference/image.schema.json"
#: What unpacking, checking and listing may cost, in times of unpacking alone; seconds are for `make bench`.
COST = 4.0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The image; its files must be the same when all tests are done."""
    found = Path(os.environ["KEELSON_IMAGE"])
    before = publish.subjects(found)
    yield found
    assert publish.subjects(found) == before


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dict[str, Any]:
    return publish.read(folder)


@pytest.fixture(scope="module")
def expected(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the file is asked for, from the bundle and the profile, not from the build."""
    artifacts = [f"{entry['name']}={entry['version']}" for entry in manifest["inputs"]["artifacts"]]
    entries = [entry_of(name, Store(default_root()), manifest["architecture"], [SHIPPED]) for name in artifacts]
    runtime = "docker" if manifest["engine"] == "nomad" else "containerd"
    controls = hardening.applied(
        profile(), manifest["inputs"]["parameters"]["variables"].get("host_node_hardening_exempt", {})
    )
    image = components.engine(manifest["engine"]).image
    return {
        "runtime": runtime,
        "packages": read_recipe()["packages"],
        "artifacts": entries,
        "controls": [dict(control) for control in controls],
        "units": list(image.units),
        "unshared": list(image.unshared),
    }


def failed(work: Path, file: Path, expected: dict[str, Any]) -> list[str]:
    """The failed checks of a file, as CHECK: EVIDENCE."""
    answers = build.look(work, file, expected)["answers"]
    return [f"{answer['check']}: {answer['evidence']}" for answer in answers if not answer["passed"]]


def test_all_checks_pass_and_cost_little_beside_unpacking(
    folder: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    before = children()
    run(["qemu-img", "convert", "-O", "raw", str(folder / publish.DISK), str(tmp_path / "raw")])
    (tmp_path / "raw").unlink()
    unpacked = children()
    assert failed(tmp_path, folder / publish.DISK, expected) == []
    unpacking, all_of_it = unpacked - before, children() - unpacked
    print(f"offline checks: {all_of_it:.1f} s of a processor, unpacking the file alone {unpacking:.1f} s")
    assert all_of_it <= COST * unpacking
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


BREAKING = {
    "image.identity": "touch etc/ssh/ssh_host_ed25519_key",
    "image.artifact": "for file in opt/keelson/*/[0-9]*/[a-z]*; do if [ -f $file ]; then printf x >> $file; fi; done",
    "image.hardening": "chmod u+s usr/bin/env",
    "image.listeners": "ln -s /lib/systemd/system/rpcbind.socket etc/systemd/system/sockets.target.wants/",
    "image.accounts": "sed -i 's/^root:[^:]*:/root:$y$x:/' etc/shadow",
}


def test_an_altered_file_fails(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    """The same file with five things broken in it: each is found."""
    raw, altered, mount = tmp_path / "raw", tmp_path / "altered.qcow2", tmp_path / "mount"
    mount.mkdir()
    run(["qemu-img", "convert", "-O", "raw", str(folder / publish.DISK), str(raw)])
    script = f"mount -o loop,offset={disk.file_systems(raw)['/'][0]} {raw} {mount} && cd {mount} && " + " && ".join(
        BREAKING.values()
    )
    subprocess.run(["unshare", "--mount", "sh", "-ec", script], check=True)
    run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(altered)])
    raw.unlink()
    work = tmp_path / "work"
    work.mkdir()
    assert {line.split(":")[0] for line in failed(work, altered, expected)} == BREAKING.keys()
    found = difference(read(folder / publish.FILES), read(work / publish.FILES))
    assert "/etc/ssh/ssh_host_ed25519_key" in found["added"] and "/usr/bin/env" in found["changed"]


def test_the_manifest_tells_what_the_file_is(folder: Path, manifest: dict[str, Any]) -> None:
    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))
    assert manifest["disk"]["size"] == (folder / publish.DISK).stat().st_size
    limit = {"nomad": 450, "kubernetes": 900}[manifest["engine"]]
    assert manifest["disk"]["size"] <= limit << 20


def test_what_is_stated_is_stated_of_these_files(folder: Path) -> None:
    key = sign.load_public(sign.default_key().with_suffix(".pub"))
    now = publish.subjects(folder)
    publish.statement(folder, publish.PROVENANCE, key, now)
    assert publish.statement(folder, publish.CHECKS, key, now)["result"] == "PASSED"


def test_the_disk_has_what_bios_and_uefi_start(folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    run(["qemu-img", "convert", "-O", "raw", str(folder / publish.DISK), str(raw)])
    with raw.open("rb") as reading:
        assert reading.read(512)[510:] == b"\x55\xaa"
        reading.seek(disk.ESP.start * disk.MIB)
        (tmp_path / "esp").write_bytes(reading.read(disk.ESP.size * disk.MIB))
    run(["mdir", "-i", str(tmp_path / "esp"), "::/EFI/BOOT/BOOTX64.EFI"])
