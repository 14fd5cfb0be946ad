# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(verify) asks of the mesh of Istio: on a host of its sidecars, on a manager of the control plane. Standard library only."""

from __future__ import annotations

import contextlib
import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..checks.model import Check, Verdict, answer, failure
from ..checks.sockets import listening
from ..cluster.remote import bracketed
from ..kubernetes.api import Api
from ..mesh.checks import CALLS, PATIENCE, around, called, closed, plain, reaches, refused, serving
from ..mesh.places import unit
from . import places, tokens

PLAIN = {15010: "plain-text configuration", 8080: "debug pages", 15014: "statistics"}


def page(port: int, path: str) -> str:
    """A page of the admin port of a sidecar. Raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as reply:
        text: str = reply.read().decode()
    return text


def stats(port: int, pattern: str) -> dict[str, Any]:
    """The statistics of a sidecar whose names fit a pattern. Raises OSError, ValueError."""
    found = json.loads(page(port, f"/stats?format=json&filter={urllib.parse.quote(pattern)}"))
    return {entry["name"]: entry["value"] for entry in found["stats"] if "name" in entry}


def ends(certificates: Mapping[str, Any]) -> float:
    """When the certificate of a sidecar ends, out of its page of certificates; 0 for none."""
    found = [
        datetime.strptime(one["expiration_time"][:19], "%Y-%m-%dT%H:%M:%S").timestamp() - time.timezone
        for entry in certificates.get("certificates", [])
        for one in entry.get("cert_chain", [])
    ]
    return min(found, default=0.0)


def fresh(end: float, before_minutes: float, now: float) -> Verdict:
    """Judge that a certificate is renewed in time: a renewal that is overdue by a third of its time is an alarm."""
    left = (end - now) / 60
    if not end:
        return Verdict(False, "it has no certificate")
    return Verdict(
        left > before_minutes * 2 / 3, f"valid for {left:.0f} minutes, renewed when {before_minutes:g} are left"
    )


def lasting(token: str, now: float) -> Verdict:
    """Judge that a token is renewed in time: at half its life, with a third left it is an alarm."""
    begin, end = tokens.life(token)
    if not end:
        return Verdict(False, "it has no token")
    return Verdict(
        end - now > (end - begin) / 3, f"valid for {(end - now) / 60:.0f} of {(end - begin) / 60:.0f} minutes"
    )


def host_checks(given: Mapping[str, Any]) -> list[Check]:
    """Return the checks of a host node."""
    return [check for sidecar in given["sidecars"] for check in sidecar_checks(given, sidecar)]


def sidecar_checks(given: Mapping[str, Any], sidecar: Mapping[str, Any]) -> list[Check]:
    """Return the checks of one sidecar."""
    name, key, port = sidecar["id"], sidecar["key"], int(sidecar["admin"])
    journal = f"look at journalctl -u {unit(name)}"

    def ask(kind: str, title: str, remedy: str, question: Callable[[], Verdict], target: str = key) -> Check:
        return answer(kind, title, target, remedy, question)

    found = [
        ask(
            "mesh_sidecar",
            "The sidecar serves with its newest configuration",
            journal,
            lambda: serving(page(port, "/ready").strip(), stats(port, "update_rejected$")),
        ),
        ask(
            "mesh_leaf",
            "The certificate of the sidecar is renewed in time",
            journal,
            lambda: fresh(ends(json.loads(page(port, "/certs"))), given["renew_before_minutes"], time.time()),
        ),
        ask(
            "mesh_token",
            "The token of the sidecar is renewed in time",
            "look at journalctl -u keelson-istio-tokens, and at keelson-istio-issuer on the managers",
            lambda: lasting(tokens.read(name), time.time()),
        ),
        ask(
            "mesh_owner",
            "Only the sidecar reaches the service, only the service its upstreams",
            "start keelson-mesh-rules.service; run the install playbook",
            lambda: refused([what for number, what in _owned(sidecar) if reaches("127.0.0.1", number)]),
        ),
    ]
    if sidecar["strict"]:
        found += [
            ask(
                "mesh_closed",
                "The sidecar refuses plain text",
                "run the install playbook",
                lambda: closed(plain(sidecar["address"], sidecar["mesh_port"])),
            ),
            ask(
                "mesh_boundary",
                "Nobody reaches the service around its sidecar",
                "let the service listen on 127.0.0.1, or give it another mesh_port so that the owner rules close its port",
                lambda: around(listening(), sidecar),
            ),
        ]
    for upstream in sidecar["upstreams"]:

        def calls(clusters: Sequence[str] = upstream["clusters"]) -> Verdict:
            return called(stats(port, CALLS), clusters)

        target = f"{key} → {upstream['key']}"
        found.append(ask("mesh_calls", "Calls to the upstream are answered", journal, calls, target))
    return found


def _owned(sidecar: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The ports of loopback that root, who asks, must not reach."""
    own = [(int(one["bind"]), f"its upstream {one['key']}") for one in sidecar["upstreams"]]
    return [*own, (int(sidecar["port"]), "the service")] if sidecar["strict"] else own


