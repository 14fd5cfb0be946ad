# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a host: what preflight judges and what the roles decide by. Changes nothing. Standard library only."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import time
from typing import Any

from ..checks.sockets import listening, read
from . import features, netlink

# Programs that mean a cluster runs here, by the name in /proc/PID/comm (15 characters at most).
_CLUSTER_PROCESSES = {
    "nomad": "nomad",
    "kubelet": "kubernetes",
    "k3s-server": "kubernetes",
    "k3s-agent": "kubernetes",
    "k0s": "kubernetes",
}


def os_release(text: str) -> dict[str, str]:
    """Return the fields of an os-release file."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def memory(text: str) -> dict[str, int]:
    """Return {memory_mib, memory_free_mib, swap_mib} of /proc/meminfo."""
    values = {key: int(number) // 1024 for key, number in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    names = {"memory_mib": "MemTotal", "memory_free_mib": "MemAvailable", "swap_mib": "SwapTotal"}
    return {name: values.get(field, 0) for name, field in names.items()}


def free_disk(paths: list[str]) -> dict[str, int]:
    """Return {path: MiB free for root} of each path, or of its nearest parent that exists."""
    found = {}
    for path in paths:
        existing = path
        while not os.path.exists(existing) and existing != "/":
            existing = os.path.dirname(existing)
        status = os.statvfs(existing)
        found[path] = status.f_bfree * status.f_frsize // (1 << 20)
    return found


def processes(proc: str = "/proc") -> dict[str, str]:
    """Return {process name: executable} of the running programs that belong to clusters.

    Those in containers are others' hosts: only our own process namespace counts.
    """
    found = {}
    for pid in filter(str.isdigit, os.listdir(proc)):
        name = read(f"{proc}/{pid}/comm").strip()
        if name in _CLUSTER_PROCESSES and link(f"{proc}/{pid}/ns/pid") == link(f"{proc}/self/ns/pid"):
            found[name] = link(f"{proc}/{pid}/exe")
    return found


def link(path: str) -> str:
    """Return where a symbolic link points, or nothing when it may not be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def clusters(root: str, running: dict[str, str]) -> list[dict[str, str]]:
    """Return the clusters this host belongs or belonged to as {engine, name, evidence}; the name may be unknown: ''.

    `root` is the directory of the file system to look at, `running` the answer of processes().
    """
    found = []
    nomad = read(os.path.join(root, "etc/nomad.d/agent.json"))
    try:
        name = str(json.loads(nomad).get("datacenter", "")) if nomad else ""
    except (ValueError, AttributeError):
        name = ""
    if nomad:
        found.append({"engine": "nomad", "name": name, "evidence": "/etc/nomad.d/agent.json"})
    else:
        configuration = os.path.join(root, "etc/nomad.d")
        files = sorted(os.listdir(configuration)) if os.path.isdir(configuration) else []
        loose = [file for file in files if file.endswith((".hcl", ".json"))]
        if loose:
            found.append({"engine": "nomad", "name": kept_name(root), "evidence": f"/etc/nomad.d/{loose[0]}"})
        elif "nomad" in running:
            found.append({"engine": "nomad", "name": "", "evidence": f"process {running['nomad'] or 'nomad'}"})
    for path in ("etc/kubernetes/kubelet.conf", "etc/kubernetes/admin.conf", "etc/rancher/k3s/k3s.yaml", "etc/k0s"):
        if os.path.exists(os.path.join(root, path)):
            found.append({"engine": "kubernetes", "name": kept_name(root), "evidence": f"/{path}"})
            break
    else:
        kubernetes = [name for name in running if _CLUSTER_PROCESSES[name] == "kubernetes"]
        if kubernetes:
            found.append({"engine": "kubernetes", "name": "", "evidence": f"process {kubernetes[0]}"})
    return found


def kept_name(root: str) -> str:
    """Return the name of the one cluster of this collection whose directory lies in /etc/keelson, else nothing."""
    base = os.path.join(root, "etc/keelson")
    entries = sorted(os.listdir(base)) if os.path.isdir(base) else []
    names = [name for name in entries if os.path.isdir(os.path.join(base, name))]
    return names[0] if len(names) == 1 else ""


def trials() -> dict[str, str]:
    """Return {feature: error text, empty when it works} of everything Requirements.features may name."""
    found = features.try_all()
    found["systemd"] = "" if os.path.isdir("/run/systemd/system") else "systemd is not the service manager"
    found["cgroup"] = "" if features.cgroup()["version"] else "no memory controller below /sys/fs/cgroup"
    return found


def gather(paths: list[str]) -> dict[str, Any]:
    """Return all facts of this host; `paths` are those whose free disk counts. `time` is taken last."""
    release = os_release(read("/etc/os-release"))
    running = processes()
    facts: dict[str, Any] = {
        "os_id": release.get("ID", ""),
        "os_like": release.get("ID_LIKE", "").split(),
        "os_version": release.get("VERSION_ID", ""),
        "os_codename": release.get("VERSION_CODENAME", ""),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "root": os.geteuid() == 0,
        "machine_id": read("/etc/machine-id").strip(),
        "hostname": socket.gethostname(),
        "addresses": netlink.addresses(),
        "cores": len(os.sched_getaffinity(0)),
        **memory(read("/proc/meminfo")),
        "disk_free_mib": free_disk(paths),
        "cgroup": features.cgroup(),
        "features": trials(),
        "listeners": listening(),
        "clusters": clusters("/", running),
        "python": platform.python_version(),
    }
    return {**facts, "time": time.time()}
