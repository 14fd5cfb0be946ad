# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes needs of its hosts, places, opens and owns on them.

Ports: https://kubernetes.io/docs/reference/networking/ports-and-protocols/
"""

from __future__ import annotations

import functools

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import OutageScope

from .. import steps
from ..contract import MANAGER, NODE, Engine, Identity, Owned, Part, Requirements, ServerImage, Trace
from .benchmark import BENCHMARK
from .defaults import DEFAULTS
from .endpoints import endpoints
from .faults import RULES, container_networks
from .listeners import API, ETCD_PEER, KUBELET, LISTENERS
from .secrets import ROTATED, make_secrets, restored_secrets

_CA = "/etc/kubernetes/pki/ca.crt"
# What a host is known by; the kubelet puts the newest key and certificate of its client here, in one file.
CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_FEATURES = ("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables", "bridge_netfilter")
_SECRETS = (
    *("/etc/kubernetes/*.conf", "/var/lib/kubelet/pki/*", "/etc/keelson/proxy.env"),
    *("/etc/cni/net.d/*.kubeconfig", "/etc/containerd/certs.d/*/hosts.toml"),
)
_SERVICES = (
    "kubelet.service",
    "containerd.service",
    "keelson-metadata.service",
    "keelson-rules.service",
    "keelson-kube-proxy.service",
)

# What every host runs, and what managers run besides.
_EVERYWHERE = (
    "kubelet",
    "kubernetes-host",
    "containerd",
    "runc",
    "cni-plugins",
    "crictl",
    "coredns",
    "pause",
    "calico",
)
_ON_MANAGERS = ("kubectl", "kubernetes-images", "etcd", "calico-kube-controllers", "endpoint-vip", "metrics-server")

_OWNED = Owned(
    trees=(
        "/etc/kubernetes",
        "/etc/keelson/{cluster}",
        "/etc/cni/net.d/10-bridge.conflist",
        "/opt/cni",
        "/var/lib/kubelet",
        "/var/lib/containerd",
        "/var/lib/etcd",
        "/var/lib/etcd-before-restore",
        "/var/lib/calico",
        "/var/lib/cni",
        "/var/log/calico",
        "/var/log/kubernetes",
        "/var/log/pods",
        "/var/log/containers",
        "/usr/lib/cni/calico",
        "/usr/lib/cni/calico-ipam",
        "/run/calico",
        "/run/containerd",
    ),
    # Calico names its own by the digests of pods: others may begin in the same way.
    interfaces=("cni0", f"cali{'[0-9a-f]' * 11}", "vxlan.calico"),
    tables=(
        "ip kube-proxy",
        "ip6 kube-proxy",
        "inet keelson_pods",
        "inet keelson_metadata",
        "inet keelson_rules",
        "inet keelson_vrrp",
    ),
    chains=("cali-*", "KUBE-*", "CNI-*"),
    kept=("CNI-*",),  # Calico looks after its own, kube-proxy when it starts
    # Calico marks its rules in chains of others by their digest.
    comments=(f"cali:{'[A-Za-z0-9_-]' * 16}",),
)

# The kubelet and the runtime first, that they do not see their pods end; then whatever runs in pods. keepalived, killed, would
# leave the endpoint's address on the interface; a power cut does not.
_OUTAGE = OutageScope(
    units=("containerd.service", "kubelet.service", "haproxy.service", "keepalived.service"),
    groups=("kubelet.service", "containerd.service", "kubepods", "haproxy.service"),
    stopped=("keepalived.service",),
)

COMPONENT = Engine(
    name="kubernetes",
    architectures={"x86_64": "amd64", "aarch64": "arm64"},
    systems={"debian": ("12",)},
    odd_managers=True,
    identity=Identity(_CA, CERTIFICATE, CERTIFICATE),
    service=Identity(_CA, "/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/apiserver.key"),
    runtime="containerd",
    defaults=DEFAULTS,
    make_secrets=make_secrets,
    restored_secrets=restored_secrets,
    endpoints=endpoints,
    login="export KUBECONFIG=/etc/kubernetes/admin.conf; kubectl get nodes",
    members_module="keelson.cluster.kubernetes_members",
    api_port=API,
    member_ports={MANAGER: (API, ETCD_PEER, KUBELET), NODE: (KUBELET,)},
    checks_module="keelson.cluster.kubernetes_checks",
    sample_module="keelson.cluster.kubernetes_sample",
    application_module="keelson.cluster.kubernetes_application",
    removal_module="keelson.cluster.kubernetes_remove",
    drain_module="keelson.cluster.kubernetes_drain",
    join_token_module="keelson.cluster.kubernetes_join_token",
    enforces=frozenset({"pools", "pod_security", "quota", "limits", "teams", "network", "metrics"}),
    versioned=("kubeadm", "kubelet", "kubectl", "kubernetes-images"),
    refuse_step=functools.partial(steps.refuse, minors=1),
    node_minors=3,
    held=("runc",),
    rotated=ROTATED,
    manager_outage_module="keelson.cluster.kubernetes_manager_outage",
    benchmark=BENCHMARK,
    host_subject="system:node:",
    facts_module="keelson.cluster.kubernetes_host",
    upgrade_checks_module="keelson.cluster.kubernetes_upgrade_checks",
    rules=RULES,
    networks=container_networks,
    artifacts=("sample-app",),
    image=ServerImage(
        artifacts=("kubeadm", "kubernetes-images/kube-proxy", *_EVERYWHERE),
        units=_SERVICES,
        unshared=(
            "var/lib/containerd/io.containerd.grpc.v1.introspection/uuid",
            "etc/kubernetes/pki",
            "etc/kubernetes/*.conf",
            "var/lib/kubelet/*",
        ),
    ),
    traces=(
        Trace("/etc/kubernetes/kubelet.conf"),
        Trace("/etc/kubernetes/admin.conf"),
        Trace("/etc/rancher/k3s/k3s.yaml"),
        Trace("/etc/k0s"),
    ),
    processes=("kubelet", "k3s-server", "k3s-agent", "k0s"),
    groups={
        "Endpoints locked down": ("anonymous", "tokens", "dashboard", "encryption"),
        "Cluster": ("endpoint", "ready", "peers", "versions", "system", "apis", "images"),
        "Hosts": ("certificates", "certificates_used"),
    },
    reserved_groups=("system:masters",),  # may do anything
    parts={
        MANAGER: Part(
            requirements=Requirements(
                memory_mib=1700,  # what kubeadm asks for
                disk_mib={"/opt": 1500, "/var/lib": 8000},
                features=_FEATURES,
            ),
            listeners=LISTENERS[MANAGER],
            services=(*_SERVICES, "keelson-approve.timer", "keelson-renewal.timer"),
            secrets=(*_SECRETS, "/etc/kubernetes/pki/**/*.key", "/etc/kubernetes/control/*", "/etc/keelson/*/**"),
            artifacts=("kubeadm", *_EVERYWHERE, *_ON_MANAGERS),
            owned=_OWNED,
            outage=_OUTAGE,
        ),
        NODE: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 1000, "/var/lib": 8000},
                features=_FEATURES,
            ),
            listeners=LISTENERS[NODE],
            services=_SERVICES,
            secrets=_SECRETS,
            artifacts=("kubeadm", "kubernetes-images/kube-proxy", *_EVERYWHERE),
            owned=_OWNED,
            outage=_OUTAGE,
        ),
    },
)
