# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes requirements of its hosts and opens on them.

Ports: https://kubernetes.io/docs/reference/networking/ports-and-protocols/
"""

from __future__ import annotations

from ..components import MANAGER, NODE, Identity, Part, Profile, Requirements
from .faults import RULES
from .listeners import GUARDED, LISTENERS

# What a host is known by; the kubelet puts the newest key and certificate of its client here, in one file.
CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_FEATURES = ("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables", "bridge_netfilter")

PROFILE = Profile(
    name="kubernetes",
    architectures={"x86_64": "amd64", "aarch64": "arm64"},
    systems={"debian": ("12",)},
    odd_managers=True,
    identity=Identity("/etc/kubernetes/pki/ca.crt", CERTIFICATE, CERTIFICATE),
    guarded=GUARDED,
    runtime="containerd",
    members_module="keelson.cluster.kubernetes_members",
    checks_module="keelson.cluster.kubernetes_checks",
    sample_module="keelson.cluster.kubernetes_sample",
    outage_module="keelson.cluster.kubernetes_outage",
    manager_outage_module="keelson.cluster.kubernetes_manager_outage",
    facts_module="keelson.cluster.kubernetes_host",
    rules=RULES,
    parts={
        MANAGER: Part(
            requirements=Requirements(
                memory_mib=1700,  # what kubeadm asks for
                disk_mib={"/opt": 1500, "/var/lib": 8000},
                features=_FEATURES,
            ),
            listeners=LISTENERS[MANAGER],
            services=("kubelet.service", "containerd.service"),
        ),
        NODE: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 1000, "/var/lib": 8000},
                features=_FEATURES,
            ),
            listeners=LISTENERS[NODE],
            services=("kubelet.service", "containerd.service"),
        ),
    },
)
