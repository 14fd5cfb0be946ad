# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small root file system that meets every check of an image, for tests that break one thing in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import hardening
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.checks import offline
from image_tree import PROFILE, STATUS, entry, put


@pytest.fixture
def expected() -> offline.Expected:
    """What the tree is asked for, with the profile as the role has it."""
    own = components.engine("nomad").image
    return offline.Expected(
        "docker", ["base-files"], [entry()], PROFILE, data="/srv", units=list(own.units), unshared=list(own.unshared)
    )


@pytest.fixture
def tree(tmp_path: Path, expected: offline.Expected, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root file system."""
    monkeypatch.setattr(hardening, "OWNER", os.getuid())
    root = tmp_path / "tree"
    put(root / "etc/passwd", f"root:x:0:0::/root:/bin/sh\nowner:x:{os.getuid()}:0::/:/bin/false\n")
    put(root / "etc/shadow", "root:*:1::::::\nowner:!:1::::::\n", 0o640)
    for name, mode in (("group", 0o644), ("gshadow", 0o640), ("shells", 0o644), ("machine-id", 0o444)):
        put(root / "etc" / name, "", mode)
    put(root / "etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n", 0o600)
    put(root / "etc/pam.d/su", "auth sufficient pam_rootok.so\n")
    put(root / "etc/modules-load.d/60-keelson.conf", "overlay\n")
    put(root / "etc/sysctl.d/60-keelson.conf", "net.ipv4.ip_forward = 1\n")
    put(
        root / "etc/apt/sources.list",
        "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian stable main\n",
    )
    put(root / "etc/docker/daemon.json", "{}")
    put(root / "boot/vmlinuz-6.1")
    put(root / "boot/initrd.img-6.1")
    put(root / "boot/grub/grub.cfg", "menuentry x {\n linux /vmlinuz\n}\n", 0o600)
    (root / "vmlinuz").symlink_to("boot/vmlinuz-6.1")
    (root / "initrd.img").symlink_to("boot/initrd.img-6.1")
    (root / "srv").mkdir()
    put(root / "var/lib/dpkg/status", "".join(STATUS.format(name=name) for name in ("base-files", "runtime")))
    put(root / "opt/keelson/tool/1.0.0/tool", "program", 0o755)
    (root / "opt/keelson/tool/current").symlink_to("1.0.0")
    (root / "usr/local/bin").mkdir(parents=True)
    (root / "usr/local/bin/tool").symlink_to("/opt/keelson/tool/current/tool")
    records = {"Repositories": {"registry.example/pause": {"registry.example/pause:1": "sha256:1"}}}
    put(root / "var/lib/docker/image/overlay2/repositories.json", json.dumps(records))
    for item in hardening.files(expected.controls):
        if item.get("state") != "directory":
            put(root / item["path"].lstrip("/"), item["content"], int(item["mode"], 8))
    desired = root / hardening.UNITS / "multi-user.target.wants"
    desired.mkdir(parents=True)
    for unit in (*hardening.units(expected.controls), {"name": "ssh.service"}):
        (desired / unit["name"]).symlink_to(f"/lib/systemd/system/{unit['name']}")
    return root
