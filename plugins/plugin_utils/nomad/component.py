# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nomad needs of its hosts, places, opens and owns on them.

Ports: https://developer.hashicorp.com/nomad/docs/install/production/requirements#ports-used
"""

from __future__ import annotations

import functools

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import OutageScope
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import tenancy
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.ports import HTTP, RPC, SERF

from .. import steps
from ..contract import (
    ANY_PORT,
    ENROLLMENT,
    MANAGER,
    NODE,
    Engine,
    Identity,
    Listener,
    Owned,
    Part,
    Requirements,
    ServerImage,
    Trace,
)
from ..preflight.tenancy import tenants
from . import probes
from .benchmark import BENCHMARK
from .endpoints import endpoints
from .networks import networks
from .secrets import ROTATED, make_secrets, restored_secrets

_ALL = (MANAGER, NODE)
_HTTP = Listener(HTTP, "tcp", "cluster", "nomad", "HTTPS API", probe=probes.HTTPS, clients=(MANAGER,))
_IDENTITY = Identity("/etc/nomad.d/tls/ca.pem", "/etc/nomad.d/tls/cert.pem", "/etc/nomad.d/tls/key.pem")
_NODE_ARTIFACTS = ("nomad", "docker", "cni-plugins", "pause")

_HOST_SERVICES = ("keelson-metadata.service", "keelson-rules.service")

# What the daemon makes beside its data.
_DOCKER_FILES = ("/etc/docker/key.json", "/var/lib/containerd", "/run/docker", "/run/containerd")

# The containers are those of tasks, and those that hold their networks.
_OUTAGE = OutageScope(
    units=("nomad.service",),
    groups=("nomad.service",),
    containers=("label=com.hashicorp.nomad.alloc_id", "name=^nomad_init_"),
)

COMPONENT = Engine(
    name="nomad",
    architectures={"x86_64": "amd64", "aarch64": "arm64"},
    systems={"debian": ("12",)},
    odd_managers=True,
    identity=_IDENTITY,
    service=_IDENTITY,
    runtime="docker",
    make_secrets=make_secrets,
    restored_secrets=restored_secrets,
    rotated=ROTATED,
    endpoints=endpoints,
    login="set -a; . /etc/keelson/{cluster}/nomad.env; nomad node status",
    members_module="keelson.cluster.nomad_members",
    api_port=HTTP,
    member_ports={MANAGER: (RPC, HTTP), NODE: (HTTP,)},
    checks_module="keelson.cluster.nomad_checks",
    sample_module="keelson.cluster.nomad_sample",
    application_module="keelson.cluster.nomad_application",
    removal_module="keelson.cluster.nomad_remove",
    drain_module="keelson.cluster.nomad_drain",
    join_token_module="keelson.cluster.nomad_join_token",
    enforces=frozenset({"pod_security", "names"}),  # of the Community Edition
    rules=(tenants(tenancy.validate),),
    versioned=("nomad",),
    refuse_step=functools.partial(steps.refuse, minors=2),
    node_minors=2,
    held=("docker.io", "containerd", "runc"),
    benchmark=BENCHMARK,
    artifacts=("sample-app",),
    image=ServerImage(
        artifacts=_NODE_ARTIFACTS,
        units=("containerd.service", "docker.service", "docker.socket", *_HOST_SERVICES),
        unshared=(
            "etc/docker/key.json",
            "var/lib/docker/engine-id",
            "var/lib/containerd/io.containerd.grpc.v1.introspection/uuid",
            "etc/nomad.d",
            "var/lib/nomad",
        ),
    ),
    traces=(
        Trace("/etc/nomad.d/agent.json", name="datacenter"),
        Trace("/etc/nomad.d/*.hcl"),
        Trace("/etc/nomad.d/*.json"),
    ),
    processes=("nomad",),
    groups={
        "Endpoints locked down": ("anonymous", "tokens"),
        "Cluster": ("leader", "peers", "autopilot", "versions", "images"),
    },
    networks=networks,
    reserved_names=("server.global.nomad", "client.global.nomad"),
    parts={
        MANAGER: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 500, "/var/lib": 2000},
                features=("systemd",),
            ),
            listeners=(
                _HTTP,
                Listener(RPC, "tcp", "cluster", "nomad", "RPC between agents", probe=probes.RPC, clients=_ALL),
                Listener(
                    SERF, "tcp", "cluster", "nomad", "gossip between managers", probe=probes.GOSSIP, clients=(MANAGER,)
                ),
                Listener(SERF, "udp", "cluster", "nomad", "gossip between managers", clients=(MANAGER,)),
                Listener(ENROLLMENT, "tcp", "cluster", "python3", "enrollment service", clients=(NODE,)),
            ),
            services=("nomad.service", "keelson-enrollment.service", "keelson-renewal.timer"),
            secrets=(
                "/etc/nomad.d/tls/key.pem",
                "/etc/nomad.d/*.json",
                "/etc/nomad.d/gossip.keyring",
                "/etc/keelson/proxy.env",
                "/etc/keelson/*/**",
            ),
            account="nomad",
            artifacts=("nomad",),
            owned=Owned(trees=("/var/lib/nomad", "/etc/keelson/{cluster}")),
            outage=_OUTAGE,
        ),
        NODE: Part(
            requirements=Requirements(
                memory_mib=900,
                disk_mib={"/opt": 500, "/var/lib": 5000},
                features=("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables"),
            ),
            listeners=(
                _HTTP,
                Listener(ANY_PORT, "tcp", "loopback", "containerd", "streaming server of containerd"),
                # Applications that use the host's network: client.min_dynamic_port and client.max_dynamic_port.
                Listener(20000, "tcp", "any", "", "applications", last=32000, clients=_ALL),
            ),
            services=("nomad.service", "docker.service", *_HOST_SERVICES, "keelson-renewal.timer"),
            secrets=(
                *("/etc/nomad.d/tls/key.pem", "/etc/nomad.d/*.json", "/etc/nomad.d/registries.auth"),
                *("/etc/keelson/proxy.env", "/var/lib/nomad/client/intro_token.jwt"),
            ),
            artifacts=_NODE_ARTIFACTS,
            owned=Owned(
                trees=(
                    "/var/lib/nomad",
                    "/var/lib/alloc_mounts",
                    "/var/lib/docker",
                    "/var/lib/cni",
                    "/etc/keelson/{cluster}",
                    *_DOCKER_FILES,
                ),
                units=("docker.service", "docker.socket", "containerd.service"),
                interfaces=("nomad", "docker0"),
                tables=("inet keelson_metadata", "inet keelson_rules"),
                chains=("NOMAD-ADMIN", "CNI-*", "DOCKER", "DOCKER-*"),
                kept=("NOMAD-ADMIN", "CNI-*", "DOCKER", "DOCKER-*", "nomad", "docker0"),
            ),
            outage=_OUTAGE,
        ),
    },
)
