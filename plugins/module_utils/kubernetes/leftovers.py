# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a Kubernetes cluster is on a host besides files, and how it goes. Standard library only."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
from collections.abc import Sequence

from . import kubeadm

INTERFACES = ("cni0", "cali*", "vxlan.calico", "tunl0")
TABLES = ("ip kube-proxy", "ip6 kube-proxy", "ip keelson_pods")
_RULES = re.compile(r"cali|KUBE-|CNI-")
TRACES = (
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/manifests",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/etcd/member",
)


def run(command: Sequence[str], given: str = "") -> str:
    """Run a command and return what it printed, '' where it failed or is not there."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def interfaces() -> list[str]:
    """The network interfaces that pod networks made."""
    present = sorted(os.listdir("/sys/class/net"))
    return [name for name in present if any(fnmatch.fnmatch(name, pattern) for pattern in INTERFACES[:3])]


def tables() -> list[str]:
    """The tables of nft that kube-proxy and pod networks made, as family and name."""
    listed = json.loads(run(["nft", "--json", "list", "tables"]) or "{}").get("nftables", [])
    found = [f"{entry['table']['family']} {entry['table']['name']}" for entry in listed if "table" in entry]
    return [name for name in found if name in TABLES]


def without_rules(saved: str) -> str:
    """What iptables-save printed without chains and rules of Kubernetes, or '' when there are none."""
    lines = saved.splitlines()
    kept = [line for line in lines if not _RULES.search(line)]
    return "\n".join(kept) + "\n" if len(kept) < len(lines) else ""


def find() -> list[str]:
    """What is there, one line a thing."""
    found = ["the node and its pods"] if any(map(os.path.exists, TRACES)) else []
    found += [f"interface {name}" for name in interfaces()] + [f"table {name}" for name in tables()]
    rules = any(without_rules(run([f"{program}-save"])) for program in ("iptables", "ip6tables"))
    return [*found, "rules of iptables"] if rules else found


def remove(leave: bool, ignore: Sequence[str]) -> None:
    """Remove it all; C(leave) also takes the etcd member of this host out of the cluster. Raises KubeadmError."""
    if any(map(os.path.exists, TRACES)) and os.path.exists(kubeadm.PROGRAM):
        skipped = [] if leave else ["--skip-phases=remove-etcd-member"]
        kubeadm.run(["reset", "--force", *skipped, *kubeadm.ignoring(ignore)])
    for name in interfaces():
        run(["ip", "link", "delete", name])
    for network in json.loads(run(["ip", "-json", "route", "show", "proto", "201"]) or "[]"):
        run(["ip", "route", "del", network["dst"], "proto", "201"])
    for name in tables():
        run(["nft", "delete", "table", *name.split()])
    for program in ("iptables", "ip6tables"):
        rest = without_rules(run([f"{program}-save"]))
        if rest:
            run([f"{program}-restore"], rest)
