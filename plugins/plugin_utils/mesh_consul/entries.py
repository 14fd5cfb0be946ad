# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh as configuration entries of Consul: a pure function. https://developer.hashicorp.com/consul/docs/fundamentals/config-entry"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.entries import MARK

from ..mesh.model import HTTP, Mesh, Rule, Service, Upstream

RETRY_ON = ("connect-failure", "refused-stream")  # safe for any request: the instance has seen nothing of it
ATTEMPTS, TIMEOUT = 2, 15.0
#: A path that two programs read differently would pass a rule for another one.
ONE_READING = {
    "InsecureDisablePathNormalization": False,
    "MergeSlashes": True,
    "PathWithEscapedSlashesAction": "REJECT_REQUEST",
}
TLS = {"TLSMinVersion": "TLSv1_3", "TLSMaxVersion": "TLSv1_3"}


def entries(mesh: Mesh, access_log: str) -> list[dict[str, Any]]:
    """All entries, in an order in which none stands before one that it refers to."""
    services = list(mesh.services.values())
    shared = [
        {"Kind": "proxy-defaults", "Name": "global", "AccessLogs": {"Enabled": access_log == "all", "Type": "stdout"}},
        {
            "Kind": "mesh",
            "TLS": {"Incoming": TLS, "Outgoing": TLS},
            "HTTP": {"Incoming": {"RequestNormalization": ONE_READING}},
        },
    ]
    found = [
        *shared,
        *(_defaults(service) for service in services),
        *(_resolver(service) for service in services if service.versions),
        *(_splitter(service) for service in services if service.splits),
        *(_router(service, called) for service in services for called in _calls(mesh, service)[:1]),
        *(_intentions(mesh, service) for service in services if service.allow),
    ]
    return [{**entry, "Meta": dict([MARK])} for entry in found]


def duration(seconds: Any) -> str:
    """A time as Go writes it."""
    whole = round(float(seconds) * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    if whole < 1000:
        return f"{whole}ms"
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + text


def _nanoseconds(seconds: Any) -> int:
    return round(float(seconds) * 1_000_000_000)


def _named(kind: str, service: Service, **fields: Any) -> dict[str, Any]:
    return {"Kind": kind, "Name": service.id, **fields}


def _id(key: str) -> str:
    return key.replace("/", "_")


def _defaults(service: Service) -> dict[str, Any]:
    overrides = [_override(upstream) for upstream in sorted(service.upstreams, key=lambda one: one.key)]
    more = {"UpstreamConfig": {"Overrides": overrides}} if overrides else {}
    return _named("service-defaults", service, Protocol=service.protocol, **more)


def _override(upstream: Upstream) -> dict[str, Any]:
    """How a caller reaches an upstream: what is cut off and left out, apart from what it asks of each call."""
    given, limits, ejection = upstream.given, upstream.given.get("limits", {}), upstream.given.get("ejection", {})
    return {
        "Name": _id(upstream.key),
        "ConnectTimeoutMs": max(1, round(float(given.get("connect_timeout", 1)) * 1000)),
        "Limits": {
            "MaxConnections": int(limits.get("connections", 1024)),
            "MaxPendingRequests": int(limits.get("pending", 1024)),
            "MaxConcurrentRequests": int(limits.get("requests", 1024)),
        },
        "PassiveHealthCheck": {
            "Interval": _nanoseconds(ejection.get("interval", 2)),
            "MaxFailures": int(ejection.get("errors", 5)),
            "EnforcingConsecutive5xx": 100,
            "MaxEjectionPercent": int(ejection.get("percent", 50)),
            "BaseEjectionTime": _nanoseconds(ejection.get("duration", 10)),
        },
    }


def _resolver(service: Service) -> dict[str, Any]:
    subsets = {version: {"Filter": f'Service.Meta.version == "{version}"'} for version in service.versions}
    return _named("service-resolver", service, Subsets=subsets)


def _splitter(service: Service) -> dict[str, Any]:
    shares = [
        {
            "Weight": split.weight,
            **({"ServiceSubset": split.subset} if split.subset else {"Service": _id(split.key)}),
        }
        for split in service.splits
    ]
    return _named("service-splitter", service, Splits=shares)


def _calls(mesh: Mesh, service: Service) -> list[Mapping[str, Any]]:
    """What callers ask of calls to a service of HTTP, the same for all of them."""
    if service.protocol not in HTTP:
        return []
    return [one.given for caller in mesh.services.values() for one in caller.upstreams if one.key == service.key]


def _router(service: Service, called: Mapping[str, Any]) -> dict[str, Any]:
    retries = called.get("retries", {})
    attempts = int(retries.get("attempts", ATTEMPTS))
    again = {"NumRetries": attempts, "RetryOn": list(retries.get("retry_on", RETRY_ON))} if attempts else {}
    destination = {"RequestTimeout": duration(called.get("timeout", TIMEOUT)), **again}
    return _named(
        "service-router", service, Routes=[{"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": destination}]
    )


def _intentions(mesh: Mesh, service: Service) -> dict[str, Any]:
    """Who may call, by name: where a rule is for a tenant, its services that there are. All others are refused."""
    sources = []
    for key in sorted(mesh.services, key=_id):
        rules = [rule for rule in service.allow if rule.covers(key)]
        if rules:
            sources.append({"Name": _id(key), **_source(rules)})
    return _named("service-intentions", service, Sources=sources)


def _source(rules: list[Rule]) -> dict[str, Any]:
    if any(not rule.methods and not rule.paths for rule in rules):
        return {"Action": "allow"}
    return {"Permissions": [permission for rule in rules for permission in _permissions(rule)]}


def _permissions(rule: Rule) -> list[dict[str, Any]]:
    methods = {"Methods": list(rule.methods)} if rule.methods else {}
    return [{"Action": "allow", "HTTP": {**_path(path), **methods}} for path in rule.paths or ("/*",)]


def _path(path: str) -> dict[str, str]:
    return {"PathPrefix": path[:-1]} if path.endswith("*") else {"PathExact": path}
