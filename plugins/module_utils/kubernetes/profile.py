# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes demands of its hosts and opens on them.

Ports: https://kubernetes.io/docs/reference/networking/ports-and-protocols/
"""

from __future__ import annotations

from ..engines import ANY_PORT, MANAGER, NODE, Identity, Listener, Part, Profile, Requirements
from .faults import RULES

API, ETCD, ETCD_PEER, KUBELET, VXLAN = 6443, 2379, 2380, 10250, 4789
KUBELET_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-server-current.pem"
_FEATURES = ("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables", "bridge_netfilter")

# On every host: it is a node of the cluster, whatever else it is.
_NODE = (
    Listener(KUBELET, "tcp", "cluster", "kubelet", "kubelet's API"),
    Listener(ANY_PORT, "tcp", "loopback", "containerd", "streaming server of containerd"),
    Listener(VXLAN, "udp", "any", "", "tunnels between nodes"),
)

PROFILE = Profile(
    name="kubernetes",
    architectures={"x86_64": "amd64", "aarch64": "arm64"},
    systems={"debian": ("12",)},
    odd_managers=True,
    identity=Identity("/etc/kubernetes/pki/ca.crt", KUBELET_CERTIFICATE, KUBELET_CERTIFICATE),
    guarded=("/api/v1/nodes", "/apis", "/version"),
    members_module="keelson.cluster.kubernetes_members",
    checks_module="keelson.cluster.kubernetes_checks",
    sample_module="keelson.cluster.kubernetes_sample",
    outage_module="keelson.cluster.kubernetes_outage",
    facts_module="keelson.cluster.kubernetes_host",
    rules=RULES,
    parts={
        MANAGER: Part(
            requirements=Requirements(
                memory_mib=1700,  # what kubeadm asks for
                disk_mib={"/opt": 1500, "/var/lib": 8000},
                features=_FEATURES,
            ),
            listeners=(
                Listener(API, "tcp", "cluster", "kube-apiserver", "Kubernetes API"),
                Listener(ETCD, "tcp", "cluster", "etcd", "etcd for API servers"),
                Listener(ETCD_PEER, "tcp", "cluster", "etcd", "etcd between managers"),
                *_NODE,
            ),
            services=("kubelet.service", "containerd.service"),
        ),
        NODE: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 1000, "/var/lib": 8000},
                features=_FEATURES,
            ),
            listeners=_NODE,
            services=("kubelet.service", "containerd.service"),
        ),
    },
)
