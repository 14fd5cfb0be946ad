# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node of a Kubernetes cluster on a host: its pods and processes, which its own tool removes. Standard library only."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ..host import programs, receipts, trees
from . import kubeadm

TRACES = (
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/manifests",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/etcd/member",
)
# Emptied by 'kubeadm reset'.
EMPTIED = ("/var/lib/kubelet", "/var/lib/etcd", "/etc/kubernetes")


def find() -> list[str]:
    """What is there, one line a thing; nothing on a host without receipts of ours."""
    ours = any(map(os.path.exists, TRACES)) and "kubernetes" in receipts.components()
    return ["the node and its pods"] if ours else []


def remove(leave: bool, ignore: Sequence[str]) -> None:
    """Remove it; C(leave) also takes the etcd member of this host out of the cluster. Raises KubeadmError, TreeError."""
    trees.refuse_foreign(EMPTIED)
    if os.path.exists(kubeadm.PROGRAM):
        skipped = [] if leave else ["--skip-phases=remove-etcd-member"]
        kubeadm.run(["reset", "--force", *skipped, *kubeadm.ignoring(ignore)])
    listed = programs.run(["ip", "-json", "route", "show", "proto", "201"])
    for network in json.loads(listed.stdout or "[]"):
        programs.run(["ip", "route", "del", network["dst"], "proto", "201"])
