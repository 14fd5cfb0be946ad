# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a mesh that fits the schema. Each rule is a pure function; C(faults) goes through all."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator

from .model import HTTP, Fault, Gateway, Mesh, MeshError, Service

LONGEST = 26  # characters of a sidecar's name; its account has five more, of 32 at most
LOOPBACK, CLUSTER = "loopback", "the host's address"


def check(mesh: Mesh, *more: Callable[[Mesh], Iterator[Fault]]) -> Mesh:
    """Return the mesh. Raises MeshError with all its faults; C(more) are rules of a provider."""
    found = [str(fault) for rule in (*RULES, *more) for fault in rule(mesh)]
    if found:
        raise MeshError("\n".join(found))
    return mesh


def names(mesh: Mesh) -> Iterator[Fault]:
    """A name that is too long for an account, hosts that nobody knows, a service twice on one host."""
    for one in mesh.workloads.values():
        if len(one.id) > LONGEST:
            yield Fault(one.where, f"tenant and name of {one.key} have more than {LONGEST - 1} characters together")
        for name in one.unknown:
            yield Fault(one.where, f"{one.key} runs on {name}, which is no host node or group with this component")
        hosts = [instance.host for instance in one.on_hosts]
        for host in sorted({host for host in hosts if hosts.count(host) > 1}):
            yield Fault(one.where, f"{one.key} runs twice on {host}; give the second one another name")


def jobs(mesh: Mesh) -> Iterator[Fault]:
    """Services of jobs whose sidecars cannot tell whether they are there."""
    for service in mesh.services.values():
        if service.placed and (service.protocol not in HTTP or "health" not in service.given):
            text = f"{service.key} runs as a job: sidecars find it by its health"
            yield Fault(service.where, f"{text}; give it health: {{path: ...}} and a protocol of {', '.join(HTTP)}")


def splits(mesh: Mesh) -> Iterator[Fault]:
    """Weights that are not 100 together, subsets that no instance has, services nobody knows, circles."""
    for service in mesh.services.values():
        total = sum(split.weight for split in service.splits)
        if service.splits and abs(total - 100) > 1e-6:
            yield Fault(service.splits[0].where, f"the weights of {service.key} are {total:g} together; make it 100")
        for split in service.splits:
            if split.subset and split.subset not in service.versions:
                known = ", ".join(service.versions) or "none"
                yield Fault(split.where, f"no run of {service.key} has the version {split.subset} (versions: {known})")
            if split.key and split.key not in mesh.services:
                yield Fault(split.where, f"no service is called {split.key}")
        try:
            mesh.shares(service.key)
        except ValueError as error:
            yield Fault(service.splits[0].where, f"the splits lead in a circle: {error}")


def upstreams(mesh: Mesh) -> Iterator[Fault]:
    """Upstreams that nobody provides, and callers that nobody knows."""
    callees = mesh.callees
    for caller in mesh.callers.values():
        for upstream in caller.upstreams:
            target = callees.get(upstream.key)
            if target is None:
                yield Fault(upstream.where, f"nobody provides {upstream.key} (services: {', '.join(sorted(callees))})")
            elif not target.instances:
                yield Fault(upstream.where, f"{upstream.key} runs nowhere")
    for callee in callees.values():
        for rule in callee.allow:
            if not any(rule.covers(key) for key in mesh.callers):
                yield Fault(rule.where, f"no service is called {rule.caller}")
            if callee.protocol not in HTTP and (rule.methods or rule.paths):
                yield Fault(rule.where, f"{callee.key} speaks {callee.protocol}, which has no methods and paths")


def routes(mesh: Mesh) -> Iterator[Fault]:
    """Routes of gateways to what speaks no HTTP or lies outside, and two for the same calls."""
    for gateway in mesh.gateways.values():
        taken: dict[tuple[str, str], str] = {}
        for route in gateway.routes:
            key, where = route.upstream.key, route.upstream.where
            if key in mesh.services and mesh.services[key].protocol not in HTTP:
                yield Fault(where, f"{key} speaks {mesh.services[key].protocol}; a gateway carries {', '.join(HTTP)}")
            elif key in mesh.destinations:
                yield Fault(where, f"{key} is outside the mesh; a gateway leads to services alone")
            if (route.host, route.path) in taken:
                yield Fault(
                    where, f"{taken[route.host, route.path]} has the calls for {route.host}{route.path} already"
                )
            taken.setdefault((route.host, route.path), key)


def binds(mesh: Mesh) -> Iterator[Fault]:
    """Two things on one port of one host."""
    taken: dict[tuple[str, str, int], list[tuple[str, str]]] = defaultdict(list)
    for one in mesh.workloads.values():
        for instance in one.on_hosts:
            for address, port, what, where in _ports(one):
                taken[instance.host, address, port].append((what, where))
    for (host, address, port), users in taken.items():
        for what, where in users[1:]:
            yield Fault(where, f"{what} would have port {port} of {address} on {host}, as {users[0][0]} has")


def _ports(one: Service | Gateway) -> Iterator[tuple[str, int, str, str]]:
    if isinstance(one, Gateway):
        yield CLUSTER, one.port, f"the gateway {one.key}", one.where
    else:
        yield LOOPBACK, one.port, f"the service {one.key}", one.where
        yield CLUSTER, one.mesh_port, f"the sidecar of {one.key}", one.where
        for upstream in one.upstreams:
            yield LOOPBACK, upstream.bind, f"the upstream {upstream.key} of {one.key}", upstream.where
    if one.metrics_port:
        yield LOOPBACK, one.metrics_port, f"the statistics of {one.key}", one.where


def accounts(mesh: Mesh) -> Iterator[Fault]:
    """Two services of one account on one host: each could use the identity of the other."""
    together: dict[tuple[str, str], set[str]] = defaultdict(set)
    for service in mesh.services.values():
        if service.on_hosts and not service.run_as:
            yield Fault(service.where, f"{service.key} runs on hosts; give it run_as, the account that does")
        for instance in service.on_hosts:
            together[instance.host, service.run_as].add(service.key)
        if service.run_as == "root" and service.upstreams:
            yield Fault(service.where, f"{service.key} runs as root; give it an account of its own")
    told = set()
    for (host, account), keys in sorted(together.items()):
        for one, other in itertools.combinations(sorted(keys), 2):
            callers = mesh.services[one].upstreams or mesh.services[other].upstreams
            if callers and (one, other) not in told:
                told.add((one, other))
                text = f"{other} runs as {account} on {host}, as {one} does: each could call as the other"
                yield Fault(mesh.services[other].where, f"{text}; give each its own account")


def lifetimes(mesh: Mesh) -> Iterator[Fault]:
    """Leaves that would be renewed before they are made."""
    if mesh.renew_before_minutes >= mesh.leaf_minutes:
        yield Fault("mesh_identity", "renew_before_minutes must be less than leaf_minutes")


RULES = (names, jobs, splits, upstreams, routes, binds, accounts, lifetimes)
