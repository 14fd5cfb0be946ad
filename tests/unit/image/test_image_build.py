# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building an image: base, seal, disk, Packer; and each bad input, which leaves one message and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.server_image import docker_data, seal
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, digest_of
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image import make
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import base, build, disk, grub, tree
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import spec as orders
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.programs import run
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.expected import expected
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request
from image_tree import needs, put

WISH = {
    "engine": "nomad",
    "architecture": "amd64",
    "base": "",
    "base_digest": "",
    "base_days": 7.0,
    "apt_sources": "",
    "size": 4096,
    "kernel_options": "quiet",
    "epoch": 1767225600,
    "artifacts": ["nomad"],
}


def request(folder: Path, **more: Any) -> Request:
    """What is asked for, below a folder."""
    places = {"output": folder / "output", "bundle": folder / "bundle", "key": folder / "image.pem"}
    return Request(**{**WISH, **places, **more})  # type: ignore[arg-type]


def test_an_image_is_named_after_what_it_is_and_when(tmp_path: Path) -> None:
    assert request(tmp_path, artifacts=["nomad=9.9.9"]).name == "host-node-nomad-9.9.9-amd64-20260101T0000Z"
    assert request(tmp_path).name == "host-node-nomad-1.11.3-amd64-20260101T0000Z"


# --- base ---------------------------------------------------------------------------------------------------------


def tar(folder: Path) -> base.Base:
    """A base, kept in a folder."""
    source = folder / "root"
    put(source / "var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n")
    partial = folder / ".part.tar"
    return base.make(folder, "base-1", ["tar", "-cf", str(partial), "-C", str(source), "."], partial)


def test_a_base_is_kept_and_used_again(tmp_path: Path) -> None:
    made = tar(tmp_path)
    assert base.kept(tmp_path, "base-1", 7, time.time()) == made
    assert base.kept(tmp_path, "base-1", 7, time.time() + 8 * base.DAY) is None
    assert base.kept(tmp_path, "base-2", 7, time.time()) is None
    base.unpack(made, tmp_path / "tree")
    assert (tmp_path / "tree/var/lib/dpkg/status").is_file()


def test_an_altered_base_is_refused(tmp_path: Path) -> None:
    made = tar(tmp_path)
    with made.path.open("ab") as writing:
        writing.write(b"x")
    with pytest.raises(ImageError, match=r"base-1.tar: the base is sha256:.*, but was sha256:.* remove it"):
        base.kept(tmp_path, "base-1", 7, time.time())


def test_a_base_of_ones_own_needs_its_digest(tmp_path: Path) -> None:
    made = tar(tmp_path)
    assert base.given(made.path, made.digest).digest == made.digest
    with pytest.raises(ImageError, match="not sha256:0 as server_image_base_digest says; nothing was built"):
        base.given(made.path, "sha256:0")
    with pytest.raises(ImageError, match="needs its digest"):
        base.given(made.path, "")
    with pytest.raises(ImageError, match="there is no such base"):
        base.given(tmp_path / "none.tar", made.digest)


def test_what_is_no_base_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_text("no tar")
    with pytest.raises(ImageError, match=r"x.tar cannot be unpacked"):
        base.unpack(base.Base(tmp_path / "x.tar", "", 0), tmp_path / "tree")
    subprocess.run(["tar", "-cf", str(tmp_path / "y.tar"), "-C", str(tmp_path), "x.tar"], check=True)
    with pytest.raises(ImageError, match="no Debian root file system is in it"):
        base.unpack(base.Base(tmp_path / "y.tar", "", 0), tmp_path / "other")


def test_a_base_that_cannot_be_made_says_why_and_is_not_kept(tmp_path: Path) -> None:
    partial = tmp_path / ".part.tar"
    script = f"touch {partial}; echo 'E: Unable to locate package x' >&2; exit 100"
    with pytest.raises(ImageError, match="cannot be made: sh failed: E: Unable to locate package x"):
        base.make(tmp_path, "base-1", ["sh", "-c", script], partial)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ImageError, match="no-such-program is not installed"):
        base.make(tmp_path, "base-1", ["no-such-program"], partial)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of one's own needs root")
def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    put(tmp_path / "root/big", "x" * (3 << 20))
    made = tar(tmp_path)
    with small_disk(tmp_path / "output", "1m") as output:
        with (
            pytest.raises(ImageError, match=r"/output: no space left \(\d+ bytes\); nothing was published"),
            build.workspace(output) as work,
        ):
            base.unpack(made, work / "tree")
        assert list(output.iterdir()) == []


