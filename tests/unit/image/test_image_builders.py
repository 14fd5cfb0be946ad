# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builders: their templates, their variables, what each makes; and each bad input, which has one message."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.server_image import seal, seal_running
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest as artifacts
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import digest_of
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import build, disk
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.builders import container, registry, server
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.checks import boot_test
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import publish
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request
from image_tree import needs, put
from test_image_build import request

ALL = sorted(registry.BUILDERS)


# --- templates ----------------------------------------------------------------------------------------------------


def test_every_builder_is_a_folder_with_the_shared_build() -> None:
    assert sorted(path.name for path in registry.FOLDER.iterdir()) == ALL
    for name in ALL:
        shared = registry.FOLDER / name / "build.pkr.hcl"
        assert shared.is_symlink() and shared.resolve() == registry.ROOT / "build.pkr.hcl"


@pytest.mark.parametrize("name", ALL)
def test_a_builder_asks_for_versions_that_artifacts_have(name: str) -> None:
    """A template cannot read another file for them, so they are compared here."""
    text = "\n".join(path.read_text() for path in (registry.FOLDER / name).glob("*.pkr.hcl"))
    for plugin in registry.plugins(name):
        version = artifacts.default_version(*artifacts.load(f"packer-plugin-{plugin}"))
        assert f'/{plugin}"\n      version = ">= {version}"' in text, f"{name} and artifacts/packer-plugin-{plugin}.yml"


def test_the_playbook_fills_the_bundle_with_the_plugins_of_a_builder() -> None:
    plays = yaml.safe_load((build.ROOT / "playbooks/server_image.yml").read_text())
    filled = next(play["vars"]["__image_plugins"] for play in plays if "__image_plugins" in play.get("vars", {}))
    assert filled == {
        name: [f"packer-plugin-{plugin}" for plugin in registry.plugins(name) if plugin != "ansible"] for name in ALL
    }


@pytest.mark.parametrize("name", ALL)
def test_a_variables_file_has_every_variable_and_no_other(name: str) -> None:
    file = registry.TARGETS / f"{name}.pkrvars.hcl"
    assert set(registry.assigned(file) if file.exists() else []) == registry.declared(name)


def test_no_variables_file_has_a_secret() -> None:
    for file in registry.TARGETS.iterdir():
        names = " ".join(registry.assigned(file))
        assert not any(word in names for word in ("password", "secret", "token", "access_key")), file


def test_a_variable_the_builder_does_not_know_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.pkrvars.hcl"
    file.write_text('# acelerator = "x"\nacelerator = "tcg"\n')
    with pytest.raises(
        ImageError, match="mine.pkrvars.hcl: builder qemu has no variable acelerator; it has accelerator, "
    ):
        registry.target("qemu", str(file))
    file.write_text('accelerator = "tcg"\n')
    assert registry.target("qemu", str(file)) == file
    with pytest.raises(ImageError, match=r"none.hcl: there is no such file \(server_image_target\)"):
        registry.target("qemu", str(tmp_path / "none.hcl"))


def test_a_cloud_needs_values_of_the_user() -> None:
    with pytest.raises(
        ImageError, match="builder openstack needs your values: copy .*openstack.pkrvars.hcl, .* server_image_target"
    ):
        registry.target("openstack", "")
    assert registry.target("tree", "") is None
    assert registry.target("qemu", "") == registry.TARGETS / "qemu.pkrvars.hcl"


# --- the container image ------------------------------------------------------------------------------------------


