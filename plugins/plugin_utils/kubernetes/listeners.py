# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes opens on its hosts, as data for its component.

Ports: https://kubernetes.io/docs/reference/networking/ports-and-protocols/ and kubeadm's defaults. Processes are named
as in /proc/PID/comm, which holds 15 characters.
"""

from __future__ import annotations

from ..contract import ANY_PORT, ENROLLMENT, MANAGER, NODE, Listener, Probe

API, ETCD_CLIENT, ETCD_PEER, KUBELET, VXLAN = 6443, 2379, 2380, 10250, 4789

# What nobody but an administrator may read: neither an unauthorized client nor the certificate of a host.
_API = Probe(
    "https_login",
    guarded=(
        "/api/v1/secrets",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/apps/v1/deployments",
    ),
)
# The kubelet answers 404 to whom it does not know where it has no such path, so it is asked for its own.
_KUBELET = Probe("https_login", guarded=("/pods", "/metrics", "/configz", "/logs/"))
_MEMBERS = Probe("https_members")

_EVERYWHERE = (
    Listener(KUBELET, "tcp", "cluster", "kubelet", "API of the kubelet", probe=_KUBELET, clients=(MANAGER,)),
    Listener(10248, "tcp", "loopback", "kubelet", "health of the kubelet"),
    Listener(10249, "tcp", "loopback", "kube-proxy", "metrics of kube-proxy"),
    Listener(10256, "tcp", "loopback", "kube-proxy", "health of kube-proxy"),
    Listener(ANY_PORT, "tcp", "loopback", "containerd", "streaming server of containerd"),
    # The kernel's own socket of an overlay network; it has no process.
    Listener(VXLAN, "udp", "any", "", "overlay between hosts", clients=(MANAGER, NODE)),
)

LISTENERS: dict[str, tuple[Listener, ...]] = {
    MANAGER: (
        Listener(API, "tcp", "cluster", "kube-apiserver", "Kubernetes API", probe=_API, clients=(MANAGER, NODE)),
        Listener(ETCD_CLIENT, "tcp", "cluster", "etcd", "etcd for API servers", probe=_MEMBERS, clients=(MANAGER,)),
        Listener(ETCD_PEER, "tcp", "cluster", "etcd", "etcd between managers", probe=_MEMBERS, clients=(MANAGER,)),
        Listener(ETCD_CLIENT, "tcp", "loopback", "etcd", "etcd for the API server beside it"),
        Listener(2381, "tcp", "loopback", "etcd", "metrics and health of etcd"),
        Listener(10257, "tcp", "loopback", "kube-controller", "controller manager"),
        Listener(10259, "tcp", "loopback", "kube-scheduler", "scheduler"),
        Listener(API, "tcp", "any", "haproxy", "the endpoint's address", optional=True),
        Listener(ENROLLMENT, "tcp", "cluster", "python3", "enrollment service", optional=True),
        *_EVERYWHERE,
    ),
    NODE: _EVERYWHERE,
}