def test_the_recipe_decides_about_the_name(tmp_path: Path) -> None:
    recipe = base.read_recipe()
    names = {
        base.recipe_digest(recipe, "amd64", ""),
        base.recipe_digest(recipe, "arm64", ""),
        base.recipe_digest(recipe, "amd64", "deb x"),
        base.recipe_digest({**recipe, "packages": []}, "amd64", ""),
    }
    assert len(names) == 4
    argv = base.command(recipe, "amd64", tmp_path / "sources", tmp_path / "t.tar")
    assert argv[-2:] == [str(tmp_path / "t.tar"), str(tmp_path / "sources")]


# --- seal ---------------------------------------------------------------------------------------------------------


def test_sealing_removes_every_trace_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path / "etc/machine-id", "0123")
    kept = ["etc/ssh/sshd_config", "root/.bashrc", "var/lib/dpkg/status", "opt/keelson/tool/1/tool"]
    gone = [
        "etc/ssh/ssh_host_rsa_key",
        "root/.ansible/tmp/x",
        "var/log/dpkg.log",
        "var/lib/cloud/x",
        "etc/shadow-",
        "tmp/.x/y",
    ]
    for path in (*kept, *gone):
        put(tmp_path / path, "x")
    put(tmp_path / "opt/keelson/tool/1/.keelson.json", json.dumps({"entry": {}, "stamps": {"tool": [1, 2, 3]}}))
    (tmp_path / "var/log/journal").mkdir()
    assert set(seal.traces(tmp_path)) == {
        "host keys",
        "keys and files of users",
        "logs",
        "seeds and identifiers",
        "state of cloud-init",
    }
    seal.seal(tmp_path)
    assert seal.traces(tmp_path) == {}
    assert all((tmp_path / path).exists() for path in kept)
    assert not any((tmp_path / path).exists() for path in gone)
    assert (tmp_path / "var/log/journal").is_dir()
    assert json.loads((tmp_path / "opt/keelson/tool/1/.keelson.json").read_text()) == {"entry": {}, "stamps": {}}


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside / "file", "mine")
    (tmp_path / "tree/home").mkdir(parents=True)
    (tmp_path / "tree/etc").mkdir()
    (tmp_path / "tree/home/user").symlink_to(outside)
    seal.seal(tmp_path / "tree")
    assert (outside / "file").read_text() == "mine"
    (tmp_path / "tree/way").symlink_to(outside)
    with pytest.raises(tree.TreeError, match="/way/file leads out of"):
        tree.inside(tmp_path / "tree", "/way/file")


def docker(root: Path, names: tuple[str, str]) -> None:
    """Docker's data with two layers, one upon the other, under names of chance."""
    data, below = root / "var/lib/docker", ""
    for number, name in enumerate(names):
        layer, link = data / "overlay2" / name, name.upper()[:26]
        put(layer / "diff/file", str(number))
        put(layer / "link", link)
        if below:
            put(layer / "lower", below)
        below = f"l/{link}"
        (data / "overlay2/l").mkdir(exist_ok=True)
        (data / "overlay2/l" / link).symlink_to(f"../{name}/diff")
        put(data / f"image/overlay2/layerdb/sha256/{number}/cache-id", name)
    put(data / "volumes/metadata.db", names[0])
    put(data / "overlay2/backingFsBlockDev")


def test_dockers_data_is_the_same_in_every_build(tmp_path: Path) -> None:
    found = []
    for root, names in ((tmp_path / "one", ("a" * 64, "b" * 64)), (tmp_path / "two", ("c" * 64, "d" * 64))):
        docker(root, names)
        docker_data.settle(root)
        data = root / "var/lib/docker/overlay2"
        (lower,) = (path.read_text() for path in data.glob("*/lower"))
        assert (data / lower / "file").read_text() == "0"
        found.append({str(path.relative_to(root)): path.is_file() and path.read_text() for path in root.rglob("*")})
    assert found[0] == found[1]
    assert "var/lib/docker/volumes" not in found[0] and "var/lib/docker/overlay2/backingFsBlockDev" not in found[0]
    docker_data.settle(tmp_path / "without")


# --- disk ---------------------------------------------------------------------------------------------------------


def test_the_first_sector_leads_to_the_core_image() -> None:
    boot = bytes(range(256)) + bytes(254) + b"\x55\xaa"
    code = grub.first_sector(boot, 2048)
    assert len(code) == grub.CODE and code[:0x5C] == boot[:0x5C]
    assert struct.unpack_from("<Q", code, grub.KERNEL_SECTOR) == (2048,)
    with pytest.raises(ImageError, match="not a boot sector"):
        grub.first_sector(bytes(512), 2048)


