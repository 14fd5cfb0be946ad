# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Knative is at work, has every function, and hands calls to it. Standard library only."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...checks.model import Check, Verdict, answer
from ...kubernetes.api import Api
from .. import checks as shared
from .deploy import GATEWAY, SERVING, address

# Who may be next behind Kourier: either answers a probe of its own name with 200, and one of another name with 400.
PROXIES = ("activator", "queue")


def deployments(found: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge that every deployment of the runtime has all its instances."""
    behind = []
    for one in found:
        desired, there = one["spec"]["replicas"], (one.get("status") or {}).get("availableReplicas") or 0
        if there < desired:
            behind.append(f"{one['metadata']['name']} has {there} of {desired} instances")
    if not found:
        return Verdict(False, "no deployment is there")
    return Verdict(not behind, "; ".join(behind) or f"{len(found)} deployments are available")


def functions(services: Sequence[Mapping[str, Any]], declared: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge that every function of the gateway is ready."""
    present = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in services}
    faults = []
    for one in declared:
        label = f"{one['tenant']}/{one['name']}"
        found = present.get((one["namespace"], one["service"]))
        conditions = ((found or {}).get("status") or {}).get("conditions") or []
        ready: Mapping[str, Any] = next((c for c in conditions if c["type"] == "Ready"), {})
        if not found:
            faults.append(f"{label} is not deployed")
        elif ready.get("status") != "True":
            faults.append(f"{label} is not ready ({ready.get('message') or ready.get('reason') or 'it is starting'})")
    return Verdict(not faults, "; ".join(faults)[:1000] or f"{len(declared)} functions are ready")


def called(url: str, declared: Sequence[Mapping[str, Any]], timeout: float = 20) -> Verdict:
    """Call every function through the runtime's gateway, with probes that the proxy before it answers: it sees nothing."""
    faults = []
    for one in declared:
        host = f"{one['service']}.{one['namespace']}.svc.cluster.local"
        told = [_probed(url, host, name, timeout) for name in PROXIES]
        if "200" not in told:
            faults.append(f"{one['tenant']}/{one['name']}: {told[0]}")
    return Verdict(not faults, "; ".join(faults)[:1000] or f"{len(declared)} functions are found")


def _probed(url: str, host: str, name: str, timeout: float) -> str:
    link = http.client.HTTPConnection(url.partition("://")[2], timeout=timeout)
    try:
        link.request("GET", "/", headers={"K-Network-Probe": name, "Host": host})
        return str(link.getresponse().status)
    except OSError as error:
        return f"no answer ({error})"
    finally:
        link.close()


def checks(api: Api) -> list[Check]:
    """Those of the whole cluster."""

    def serving() -> Verdict:
        spaces = [f"/apis/apps/v1/namespaces/{name}/deployments" for name in (SERVING, GATEWAY)]
        return deployments([one for space in spaces for one in api.items(space)])

    def calls() -> Verdict:
        with open(shared.TOLD, encoding="utf-8") as handle:
            return called(address(api), json.load(handle)["functions"])

    logs = "look at the pods (kubectl -n {} get pods) and their logs; run the install playbook"
    return [
        answer("serving", "Knative is available", "", logs.format(f"{SERVING}, {GATEWAY}"), serving),
        answer("called", "Knative's gateway finds every function", "", logs.format("faas-TENANT"), calls),
    ]
