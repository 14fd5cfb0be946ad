# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether pods of a Kubernetes cluster reach what they need: names, each other, services. Standard library only."""

from __future__ import annotations

from ...checks.http import fetch
from ...checks.model import Verdict
from ...cluster.remote import bracketed
from ..objects import NAME, NAMESPACE, PORT, SPACE
from .inside import Pods, at


def programs(inside: Pods) -> Verdict:
    """Judge that a program can be run in every instance."""
    url = f"http://127.0.0.1:{PORT}/healthz"
    return inside.all_of([(instance, url, "a program in its pod") for instance in inside.sample.instances()])


def logs(inside: Pods) -> Verdict:
    """Judge that the log of every instance can be read."""
    seen = []
    for instance in inside.sample.instances():
        text = inside.api.request("GET", f"{SPACE}/pods/{instance['id']}/log?tailLines=5")
        if "listens on" not in str(text):
            return Verdict(False, f"the log of {instance['id']} on {instance['host']} is not its own: {text!r:.100}")
        seen.append(instance["host"])
    return Verdict(bool(seen), f"{len(seen)} logs, from {', '.join(sorted(set(seen)))}")


def names(inside: Pods) -> Verdict:
    """Judge that the cluster's DNS tells pods of every host where services are."""
    url = f"http://{NAME}.{NAMESPACE}.svc/healthz"
    return inside.all_of([(instance, url, "the service by its name") for instance in inside.one_a_host()])


def pods(inside: Pods) -> Verdict:
    """Judge that pods reach each other across hosts: each host's the next one's, in a ring."""
    ring = inside.one_a_host()
    pairs = [(one, ring[(index + 1) % len(ring)]) for index, one in enumerate(ring)]
    asked = [(one, f"http://{at(other)}/healthz", f"a pod on {other['host']}") for one, other in pairs]
    return inside.all_of(asked)


def service(inside: Pods) -> Verdict:
    """Judge that the service's address answers pods of every host, and this manager."""
    address = inside.api.get(f"{SPACE}/services/{NAME}")["spec"]["clusterIP"]
    status, _body = fetch(address, 80, "/healthz")
    if status != 200:
        return Verdict(False, f"{address} answers this manager with HTTP {status}")
    url = f"http://{bracketed(address)}/healthz"
    found = inside.all_of([(instance, url, f"the service at {address}") for instance in inside.one_a_host()])
    return Verdict(found.passed, f"this manager → {address}; {found.evidence}")


def node_port(inside: Pods) -> Verdict:
    """Judge that the service answers on its port of every host node of the pool."""
    port = inside.api.get(f"{SPACE}/services/{NAME}")["spec"]["ports"][0]["nodePort"]
    for node in inside.sample.placed.nodes.values():
        status, _body = fetch(node.address, port, "/healthz")
        if status != 200:
            return Verdict(False, f"{node.name} {node.address}:{port} answered HTTP {status}")
    return Verdict(True, f"port {port} of {', '.join(inside.sample.placed.nodes)}")
