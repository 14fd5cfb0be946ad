# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the state of a Kubernetes cluster is saved: a snapshot of etcd, and what kubeadm was configured with. Standard library only.

The CAs, and the keys by which etcd's contents are encrypted, are among the cluster's secrets; the PKI is for whoever restores by hand.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from . import etcd
from .api import Api

SNAPSHOT = "etcd.snap"
CONFIGURED = ("pki", "kubeadm.yaml", "patches")  # below /etc/kubernetes
STATUS = "/api/v1/namespaces/kube-system/configmaps/keelson-backup"


def leads(_cluster: str) -> bool:
    """Whether this manager's member of etcd leads. Raises ApiError."""
    return etcd.leads()


def save(_cluster: str, folder: str, source: str = "/etc/kubernetes") -> None:
    """Write a snapshot into a folder, and copies of the configuration. Raises ApiError, OSError."""
    etcd.save(os.path.join(folder, SNAPSHOT))
    for name in CONFIGURED:
        path, target = os.path.join(source, name), os.path.join(folder, "configuration", name)
        if os.path.isdir(path):
            shutil.copytree(path, target)
        else:
            shutil.copy(path, target)


def record(cluster: str, status: dict[str, Any]) -> None:
    """Keep what came of the last backup. Raises ApiError."""
    meta = {"name": STATUS.rpartition("/")[2], "namespace": "kube-system"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"status": json.dumps(status)}}
    Api.from_env(cluster).apply(STATUS, body)


def recorded(cluster: str) -> dict[str, Any] | None:
    """What came of the last backup. Raises ApiError."""
    kept = Api.from_env(cluster).find(STATUS)
    found: dict[str, Any] | None = json.loads(kept["data"]["status"]) if kept else None
    return found
