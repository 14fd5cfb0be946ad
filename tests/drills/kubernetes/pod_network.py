# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod network as a site brings its own: an artifact with manifest.yaml and the image of its daemon set.

What runs in it is pod network `bridge`, whose program here comes to the hosts as a pod.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml
from lab.runs import ROOT

NAME, VERSION = "drill-network", "1.0.0"
IMAGE = f"example.com/{NAME}:{VERSION}"
#: What the pod uses of its host; the certificate that kubelet has lies behind a link to another name in its folder.
MOUNTS = ("/etc/cni/net.d", "/etc/kubernetes/pki", "/var/lib/kubelet/pki")


def artifact() -> dict[str, Any]:
    """The artifact's manifest."""
    return {
        "name": NAME,
        "summary": "A pod network of the site's own",
        "licence": "GPL-3.0-or-later",
        "versions": [{"version": VERSION}],
        "architectures": ["amd64"],
        "sources": [{"kind": "directory"}],
        "files": {"manifest.yaml": "0644"},
        "images": [
            {
                "name": IMAGE,
                "files": {"/pod_network.py": "pod_network.py"},
                "packages": ["python3", "iproute2", "nftables"],
                "environment": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                "entrypoint": ["python3", "/pod_network.py"],
            }
        ],
    }


def objects() -> list[dict[str, Any]]:
    """What its manifest.yaml has."""
    rbac, name = "rbac.authorization.k8s.io", {"name": NAME}
    reads = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}
    node = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    pod = {
        "hostNetwork": True,
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "system-node-critical",
        "containers": [
            {
                "name": "network",
                "image": IMAGE,
                "args": ["10.96.0.1:443", "$(NODE)", "10.244.0.0/16"],
                "env": [node],
                "securityContext": {"privileged": True},
                "volumeMounts": [{"name": f"v{number}", "mountPath": path} for number, path in enumerate(MOUNTS)],
            }
        ],
        "volumes": [{"name": f"v{number}", "hostPath": {"path": path}} for number, path in enumerate(MOUNTS)],
    }
    return [
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": name, "rules": [reads]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": name,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", **name},
            "subjects": [{"apiGroup": rbac, "kind": "Group", "name": "system:nodes"}],
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {**name, "namespace": "kube-system"},
            "spec": {
                "selector": {"matchLabels": name},
                "template": {"metadata": {"labels": name}, "spec": pod},
            },
        },
    ]


def lay_out(folder: Path) -> dict[str, Any]:
    """Write the artifact's manifest and the folder of files it is taken from; return the variables of the bundle playbook."""
    drop = folder / "drop" / NAME / VERSION / "amd64"
    drop.mkdir(parents=True)
    (folder / f"{NAME}.yml").write_text(yaml.safe_dump(artifact()))
    files = {
        "manifest.yaml": yaml.safe_dump_all(objects()),
        "pod_network.py": (ROOT / "roles/host_node/files/pod_network.py").read_text(),
    }
    for name, text in files.items():
        (drop / name).write_text(text)
    sums = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in files.items())
    (drop / "SHA256SUMS").write_text("".join(sums))
    return {
        "bundle_manifests": [str(folder)],
        "bundle_artifacts": [NAME],
        "bundle_directory": str(folder / "drop"),
    }
