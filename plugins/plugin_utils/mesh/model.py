# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a mesh as the variables describe them, whatever provider carries them.

C(read) makes a C(Mesh) of the variables; C(rules) says what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

from ..user_error import UserError
from .origin import place_of

try:
    import jsonschema
except ImportError:
    jsonschema = None  # type: ignore[assignment,unused-ignore]

VARIABLES = ("mesh_services", "mesh_gateways", "mesh_identity", "mesh_telemetry")
SCHEMA = Path(__file__).with_name("mesh.schema.json")
HTTP = ("http", "http2", "grpc")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE")


class MeshError(UserError, ValueError):
    """The variables describe no mesh; the message has a line for each fault, with its place and what to do."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong: C(where) is the place in the variables, with file and line where they are known."""

    where: str
    text: str

    def __str__(self) -> str:
        """The fault in one line."""
        return f"{self.where}: {self.text}"


@dataclass(frozen=True)
class Host:
    """A host that may run services; C(groups) are its groups."""

    name: str
    address: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Instance:
    """A service on a host: other sidecars reach it at C(address):C(port). With a C(job), its scheduler says whether it is there.

    With a C(workload) it runs in pods, and has neither host nor address.
    """

    host: str
    address: str
    port: int
    version: str
    unit: str
    job: str = ""
    workload: str = ""


@dataclass(frozen=True)
class Upstream:
    """A service that another one calls, at loopback and port C(bind)."""

    key: str
    bind: int
    given: Mapping[str, Any]
    where: str


@dataclass(frozen=True)
class Rule:
    """Who may call: C(caller) is TENANT/NAME or TENANT/*; no methods or paths are all of them."""

    caller: str
    methods: tuple[str, ...]
    paths: tuple[str, ...]
    where: str

    def covers(self, key: str) -> bool:
        """Tell whether a service is among the callers."""
        return self.caller == key or (self.caller.endswith("/*") and key.startswith(self.caller[:-1]))


@dataclass(frozen=True)
class Split:
    """A share of the calls of a service: for one of its versions (C(subset)), or for another service (C(key))."""

    subset: str
    key: str
    weight: float
    where: str


@dataclass(frozen=True)
class Workload:
    """What has an identity in the mesh. C(given) has what is taken as it is written."""

    name: str
    tenant: str
    metrics_port: int
    instances: tuple[Instance, ...]
    given: Mapping[str, Any]
    where: str
    unknown: tuple[str, ...]

    @property
    def key(self) -> str:
        """How references call it."""
        return f"{self.tenant}/{self.name}"

    @property
    def id(self) -> str:
        """How files, units and accounts call its sidecar."""
        return f"{self.tenant}_{self.name}"

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of its instances, sorted."""
        return tuple(sorted({instance.version for instance in self.instances if instance.version}))

    @property
    def placed(self) -> bool:
        """Whether a scheduler says on which of its hosts it runs."""
        return any(instance.job for instance in self.instances)

    @property
    def in_pods(self) -> tuple[Instance, ...]:
        """Its instances in pods."""
        return tuple(instance for instance in self.instances if instance.workload)

    @property
    def on_hosts(self) -> tuple[Instance, ...]:
        """Its instances on hosts."""
        return tuple(instance for instance in self.instances if instance.host)

    def on(self, host: str) -> Instance | None:
        """Its instance on a host."""
        return next((instance for instance in self.instances if instance.host == host), None)


@dataclass(frozen=True)
class Callee(Workload):
    """What a service may have as an upstream."""

    protocol: str
    allow: tuple[Rule, ...]


@dataclass(frozen=True)
class Service(Callee):
    """A service of the mesh. C(given) has: health, rate_limit. C(isolated) is one that reaches nothing but its upstreams."""

    port: int
    mesh_port: int
    strict: bool
    isolated: bool
    run_as: str
    upstreams: tuple[Upstream, ...]
    splits: tuple[Split, ...]


@dataclass(frozen=True)
class Destination(Callee):
    """C(host):C(port) outside the mesh, which services reach by a gateway; C(tls) is spoken to it."""

    gateway: str
    host: str
    port: int
    tls: bool


@dataclass(frozen=True)
class Route:
    """Calls from outside to C(host) ('*' for any) and below C(path) go to a service; C(where) is that of the upstream."""

    host: str
    path: str
    upstream: Upstream


@dataclass(frozen=True)
class Gateway(Workload):
    """A way into the mesh (C(routes)) or out of it (C(destinations)); C(certificate) is what it shows outside, the host's unless given."""

    port: int
    routes: tuple[Route, ...]
    destinations: tuple[Destination, ...]
    certificate: Mapping[str, str]

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """The services that it calls, each once."""
        return tuple({route.upstream.key: route.upstream for route in self.routes}.values())


