# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a finished image: each passes on a good root file system and fails when its one thing is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image import make
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import hardening
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.checks import offline
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.expected import profile, refuse

PROFILE = profile()


def failed(tree: Path, expected: offline.Expected) -> dict[str, str]:
    """The failed checks with their evidence."""
    return {answer["check"]: answer["evidence"] for answer in offline.look(tree, expected) if not answer["passed"]}


def write(path: str, text: str, mode: int = 0o644) -> Callable[[Path], None]:
    """Something to break: a file that is written."""

    def breaking(tree: Path) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        (tree / path).chmod(mode)

    return breaking


def starts(unit: str) -> Callable[[Path], None]:
    """Something to break: a unit that starts."""
    return lambda tree: (tree / hardening.UNITS / "multi-user.target.wants" / unit).symlink_to(f"/lib/{unit}")


BROKEN = [
    ("identity", write("etc/ssh/ssh_host_rsa_key", "secret"), "etc/ssh/ssh_host_rsa_key"),
    ("identity", write("etc/machine-id", "0123456789abcdef0123456789abcdef"), "etc/machine-id"),
    ("identity", write("root/.ssh/authorized_keys", "ssh-ed25519 AAAA"), "root/.ssh"),
    ("identity", write("home/builder/.bash_history", "ls"), "home/builder"),
    ("identity", write("var/log/apt/history.log", "x"), "var/log/apt/history.log"),
    ("identity", write("var/lib/cloud/data/instance-id", "i-1"), "var/lib/cloud/data"),
    ("identity", write("etc/hostname", "builder"), "etc/hostname"),
    ("identity", write("etc/nomad.d/agent.json", "{}"), "etc/nomad.d"),
    ("identity", write("var/lib/docker/engine-id", "x"), "engine-id"),
    ("identity", write("var/lib/containerd/io.containerd.grpc.v1.introspection/uuid", "x"), "introspection/uuid"),
    ("identity", write("etc/docker/key.json", "{}"), "etc/docker/key.json"),
    ("accounts", write("etc/shadow", "root:$y$j9T$x:1::::::\n", 0o640), "root has a password"),
    ("accounts", write("etc/shadow", "owner::1::::::\n", 0o640), "owner has a password"),
    ("accounts", write("etc/passwd", "root:x:0:0::/:/bin/sh\nbuild:x:1000:1000::/:/bin/sh\n"), "build is a user"),
    ("keys", write("etc/ssl/private/x.pem", "-----BEGIN EC PRIVATE KEY-----\n", 0o600), "/etc/ssl/private/x.pem"),
    ("network", write("etc/systemd/network/10-x.link", "[Match]\nMACAddress=0A:58:0a:59:32:0b\n"), "10-x.link"),
    ("packages", write("var/lib/dpkg/status", ""), "base-files is missing"),
    ("artifact", write("opt/keelson/tool/1.0.0/tool", "altered", 0o755), "another digest"),
    ("artifact", write("opt/keelson/tool/1.0.0/tool", "program", 0o644), "another mode"),
    ("artifact", lambda tree: (tree / "opt/keelson/tool/1.0.0/tool").unlink(), "is missing"),
    ("artifact", lambda tree: (tree / "usr/local/bin/tool").unlink(), "leads to"),
    ("container", write("var/lib/docker/image/overlay2/repositories.json", '{"Repositories": {}}'), "docker has none"),
    ("listeners", starts("rpcbind.socket"), "rpcbind.socket starts"),
    ("runtime", write("etc/docker/daemon.json", '{"hosts": ["tcp://0.0.0.0:2375"]}'), "tcp://0.0.0.0:2375"),
    ("modes", write("etc/cron.d/x", "", 0o666), "/etc/cron.d/x can be written by everybody"),
    ("boot", lambda tree: (tree / "boot/initrd.img-6.1").unlink(), "/initrd.img leads to no file"),
    ("boot", write("boot/grub/grub.cfg", "", 0o600), "starts no kernel"),
    ("data", write("srv/app/index.html", ""), "/srv/app"),
    ("data", lambda tree: (tree / "srv").rmdir(), "/srv is no folder"),
    ("sources", write("etc/apt/sources.list.d/x.list", "deb [trusted=yes] file:/x ./\n"), "x.list"),
]


