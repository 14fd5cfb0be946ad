# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a host: what preflight judges and what the roles decide by. Changes nothing. Standard library only."""

from __future__ import annotations

import glob
import json
import os
import platform
import re
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ..bundle import install
from ..checks.sockets import listening, read
from ..host.receipts import components
from . import features, netlink, occupants

MOST_ROUTES = 1000
# Where an installation writes, and /tmp, where scripts of packages run.
USED = ("/etc", "/opt", "/tmp", "/usr", "/usr/local", "/var/lib")
# How a component is recognised: {component, files: [{path, name}], processes: [name in /proc/PID/comm]}.
Traces = dict[str, Any]


def os_release(text: str) -> dict[str, str]:
    """Return the fields of an os-release file."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def memory(text: str) -> dict[str, int]:
    """Return {memory_mib, memory_free_mib, swap_mib} of /proc/meminfo."""
    values = {key: int(number) // 1024 for key, number in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    names = {"memory_mib": "MemTotal", "memory_free_mib": "MemAvailable", "swap_mib": "SwapTotal"}
    return {name: values.get(field, 0) for name, field in names.items()}


def file_systems(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Of each path, or its nearest parent that exists, its file system: {free_mib (for root), device, read_only, noexec}."""
    found = {}
    for path in paths:
        existing = path
        while not os.path.exists(existing) and existing != "/":
            existing = os.path.dirname(existing)
        status = os.statvfs(existing)
        found[path] = {
            "free_mib": status.f_bfree * status.f_frsize // (1 << 20),
            "device": os.stat(existing).st_dev,
            "read_only": bool(status.f_flag & os.ST_RDONLY),
            "noexec": bool(status.f_flag & os.ST_NOEXEC),
        }
    return found


def processes(names: set[str], proc: str = "/proc") -> dict[str, str]:
    """Return {process name: executable} of the running programs of these names.

    Those in containers are others' hosts: only our own process namespace counts.
    """
    found = {}
    for pid in filter(str.isdigit, os.listdir(proc)):
        name = read(f"{proc}/{pid}/comm").strip()
        if name in names and link(f"{proc}/{pid}/ns/pid") == link(f"{proc}/self/ns/pid"):
            found[name] = link(f"{proc}/{pid}/exe")
    return found


def link(path: str) -> str:
    """Return where a symbolic link points, or nothing when it may not be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def clusters(root: str, running: dict[str, str], traces: list[Traces]) -> list[dict[str, str]]:
    """Return the clusters this host belongs or belonged to as {component, name, evidence}; the name may be unknown: ''.

    Where a process alone tells, its executable is the C(program). `root` is the directory of the file system to look at, `running` the answer of processes().
    """
    found = []
    for trace in traces:
        seen = _file(root, trace["files"])
        process = next((name for name in trace["processes"] if name in running), "")
        if not seen and process:
            seen = {"name": "", "evidence": f"process {running[process] or process}", "program": running[process]}
        if seen:
            found.append({"component": trace["component"], **seen})
    return found


def _file(root: str, files: list[dict[str, str]]) -> dict[str, str]:
    """Return name and evidence of the first file that is there; a file that does not name the cluster has none."""
    for file in files:
        for path in sorted(glob.glob(os.path.join(root, file["path"].lstrip("/")))):
            name = _named(path, file["name"]) if file["name"] else kept_name(root)
            return {"name": name, "evidence": f"/{os.path.relpath(path, root)}"}
    return {}


def _named(path: str, member: str) -> str:
    """Return a member of a JSON file, or nothing."""
    try:
        return str(json.loads(read(path)).get(member, ""))
    except (ValueError, AttributeError):
        return ""


def kept_name(root: str) -> str:
    """Return the name of the one cluster of this collection whose directory lies in /etc/keelson, else nothing."""
    base = os.path.join(root, "etc/keelson")
    entries = sorted(os.listdir(base)) if os.path.isdir(base) else []
    names = [name for name in entries if os.path.isdir(os.path.join(base, name))]
    return names[0] if len(names) == 1 else ""


def probes() -> dict[str, str]:
    """Return {feature: error text, empty when it works} of everything Requirements.features may name."""
    found = features.try_all()
    found["systemd"] = "" if os.path.isdir("/run/systemd/system") else "systemd is not the service manager"
    found["cgroup"] = "" if features.cgroup()["version"] else "no memory controller below /sys/fs/cgroup"
    return found


def resolvers(root: str = "/") -> list[str]:
    """The name servers that containers of this host are given: those behind systemd-resolved, where it is in use."""
    behind = os.path.join(root, "run/systemd/resolve/resolv.conf")
    found = _name_servers(read(os.path.join(root, "etc/resolv.conf")))
    return _name_servers(read(behind)) if found == ["127.0.0.53"] and os.path.exists(behind) else found


def _name_servers(text: str) -> list[str]:
    return re.findall(r"^\s*nameserver\s+([0-9a-fA-F.:]+)", text, re.MULTILINE)


def network() -> dict[str, Any]:
    """Interfaces, addresses, routes and name servers. Of many thousand routes the widest networks are enough."""
    interfaces, routes = netlink.interfaces(), netlink.routes()
    widest = sorted(routes, key=lambda route: int(route["network"].rpartition("/")[2]))[:MOST_ROUTES]
    addresses = {entry.partition("/")[0] for interface in interfaces for entry in interface["addresses"]}
    interfaces = [interface for interface in interfaces if interface["addresses"]]
    return {"addresses": sorted(addresses), "interfaces": interfaces, "routes": widest, "resolvers": resolvers()}


def gather(paths: list[str], traces: list[Traces], neighbours: Sequence[str] = ()) -> dict[str, Any]:
    """Return all facts of this host; `paths` are those whose free disk counts, `neighbours` addresses to look for on its
    networks. `time` is taken last."""
    release = os_release(read("/etc/os-release"))
    running = processes({name for trace in traces for name in trace["processes"]})
    programs = occupants.programs()
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
        **network(),
        "neighbours": {address: netlink.neighbour(address) for address in neighbours},
        "cores": len(os.sched_getaffinity(0)),
        **memory(read("/proc/meminfo")),
        "file_systems": file_systems({*paths, *USED}),
        "cgroup": features.cgroup(),
        "features": probes(),
        "listeners": listening(),
        "clusters": clusters("/", running, traces),
        "runtimes": occupants.runtimes(programs),
        "firewalls": occupants.firewalls(programs),
        "receipts": components(),
        "artifacts": install.in_use(),
        "python": platform.python_version(),
    }
    return {**facts, "time": time.time()}
