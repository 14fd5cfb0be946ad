# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host's packages is updated, and why a host must be rebooted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.host import updates

# As apt-get of Debian 12 and Ubuntu 22.04 print it.
SIMULATED = """Reading package lists...
Inst libc6 [2.36-9+deb12u9] (2.36-9+deb12u14 Debian:12.11/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst tzdata [2024a-0+deb12u1] (2025b-0+deb12u1 Debian:12.11/oldstable [all])
Inst docker.io [20.10.24+dfsg1-1+b3] (20.10.24+dfsg1-1+deb12u1 Debian-Security:12/oldstable-security [amd64]) []
Inst linux-image-5.15.0-113-generic (5.15.0-113.123 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Inst toy [1.0] (2.0 localhost [all])
Conf libc6 (2.36-9+deb12u14 Debian:12.11/oldstable [amd64])
"""


def test_what_apt_says() -> None:
    found = updates.parse(SIMULATED)
    assert [(u.name, u.security) for u in found] == [
        ("libc6", True),
        ("tzdata", False),
        ("docker.io", True),
        ("linux-image-5.15.0-113-generic", True),
        ("toy", False),
    ]
    assert str(found[0]) == "libc6 2.36-9+deb12u9 -> 2.36-9+deb12u14"
    assert str(found[3]) == "linux-image-5.15.0-113-generic new -> 5.15.0-113.123"
    assert [text.split()[0] for text in updates.foreseen(found)] == ["libc6", "linux-image-5.15.0-113-generic"]


@pytest.mark.parametrize(
    ("kind", "left"),
    [("all", ["docker.io"]), ("security", ["tzdata", "docker.io", "toy"])],
)
def test_what_is_left_alone(kind: str, left: list[str]) -> None:
    rest = updates.unwanted(updates.parse(SIMULATED), kind, ["docker.io"])
    assert [u.name for u in rest] == left
    pinned = updates.pins(rest, "Package: *\nPin: release a=stable\nPin-Priority: 900\n")
    assert pinned.startswith("Package: *\n") and "Package: docker.io\nPin: version 20.10.24+dfsg1-1+deb12u1\n" in pinned


class Fake:
    """apt-get that would install SIMULATED but for what is pinned; notes how it was called."""

    def __init__(self, code: int = 0) -> None:
        self.code, self.called = code, []  # type: tuple[int, list[str]]

    def __call__(self, command: list[str], environ_update: Any = None) -> tuple[int, str, str]:
        self.called.append(" ".join(word for word in command if "=" not in word))
        if self.code:
            return self.code, "", "E: Some index files failed to download.\nE: Unable to lock directory\n"
        pinned = next((Path(word.partition("=")[2]).read_text() for word in command if "preferences=" in word), "")
        kept = [line for line in SIMULATED.splitlines() if f"Package: {(line.split() + ['', ''])[1]}\n" not in pinned]
        return 0, "\n".join(kept), ""


def test_security_updates_without_held_packages(tmp_path: Path) -> None:
    run = Fake()
    found, left = updates.Apt(run, str(tmp_path)).pending("security", ["docker.io"])
    assert [u.name for u in found] == ["libc6", "linux-image-5.15.0-113-generic"] and [u.name for u in left] == [
        "docker.io"
    ]
    updates.Apt(run, str(tmp_path)).install("security", ["docker.io"])
    assert run.called[-1] == "apt-get -q -y --with-new-pkgs upgrade" and all("-s" in call for call in run.called[:-1])
    assert updates.Apt(run, str(tmp_path)).pending("none", []) == ([], [])


def test_apts_own_words_in_the_message() -> None:
    with pytest.raises(updates.UpdateError, match=r"apt-get update failed: E: Some index .* \| E: Unable to lock"):
        updates.Apt(Fake(100)).refresh()


def test_an_installation_that_was_cut_off(tmp_path: Path) -> None:
    quiet = updates.Apt(lambda command, **_more: (0, "", ""), str(tmp_path))
    assert not quiet.interrupted()
    folder = tmp_path / updates.DPKG / "updates"
    folder.mkdir(parents=True)
    assert not quiet.interrupted()
    (folder / "0001").touch()
    assert quiet.interrupted()
    assert updates.Apt(lambda command, **_more: (0, "are only half configured", "")).interrupted()


def test_why_a_host_must_be_rebooted(tmp_path: Path) -> None:
    root, info = str(tmp_path), tmp_path / updates.DPKG / "info"
    info.mkdir(parents=True)
    (tmp_path / "boot").mkdir()
    for name in ("libc6:amd64.list", "curl.list"):
        (info / name).touch()
        os.utime(info / name, (1000, 1000))
    (tmp_path / "boot/vmlinuz-6.1.0-9-amd64").touch()
    (tmp_path / "boot/vmlinuz-6.1.0-30-cloud-amd64").touch()  # of another kind

    def found() -> list[str]:
        return updates.reasons(root, "6.1.0-18-amd64", 2000)

    assert found() == []
    for name in ("libc6:amd64.list", "curl.list"):
        os.utime(info / name, (3000, 3000))
    assert found() == ["libc6 was replaced since the start"]
    (tmp_path / "boot/vmlinuz-6.1.0-21-amd64").touch()
    assert found()[0] == "kernel 6.1.0-21-amd64 is installed, 6.1.0-18-amd64 runs"
    (tmp_path / "run").mkdir()
    (tmp_path / updates.FLAG).touch()
    assert found()[0] == "/run/reboot-required asks for it"
    (tmp_path / f"{updates.FLAG}.pkgs").write_text("linux-base\nlinux-base\ndbus\n")
    assert found()[0] == "/run/reboot-required asks for it (for dbus, linux-base)"


def test_when_this_machine_was_started() -> None:
    assert 0 < updates.boot_time() <= os.stat("/proc/self").st_ctime