def test_the_core_image_loads_its_rest() -> None:
    placed = grub.placed_core(b"x" * 1300, 2048, 2048)
    assert len(placed) == 3 * 512
    assert struct.unpack_from("<QHH", placed, grub.BLOCKLIST) == (2049, 2, grub.SEGMENT)
    with pytest.raises(ImageError, match="has 3 sectors, its partition 2"):
        grub.placed_core(b"x" * 1300, 2048, 2)


@pytest.mark.parametrize(("var_size", "names"), [(0, ["bios", "esp", "root"]), (2000, ["bios", "esp", "root", "var"])])
def test_partitions_do_not_overlap_and_one_that_grows_is_last(var_size: int, names: list[str]) -> None:
    made = disk.Disk("name", 4096, "", 0, var_size)
    text = disk.partitions(made)
    rows = [dict(part.strip().split("=") for part in line.split(",")) for line in text.splitlines() if "start=" in line]
    ends = [int(row["start"]) + int(row["size"]) for row in rows]
    assert [row["name"] for row in rows] == names
    assert all(int(row["start"]) >= end for row, end in zip(rows[1:], ends))
    assert ends[-1] == 4095 * disk.MIB // disk.SECTOR
    assert disk.partitions(made) == text != disk.partitions(disk.Disk("other", 4096, "", 0, var_size))
    lines = disk.fstab(made).splitlines()
    data = disk.Disk("name", 4096, "", 0, var_size, disk.Data("/dev/vdb", "/srv", ("nomad.service",)))
    assert disk.fstab(data).splitlines() == [
        *lines,
        "/dev/vdb /srv ext4 nodev,nosuid,nofail,x-systemd.makefs,x-systemd.growfs,"
        "x-systemd.before=nomad.service,x-systemd.required-by=nomad.service 0 2",
    ]
    growing = [line.split()[1] for line in lines if "x-systemd.growfs" in line]
    assert growing == [made.partitions[-1].path]


@needs("sfdisk")
@needs("mke2fs")
def test_a_tree_that_does_not_fit_is_named(small_tree: Path) -> None:
    put(small_tree / "big", "x" * (12 << 20))
    with pytest.raises(
        ImageError, match=r"^/ does not fit into its 5 MiB: choose another server_image_size or server_image_var_size"
    ):
        disk.write(small_tree, disk.Disk("x", 40, "", 0), small_tree.parent / "raw")