@dataclass(frozen=True)
class Mesh:
    """All services and gateways by their keys, and what they share."""

    trust_domain: str
    leaf_minutes: int
    renew_before_minutes: int
    access_log: str
    collector: str
    trace_percent: float
    services: Mapping[str, Service] = field(default_factory=dict)
    gateways: Mapping[str, Gateway] = field(default_factory=dict)

    @cached_property
    def destinations(self) -> dict[str, Destination]:
        """What services reach outside, by key."""
        return {found.key: found for gateway in self.gateways.values() for found in gateway.destinations}

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """What can be an upstream."""
        return {**self.services, **self.destinations}

    @cached_property
    def callers(self) -> dict[str, Service | Gateway]:
        """What calls services: services, and gateways from outside."""
        return {**self.services, **{key: found for key, found in self.gateways.items() if found.routes}}

    @cached_property
    def workloads(self) -> dict[str, Service | Gateway]:
        """What has an Envoy of its own."""
        return {**self.services, **self.gateways}

    def identity(self, workload: Workload) -> str:
        """The SPIFFE ID of a workload; that of a destination is its gateway's."""
        name = workload.gateway if isinstance(workload, Destination) else workload.name
        return f"spiffe://{self.trust_domain}/ns/{workload.tenant}/svc/{name}"

    def on(self, host: str) -> list[Service]:
        """The services that run on a host."""
        return [service for service in self.services.values() if service.on(host)]

    def gateways_on(self, host: str) -> list[Gateway]:
        """The gateways that run on a host."""
        return [gateway for gateway in self.gateways.values() if gateway.on(host)]

    def shares(self, key: str, seen: Sequence[str] = ()) -> list[tuple[Callee, str, float]]:
        """Where calls to a service go: services, versions ('' for all) and percents, with the splits of splits resolved.

        Raises ValueError with the circle where splits lead back to where they came from.
        """
        if key in seen:
            raise ValueError(" → ".join([*seen[seen.index(key) :], key]))
        callee = self.callees[key]
        splits = callee.splits if isinstance(callee, Service) else ()
        found: list[tuple[Callee, str, float]] = []
        for split in splits:
            if split.subset:
                found.append((callee, split.subset, split.weight))
            elif split.key in self.services:
                inner = self.shares(split.key, [*seen, key])
                found += [(other, subset, split.weight * share / 100) for other, subset, share in inner]
        return found if splits else [(callee, "", 100.0)]


