# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime taken out of a Nomad cluster, which goes on. Standard library only.

Ours are the jobs with our mark and what was dispatched from them, the namespaces that we described, our policies, and the gateways'
tokens. What others have in these namespaces stops the removal before anything is changed.
"""

from __future__ import annotations

from urllib.parse import quote

from ...cluster.remote import wait_for
from ...nomad.api import Api
from .deploy import MARK, OF_A_TENANT, POLICY, PREFIX, TENANT_POLICY, drop_space, own_variables

ENDS = 60  # seconds that instances and calls may take to end


class InUse(Exception):
    """Others use what would go; nothing was changed."""


def remove(api: Api, predict: bool) -> list[str]:
    """Remove the runtime with all functions; returns what was, or with `predict` would be, removed. Raises InUse, ApiError."""
    present = api.get(f"/v1/namespaces?prefix={PREFIX}") or []
    spaces = sorted(space["Name"] for space in present if space.get("Description") == OF_A_TENANT)
    jobs = api.get("/v1/jobs?namespace=*&meta=true") or []
    parents = {
        (job["Namespace"], job["ID"]) for job in jobs if MARK in (job.get("Meta") or {}) and not job.get("ParentID")
    }
    calls = [(job["Namespace"], job["ID"]) for job in jobs if (job["Namespace"], job.get("ParentID")) in parents]
    mine = {*parents, *calls}
    others = [f"job {job['Namespace']}/{job['ID']}" for job in jobs if job["Namespace"] in spaces]
    others = [line for line in others if line not in {f"job {space}/{job}" for space, job in mine}]
    others += [f"variable {space}/{path}" for space in spaces for path in own_variables(api, space)[1]]
    if others:
        raise InUse(
            f"{', '.join(sorted(others)[:5])}{' and more' if others[5:] else ''} would go with its namespace, and no function of "
            "this collection is it: delete or move them first. Nothing was changed"
        )
    policies = sorted(
        one["Name"]
        for one in api.get("/v1/acl/policies") or []
        if one["Name"] == POLICY or one["Name"].startswith(TENANT_POLICY)
    )
    tokens = [one["AccessorID"] for one in api.get("/v1/acl/tokens") or [] if one.get("Policies") == [POLICY]]
    if not predict:
        # Those that are called first, so that nothing is dispatched from them any more.
        for space, job in [*sorted(parents), *sorted(calls)]:
            api.delete(f"/v1/job/{quote(job, safe='')}?purge=true&namespace={space}")
        for accessor in tokens:
            api.delete(f"/v1/acl/token/{accessor}")
        for name in policies:
            api.delete(f"/v1/acl/policy/{name}")
        _ended(api, spaces)
        for space in spaces:
            drop_space(api, space)
    return [
        *(
            f"function {space.removeprefix(PREFIX)}/{job.removeprefix(PREFIX)} is removed"
            for space, job in sorted(parents)
        ),
        *(f"the policy {name} is removed" for name in policies),
        *(f"a token of the gateway is removed ({accessor})" for accessor in tokens),
        *(f"namespace {name} is removed" for name in spaces),
    ]


def _ended(api: Api, spaces: list[str]) -> None:
    """Await the end of what runs: host nodes lose its guards next. One on a host that is dead is not awaited for ever."""

    def running() -> str | None:
        listed = (one for space in spaces for one in api.get(f"/v1/allocations?namespace={space}") or [])
        return "some run" if any(one["ClientStatus"] in ("pending", "running") for one in listed) else None

    wait_for(running, ENDS, interval=1.0)
