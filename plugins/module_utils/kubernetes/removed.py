# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that were removed: their kubelets' certificates go on being valid, for the API server reads no list of revoked ones.

A policy of the API server, which is the record too, refuses them a Node and another certificate. Without a Node no pod comes to
such a host, and the node authorizer gives it what its own pods need alone: no secret. Standard library only.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .api import Api, ApiError
from .view import NODES

NAME = "keelson-removed-hosts"
GROUP = "admissionregistration.k8s.io/v1"
POLICIES = f"/apis/{GROUP}/validatingadmissionpolicies"
POLICY = f"{POLICIES}/{NAME}"
BINDING = f"/apis/{GROUP}/validatingadmissionpolicybindings/{NAME}"
USER = "system:node:"
ENTRY = re.compile(r'"(system:node:[^"]+)": ([0-9]+)')  # of a rule's map, which CEL writes as JSON does
EACH = 300  # hosts in one rule, which has 100,000 characters at most
MESSAGE = "this host was removed from the cluster; the install playbook or a join document makes it a member again"
KEPT = 366 * 86400  # seconds: kubelets' certificates are signed for a year, and a removed host gets no other
SPREADS = 2.0  # seconds until the API servers of all managers have heard of a change
TRIES = 10

Record = Mapping[str, int]


def policy(record: Record) -> dict[str, Any]:
    """The policy that refuses the users of a record, each with the time of the removal. Nobody but nodes is looked at."""
    kinds = {"": "nodes", "certificates.k8s.io": "certificatesigningrequests"}
    covered = [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [kind]}
        for group, kind in kinds.items()
    ]
    entries = list(record.items())
    parts = [dict(entries[begin : begin + EACH]) for begin in range(0, len(entries), EACH)] or [{}]
    rules = [f"!(request.userInfo.username in {json.dumps(part)})" for part in parts]
    return {
        "apiVersion": GROUP,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": covered},
            "matchConditions": [
                {"name": "nodes", "expression": f"request.userInfo.username.startsWith('{USER}')"},
            ],
            "validations": [{"expression": rule, "message": MESSAGE, "reason": "Forbidden"} for rule in rules],
        },
    }


def binding() -> dict[str, Any]:
    """What puts the policy into force."""
    spec = {"policyName": NAME, "validationActions": ["Deny"]}
    meta = {"apiVersion": GROUP, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": NAME}}
    return {**meta, "spec": spec}


def read(found: Mapping[str, Any] | None) -> dict[str, int]:
    """The record that a policy holds; a rule that somebody else has written holds none."""
    rules = [entry["expression"] for entry in found["spec"].get("validations") or []] if found else []
    return {user: int(when) for rule in rules for user, when in ENTRY.findall(rule)}


def revoke(api: Api, names: Iterable[str], now: float) -> None:
    """Refuse these hosts, whatever certificate they show. Raises ApiError."""
    users = {f"{USER}{name}": int(now) for name in names}

    def step(record: Record) -> Record:
        young = {user: when for user, when in record.items() if now < when + KEPT}
        return young if users.keys() <= young.keys() else {**young, **users}

    api.apply(BINDING, binding())
    if _change(api, step):
        time.sleep(SPREADS)


def readmit(api: Api, names: Iterable[str], check: bool = False) -> list[str]:
    """Let hosts be members again; returns those that were, or with C(check) are, refused. Raises ApiError."""
    users = {f"{USER}{name}": name for name in names}
    known = read(api.find(POLICY)).keys() & users.keys()
    if known and not check:
        _change(api, lambda record: {user: when for user, when in record.items() if user not in known})
        time.sleep(SPREADS)
    return sorted(users[user] for user in known)


def forget(api: Api, name: str, only: Mapping[str, str] | None = None) -> None:
    """Delete the Node of a host for good. Where it is another one than C(only) says, its host is none of those removed. Raises ApiError."""
    revoke(api, [name], time.time())  # first: a kubelet that is at work makes its Node again at once
    try:
        api.delete(f"{NODES}/{name}", only=only)
    except ApiError as error:
        if error.status in (409, 422):
            readmit(api, [name])
        raise


def _change(api: Api, step: Callable[[Record], Record]) -> bool:
    """Keep what C(step) makes of the record, after whatever other managers do at the same time; tells whether it is another one."""
    for _try in range(TRIES):
        found = api.find(POLICY)
        before = read(found)
        after = step(before)
        if found and after == before:
            return False
        try:
            if found:
                version = {"name": NAME, "resourceVersion": found["metadata"].get("resourceVersion", "")}
                api.put(POLICY, {**policy(after), "metadata": version})
            else:
                api.post(POLICIES, policy(after))
        except ApiError as error:
            if error.status not in (404, 409):  # changed, made or deleted by somebody else in between
                raise
            continue
        return True
    raise ApiError(0, f"{POLICY} is changed by others all the time; run again")
