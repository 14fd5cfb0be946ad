# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a host is a member of a Kubernetes cluster, by its files and our note. Standard library only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..cluster.parts import MANAGER
from ..host import atomic

NOTE = "/etc/keelson/{cluster}/kubernetes.json"
PATCH = "/etc/kubernetes/patches/kubeletconfiguration+merge.json"
ABSENT, INCOMPLETE, JOINED = "absent", "incomplete", "joined"


@dataclass(frozen=True)
class Note:
    """What our own tasks wrote down before they called kubeadm (C(step): init, join, or restore, which is an init with a backup's
    data), and whether it ended well.

    C(kubelet) and C(control) are digests of what kubelet's configuration and the management services were last written
    from.
    """

    step: str = ""
    done: bool = False
    kubelet: str = ""
    control: str = ""


def read_note(cluster: str, root: str = "/") -> Note:
    """Read the note of C(cluster) on this host; one that is missing or broken says nothing."""
    try:
        with open(_below(root, NOTE.format(cluster=cluster)), encoding="utf-8") as file:
            found = json.load(file)
        digests = (str(found.get(name, "")) for name in ("kubelet", "control"))
        return Note(str(found["step"]), bool(found["done"]), *digests)
    except (OSError, ValueError, KeyError, TypeError):
        return Note()


def write_note(cluster: str, note: Note, root: str = "/") -> None:
    """Write the note, whole or not at all; root's alone, as everything in that directory is."""
    path = _below(root, NOTE.format(cluster=cluster))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    atomic.write(path, json.dumps(dataclasses.asdict(note)))


def renewed(cluster: str, **digests: str) -> Note:
    """The note of a member with other digests; one that was missing or damaged is whole again."""
    note = read_note(cluster)
    return dataclasses.replace(note, step=note.step or "join", done=True, **digests)


def digest(paths: Sequence[str], more: str = "", root: str = "/") -> str:
    """The digest of what files hold, and of C(more); a file that is missing counts as empty."""
    found = hashlib.sha256(more.encode())
    for path in paths:
        try:
            with open(_below(root, path), "rb") as file:
                found.update(b"\0" + file.read())
        except FileNotFoundError:
            found.update(b"\0")
    return found.hexdigest()


def by_files(part: str, note: Note, root: str = "/") -> str:
    """Say how far this host is a member: ABSENT, INCOMPLETE (kubeadm began and was cut off) or JOINED."""

    def there(path: str) -> bool:
        return os.path.exists(_below(root, path))

    manager = ("/etc/kubernetes/admin.conf", "/etc/kubernetes/manifests/kube-apiserver.yaml", "/var/lib/etcd/member")
    desired = ("/etc/kubernetes/kubelet.conf", *(manager if part == MANAGER else ()))
    if note.done and all(map(there, desired)):
        return JOINED
    traces = (*desired, "/etc/kubernetes/bootstrap-kubelet.conf", "/var/lib/kubelet/config.yaml")
    return INCOMPLETE if any(map(there, traces)) else ABSENT


def version(links: str = "/opt/keelson") -> str:
    """Return the version of kubelet that this host runs, by the link that says which is used, or ''."""
    try:
        return os.readlink(os.path.join(links, "kubelet", "current"))
    except OSError:
        return ""


def fixed(root: str = "/") -> dict[str, str]:
    """What the cluster was made with and keeps, as this manager's files say it; what cannot be read is left out."""
    places = {
        "pod_subnet": ("/etc/kubernetes/manifests/kube-controller-manager.yaml", r"--cluster-cidr=(\S+)"),
        "service_subnet": ("/etc/kubernetes/manifests/kube-apiserver.yaml", r"--service-cluster-ip-range=(\S+)"),
        "endpoint": ("/etc/kubernetes/admin.conf", r"server: [\"']?https://([^\s\"']+)"),
    }
    found = {}
    for name, (path, pattern) in places.items():
        try:
            with open(_below(root, path), encoding="utf-8") as file:
                matched = re.search(pattern, file.read())
        except OSError:
            continue
        if matched:
            found[name] = matched[1]
    return found


def leftovers(root: str = "/") -> list[str]:
    """Return the traces of a cluster on a host that is in none."""
    names = (
        "/var/lib/etcd/member",
        "/etc/kubernetes/pki/ca.crt",
        "/etc/kubernetes/manifests/etcd.yaml",
        "/var/lib/kubelet/pki",
    )
    found = [name for name in names if os.path.exists(_below(root, name))]
    folder = _below(root, "/etc/cni/net.d")
    plugins = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    # Runtimes read these alone (containerd/go-cni).
    plugins = [name for name in plugins if name.endswith((".conf", ".conflist", ".json"))]
    known = ("10-calico.conflist", "10-bridge.conflist")
    # podman keeps its own network here; containerd takes the first, which is ours.
    return found + [f"/etc/cni/net.d/{name}" for name in plugins if name not in known and "podman" not in name]


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))
