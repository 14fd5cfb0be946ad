# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manager's API, its etcd and kubeadm tell about a Kubernetes cluster, judged. Standard library only."""

from __future__ import annotations

import base64
import datetime
import functools
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ..checks import tls, voters
from ..checks.model import Check, Verdict, answer, patiently
from ..cluster.application import IMAGES, images
from ..cluster.drain import way_back
from ..cluster.remote import ApiError
from . import application, etcd, kubeadm, requests
from .api import Api
from .view import NODES, Node, list_nodes, parse_node

# What Kubernetes itself lets anybody read: its version and health, and, for joins, the signed CA.
PUBLIC = {"system:public-info-viewer", "kubeadm:bootstrap-signer-clusterinfo"}
ANYBODY = {"system:anonymous", "system:unauthenticated"}
# Above all access control, made on the first manager alone; it is best kept nowhere.
BREAK_GLASS = "super-admin.conf"
ENCRYPTED = b"k8s:enc:"
# Seconds in which the pods of the system may still become ready: an installation ends when the nodes are, and they follow.
SETTLE = 60.0
_LOGS = "look at journalctl -u kubelet -u containerd on it and at kubectl -n kube-system get pods"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"

Run = Callable[[list[str]], "tuple[int, str, str]"]


def readyz(api: Api) -> Verdict:
    """Judge /readyz."""
    status, text = api.exchange("GET", "/readyz")
    return Verdict(status == 200, f"https://{api.host}:{api.port}/readyz: HTTP {status} {' '.join(text.split())[:200]}")


def unready(api: Api) -> str | None:
    """Return what /readyz says where it is not ready, or None."""
    verdict = readyz(api)
    return None if verdict.passed else verdict.evidence


def peers(found: list[etcd.Member], managers: Mapping[str, str]) -> Verdict:
    """Judge that etcd's members are the inventory's `managers` (address by name), all of them started and voting."""
    started = [member.address for member in found if member.started and not member.learner]
    return voters.peers(started, [member.address for member in found], managers)


def certificates(report: Mapping[str, Any], least: float, now: datetime.datetime) -> Verdict:
    """Judge `kubeadm certs check-expiration -o json`: all there, each valid for at least `least` days."""
    entries = [*report.get("certificates", []), *report.get("certificateAuthorities", [])]
    absent = sorted(entry["name"] for entry in entries if entry.get("missing") and entry["name"] != BREAK_GLASS)
    left = {e["name"]: days_left(e["expirationDate"], now) for e in entries if not e.get("missing")}
    if absent or not left:
        return Verdict(False, f"missing: {', '.join(absent) or 'all'}")
    soon = sorted((days, name) for name, days in left.items() if days < least)
    if soon:
        return Verdict(
            False, ", ".join(f"{name}: {days:.0f} days" for days, name in soon) + f" left, {least:.0f} desired"
        )
    days, name = min((days, name) for name, days in left.items())
    return Verdict(True, f"{len(left)} certificates, the first to end is {name} in {days:.0f} days")


