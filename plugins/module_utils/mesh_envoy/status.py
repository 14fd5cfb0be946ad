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
from collections.abc import Iterable, Mapping
from typing import Any

from . import admin, places, renew

LINES = 2000  # of a sidecar's journal
#: Envoy's details and flags of a failed call, in the order they are looked for, and what each means.
REASONS = {
    "rbac_access_denied": "no allow rule of the service has this caller, method and path",
    "local_rate_limited": "over the rate_limit of the service",
    "UO": "over the limits of the caller's upstream",
    "UT": "longer than the timeout of the caller's upstream",
    "UH": "no instance is left: all are ejected or unhealthy, or none is described",
    "UF": "the other side is not reached, or its certificate is not that of the service",
    "UC": "the other side closed the connection",
    "DC": "the caller went away",
}


def rules(routes: Mapping[str, Any] | None) -> list[str]:
    """Who may call a service, out of its file of inbound routes: CALLER METHODS PATHS."""
    found: list[str] = []
    for resource in (routes or {}).get("resources", []):
        for host in resource["virtual_hosts"]:
            for config in host.get("typed_per_filter_config", {}).values():
                policies = config.get("rbac", {}).get("rules", {}).get("policies", {})
                found += [_rule(policy) for policy in policies.values()]
    return found


def may_call(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The same of all that is called through a sidecar: its service, or the destinations of a gateway, by their names."""
    found = []
    for file, content in files.items():
        if file.startswith("rds_"):
            to = "" if file == "rds_inbound.json" else f" to {file[4:-5].replace('_', '/', 1)}"
            found += [f"{rule}{to}" for rule in rules(content)]
    return found


def _rule(policy: Mapping[str, Any]) -> str:
    name = policy["principals"][0]["authenticated"]["principal_name"]
    words = [service(name["exact"]) if "exact" in name else f"{service(name['prefix'])}*"]
    for some in policy["permissions"][0].get("and_rules", {}).get("rules", []):
        either = some["or_rules"]["rules"]
        texts = [one["header"]["string_match"] if "header" in one else one["url_path"]["path"] for one in either]
        words.append(",".join(text.get("exact") or f"{text['prefix']}*" for text in texts))
    return " ".join(words)


def service(identity: str) -> str:
    """TENANT/NAME of a SPIFFE ID."""
    tenant, _svc, name = identity.partition("/ns/")[2].partition("/svc/")
    return f"{tenant}/{name}" if tenant else identity


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


def failed(lines: Iterable[str], key: str) -> list[dict[str, Any]]:
    """The failed calls in the journal of the sidecar of a service, those that are alike counted, the most frequent first."""
    counts: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        try:
            call = json.loads(line) if line.startswith("{") else {}
        except ValueError:
            continue
        if int(call.get("status") or 0) >= 400 or (call.get("flags") or "-") != "-":
            caller, called = parties(call, key)
            method, path = str(call.get("method") or ""), str(call.get("path") or "")
            counts[str(call["side"]), caller, called, method, path, str(call.get("status")), why(call)] += 1
    names = ("side", "caller", "called", "method", "path", "status", "why")
    return [{**dict(zip(names, found)), "count": count} for found, count in counts.most_common()]


def parties(call: Mapping[str, Any], key: str) -> tuple[str, str]:
    """Who called whom, by an entry in the access log of the sidecar or gateway called C(key)."""
    known = service(call.get("caller") or "") or f"outside the mesh, {call.get('from')}"
    called = str(call.get("cluster") or "")
    pairs = {"inbound": (known, key), "ingress": (known, called), "egress": (known, called or key)}
    return pairs.get(str(call["side"]), (key, called))


def _at(upstream: Mapping[str, Any]) -> str:
    """An upstream; a gateway's has no port on loopback."""
    return f"{upstream['key']} at 127.0.0.1:{upstream['bind']}" if upstream["bind"] else str(upstream["key"])


def of(sidecar: Mapping[str, Any], minutes: int) -> dict[str, Any]:
    """What one sidecar is at; C(failed) are the calls of the last C(minutes). Raises OSError, ValueError."""
    name, folder = sidecar["id"], f"{places.CONFIG}/{sidecar['id']}"
    files = {}
    for file in sorted(os.listdir(folder)):
        with open(f"{folder}/{file}", encoding="utf-8") as handle:
            files[file] = json.load(handle)
    try:
        waiting = admin.unsettled(admin.stats(name, "version_text$"), files)
    except OSError:
        waiting = sorted(files)
    unit, since = places.unit(name), f"--since=-{minutes}min"
    journal = subprocess.run(
        ["journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, since, "-n", str(LINES)],
        capture_output=True,
        text=True,
        check=False,
    )
    end = renew.kept(name).end
    return {
        "service": sidecar["key"],
        "identity": sidecar["identity"],
        "address": f"{sidecar['address']}:{sidecar['mesh_port']}",
        "state": admin.state(name) or "not running",
        "not_in_use": waiting,
        "certificate_ends": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)) if end else "",
        "may_call": may_call(files),
        "calls": [_at(upstream) for upstream in sidecar["upstreams"]],
        "failed": failed(journal.stdout.splitlines(), sidecar["key"]),
    }
