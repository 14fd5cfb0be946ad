# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot test: the program that runs in the server, each of its checks failing once, and what starts the server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Verdict
from ansible_collections.keelson.cluster.plugins.module_utils.server_image import guest
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.checks import boot, boot_test
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError

NOTHING: dict[str, Any] = {
    "services": [],
    "sysctls": {},
    "sshd": {},
    "modules": [],
    "images": [],
    "runtime": "docker",
    "grows": "/",
    "data": "",
}


def test_the_program_runs_by_itself(tmp_path: Path) -> None:
    """Away from the collection, with the standard library alone; on this machine most checks may well fail."""
    (tmp_path / "check.pyz").write_bytes(boot.program())
    moments = [f"{name}{guest.MOMENT}=1" for name in ("Userspace", "Finish", "InactiveExit", "ActiveEnter")]
    shown = "\n".join(["Id=x", *moments])
    script = "import runpy, sys; from unittest import mock\n"
    script += "with mock.patch('subprocess.run') as run:\n"
    script += f"    run.return_value.stdout, run.return_value.stderr = {shown!r}, ''\n"
    script += f"    runpy.run_path({str(tmp_path / 'check.pyz')!r}, run_name='__main__')\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], input=json.dumps(NOTHING), capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert [answer["check"] for answer in found["answers"]] == [
        "boot.settled",
        "boot.listeners",
        "boot.grown",
        "boot.identity",
    ]
    assert "machine-id" in found["identity"]


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the server's programs say something: {first word(s): output}."""

    def replace(**texts: str) -> None:
        def fake(*argv: str) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(argv, 0, texts.get(argv[0], ""), "")

        monkeypatch.setattr(guest, "run", fake)

    return replace


def test_a_server_with_a_failed_unit_is_not_settled(says: Callable[..., None]) -> None:
    says(timeout="running")
    assert guest.settled().passed and guest.service("x").passed is False
    says(timeout="degraded", systemctl="x.service")
    assert guest.settled() == Verdict(False, "systemd says degraded x.service")
    says(systemctl="active")
    assert guest.service("x").passed


def test_a_server_tells_where_its_boot_spent_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = guest.MOMENT
    units = {"ssh": (100000, 900000), "docker": (2000000, 64500000), "never started": ("", 0)}
    blocks = [
        f"Id={name}\nInactiveExit{moment}={start}\nActiveEnter{moment}={end}\n" for name, (start, end) in units.items()
    ]

    def shows(*argv: str) -> subprocess.CompletedProcess[str]:
        manager = f"Userspace{moment}=21400000\nFinish{moment}=\n"
        return subprocess.CompletedProcess(argv, 0, "\n".join(blocks) if argv[-1] == "docker" else manager, "")

    monkeypatch.setattr(guest, "run", shows)
    assert guest.boot_seconds(["ssh", "docker"]) == {
        "until userspace": 21.4,
        "until all is up": 0.0,
        "docker": 62.5,
        "ssh": 0.8,
        "never started": 0.0,
    }


def test_a_boot_that_does_not_end_is_not_settled(says: Callable[..., None]) -> None:
    says(systemctl="starting")
    assert guest.settled() == Verdict(False, "the boot has not ended after 300 s")