def test_a_good_image_passes_all(tree: Path, expected: offline.Expected) -> None:
    assert failed(tree, expected) == {}


@pytest.mark.parametrize(("check", "breaking", "evidence"), BROKEN)
def test_each_check_fails(
    check: str, breaking: Callable[[Path], None], evidence: str, tree: Path, expected: offline.Expected
) -> None:
    breaking(tree)
    assert evidence in failed(tree, expected)[f"image.{check}"]


def test_every_check_is_seen_to_fail(tree: Path, expected: offline.Expected) -> None:
    names = {name for name, *_ in offline.questions(tree, expected)}
    assert names == {check for check, *_ in BROKEN} | {"hardening"}


def unmeet(tree: Path, control: hardening.Control) -> None:
    """Break what a control asks for, by the first of its words."""
    for path in (hardening.SYSCTL, hardening.MODPROBE, hardening.SSHD):
        (tree / path[1:]).write_text("".join(f"install {name} /bin/false\n" for name in control.get("loadable", [])))
    status = tree / "var/lib/dpkg/status"
    for name in control.get("absent", []):
        status.write_text(
            status.read_text() + f"Package: {name}\nStatus: hold ok installed\nVersion: 1\nArchitecture: all\n\n"
        )
    for entry in (*control.get("files", []), *control.get("expects", [])):
        if entry.get("state") != "directory":
            (tree / entry["path"][1:]).write_text(entry.get("lacks", "altered"))
            (tree / entry["path"][1:]).chmod(0o666)
    for path in control.get("modes", {}):
        (tree / path[1:]).chmod(0o666)
    folder = tree / hardening.UNITS / "multi-user.target.wants"
    for unit in control.get("enabled", []):
        (folder / unit).unlink()
    for unit in control.get("disabled", []):
        (folder / unit).symlink_to("/lib/x")
    if "setuid" in control:
        (tree / "usr/bin").mkdir(exist_ok=True)
        (tree / "usr/bin/evil").touch()
        (tree / "usr/bin/evil").chmod(0o4755)


@pytest.mark.parametrize("control", PROFILE, ids=lambda control: str(control["id"]))
def test_each_control_is_seen_met_and_not_met(control: hardening.Control, tree: Path) -> None:
    assert hardening.faults(tree, control) == []
    unmeet(tree, control)
    assert hardening.faults(tree, control) != []


def test_the_profile_is_well_formed() -> None:
    words = {
        "modules",
        "loadable",
        "sysctls",
        "sshd",
        "files",
        "modes",
        "absent",
        "setuid",
        "enabled",
        "disabled",
        "expects",
    }
    for control in PROFILE:
        assert control.keys() <= words | {"id", "title", "exempt"}
        assert control.keys() & words, f"{control['id']} asks for nothing"
    numbers = [control["id"] for control in PROFILE]
    assert len(numbers) == len(set(numbers))
    json.dumps(PROFILE)


def test_two_controls_never_set_the_same(expected: offline.Expected) -> None:
    for word in ("sysctls", "sshd", "modes"):
        keys = [key for control in PROFILE for key in control.get(word, {})]
        assert len(keys) == len(set(keys))
    paths = [item["path"] for item in hardening.files(PROFILE) if item.get("state") != "directory"]
    assert len(paths) == len(set(paths))


def test_a_site_exempts_a_control_with_a_reason_only() -> None:
    numbers = {control["id"] for control in hardening.applied(PROFILE, {"6.1.2": "logs go to a collector"})}
    assert "6.1.2" not in numbers and len(numbers) == len(PROFILE) - 1
    with pytest.raises(hardening.ImageError, match=r"no control 6\.1\.99"):
        hardening.applied(PROFILE, {"6.1.99": "x"})
    with pytest.raises(hardening.ImageError, match="without a reason"):
        hardening.applied(PROFILE, {"6.1.2": " "})


def test_a_control_the_base_cannot_satisfy_stops_the_image(tree: Path, expected: offline.Expected) -> None:
    status = tree / "var/lib/dpkg/status"
    status.write_text(
        status.read_text() + "Package: telnet\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
    )
    with pytest.raises(make.ImageError, match=r"nothing was published: .*2\.2\.1.*telnet is installed.*exempt control"):
        refuse([dict(answer) for answer in offline.look(tree, expected)])
