# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After uninstall a host is what it was before install, packages aside; what others put there meanwhile is still there."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from lab.servers import Lab, Server

# Of every path its kind, mode, owner, and where it is no log the digest of its content.
SNAPSHOT = r"""
import hashlib, json, os, re, subprocess
def run(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
paths = {}
for top in ("/etc", "/opt", "/root", "/srv", "/usr", "/var", "/run", "/home"):
    for folder, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            digest = ""
            if os.path.islink(path):
                digest = os.readlink(path)
            elif os.path.isfile(path) and path.startswith(("/etc/", "/opt/", "/usr/local/", "/srv/")):
                digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
            paths[path] = f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {digest}"
rules = run("iptables-save") + run("ip6tables-save")
print(json.dumps({
    "path": paths,
    "package": dict.fromkeys(run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n").split("\n"), ""),
    "unit": dict(line.split()[:2] for line in run("systemctl", "list-unit-files", "--no-legend", "--plain").splitlines()),
    "active": dict.fromkeys((line.split()[0] for line in run("systemctl", "list-units", "--no-legend", "--plain",
        "--state=active,failed", "--type=service,timer,path,socket").splitlines()), ""),
    "account": dict.fromkeys(open("/etc/passwd").read().splitlines() + open("/etc/group").read().splitlines(), ""),
    "sysctl": dict(line.split(" = ", 1) for line in run("sysctl", "-a").splitlines() if " = " in line),
    "interface": dict.fromkeys(os.listdir("/sys/class/net"), ""),
    "table": dict.fromkeys(run("nft", "list", "tables").splitlines(), ""),
    "rule": dict.fromkeys((line for line in rules.splitlines() if line.startswith("-A ")), ""),
    "owned": dict.fromkeys(run("sh", "-c", "cat /var/lib/dpkg/info/*.list").splitlines(), ""),
}))
"""
# What packages bring and their scripts make; what runs anyway; logs.
ASIDE = {
    "path": (
        "/var/lib/dpkg/*", "/var/lib/apt/*", "/var/cache/*", "/var/log/*", "/run/*", "/var/lib/systemd/*", "/var/tmp/*",
        "/etc/ld.so.cache", "/etc/rc?.d/*", "/etc/alternatives/*", "/var/lib/ucf/*", "/usr/*.pyc", "*/__pycache__",
        "/etc/passwd*", "/etc/group*", "/etc/shadow*", "/etc/gshadow*", "/etc/subuid*", "/etc/subgid*", "/root/.ansible*",
        "/etc/apparmor.d/*", "/etc/systemd/system/*.wants/*", "/etc/mtab", "/var/lib/polkit-1*", "/etc/.pwd.lock", "/usr/bin/*", "/usr/sbin/*",
    ),
    "sysctl": ("fs.*-nr", "fs.*-state", "kernel.random.*", "kernel.ns_last_pid", "kernel.pty.nr", "*.docker0.*", "*.nf_conntrack_count",
               "fs.quota.*", "fs.inode*", "fs.dentry*", "kernel.*tainted*", "vm.stat*", "net.netfilter.*", "net.*.neigh.*"),
    "unit": ("docker*", "containerd*", "*.scope", "*.mount", "*.device", "*.slice", "apparmor*"),
    "active": ("systemd-*", "user*", "session*", "apt-*", "dpkg-*"),
    "account": ("docker:*",),
    "package": ("*",),
    "owned": ("*",),
}  # fmt: skip


def snapshot(lab: Lab, host: Server) -> dict[str, dict[str, Any]]:
    """All that a component may leave on a host, by kind and name."""
    found: dict[str, dict[str, Any]] = json.loads(lab.ssh(host, "python3 -", given=SNAPSHOT))
    return found


def differences(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """What is not as it was, packages aside."""
    found = []
    packaged = {
        f"/usr{path}" if path.startswith("/lib") else path for path in after["owned"].keys() - before["owned"].keys()
    }
    units = {path.rpartition("/")[2] for path in packaged}
    for kind in before:
        for name in sorted(before[kind].keys() | after[kind].keys()):
            was, now = before[kind].get(name), after[kind].get(name)
            aside = name in {"path": packaged, "unit": units}.get(kind, ()) or any(
                fnmatch.fnmatch(name, pattern) for pattern in ASIDE.get(kind, ())
            )
            if was != now and not aside:
                found.append(f"{kind} {name}: {was!r} -> {now!r}")
    return found


def test_a_host_is_what_it_was_before(lab: Lab) -> None:
    lab.make()
    for host in lab.hosts:
        lab.ssh(host, "mkdir -p /etc/cni/net.d && echo {} > /etc/cni/net.d/87-podman-bridge.conflist")
        lab.ssh(host, "sysctl -qw net.ipv4.ip_forward=0")
    before = {host.name: snapshot(lab, host) for host in lab.hosts}
    lab.play("install").expect()
    for host in lab.hosts:
        lab.ssh(host, "echo ours > /etc/systemd/system/site.service")
        lab.ssh(host, "nft add table inet site; mkdir -p /etc/nomad.d/site && echo x > /usr/local/lib/site")
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()
    for host in lab.hosts:
        assert lab.ssh(host, "nft list tables | grep site; cat /usr/local/lib/site /etc/systemd/system/site.service")
        lab.ssh(host, "nft delete table inet site; rm /usr/local/lib/site /etc/systemd/system/site.service")
        lab.ssh(host, "rmdir /etc/nomad.d/site && rmdir --ignore-fail-on-non-empty /etc/nomad.d")
    found = {host.name: differences(before[host.name], snapshot(lab, host)) for host in lab.hosts}
    assert not any(found.values()), json.dumps(found, indent=1)
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()  # nothing is left to do