@pytest.mark.parametrize(
    ("partition", "blocks", "passed", "evidence"),
    [
        (20000 << 11, 19900 << 20, True, "100% of its 20000 MiB, 1 MiB are left behind it"),
        (4000 << 11, 3980 << 20, False, "100% of its 4000 MiB, 16001 MiB are left behind it"),
        (20000 << 11, 3980 << 20, False, "20% of its 20000 MiB, 1 MiB are left behind it"),
    ],
)
def test_a_file_system_that_did_not_grow_fails(
    partition: int,
    blocks: int,
    passed: bool,
    evidence: str,
    says: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for path, value in (
        ("size", 20035 << 11),
        ("vda3/start", 34 << 11),
        ("vda3/size", partition),
        ("vda3/partition", 3),
    ):
        (tmp_path / "vda" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "vda" / path).write_text(f"{value}\n")
    (tmp_path / "vda3").symlink_to("vda/vda3")
    monkeypatch.setattr(guest.os, "statvfs", lambda _path: mock.Mock(f_blocks=blocks, f_frsize=1))
    says(findmnt="/dev/vda3\n")
    assert guest.grown("/var", str(tmp_path)) == Verdict(passed, evidence)
    says(findmnt="")
    assert guest.grown("/var", str(tmp_path)) == Verdict(False, "/var is no partition's file system")


def test_a_data_volume_that_is_not_mounted_fails(says: Callable[..., None]) -> None:
    says(findmnt="/dev/vdb ext4 rw,nosuid,nodev\n")
    assert guest.mounted("/srv") == Verdict(True, "/dev/vdb ext4 rw,nosuid,nodev")
    says(findmnt="/dev/vdb ext4 ro,nosuid\n")
    assert not guest.mounted("/srv").passed
    says(findmnt="")
    assert guest.mounted("/srv") == Verdict(False, "nothing is mounted there")


def test_a_server_has_the_data_volume_that_its_image_names(tmp_path: Path) -> None:
    def drives(device: str) -> list[str]:
        server = boot.Server("clone-0", tmp_path, 1, False, device)
        words = boot.command(server, tmp_path / "disk", tmp_path / "seed", 1024)
        return [word for word in words if word.startswith("virtio-blk-pci")]

    disk, data, seed = (f"virtio-blk-pci,drive={name}" for name in ("disk", "data", "seed"))
    assert drives("") == [disk, seed]
    assert drives("/dev/vdb") == [disk, data, seed]
    assert drives("/dev/disk/by-id/virtio-apps") == [disk, f"{data},serial=apps", seed]
    with pytest.raises(ImageError, match=r"server_image_data_device /dev/nvme1n1: servers that boot by emulation have"):
        drives("/dev/nvme1n1")


def test_live_parameters_are_compared(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel/a").write_text("1\t2\n")
    assert guest.parameter("kernel.a", "1 2", str(tmp_path)).passed
    assert guest.parameter("kernel.a", "2", str(tmp_path)) == Verdict(False, "1 2, desired 2")
    assert not guest.parameter("kernel.b", "2", str(tmp_path)).passed


def test_a_module_that_could_be_loaded_fails(says: Callable[..., None]) -> None:
    says(modprobe="insmod /lib/modules/x/crc.ko\ninstall /bin/false\n")
    assert guest.blocked("udf") == Verdict(True, "install /bin/false")
    says(modprobe="insmod /lib/modules/x/cramfs.ko")
    assert not guest.blocked("cramfs").passed


def test_options_of_the_ssh_server_are_those_it_works_with(says: Callable[..., None]) -> None:
    says(sshd="passwordauthentication no\npermitrootlogin without-password\nciphers a,b\n")
    shown = guest.ssh_options()
    assert guest.option(shown, "PasswordAuthentication", "no").passed
    assert guest.option(shown, "PermitRootLogin", "prohibit-password").passed
    assert guest.option(shown, "Ciphers", "-c,d").passed
    assert not guest.option(shown, "PasswordAuthentication", "yes").passed
    assert guest.option(shown, "Ciphers", "-b,c") == Verdict(False, "offered: b")
    assert not guest.option(shown, "Banner", "/etc/issue.net").passed


def test_another_listener_than_ssh_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = {"protocol": "tcp", "address": "0.0.0.0", "port": 22, "process": "sshd", "pid": 1}
    monkeypatch.setattr(guest.sockets, "listening", lambda: [ssh])
    assert guest.listeners().passed
    monkeypatch.setattr(guest.sockets, "listening", lambda: [ssh, {**ssh, "port": 111, "process": "rpcbind"}])
    assert "rpcbind" in guest.listeners().evidence and not guest.listeners().passed


def test_a_container_that_does_not_run_fails(says: Callable[..., None]) -> None:
    says(docker="running")
    assert guest.container("docker", "pause").passed
    says(docker="exited")
    assert not guest.container("docker", "pause").passed
    says(ctr="TASK PID STATUS\nimage-check 12 RUNNING\n")
    assert guest.container("containerd", "pause").passed
    says(ctr="TASK PID STATUS\n")
    assert not guest.container("containerd", "pause").passed


def test_clones_that_share_an_identity_fail() -> None:
    one, two = {"machine-id": "a", "rsa": "k1"}, {"machine-id": "b", "rsa": "k2"}
    assert all(answer["passed"] for answer in boot.distinct([one, two]))
    found = {answer["target"]: answer["passed"] for answer in boot.distinct([one, {**two, "rsa": "k1"}])}
    assert found == {"machine-id": True, "rsa": False}
    assert not all(answer["passed"] for answer in boot.distinct([one, {"machine-id": "b"}]))


def test_the_server_reaches_nobody_and_nobody_but_we_reach_it(tmp_path: Path) -> None:
    server = boot.Server("clone-0", tmp_path, 2222, uefi=False)
    argv = boot.command(server, tmp_path / "disk", tmp_path / "seed", 1024)
    assert "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22" in argv
    assert not any("pflash" in word for word in argv)
    assert any("pflash" in word for word in boot.command(boot.Server("c", tmp_path, 1, True), tmp_path, tmp_path, 1))


def test_user_data_is_what_cloud_init_reads() -> None:
    text = boot.user_data("clone-0", "ssh-ed25519 AAAA")
    assert text.startswith("#cloud-config\n")
    content = json.loads(text.split("\n", 1)[1])
    assert content["hostname"] == "clone-0" and content["users"][0]["ssh_authorized_keys"] == ["ssh-ed25519 AAAA"]


def test_a_server_that_does_not_answer_is_named_with_its_console(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text("\n\nKernel panic - not syncing: VFS\n")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    server = boot.Server("clone-0", tmp_path, boot.free_port(), False)
    with pytest.raises(ImageError, match=r"clone-0 does not answer by ssh .* its console: Kernel panic"):
        boot.ask(server, tmp_path / "key", {}, patience=0)


def test_the_manifest_says_what_a_server_is_asked_for() -> None:
    entries = [{"name": "kubernetes-images", "version": "1.36.3"}, {"name": "pause", "version": "3.10.2"}]
    manifest = {
        "engine": "nomad",
        "architecture": "amd64",
        "disk": {"var_mib": 0},
        "inputs": {"artifacts": entries},
        "hardening": {"exempt": {}},
    }
    desired = boot_test.desired(manifest)
    assert desired["images"] == ["registry.k8s.io/pause:3.10.2"] and "docker.service" in desired["services"]
    assert desired["sysctls"]["net.ipv4.ip_forward"] == "1" and "sctp" in desired["modules"]
    assert desired["grows"] == "/" and boot_test.desired({**manifest, "disk": {"var_mib": 8}})["grows"] == "/var"
    assert boot_test.desired({**manifest, "disk": {"data": {"device": "/dev/vdb", "path": "/srv"}}})["data"] == "/srv"
    manifest["hardening"] = {"exempt": {"3.2.1": "an application speaks SCTP"}}
    assert "sctp" not in boot_test.desired(manifest)["modules"]