@pytest.fixture
def small_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that is written as a disk without GRUB."""
    for path in ("usr/lib/grub/i386-pc/boot.img", "etc/hostname", "boot/grub/x", "var/lib/dpkg/status"):
        put(tmp_path / "tree" / path, path)
    monkeypatch.setattr(disk, "core_images", lambda _root, _disk: {"x86_64-efi": b"", "i386-pc": bytes(1024)})
    monkeypatch.setattr(disk, "_write_boot", lambda *_arguments: None)
    return tmp_path / "tree"


@needs("sfdisk")
@needs("debugfs")
def test_a_tree_that_is_written_later_is_the_same_disk(small_tree: Path) -> None:
    """Whenever its files were last changed and read, which nobody can set, or which reading sets."""
    made, raw, written = disk.Disk("x", 100, "", 1_000_000_000, 20), small_tree.parent / "raw", []
    put(small_tree / "etc/old", "x")
    for number, read in enumerate((900_000_000, 1_900_000_000)):
        tree = small_tree.with_name(f"tree{number}")
        shutil.copytree(small_tree, tree)
        os.utime(tree / "etc/old", (read, 800_000_000))
        disk.write(tree, made, raw)
        written.append(digest_of(raw))
        time.sleep(1.1)
    assert written[0] == written[1]


@needs("qemu-img")
def test_the_same_disk_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(os.urandom(16 << 20) + b"x" * (16 << 20) + os.urandom(8 << 20))
    digests = set()
    for number in range(3):
        made = tmp_path / f"{number}.qcow2"
        disk.convert(tmp_path / "raw", made)
        digests.add(digest_of(made))
    assert len(digests) == 1


@needs("sfdisk")
@needs("debugfs")
@pytest.mark.parametrize("var_size", [0, 20])
def test_var_lies_where_it_is_mounted(small_tree: Path, var_size: int) -> None:
    raw = small_tree.parent / "raw"
    disk.write(small_tree, disk.Disk("x", 100, "", 0, var_size), raw)
    starts = disk.file_systems(raw)
    assert list(starts) == (["/", "/var"] if var_size else ["/"])
    found = {}
    for path, (start, size) in starts.items():
        one = raw.with_name("one")
        one.write_bytes(raw.read_bytes()[start : start + size])
        for name in ("var/lib/dpkg/status", "lib/dpkg/status"):
            said = run(["debugfs", "-R", f"cat /{name}", str(one)])
            found[path, name] = said == "var/lib/dpkg/status"
    apart = bool(var_size)
    assert found["/", "var/lib/dpkg/status"] is not apart
    assert not apart or found["/var", "lib/dpkg/status"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"builder": "qemu", "var_size": 1000},
            "server_image_var_size: builder qemu has the file systems of what it starts from",
        ),
        (
            {"var_size": 3000},
            "of server_image_size 4096 MiB server_image_var_size 3000 leaves 1096 to the system, which needs 1500",
        ),
        ({"var_size": -1}, "server_image_var_size -1 leaves"),
        (
            {"builder": "qemu", "data_device": "/dev/vdb"},
            "server_image_data_device: builder qemu has the file systems of what it starts",
        ),
        (
            {"data_device": "vdb"},
            "server_image_data_device is vdb, server_image_data_path /srv: a device, as /dev/vdb, and an",
        ),
        ({"data_device": "/dev/vdb", "data_path": "data"}, "server_image_data_path data"),
        ({"size": 800}, "of server_image_size 800 MiB server_image_var_size 0 leaves 800"),
    ],
)
def test_a_disk_that_cannot_be_divided_so_is_refused(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        request(tmp_path, **more).check_disks()


@needs("sfdisk")
def test_the_root_of_a_foreign_disk_is_found(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    with raw.open("wb") as writing:
        writing.truncate(64 * disk.MIB)
    table = f"label: gpt\nstart=20480, size=8192, type={disk.TYPES['/']}\nstart=2048, size=2048, type={disk.ESP.kind}\n"
    run(["sfdisk", "--quiet", str(raw)], table)
    assert disk.file_systems(raw) == {"/": (20480 * disk.SECTOR, 8192 * disk.SECTOR)}
    run(["sfdisk", "--quiet", str(raw)], f"label: gpt\nstart=2048, size=2048, type={disk.ESP.kind}\n")
    with pytest.raises(ImageError, match="the disk has 0 partitions of the root's type"):
        disk.file_systems(raw)


def test_empty_control_groups_of_a_killed_build_are_removed(tmp_path: Path) -> None:
    left = [tmp_path / path for path in ("unified/a/payload", "unified/a/supervisor", "systemd/b/payload")]
    used = tmp_path / "systemd/b/supervisor/leaf"
    for path in (*left, used, tmp_path / "cpu/payload"):
        path.mkdir(parents=True)
    (tmp_path / "self").write_text("9:name=systemd:/b\n2:cpu:/\n0::/a\n")
    tree.forget_killed(tmp_path, tmp_path / "self")
    assert used.exists() and (tmp_path / "cpu/payload").exists()
    assert not any(path.exists() for path in left)


def test_a_step_that_fails_says_one_thing(tmp_path: Path) -> None:
    argv = [sys.executable, str(build.TEMPLATE / "steps.py"), "look", str(tmp_path)]
    path = {**os.environ, "PYTHONPATH": str(build._collections())}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=path)
    assert done.returncode == 1
    assert done.stderr == f"image: [Errno 2] No such file or directory: '{tmp_path}/look.json'\n"


# --- Packer -------------------------------------------------------------------------------------------------------

PREFIX = "==> host_node.null.tree: "
LINES = [
    f"{PREFIX}TASK [keelson.cluster.host_node : prepare | Install the artifacts] ***************\n",
    'fatal: [image]: FAILED! => {"changed": false, "msg": "nomad 1.11.3 (amd64) is neither on this host"}\n',
]


def test_the_output_of_packer_is_understood() -> None:
    assert build.progress(LINES[0]) == "prepare | Install the artifacts"
    assert build.progress("    host_node.null.tree: ok: [image]\n") == ""
    assert build.progress(f"{PREFIX}making the base base-1 (some minutes)\n").startswith("making the base")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [PREFIX + LINES[1], f"{PREFIX}Error executing Ansible: Non-zero exit status"],
            "nomad 1.11.3 (amd64) is neither on this host",
        ),
        ([f"{PREFIX}image: /b.tar: there is no such base", "Build 'x' errored"], "/b.tar: there is no such base"),
        (["Error: Missing plugins", "", "more", "Error: another"], "Error: Missing plugins more"),
        (
            [
                "Error: Invalid value",
                "",
                "  on builder.pkr.hcl line 1:",
                "  (source code not available)",
                "",
                "It is kvm or tcg.",
            ],
            "Error: Invalid value It is kvm or tcg.",
        ),
        (
            [
                "Build 'host_node.docker.image' errored after 501 milliseconds 654 microseconds: no such image",
                "",
                "==> end",
            ],
            "no such image",
        ),
        ([], "Packer failed without a word"),
    ],
)
def test_a_failure_has_one_message(lines: list[str], message: str) -> None:
    assert build.fault([line.rstrip() for line in lines]) == message


def test_an_artifact_that_is_missing_is_named_before_anything_is_built(tmp_path: Path) -> None:
    store = Store(tmp_path / "bundle")
    with pytest.raises(
        ImageError, match=r"nomad 1\.11\.3 \(amd64\) is not in the bundle .* fill it with playbook bundle"
    ):
        expected(request(tmp_path, artifacts=["nomad"]), store)
    with pytest.raises(ImageError, match=r"packer 1\.16\.0 is not in the bundle"):
        build.place_packer(store, tmp_path / "packer", ["ansible"])


def test_a_build_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="a build needs 99999999 MiB there, .* nothing was built"):
        build.need_space(tmp_path, 99999999)


def fake_packer(folder: Path, script: str) -> Path:
    """A program that stands in for Packer."""
    program = folder / "packer"
    put(program, f"#!/bin/sh\n{script}\n", 0o755)
    return program


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, as small as asked."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "keelson-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces of one's own need root")


@needs_root
def test_packer_runs_and_what_it_says_is_kept(tmp_path: Path) -> None:
    told: list[str] = []
    speaking = fake_packer(tmp_path, f"echo '{LINES[0].strip()}'")
    build.run_packer(speaking, tmp_path, tmp_path, None, tmp_path / "log", told.append)
    assert told == ["prepare | Install the artifacts"] and (tmp_path / "log").read_text() == LINES[0]
    with pytest.raises(ImageError, match=r"no space left on device \(the whole output: .*log\)"):
        failing = fake_packer(tmp_path, f"echo '{PREFIX}image: no space left on device'; exit 1")
        build.run_packer(failing, tmp_path, tmp_path, None, tmp_path / "log", told.append)


@needs_root
def test_a_build_that_is_killed_leaves_no_process_no_mount_and_no_image(tmp_path: Path) -> None:
    output = tmp_path / "output"
    nap = f"sleep {987_000_000 + os.getpid()}"  # of this run alone: others may test on this machine at the same time
    program = fake_packer(
        tmp_path, f"mkdir m; mount -t tmpfs none m; touch m/here; {nap} & echo $$; touch {tmp_path}/up; wait"
    )
    script = (
        "import sys; from pathlib import Path\n"
        "from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import build\n"
        f"with build.workspace(Path({str(output)!r})) as work:\n"
        f"    build.run_packer(Path({str(program)!r}), work, work, None, work / 'log', print)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(build._collections())}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    deadline = time.monotonic() + 30
    while not (tmp_path / "up").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    (work,) = output.iterdir()
    assert nap in processes()
    process.send_signal(signal.SIGKILL)
    process.wait()
    while nap in processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert nap not in processes()
    assert str(work) not in Path("/proc/self/mounts").read_text()
    assert not (work / "m/here").exists()
    with build.workspace(output) as other:
        assert [path.name for path in output.iterdir()] == [other.name]
    assert list(output.iterdir()) == []


def processes() -> str:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_two_builds_do_not_take_each_others_folder(tmp_path: Path) -> None:
    with build.workspace(tmp_path) as one, build.workspace(tmp_path) as two:
        assert one.is_dir() and two.is_dir() and one != two
    assert list(tmp_path.iterdir()) == []


def test_steps_find_the_order_again(tmp_path: Path) -> None:
    spec = request(tmp_path).spec(tmp_path)
    spec.save(tmp_path)
    assert orders.read(tmp_path) == spec


def test_phases_last_until_the_next_begins() -> None:
    assert make.durations([("a", 1.0), ("b", 3.5), ("", 4.0)]) == {"a": 2.5, "b": 0.5}
