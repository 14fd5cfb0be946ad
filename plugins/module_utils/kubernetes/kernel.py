# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's kernel lets kubelet and kube-proxy do, and what follows for their settings. Standard library only."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Callable

from ..preflight import features as kernel
from ..preflight import netlink

# What kubelet sets at its start (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables).
TUNABLES = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
PROXY_KERNEL = (5, 13)  # kube-proxy's nftables mode refuses older ones


def features() -> dict[str, Any]:
    """Return what of the kernel decides how runtime, kubelet and kube-proxy are configured.

    C(confined) is a host that is a container itself: kubelet must take refusals of the kernel for granted there.
    """
    oom = _lowers_oom_score()
    return {
        "cgroup": kernel.cgroup()["version"],
        "oom_score": oom,
        "confined": not (oom and _may_read_kernel_log() and all(map(_may_write, TUNABLES))),
        "conntrack": _may_write("net/netfilter/nf_conntrack_max"),
        "nftables": release(os.uname().release) >= PROXY_KERNEL and _works(netlink.probe_nf_tables),
    }


def requirements(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the features of a host require of runtime, kubelet and kubeadm, by the names that the role's files have for it."""
    new = found["cgroup"] == 2
    return {
        "restrict_oom_score_adj": not found["oom_score"],
        "oom_score_adjust": -999 if found["oom_score"] else 0,
        "systemd_cgroup": new,
        "cgroup_driver": "systemd" if new else "cgroupfs",
        "fail_cgroup_v1": new,
        # Where these parameters cannot be set, kubelet must not insist on them.
        "protect_kernel_defaults": not found["confined"],
        "feature_gates": {"KubeletInUserNamespace": True} if found["confined"] else {},
        # kubeadm's check knows cgroup v2 alone.
        "ignore": [] if new else ["SystemVerification"],
    }


def _lowers_oom_score() -> bool:
    """Tell whether a child of ours may be made less likely to be killed, as containers ask for."""
    child = os.fork()
    if child == 0:
        try:
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write("-999")
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _may_write(path: str) -> bool:
    """Tell whether the value of a kernel parameter may be written, by writing the one that is there."""
    try:
        with open(f"/proc/sys/{path}", "r+", encoding="ascii") as file:
            value = file.read()
            file.seek(0)
            file.write(value)
        return True
    except OSError:
        return False


def _may_read_kernel_log() -> bool:
    """Tell whether the kernel's log, in which kubelet looks for killed processes, can be opened."""
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return False


def _works(probe: Callable[[], None]) -> bool:
    """Tell whether a kernel feature can be used."""
    try:
        probe()
        return True
    except OSError:
        return False


def release(text: str) -> tuple[int, int]:
    """Return major and minor of a kernel's release, such as 6.1.0-13-amd64."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
