# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the cluster refuses pods with too many rights, keeps quotas and encrypts Secrets. Standard library only."""

from __future__ import annotations

import functools
from typing import Callable

from ...checks.model import Verdict
from ...cluster.remote import ApiError
from .. import etcd, objects
from ..checks import encrypted
from ..objects import NAME, NAMESPACE, SPACE
from .inside import Pods, settle


def pod_security(inside: Pods) -> Verdict:
    """Judge that a pod that asks for every right is refused: here, and where a namespace says nothing."""
    seen = []
    for space in (NAMESPACE, "default"):
        pod = objects.privileged(inside.sample.image)
        words = _refusal(functools.partial(inside.api.post, f"/api/v1/namespaces/{space}/pods?dryRun=All", pod))
        if "violates PodSecurity" not in words:
            return Verdict(False, f"namespace {space}: a privileged pod was {words or 'admitted'}")
        seen.append(f"{space}: {words.partition('violates ')[2][:60]}")
    return Verdict(True, "; ".join(seen))


def quota(inside: Pods) -> Verdict:
    """Judge that a second service is refused where the quota has room for one."""

    def probe() -> str | None:
        found = inside.api.get(f"{SPACE}/resourcequotas/{NAME}").get("status") or {}
        used = (found.get("used") or {}).get("services")
        return None if used == "1" else f"the quota counts {used or 'no'} services, not 1"

    settle(probe)
    words = _refusal(lambda: inside.api.post(f"{SPACE}/services?dryRun=All", objects.service("keelson-second")))
    return Verdict("exceeded quota" in words, words[:200] or "a second service was admitted")


def encryption(inside: Pods) -> Verdict:
    """Judge that a Secret made now does not lie in etcd as it is."""
    inside.api.apply(f"{SPACE}/secrets/{NAME}", objects.secret("made by verify"))
    return encrypted(etcd.ask("get", f"/registry/secrets/{NAMESPACE}/{NAME}"))


def _refusal(ask: Callable[[], object]) -> str:
    """Return the words with which the API refuses (403) what `ask` asks, '' where it does not."""
    try:
        ask()
    except ApiError as error:
        if error.status == 403:
            return error.message
        raise
    return ""
