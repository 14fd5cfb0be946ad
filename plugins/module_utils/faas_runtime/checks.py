# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the function runtime on a manager: its gateway and its events. Standard library only."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any

from ..checks.model import Check, Verdict, answer

METRICS, MONITOR = 8481, 8222
TOLD = "/etc/keelson-faas/functions.json"
LOGS = "look at the logs (journalctl -u {unit}); run the install playbook"


def local(port: int, path: str) -> tuple[int, Any]:
    """What a service says on the loopback address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, json.load(reply)
    finally:
        connection.close()


def gateway(status: int, told: Mapping[str, Any]) -> Verdict:
    """Judge what the gateway says of itself."""
    if status != 200:
        return Verdict(False, str(told.get("trouble") or f"status {status}"))
    return Verdict(True, f"{told['functions']} functions of {len(told['tenants'])} tenants")


def events(told: Mapping[str, Any], managers: int) -> Verdict:
    """Judge /jsz: a leader, all peers there and current, no stream without its replicas."""
    meta = told.get("meta_cluster")
    if managers == 1:
        return Verdict("config" in told, "one server, without replicas")
    if not meta or not meta.get("leader"):
        return Verdict(False, "JetStream has no leader")
    behind = [peer["name"] for peer in meta.get("replicas") or [] if peer.get("offline") or not peer.get("current")]
    count = len(meta.get("replicas") or []) + 1
    text = f"leader {meta['leader']}, {count} servers"
    for account in told.get("account_details") or []:
        for stream in account.get("stream_detail") or []:
            peers = (stream.get("cluster") or {}).get("replicas") or []
            behind += [f"{account['name']}/{stream['name']} on {peer['name']}" for peer in peers if peer.get("offline")]
    if behind:
        text += f"; behind or gone: {', '.join(behind)}"
    return Verdict(not behind and (meta.get("cluster_size") or count) == managers, text)


def checks(
    managers: int, whole: bool, deployed: Callable[[list[Mapping[str, Any]]], Verdict], path: str = TOLD
) -> list[Check]:
    """All of a manager; those of the whole cluster on one of them: C(deployed) judges what the gateway knows of functions."""

    def every() -> Verdict:
        with open(path, encoding="utf-8") as handle:
            return deployed(json.load(handle)["functions"])

    unit, nats = "keelson-faas-gateway", "keelson-nats"
    found = [
        answer(
            "gateway",
            "The gateway reaches the engine and JetStream",
            "",
            LOGS.format(unit=unit),
            lambda: gateway(*local(METRICS, "/healthz")),
        ),
        answer(
            "events",
            "JetStream has a leader and all its replicas",
            "",
            LOGS.format(unit=nats),
            lambda: events(local(MONITOR, "/jsz?streams=1&accounts=1")[1], managers),
        ),
    ]
    if whole:
        found.append(answer("function", "Every declared function is deployed", "", LOGS.format(unit=unit), every))
    return found