def days_left(end: str, now: datetime.datetime) -> float:
    """Return the days until a time as Kubernetes writes it (RFC 3339, UTC)."""
    moment = datetime.datetime.strptime(end, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    return (moment - now).total_seconds() / 86400


def encrypted(found: Mapping[str, Any]) -> Verdict:
    """Judge how etcd keeps the first Secret, out of `etcdctl get`. Nothing of its content is shown."""
    values = [base64.b64decode(entry.get("value", "")) for entry in found.get("kvs") or []]
    if not values:
        return Verdict(True, "etcd keeps no Secret yet; the sample application makes one")
    scheme = values[0][:40].split(b":")[2].decode("ascii", "replace") if values[0].startswith(ENCRYPTED) else ""
    return Verdict(bool(scheme), f"encrypted with {scheme}" if scheme else "a Secret lies in etcd as plain text")


def node(nodes: list[Node], name: str, address: str, pool: str | None) -> Verdict:
    """Judge that a node is ready, at its address and in its pool; `pool` is None for a manager."""
    found = next((n for n in nodes if n.name == name), None)
    if found is None:
        return Verdict(False, "not a node of the cluster")
    faults = [found.trouble] if found.trouble else []
    if found.address != address:
        faults.append(f"its address is {found.address or 'unknown'}, not {address}")
    if pool is None and not found.manager:
        faults.append("it has no role control-plane")
    if pool is not None and found.pool != pool:
        faults.append(f"it is in pool {found.pool or 'of no name'}, not {pool}")
    if found.cordoned:
        faults.append("it takes no work: it is cordoned")
    where = "control plane" if pool is None else f"pool {found.pool}"
    return Verdict(not faults, "; ".join(faults) or f"ready, {where}, kubelet {found.version}")


def members(nodes: list[Node], known: set[str], let_in: Iterable[str]) -> Verdict:
    """Judge that the cluster has no node that neither the inventory knows nor managers have let in with a join token."""
    alone = {n.name for n in nodes if not n.manager and n.name not in known}.intersection(let_in)
    unknown = sorted(n.name for n in nodes if n.name not in known | alone)
    if unknown:
        return Verdict(False, f"neither of the inventory nor let in with a join token: {', '.join(unknown)}")
    return Verdict(True, f"{len(nodes)} nodes" + (f", {len(alone)} of them joined by themselves" if alone else ""))


def versions(found: Mapping[str, str]) -> Verdict:
    """Judge that all programs (version by name) are of one version."""
    by_version: dict[str, list[str]] = {}
    for name, version in found.items():
        by_version.setdefault(version or "unknown", []).append(name)
    if len(by_version) == 1 and "unknown" not in by_version:
        return Verdict(True, f"{len(found)} programs of {next(iter(by_version))}")
    groups = (f"{version}: {', '.join(sorted(names))}" for version, names in sorted(by_version.items()))
    return Verdict(False, "; ".join(groups) or "no program told its version")


#: Images of a release of Kubernetes; others beside them have names of their own kind, such as Calico's kube-controllers.
RELEASED_TOGETHER = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")


def control_plane_versions(pods: list[dict[str, Any]]) -> dict[str, str]:
    """Return the versions of the management services and of kube-proxy, which are their images' tags."""
    found = {}
    for pod in pods:
        for container in pod["spec"]["containers"]:
            image = container["image"].split("@")[0].rpartition("/")[2]
            name, _colon, tag = image.partition(":")
            if name in RELEASED_TOGETHER:
                found[f"{name} on {pod['spec'].get('nodeName', '?')}"] = tag
    return found


def system(workloads: list[dict[str, Any]]) -> Verdict:
    """Judge that the DaemonSets and Deployments of kube-system have all their pods."""
    lacking: list[str] = []
    good: list[str] = []
    for entry in workloads:
        status, name = entry.get("status") or {}, entry["metadata"]["name"]
        if "desiredNumberScheduled" in status:
            desired, ready = status["desiredNumberScheduled"], status.get("numberReady", 0)
        else:
            desired, ready = (entry.get("spec") or {}).get("replicas", 1), status.get("readyReplicas", 0)
        (good if ready >= desired else lacking).append(f"{name} {ready} of {desired}")
    return Verdict(not lacking and bool(good), "ready: " + ", ".join(lacking or good or ["nothing"]))


def served_apis(services: list[dict[str, Any]]) -> Verdict:
    """Judge that the APIs served by programs in the cluster, such as that of metrics-server, are available.

    While one is not, no namespace can be deleted.
    """
    lacking = []
    for entry in services:
        conditions = (entry.get("status") or {}).get("conditions") or []
        available: dict[str, Any] = next((c for c in conditions if c["type"] == "Available"), {})
        if available.get("status") != "True":
            lacking.append(f"{entry['metadata']['name']}: {available.get('message') or 'nobody has looked yet'}")
    others = [entry["metadata"]["name"] for entry in services if (entry.get("spec") or {}).get("service")]
    text = f"{len(services)} APIs, served in the cluster: {', '.join(others) or 'none'}"
    return Verdict(not lacking, "; ".join(lacking) or text)


def dashboards(workloads: list[dict[str, Any]]) -> Verdict:
    """Judge that nobody has left a dashboard with its own way past access control."""
    found = [w["metadata"] for w in workloads if "dashboard" in w["metadata"]["name"]]
    names = ", ".join(f"{meta.get('namespace')}/{meta['name']}" for meta in found)
    return Verdict(not found, names or f"none among {len(workloads)} services")


def anonymous(bindings: list[dict[str, Any]]) -> Verdict:
    """Judge that no binding gives anybody without credentials more than Kubernetes itself does."""
    open_ = [
        f"{binding['metadata']['name']} gives {binding['roleRef']['name']}"
        for binding in bindings
        if {subject["name"] for subject in binding.get("subjects") or []} & ANYBODY
        and binding["roleRef"]["name"] not in PUBLIC
    ]
    return Verdict(
        not open_, ", ".join(sorted(open_)) or f"none of {len(bindings)} bindings is for unauthorized clients"
    )


def tokens(secrets: list[dict[str, Any]]) -> Verdict:
    """Judge that no token is left with which a host could join."""
    names = ", ".join(sorted(secret["metadata"]["name"] for secret in secrets))
    return Verdict(not secrets, f"left: {names}" if names else "no token is left")


def manager_checks(api: Api, managers: Mapping[str, str]) -> list[Check]:
    """Return the checks of the cluster as one manager sees it, which hold with another manager dead, too."""
    return [
        answer(
            "endpoint",
            "The API is ready at the cluster's endpoint",
            "",
            "look at the load balancer, or at haproxy and keepalived, and at the API servers behind it",
            lambda: readyz(api),
        ),
        answer(
            "peers",
            "The members of etcd are the managers",
            "",
            "run the install playbook; remove a member that is gone with etcdctl member remove",
            lambda: peers(etcd.members(), managers),
        ),
    ]


def host_checks(run: Run, days: float, now: datetime.datetime) -> list[Check]:
    """Return the checks of what kubeadm keeps on this manager; `run` runs a command."""

    def expiration() -> Verdict:
        code, out, error = run(["kubeadm", "certs", "check-expiration", "--output=json"])
        if code:
            return Verdict(False, " ".join(error.split())[-300:])
        return certificates(json.loads(out), days, now)

    def used() -> Verdict:
        found = kubeadm.outdated()
        return Verdict(not found, f"started before them: {', '.join(found)}" if found else "no service is older")

    def served() -> Verdict:
        own = (f"{etcd.PKI}/{name}" for name in ("ca.crt", "healthcheck-client.crt", "healthcheck-client.key"))
        return tls.certificate(tls.Endpoint(etcd.loopback(), 2379, b""), tls.Identity(*own), days)

    remedy = "run the install playbook, or kubeadm certs renew all and restart the management services"
    return [
        answer("certificates", "kubeadm's certificates last", "", remedy, expiration),
        answer("certificates_used", "The management services use the certificates on disk", "", remedy, used),
        answer("certificates_used", "The certificate that etcd shows lasts", "", remedy, served),
    ]


def cluster_checks(api: Api, managers: Mapping[str, str], nodes: list[dict[str, str]]) -> list[Check]:
    """Return the checks of the whole cluster; `nodes` are the inventory's as {name, address, pool}."""
    known = {*managers, *(entry["name"] for entry in nodes)}
    settled = time.monotonic() + SETTLE
    space = "/namespaces/kube-system"

    def all_versions() -> Verdict:
        kubelets = {f"kubelet on {n.name}": n.version for n in list_nodes(api)}
        return versions({**kubelets, **control_plane_versions(api.items(f"/api/v1{space}/pods"))})

    def all_bindings() -> Verdict:
        return anonymous(api.items(f"{_RBAC}/clusterrolebindings") + api.items(f"{_RBAC}/rolebindings"))

    def all_workloads() -> Verdict:
        kinds = ("daemonsets", "deployments")
        return patiently(
            lambda: system([w for kind in kinds for w in api.items(f"/apis/apps/v1{space}/{kind}")]), settled
        )

    def all_apis() -> Verdict:
        return patiently(lambda: served_apis(api.items("/apis/apiregistration.k8s.io/v1/apiservices")), settled)

    def first_secret() -> Verdict:
        return encrypted(etcd.ask("get", "--prefix", "--limit=1", "/registry/secrets/"))

    def join_tokens() -> Verdict:
        chosen = "?fieldSelector=type%3Dbootstrap.kubernetes.io/token"
        return tokens(api.items(f"/api/v1{space}/secrets{chosen}"))

    def all_members() -> Verdict:
        return members(list_nodes(api), known, requests.let_in(api))

    def all_images() -> Verdict:
        entries = api.items(NODES)
        others = {n.name: n.pool for n in map(parse_node, entries) if n.name not in known and not n.manager}
        return images(application.recorded(api), others, functools.partial(application.lacking, entries))

    asked: list[tuple[str, str, str, Callable[[], Verdict]]] = [
        ("members", "Every node is of the inventory, or was let in", "kubectl delete node", all_members),
        ("versions", "All programs are of one version", "run the upgrade or install playbook", all_versions),
        ("system", "The pods of kube-system are ready", "look at kubectl -n kube-system get pods", all_workloads),
        ("apis", "Every API is available", "look at what serves it, or delete the APIService", all_apis),
        ("encryption", "Secrets are encrypted in etcd", "run the install playbook", first_secret),
        (
            "anonymous",
            "Anonymous users are given nothing",
            "delete the binding, or take anonymous users out of it",
            all_bindings,
        ),
        ("tokens", "No join token is left", "kubeadm token delete", join_tokens),
        ("images", IMAGES, "add it to host_node_kubernetes_images of the server image", all_images),
        ("dashboard", "There is no dashboard", "remove it", lambda: dashboards(api.items("/api/v1/services"))),
    ]
    found = [answer(kind, title, "", remedy, question) for kind, title, remedy, question in asked]
    for name, address in managers.items():
        own = api.at(address)
        found.append(answer("ready", "The manager's API is ready", name, _LOGS, functools.partial(readyz, own)))
    desired: list[tuple[str, str, str | None]] = [(name, address, None) for name, address in managers.items()]
    desired += [(entry["name"], entry["address"], entry["pool"]) for entry in nodes]
    try:
        seen = list_nodes(api)
    except ApiError as error:
        return [*found, answer("node", "The nodes can be listed", "", _LOGS, functools.partial(_unlisted, str(error)))]
    for name, address, pool in desired:
        title = "The manager is a node" if pool is None else "The host node is ready in its pool"
        kept_off = next((n for n in seen if n.name == name and n.cordoned and not n.trouble), None)
        remedy = way_back(name, kept_off.mark, f"kubectl uncordon {name}") if kept_off else _LOGS
        found.append(answer("node", title, name, remedy, functools.partial(node, seen, name, address, pool)))
    return found


def _unlisted(reason: str) -> Verdict:
    return Verdict(False, reason)