def read(variables: Mapping[str, Any], hosts: Sequence[Host], cluster: str) -> Mesh:
    """Read the variables of a cluster's mesh. Raises MeshError with all that does not fit the schema."""
    given = {name: variables[name] for name in VARIABLES if variables.get(name) is not None}
    faults = list(_schema_faults(given))
    if faults:
        raise MeshError("\n".join(map(str, faults)))
    identity, telemetry = given.get("mesh_identity", {}), given.get("mesh_telemetry", {})
    traces, minutes = telemetry.get("traces", {}), int(identity.get("leaf_minutes", 1440))
    services = [
        _service(service, f"mesh_services[{number}]", hosts)
        for number, service in enumerate(given.get("mesh_services", []))
    ]
    gateways = [
        _gateway(gateway, f"mesh_gateways[{number}]", hosts)
        for number, gateway in enumerate(given.get("mesh_gateways", []))
    ]
    outside = [destination for gateway in gateways for destination in gateway.destinations]
    named: list[Workload] = [*services, *gateways, *outside]
    first = {one.key: one for one in reversed(named)}
    repeated = [one for one in named if one is not first[one.key]]
    if repeated:
        raise MeshError("\n".join(f"{s.where}: {s.key} is described twice; remove one of them" for s in repeated))
    return Mesh(
        trust_domain=str(identity.get("trust_domain", f"{cluster.replace('_', '-')}.mesh")),
        leaf_minutes=minutes,
        renew_before_minutes=int(identity.get("renew_before_minutes", max(1, minutes // 2))),
        access_log=str(telemetry.get("access_log", "errors")),
        collector=str(traces.get("collector", "")),
        trace_percent=float(traces.get("percent", 100)),
        services={service.key: service for service in services},
        gateways={gateway.key: gateway for gateway in gateways},
    )


def _schema_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    if jsonschema is None:
        raise MeshError(missing("jsonschema"))
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for error in sorted(validator.iter_errors(given), key=lambda error: [str(step) for step in error.absolute_path]):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)[1:]
        text = error.schema.get("$comment", error.message) if error.validator == "oneOf" else error.message
        yield Fault(place_of(error.instance, path or "the variables of the mesh"), text)


def _full(tenant: str, name: Any) -> str:
    return str(name) if "/" in str(name) else f"{tenant}/{name}"


def _rules(tenant: str, given: Mapping[str, Any], where: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            _full(tenant, one["from"]),
            tuple(map(str, one.get("methods", ()))),
            tuple(map(str, one.get("paths", ()))),
            place_of(one, f"{where}.allow[{number}]"),
        )
        for number, one in enumerate(given.get("allow", []))
    )


def _instances(
    runs: Sequence[Mapping[str, Any]], hosts: Sequence[Host], port: int
) -> tuple[tuple[Instance, ...], tuple[str, ...]]:
    """The instances of runs, and the names that are no host or group."""
    instances, unknown = [], []
    for run in runs:
        if "workload" in run:
            instances.append(Instance("", "", port, str(run.get("version", "")), "", workload=str(run["workload"])))
        for name in run.get("hosts", ()):
            chosen = [host for host in hosts if name == host.name or name in host.groups]
            unknown += [] if chosen else [str(name)]
            unit, version, job = (str(run.get(part, "")) for part in ("unit", "version", "job"))
            instances += [Instance(host.name, host.address, port, version, unit, job) for host in chosen]
    return tuple(instances), tuple(unknown)


def _service(given: Mapping[str, Any], where: str, hosts: Sequence[Host]) -> Service:
    tenant = str(given.get("tenant", "default"))
    mesh_port = int(given.get("mesh_port", given["port"]))
    instances, unknown = _instances(given["runs"], hosts, mesh_port)

    def place(part: str, number: int, value: Any) -> str:
        return place_of(value, f"{where}.{part}[{number}]")

    return Service(
        name=str(given["name"]),
        tenant=tenant,
        port=int(given["port"]),
        mesh_port=mesh_port,
        metrics_port=int(given.get("metrics_port", 0)),
        protocol=str(given.get("protocol", "http")),
        strict=given.get("mode", "strict") == "strict",
        isolated=bool(given.get("isolated", False)),
        run_as=str(given.get("run_as", "")),
        instances=instances,
        upstreams=tuple(
            Upstream(_full(tenant, one["name"]), int(one["bind"]), one, place("upstreams", number, one))
            for number, one in enumerate(given.get("upstreams", []))
        ),
        allow=_rules(tenant, given, where),
        splits=tuple(
            Split(
                str(one.get("subset", "")),
                _full(tenant, one["service"]) if "service" in one else "",
                float(one["weight"]),
                place("splits", number, one),
            )
            for number, one in enumerate(given.get("splits", []))
        ),
        given=given,
        where=place_of(given, where),
        unknown=unknown,
    )


def _gateway(given: Mapping[str, Any], where: str, hosts: Sequence[Host]) -> Gateway:
    tenant, name = str(given.get("tenant", "default")), str(given["name"])
    instances, unknown = _instances([given], hosts, int(given["port"]))
    shared = {part: given[part] for part in ("retries", "limits", "ejection", "connect_timeout") if part in given}
    return Gateway(
        name=name,
        tenant=tenant,
        port=int(given["port"]),
        metrics_port=int(given.get("metrics_port", 0)),
        instances=instances,
        routes=tuple(
            Route(
                str(one.get("host", "*")),
                str(one.get("path", "/")),
                Upstream(
                    _full(tenant, one["service"]), 0, {**shared, **one}, place_of(one, f"{where}.routes[{number}]")
                ),
            )
            for number, one in enumerate(given.get("routes", []))
        ),
        destinations=tuple(
            Destination(
                name=str(one["name"]),
                tenant=tenant,
                metrics_port=0,
                instances=instances,
                given=one,
                where=place_of(one, f"{where}.destinations[{number}]"),
                unknown=(),
                protocol=str(one.get("protocol", "http")),
                allow=_rules(tenant, one, f"{where}.destinations[{number}]"),
                gateway=name,
                host=str(one["host"]),
                port=int(one.get("port", 443)),
                tls=bool(one.get("tls", True)),
            )
            for number, one in enumerate(given.get("destinations", []))
        ),
        certificate=given.get("certificate", {}),
        given=given,
        where=place_of(given, where),
        unknown=unknown,
    )