def control_checks(api: Api, known: Mapping[str, Any], here: Sequence[str]) -> list[Check]:
    """Return the checks of the control plane and of services in pods; C(here) are the addresses of this manager."""
    pods = api.items(f"/api/v1/namespaces/{places.SPACE}/pods?labelSelector=app%3Distiod")
    found = []
    for revision in known["revisions"]:
        own = [pod for pod in pods if pod["metadata"]["labels"].get(places.REVISION) == revision]
        found.append(
            answer(
                "mesh_control",
                "The control plane is there",
                revision,
                f"look at kubectl -n {places.SPACE} get pods",
                lambda own=own: instances(own),  # type: ignore[misc]
            )
        )
    for pod in pods:
        status = pod.get("status") or {}
        # Of its own host kubelet asks whether it is ready.
        if status.get("podIP") and status.get("hostIP") not in here:
            found.append(
                answer(
                    "mesh_closed",
                    "The control plane answers nobody in plain text",
                    pod["metadata"]["name"],
                    "run the install playbook",
                    lambda address=status["podIP"]: opened(address),  # type: ignore[misc]
                )
            )
    return [*found, *(pod_check(api, entry) for entry in known["pods"])]


def own(addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that this host has."""
    found = []
    for address in addresses:
        with (
            socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe,
            contextlib.suppress(OSError),
        ):
            probe.bind((address, 0))
            found.append(address)
    return found


def instances(pods: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge the instances of a control plane: all are ready, on a host each."""
    good = [pod for pod in pods if is_ready(pod)]
    hosts = {pod["spec"].get("nodeName") for pod in good}
    text = f"{len(good)} of {len(pods)} instances are ready, on {len(hosts)} hosts"
    return Verdict(bool(good) and len(good) == len(pods) == len(hosts), text)


def opened(address: str) -> Verdict:
    """Judge which ports of the control plane answer that should not."""
    found = [f"{number} ({what})" for number, what in PLAIN.items() if reaches(address, number)]
    return Verdict(
        not found, f"{bracketed(address)} answers at {', '.join(found)}" if found else "its private ports are closed"
    )


def pod_check(api: Api, entry: Mapping[str, Any]) -> Check:
    """Return the check of a service in pods."""
    tenant = entry["key"].partition("/")[0]
    selector = urllib.parse.quote(",".join(f"{name}={value}" for name, value in entry["labels"].items()))
    return answer(
        "mesh_pods",
        "The pods of the service are ready, with sidecars",
        entry["key"],
        f"kubectl -n {tenant} rollout restart brings sidecars into pods that were there before; look at kubectl -n {tenant} get pods",
        lambda: accompanied(api.items(f"/api/v1/namespaces/{tenant}/pods?labelSelector={selector}"), entry["key"]),
    )


def accompanied(pods: Sequence[Mapping[str, Any]], key: str) -> Verdict:
    """Judge that each pod of a service is ready, has a sidecar, and is the service account that its identity names."""
    name = key.partition("/")[2]
    alone, foreign = [], []
    for pod in pods:
        inside = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
        alone += [] if any(one["name"] == "istio-proxy" for one in inside) else [pod["metadata"]["name"]]
        foreign += [] if pod["spec"].get("serviceAccountName") == name else [pod["metadata"]["name"]]
    waiting = [pod["metadata"]["name"] for pod in pods if not is_ready(pod)]
    faults = [f"without a sidecar: {', '.join(alone)}" if alone else ""]
    faults += [f"not of the service account {name}: {', '.join(foreign)}" if foreign else ""]
    faults += [f"not ready: {', '.join(waiting)}" if waiting else "", "" if pods else "there are none"]
    told = "; ".join(fault for fault in faults if fault)
    return Verdict(not told, told or f"{len(pods)} pods")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod says that it serves."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def missing(text: str) -> Check:
    """The check of a host that has nothing of the mesh."""
    return failure("mesh_sidecar", "The host's part of the mesh can be read", text, "run the install playbook")
