# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What agents and sidecars of a host are told: pure functions of the mesh."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import known

from ..mesh import bootstrap
from ..mesh.model import Instance, Mesh, Service, Upstream
from . import tokens
from .entries import duration


def files(mesh: Mesh, host: str, seed: str, rules: str) -> list[dict[str, Any]]:
    """The files of a host besides those of its sidecars, in the form that config_files takes."""
    found = [
        _service(service, instance, seed) for service in mesh.on(host) for instance in [service.on(host)] if instance
    ]
    return [
        {"path": places.CONFIG, "state": "directory", "mode": "0755"},
        {"path": known.HOST, "data": described(mesh, host), "mode": "0600"},
        {"path": places.RULES, "content": rules, "mode": "0644"},
        # With the token of each service.
        {"path": known.SERVICES, "data": {"services": found}, "mode": "0640", "group": known.ACCOUNT, "secret": True},
    ]


def described(mesh: Mesh, host: str) -> dict[str, Any]:
    """What the checks of the host read."""
    return {
        "leaf_minutes": mesh.leaf_minutes,
        "sidecars": [_described(mesh, service, host) for service in mesh.on(host)],
    }


def _described(mesh: Mesh, service: Service, host: str) -> dict[str, Any]:
    instance = service.on(host)
    return {
        "id": service.id,
        "key": service.key,
        "kind": "service",
        "address": instance.address if instance else "",
        "mesh_port": service.mesh_port,
        "port": service.port,
        "protocol": service.protocol,
        "strict": service.strict,
        "run_as": service.run_as,
        "job": instance.job if instance else "",
        "upstreams": [_upstream(mesh, one) for one in service.upstreams],
    }


def _upstream(mesh: Mesh, upstream: Upstream) -> dict[str, Any]:
    """Where an upstream is called, and the services that its calls go to."""
    targets = sorted({target.id for target, _subset, _weight in mesh.shares(upstream.key)})
    return {"key": upstream.key, "bind": upstream.bind, "services": targets}


def _service(service: Service, instance: Instance, seed: str) -> dict[str, Any]:
    """A service with its sidecar, as the agent takes it. Its sidecar is asked for by TCP, so that a dead one is left out soon."""
    checks = [{"name": "sidecar", "tcp": f"{_url(instance)}", "interval": "1s", "timeout": "1s"}]
    return {
        "id": service.id,
        "name": service.id,
        "address": "127.0.0.1",
        "port": service.port,
        "token": tokens.of_service(seed, service.id, instance.host),
        "meta": {"version": instance.version} if instance.version else {},
        "checks": _health(service),
        "connect": {
            "sidecar_service": {
                "address": instance.address,
                "port": instance.port,
                "checks": [*checks, {"name": "service", "alias_service": service.id}],
                "proxy": {
                    "local_service_address": "127.0.0.1",
                    "local_service_port": service.port,
                    "upstreams": [
                        {"destination_name": one.key.replace("/", "_"), "local_bind_port": one.bind}
                        for one in service.upstreams
                    ],
                },
            }
        },
    }


def _url(instance: Instance) -> str:
    return f"[{instance.address}]:{instance.port}" if ":" in instance.address else f"{instance.address}:{instance.port}"


def _health(service: Service) -> list[dict[str, str]]:
    if "health" not in service.given:
        return []
    health = service.given["health"]
    url = f"http://127.0.0.1:{service.port}{health['path']}"
    return [{"name": "health", "http": url, "interval": duration(health.get("interval", 10)), "timeout": "1s"}]


def sidecars(mesh: Mesh, host: str, seed: str) -> dict[str, dict[str, Any]]:
    """The bootstrap of each Envoy of a host, by its name; the agent tells it everything else."""
    return {service.id: _bootstrap(service, host, seed) for service in mesh.on(host)}


def _bootstrap(service: Service, host: str, seed: str) -> dict[str, Any]:
    """As C(consul connect envoy -bootstrap) writes it, but for the admin socket, which is a file."""
    ads = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    http2 = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    agent = {
        "name": "local_agent",
        "type": "STATIC",
        "connect_timeout": "1s",
        "ignore_health_on_host_removal": False,
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
        "load_assignment": bootstrap.assignment("local_agent", [("127.0.0.1", known.GRPC)]),
    }
    token = {"key": "x-consul-token", "value": tokens.of_service(seed, service.id, host)}
    shown = service.metrics_port
    return {
        "node": {
            "id": f"{service.id}-sidecar-proxy",
            "cluster": service.id,
            "metadata": {"node_name": tokens.node_name(host), "namespace": "default", "partition": "default"},
        },
        "admin": bootstrap.admin(service),
        "static_resources": {
            "clusters": [agent, *([bootstrap.static(bootstrap.admin_cluster(service))] if shown else [])],
            "listeners": [bootstrap.static(bootstrap.metrics(shown))] if shown else [],
        },
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"initial_metadata": [token], "envoy_grpc": {"cluster_name": "local_agent"}}],
            },
        },
        # Consul's patterns of identities are longer than Envoy takes unless told so.
        "layered_runtime": {
            "layers": [{"name": "base", "static_layer": {"re2.max_program_size.error_level": 1 << 20}}]
        },
        "overload_manager": bootstrap.overload_manager(),
    }