def exported(work: Path) -> None:
    """What a container of a build left: its root file system, and Docker's data beside it."""
    root = work / "root"
    put(root / "usr/bin/tool", "tool", 0o755)
    put(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    put(root / "etc/fstab", "x")
    put(root / "etc/machine-id", "0123")
    put(root / "var/log/dpkg.log", "x")
    put(work / "data/docker/image/overlay2/repositories.json", "{}")
    (work / "data/containerd").mkdir()
    (work / container.LEFT).parent.mkdir()
    subprocess.run(["tar", "-C", str(root), "-cf", str(work / container.LEFT), "."], check=True)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive of a small container image."""
    exported(tmp_path)
    monkeypatch.setattr(container.tree, "run", lambda _root, argv: str(argv))
    spec = request(tmp_path, builder="docker").spec(tmp_path)
    target = tmp_path / publish.CONTAINER
    container.finish(tmp_path, spec, target)
    return target


def test_a_container_image_has_the_tree_and_nothing_of_a_machine(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    container.unpack(archive, place)
    assert (place / "usr/bin/tool").read_text() == "tool"
    assert (place / "var/lib/docker/image/overlay2/repositories.json").is_file()
    assert not (place / "etc/fstab").exists() and seal.traces(place) == {}
    assert os.readlink(place / "etc/systemd/system/systemd-udevd.service") == "/dev/null"
    assert json.loads((place / seal_running.LABEL).read_text())["engine"] == "nomad"


def test_a_container_image_has_a_name_and_digests(archive: Path) -> None:
    known = container.known(archive)
    assert known["name"] == "localhost/host-node-docker-nomad-1.11.3-amd64:20260101T0000Z"
    assert known["id"].startswith("sha256:") and known["manifest"].startswith("sha256:")


def test_an_altered_container_image_is_refused(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"SIGRTMIN+3", b"SIGRTMIN+4"))
    with pytest.raises(ImageError, match=r"container.tar: blobs/sha256/[0-9a-f]{64} is sha256:"):
        container.unpack(archive, tmp_path)
    subprocess.run(["tar", "-C", str(tmp_path), "-cf", str(archive), "root"], check=True)
    with pytest.raises(ImageError, match="no index.json is in it, so it is not the archive of a container image"):
        container.known(archive)


def test_the_same_tree_gives_the_same_archive(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    container.pack(tmp_path / "tree", container.known(archive)["name"], "amd64", other)
    assert other.read_bytes() == archive.read_bytes()


def test_what_a_container_has_not_is_exempt_with_reasons(tmp_path: Path) -> None:
    made = request(tmp_path, builder="docker", variables={"host_node_hardening_exempt": {"3.2.1": "sctp"}})
    assert set(made.exempt) == {"1.1.2.2", "1.4.2", "2.3.1", "3.2.1"} and all(made.exempt.values())
    assert made.role_variables()["host_node_hardening_exempt"] == made.exempt
    assert request(tmp_path).exempt == {}


def test_a_container_image_cannot_be_booted(tmp_path: Path) -> None:
    folder = tmp_path / "image"
    put(folder / publish.MANIFEST, json.dumps({"format": publish.FORMAT, "container": {}}))
    with pytest.raises(ImageError, match="a container image has no disk that could be booted"):
        boot_test.test(folder, tmp_path / "key.pem", 1, [], print)


# --- servers ------------------------------------------------------------------------------------------------------


def raw_disk(path: Path, size: int = 64) -> Path:
    """An empty disk, of so many MiB."""
    with path.open("wb") as writing:
        writing.truncate(size * disk.MIB)
    return path


def given(tmp_path: Path, file: Path, **more: Any) -> Request:
    """A request for builder qemu from a file."""
    return request(tmp_path, builder="qemu", base=str(file), base_digest=digest_of(file), **more)


@needs("qemu-img")
def test_a_server_gets_a_key_of_its_own_and_what_seals_it(tmp_path: Path) -> None:
    spec = given(tmp_path, raw_disk(tmp_path / "cloud.img")).spec(tmp_path)
    build.prepare(tmp_path, spec, {}, {})
    server.begin(tmp_path, spec, print)
    (user,) = json.loads((tmp_path / "seed/user-data").read_text().partition("\n")[2])["users"]
    assert user["ssh_authorized_keys"] == [(tmp_path / "key.pub").read_text().strip()]
    with zipfile.ZipFile(tmp_path / server.SEAL) as archive:
        assert json.loads(archive.read("data.json")) == {"label": spec.label, "unshared": spec.unshared}
    program = "import sys; sys.argv = ['x']; from ansible_collections.keelson.cluster.plugins.module_utils.server_image import seal_running"
    environment = {"PYTHONPATH": str(tmp_path / server.SEAL)}
    subprocess.run([sys.executable, "-S", "-c", program], check=True, env=environment)


@needs("qemu-img")
def test_a_server_needs_a_cloud_image_that_fits(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="builder qemu starts from a vendor's cloud image: name it"):
        server.begin(tmp_path, request(tmp_path, builder="qemu").spec(tmp_path), print)
    large = raw_disk(tmp_path / "cloud.img")
    with pytest.raises(
        ImageError, match=r"cloud.img: its disk has 64 MiB, more than the image's 32; raise server_image_size"
    ):
        server.begin(tmp_path, given(tmp_path, large, size=32).spec(tmp_path), print)
    with pytest.raises(ImageError, match="in a cloud the base is one of its images, which server_image_target names"):
        server.begin_in_cloud(tmp_path, given(tmp_path, large).spec(tmp_path), print)


def test_sealing_a_server_leaves_no_builder_and_not_itself(tmp_path: Path) -> None:
    put(tmp_path / "etc/passwd", "root:x:0:0::/root:/bin/sh\nbuilder:x:1000:1000::/home/builder:/bin/bash\n")
    put(tmp_path / "etc/shadow", "root:*:1::::::\nbuilder:!:1::::::\n", 0o640)
    put(tmp_path / "etc/group", "root:x:0:\nsudo:x:27:builder,operator\nbuilder:x:1000:\n")
    put(tmp_path / "etc/sudoers.d/90-cloud-init-users", "builder ALL=(ALL) NOPASSWD:ALL\n")
    put(tmp_path / "etc/systemd/network/10-cloud-init-eth0.network", "[Match]\nMACAddress=52:54:00:12:34:56\n")
    put(tmp_path / "home/builder/.ssh/authorized_keys", "x")
    put(tmp_path / seal_running.PLACE, "itself", 0o755)
    seal_running.finish(tmp_path, {"name": "x", "engine": "nomad", "made": 1}, [])
    assert (tmp_path / "etc/passwd").read_text() == "root:x:0:0::/root:/bin/sh\n"
    assert (tmp_path / "etc/group").read_text() == "root:x:0:\nsudo:x:27:operator\n"
    assert "builder" not in (tmp_path / "etc/shadow").read_text()
    assert (tmp_path / "etc/shadow").stat().st_mode & 0o777 == 0o640
    assert seal.traces(tmp_path) == {} and not (tmp_path / seal_running.PLACE).exists()
    assert json.loads((tmp_path / seal_running.LABEL).read_text())["name"] == "x"


# --- clouds -------------------------------------------------------------------------------------------------------


def test_a_cloud_says_how_it_calls_the_image(tmp_path: Path) -> None:
    put(tmp_path / "made.json", json.dumps({"builds": [{"artifact_id": "eu-central-1:ami-0123456789abcdef0"}]}))
    assert build.kept(tmp_path) == ["eu-central-1:ami-0123456789abcdef0"]


MODULES = sorted(registry.ROOT.parents[1].glob("artifacts/go/packer*/go.mod"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.parent.name)
def test_packer_and_its_plugins_speak_by_the_same_types(path: Path) -> None:
    """Their SDK sends cty's values by gob, which cty itself no longer does since 1.13; the fork that Packer uses does."""
    text = path.read_text()
    (version,) = re.findall(r"github\.com/zclconf/go-cty v1\.(\d+)", text)
    assert int(version) < 13 or "replace github.com/zclconf/go-cty => github.com/nywilken/go-cty v1.13.3" in text
