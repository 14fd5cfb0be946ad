# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the finished file of an image tells of its container runtime."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Verdict


def loaded(tree: Path, runtime: str, name: str) -> Verdict:
    """Judge that the runtime's own records name a container image."""
    if runtime == "docker":
        records = tree / "var/lib/docker/image/overlay2/repositories.json"
        known = json.loads(records.read_text())["Repositories"] if records.is_file() else {}
        return Verdict(any(name in tags for tags in known.values()), f"docker has {', '.join(known) or 'none'}")
    records = tree / "var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db"
    text = records.read_bytes() if records.is_file() else b""
    return Verdict(name.encode() in text, f"{name} is {'' if name.encode() in text else 'not '}in containerd's records")


def exposed(tree: Path) -> Verdict:
    """Judge that Docker's API is on its socket alone."""
    path = tree / "etc/docker/daemon.json"
    hosts = json.loads(path.read_text()).get("hosts", []) if path.is_file() else []
    remote = [host for host in hosts if not host.startswith(("unix:", "fd:"))]
    return Verdict(not remote, ", ".join(remote) or "a socket alone")
