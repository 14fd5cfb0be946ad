# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a mesh of Istio, and the issuer of their tokens, are told: pure functions of the mesh."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import CONFIG, ENVOY, HOST, RULES, STATE
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import places

from ..contract import Identity
from ..mesh.model import Mesh, Service
from ..mesh.owner_rules import owner_rules
from .control_plane import STATISTICS, lifetimes
from .objects import host as name_of
from .objects import identity, labels

# Without it the control plane takes each sidecar of a host, whose address they share, for that of the host's first service.
ALONE = {"istio.io/test-vm": "true"}
EACH = 4  # ports of a sidecar besides those of the model


@dataclass(frozen=True)
class Ports:
    """Those of one sidecar that are its own: for its admin page, its agent, whether it is ready, its statistics."""

    admin: int
    agent: int
    ready: int
    statistics: int


@dataclass(frozen=True)
class Settings:
    """What a site decides of sidecars on hosts: C(revisions) by tenant, '' for the others."""

    first_port: int
    concurrency: int
    revisions: Mapping[str, str]

    def revision(self, tenant: str) -> str:
        """The control plane of a tenant."""
        return self.revisions.get(tenant, self.revisions[""])


def ports(mesh: Mesh, host: str, first: int) -> dict[str, Ports]:
    """Those of the sidecars of a host by name; a service that is added last moves no other one's."""
    found = {}
    for number, service in enumerate(mesh.on(host)):
        begin = first + EACH * number
        found[service.id] = Ports(begin, begin + 1, begin + 2, service.metrics_port or begin + 3)
    return found


def sidecars(mesh: Mesh, host: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """The sidecars of a host by name: each its environment, and where it says that it is ready."""
    own = ports(mesh, host, settings.first_port)
    return {
        service.id: {
            "environment": environment(mesh, service, host, own[service.id], settings),
            "ready": own[service.id].agent,
        }
        for service in mesh.on(host)
    }


def environment(mesh: Mesh, service: Service, host: str, own: Ports, settings: Settings) -> str:
    """What the agent of a sidecar is told, as systemd reads it."""
    instance = service.on(host)
    if instance is None:
        raise AssertionError(f"{service.name} does not run on {host}")
    control = f"istiod-{settings.revision(service.tenant)}.{places.SPACE}.svc:15012"
    proxy = {
        "binaryPath": ENVOY,
        "discoveryAddress": control,
        "interceptionMode": "NONE",
        "concurrency": settings.concurrency,
        "proxyAdminPort": own.admin,
        "statusPort": own.agent,
        "serviceCluster": f"{service.name}.{service.tenant}",
        "proxyStatsMatcher": STATISTICS,
        "proxyMetadata": {"METRICS_LOCALHOST_ACCESS_ONLY": "true"},
    }
    values = {
        "PROXY_CONFIG": json.dumps(proxy, sort_keys=True),
        "CA_ADDR": control,
        "PILOT_CERT_PROVIDER": "istiod",
        "TRUST_DOMAIN": mesh.trust_domain,
        "POD_NAME": f"{service.name}-{host}",
        "POD_NAMESPACE": service.tenant,
        "SERVICE_ACCOUNT": service.name,
        "INSTANCE_IP": instance.address,
        "ENVOY_STATUS_PORT": str(own.ready),
        "ENVOY_PROMETHEUS_PORT": str(own.statistics),
        "ISTIO_META_CLUSTER_ID": "Kubernetes",
        "ISTIO_META_INTERCEPTION_MODE": "NONE",
        "ISTIO_META_MESH_ID": mesh.trust_domain,
        "ISTIO_META_WORKLOAD_NAME": service.name,
        "ISTIO_METAJSON_LABELS": json.dumps({**labels(service, instance.version), **ALONE}, sort_keys=True),
        "CLOUD_PLATFORM": "none",
        **lifetimes(mesh),
    }
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def describe(
    mesh: Mesh, name: str, cluster: str, managers: Sequence[str], own: Identity, settings: Settings
) -> dict[str, Any]:
    """What programs on a host read; C(managers) are addresses, C(own) the host's certificate of the cluster."""
    numbers = ports(mesh, name, settings.first_port)
    found = []
    for service in mesh.on(name):
        instance = service.on(name)
        found.append(
            {
                "id": service.id,
                "key": service.key,
                "kind": "service",
                "identity": identity(mesh, service),
                "address": instance.address if instance else "",
                "unit": instance.unit if instance else "",
                "job": "",
                "mesh_port": service.mesh_port,
                "port": service.port,
                "strict": service.strict,
                "run_as": service.run_as,
                "admin": numbers[service.id].admin,
                "upstreams": _upstreams(mesh, service),
            }
        )
    return {
        "cluster": cluster,
        "issuers": [f"https://{bracketed(a)}:{places.ISSUER}" for a in managers],
        "ca": own.ca,
        "cert": own.cert,
        "key": own.key,
        "renew_before_minutes": mesh.renew_before_minutes,
        "sidecars": found,
    }


def _upstreams(mesh: Mesh, service: Service) -> list[dict[str, Any]]:
    """Where upstreams are called, and by which names their calls are counted."""
    return [
        {
            "key": upstream.key,
            "bind": upstream.bind,
            "clusters": [
                f"outbound|{upstream.bind}|{subset}|{name_of(other)};"
                for other, subset, _weight in mesh.shares(upstream.key)
                if isinstance(other, Service)
            ],
        }
        for upstream in service.upstreams
    ]


def issued(mesh: Mesh, host_subject: str, revisions: Sequence[str]) -> dict[str, Any]:
    """What a manager reads: the identities that each host may have, and what of the mesh runs in pods."""
    hosts: dict[str, dict[str, Any]] = {}
    for service in mesh.services.values():
        for instance in service.on_hosts:
            entry = hosts.setdefault(instance.host, {"address": instance.address, "identities": []})
            entry["identities"].append(identity(mesh, service))
    pods = [{"key": s.key, "labels": labels(s, one.version)} for s in mesh.services.values() for one in s.in_pods]
    return {"hosts": hosts, "host_subject": host_subject, "pods": pods, "revisions": list(revisions)}


def rules(mesh: Mesh, host: str, first: int) -> str:
    """Our table of nftables."""
    private = {name: list(vars(own).values()) for name, own in ports(mesh, host, first).items()}
    return owner_rules(mesh, host, private=private)


def resolver(service_subnet: str) -> str:
    """By which a sidecar finds the control plane: the cluster's own DNS, at the address that kubeadm gives it."""
    network = ipaddress.ip_network(service_subnet.split(",")[0].strip())
    return f"search cluster.local\nnameserver {network[10]}\noptions ndots:5\n"


def files(described: Mapping[str, Any], table: str, dns: str) -> list[dict[str, Any]]:
    """The files of a host besides those of its sidecars, in the form that config_files takes."""
    return [
        {"path": CONFIG, "state": "directory", "mode": "0755"},
        {"path": STATE, "state": "directory", "mode": "0755"},
        {"path": HOST, "data": dict(described), "mode": "0600"},
        {"path": RULES, "content": table, "mode": "0644"},
        {"path": places.RESOLVER, "content": dns, "mode": "0644"},
    ]
