# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether network policies hold: two pods ask before and under a default deny. Standard library only."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import Any

from ...checks.model import Verdict
from ...checks.sample_app import await_, elapsed
from ...cluster.remote import ApiError, bracketed
from .. import objects
from ..objects import POLICIES, PORT, SPACE
from ..view import list_nodes
from .inside import GUEST, UNAUTHORIZED, Pods, at, settle


def start_visitors(inside: Pods) -> Verdict:
    """Start guest and unauthorized on another host than an instance's, of whichever pool; judge that they run."""
    target = inside.sample.instances()[0]["host"]
    others = [
        node.name for node in list_nodes(inside.api) if not node.obstacle and not node.manager and node.name != target
    ]
    host = others[0] if others else target
    pods = [objects.visitor(role, host, inside.sample.image) for role in (GUEST, UNAUTHORIZED)]
    for pod in pods:
        inside.api.post(f"{SPACE}/pods", pod)
    await_(lambda: _visitors_wrong(inside, pods), inside.sample.timeout)
    return Verdict(True, f"guest and unauthorized run on {host}, the instance they ask on {target}")


def _visitors_wrong(inside: Pods, pods: list[dict[str, Any]]) -> str | None:
    """Say which of the visitors does not run yet, or None."""
    for pod in pods:
        found = inside.api.get(f"{SPACE}/pods/{pod['metadata']['name']}")
        if not any(status.get("ready") for status in found["status"].get("containerStatuses") or []):
            return f"{pod['metadata']['name']} is {found['status'].get('phase')}; {inside.sample.trouble()}"
    return None


def end_visitors(inside: Pods) -> None:
    """Remove guest and unauthorized; what an API that fails leaves goes with the namespace."""
    for role in (GUEST, UNAUTHORIZED):
        with contextlib.suppress(ApiError):
            inside.api.delete(f"{SPACE}/pods/keelson-{role}")


def policy(inside: Pods) -> Verdict:
    """Judge network policies: who was answered is refused under a default deny, unless a policy lets him through."""
    target = inside.sample.instances()[0]
    host = inside.api.get(f"{SPACE}/pods/keelson-{GUEST}")["spec"]["nodeName"]
    try:
        return _holds(inside, f"http://{at(target)}/healthz", f"{host} → {target['host']}")
    finally:
        for policy in objects.policies():
            inside.api.delete(f"{POLICIES}/{policy['metadata']['name']}")


def _holds(inside: Pods, url: str, way: str) -> Verdict:
    """Judge what guest and unauthorized are answered from an instance before and under the policies."""
    guest, unauthorized = f"keelson-{GUEST}", f"keelson-{UNAUTHORIZED}"
    back = inside.api.get(f"{SPACE}/pods/{unauthorized}")["status"]["podIP"]
    beside = f"http://{bracketed(back)}:{PORT}/healthz"
    for pod, where in ((guest, url), (unauthorized, url), (guest, beside)):
        good, text = inside.get(pod, where)
        if not good:
            return Verdict(False, f"{way}: {pod} gets no answer even without policies: {text}")
    start = time.monotonic()
    for policy in objects.policies():
        inside.api.apply(f"{POLICIES}/{policy['metadata']['name']}", policy)
    for pod, where, what in ((unauthorized, url, "the instance"), (guest, beside, "what it was not given")):
        settle(functools.partial(_still_answered, inside, pod, where, what))
    good, text = inside.get(guest, url)
    took = f"refused {elapsed(start)} after the policies"
    if not good:
        return Verdict(False, f"{way}: the guest is refused, too: {text}")
    return Verdict(True, f"{way}: the guest is answered; the unauthorized client, and the guest elsewhere, {took}")


def _still_answered(inside: Pods, pod: str, url: str, what: str) -> str | None:
    """Say that a pod is still answered, or None."""
    good, _text = inside.get(pod, url)
    return f"network policies do not hold: {pod} is answered by {what}" if good else None
