# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sidecars of a host are at: who may call, which calls failed and why, and until when. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..mesh import admin, places
from . import allowed, discovery, renew

LINES = 2000  # of a sidecar's journal
DENIED = "rbac_access_denied"
#: Envoy's details and flags of a failed call, in the order they are looked for, and what each means.
REASONS = {
    DENIED: "no allow rule of the service has this caller, method and path",
    "local_rate_limited": "over the rate_limit of the service",
    "UO": "over the limits of the caller's upstream",
    "UT": "longer than the timeout of the caller's upstream",
    "UH": "no instance is left: all are ejected or unhealthy, or none is described",
    "UF": "the other side is not reached, or its certificate is not that of the service",
    "UC": "the other side closed the connection",
    "DC": "the caller went away",
}


def why(call: Mapping[str, Any]) -> str:
    """Why a call failed, by its entry in the access log."""
    told = f"{call.get('details') or ''} {call.get('flags') or ''}"
    reason = next((text for word, text in REASONS.items() if word in told), "")
    if not reason:
        details = str(call.get("details") or "")
        behind = "the service" if call.get("side") == "inbound" else "the other side"
        own = f"the sidecar answered {call.get('status')} ({details})"
        reason = f"{behind} answered {call.get('status')}" if details in ("", "via_upstream") else own
    more = call.get("upstream_failure") or call.get("failure") or ""
    return ": ".join(text for text in (reason, more) if text and text != "-")


def failed(lines: Iterable[str], key: str, rules: Sequence[allowed.Rule] = ()) -> list[dict[str, Any]]:
    """The failed calls in the journal of the sidecar of a service, those that are alike counted, the most frequent first.

    C(rules) are its allow rules: a call that they refuse is told with the rule that is nearest.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        try:
            call = json.loads(line) if line.startswith("{") else {}
        except ValueError:
            continue
        if int(call.get("status") or 0) >= 400 or (call.get("flags") or "-") != "-":
            caller, called = parties(call, key)
            method, path = str(call.get("method") or ""), str(call.get("path") or "")
            reason = why(call)
            if DENIED in str(call.get("details")):
                of_target = [rule for rule in rules if rule.to in ("", called)]
                reason = allowed.refusal(of_target, caller, method, path) or reason
            counts[str(call["side"]), caller, called, method, path, str(call.get("status")), reason] += 1
    names = ("side", "caller", "called", "method", "path", "status", "why")
    return [{**dict(zip(names, found)), "count": count} for found, count in counts.most_common()]


def chosen(sidecars: Iterable[Mapping[str, Any]], service: str, caller: str) -> list[Mapping[str, Any]]:
    """The sidecars of a service, and of the caller; the gateway of a destination; all of them when none is named."""
    return [
        one
        for one in sidecars
        if not service or one["key"] in (service, caller) or service in one.get("destinations", ())
    ]


def parties(call: Mapping[str, Any], key: str) -> tuple[str, str]:
    """Who called whom, by an entry in the access log of the sidecar or gateway called C(key)."""
    known = allowed.service(call.get("caller") or "") or f"outside the mesh, {call.get('from')}"
    called = str(call.get("cluster") or "")
    pairs = {"inbound": (known, key), "ingress": (known, called), "egress": (known, called or key)}
    return pairs.get(str(call["side"]), (key, called))


def judge(sidecar: Mapping[str, Any], rules: Sequence[allowed.Rule], call: Mapping[str, str]) -> str:
    """What becomes of a call at the sidecar of its caller, or at that of the service."""
    service = call["service"]
    if sidecar["key"] == call["caller"]:
        ways = [upstream["bind"] for upstream in sidecar["upstreams"] if upstream["key"] == service]
        if not ways:
            return f"refused on the caller's side: {sidecar['key']} has no upstream {service}"
        by = f"by 127.0.0.1:{ways[0]}, for the account {sidecar['run_as']} alone" if ways[0] else "by its routes"
        return f"it leaves the caller's side {by}"
    refused = allowed.refusal(
        [rule for rule in rules if rule.to in ("", service)], call["caller"], call["method"], call["path"]
    )
    return f"refused on the side of {service}: {refused}" if refused else f"allowed on the side of {service}"


def _at(upstream: Mapping[str, Any]) -> str:
    """An upstream; a gateway's has no port on loopback."""
    return f"{upstream['key']} at 127.0.0.1:{upstream['bind']}" if upstream["bind"] else str(upstream["key"])


def of(sidecar: Mapping[str, Any], minutes: int, call: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What one sidecar is at; C(failed) are the calls of the last C(minutes). Raises OSError, ValueError.

    C(call) has service, caller, method and path of one call that is judged by what is in use.
    """
    name, folder = sidecar["id"], f"{places.CONFIG}/{sidecar['id']}"
    files = {}
    for file in sorted(os.listdir(folder)):
        with open(f"{folder}/{file}", encoding="utf-8") as handle:
            files[file] = json.load(handle)
    try:
        waiting = discovery.unsettled(admin.stats(name, "version_text$"), files)
    except OSError:
        waiting = sorted(files)
    unit, since = places.unit(name), f"--since=-{minutes}min"
    journal = subprocess.run(
        ["journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, since, "-n", str(LINES)],
        capture_output=True,
        text=True,
        check=False,
    )
    end, rules = renew.kept(name).end, allowed.in_use(files)
    return {
        **({"call": judge(sidecar, rules, call)} if call else {}),
        "service": sidecar["key"],
        "identity": sidecar["identity"],
        "address": f"{sidecar['address']}:{sidecar['mesh_port']}",
        "state": admin.state(name) or "not running",
        "not_in_use": waiting,
        "certificate_ends": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)) if end else "",
        "may_call": [str(rule) for rule in rules],
        "calls": [_at(upstream) for upstream in sidecar["upstreams"]],
        "failed": failed(journal.stdout.splitlines(), sidecar["key"], rules),
    }
