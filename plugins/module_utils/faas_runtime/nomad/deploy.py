# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions as Nomad has them, brought to what is declared. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ...nomad.api import Api, ApiError

PREFIX = "faas-"  # of our namespaces and jobs
MARK = "keelson_faas"
POLICY = "keelson-faas-gateway"
TENANT_POLICY = "keelson-faas-tenant-"  # of each tenant, for whom the site makes tokens: to see its own jobs and logs
VARIABLES = f"nomad/jobs/{PREFIX}"  # begins the paths of functions' secrets
OF_A_TENANT = "functions of a tenant"  # describes our namespaces


class SecretMissing(Exception):
    """A function names a secret that does not exist."""


@dataclass
class Plan:
    """What is to be done: namespaces to make, jobs to register, jobs and namespaces to remove."""

    namespaces: list[str] = field(default_factory=list)
    register: list[dict[str, Any]] = field(default_factory=list)
    remove: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The same in words."""
        return [
            *(f"namespace {name} is made" for name in self.namespaces),
            *(
                f"function {job['Namespace'].removeprefix(PREFIX)}/{job['ID'].removeprefix(PREFIX)} is deployed"
                for job in self.register
            ),
            *(
                f"function {space.removeprefix(PREFIX)}/{job.removeprefix(PREFIX)} is removed"
                for space, job in self.remove
            ),
            *(f"namespace {name} is removed" for name in self.empty),
        ]


def plan(
    desired: list[dict[str, Any]], tenants: Iterable[str], jobs: Iterable[Mapping[str, Any]], spaces: Iterable[str]
) -> Plan:
    """Compare what is declared with the `jobs` and namespaces there are; what has no mark of ours is left alone."""
    present = {(job["Namespace"], job["ID"]): job for job in jobs if not job.get("ParentID")}
    ours = {name: job for name, job in present.items() if MARK in (job.get("Meta") or {})}
    found = Plan(namespaces=[f"{PREFIX}{name}" for name in tenants if f"{PREFIX}{name}" not in set(spaces)])
    for job in desired:
        known = ours.get((job["Namespace"], job["ID"]))
        if not known or known["Meta"][MARK] != job["Meta"][MARK] or known.get("Stop"):
            found.register.append(job)
    declared = {(job["Namespace"], job["ID"]) for job in desired}
    found.remove = sorted(set(ours) - declared)
    kept = {f"{PREFIX}{name}" for name in tenants}
    others = {space for space, _job in set(present) - set(found.remove)}
    found.empty = sorted({space for space, _job in found.remove} - kept - others)
    return found


def read(api: Api, desired: list[dict[str, Any]], tenants: list[str]) -> Plan:
    """Ask Nomad what there is."""
    jobs = api.get(f"/v1/jobs?namespace=*&prefix={PREFIX}&meta=true") or []
    spaces = [space["Name"] for space in api.get(f"/v1/namespaces?prefix={PREFIX}") or []]
    return plan(desired, tenants, jobs, spaces)


def secrets_present(
    api: Api, found: Plan, secrets: Mapping[str, Mapping[str, str]], places: Mapping[str, str] | None = None
) -> None:
    """Look for the secrets of functions that are to be deployed. Raises SecretMissing, naming all with their C(places)."""
    missing = []
    for job in found.register:
        needed = secrets.get(f"{job['Namespace']}/{job['ID']}") or {}
        path = f"nomad/jobs/{job['ID']}"
        try:
            there = api.get(f"/v1/var/{quote(path)}?namespace={job['Namespace']}")["Items"] if needed else {}
        except ApiError as error:
            if error.status != 404:
                raise
            there = {}
        space, label = job["Namespace"], f"{job['Namespace'].removeprefix(PREFIX)}/{job['ID'].removeprefix(PREFIX)}"
        where = (places or {}).get(f"{space}/{job['ID']}", "")
        missing += [
            f"{where and f'{where}: '}{label} has no secret {item} for {name}: nomad var put -namespace {space} {path} {item}=..."
            for name, item in sorted(needed.items())
            if item not in there
        ]
    if missing:
        raise SecretMissing("; ".join(missing))


def apply(api: Api, found: Plan, policies: Mapping[str, str]) -> list[str]:
    """Do what is planned; returns the policies that changed too."""
    # A pool of which no host has joined yet is unknown to Nomad, which refuses jobs for it.
    pools = {job["NodePool"] for job in found.register} - {pool["Name"] for pool in api.get("/v1/node/pools") or []}
    for name in sorted(pools):
        api.put("/v1/node/pools", {"Name": name})
    for name in found.namespaces:
        api.put("/v1/namespace", {"Name": name, "Description": OF_A_TENANT})
    changed = policies_changed(api, policies)
    for name in changed:
        if name in policies:
            rights = {"Name": name, "Description": "of the function runtime", "Rules": policies[name]}
            api.put(f"/v1/acl/policy/{name}", rights)
        else:
            api.delete(f"/v1/acl/policy/{name}")
    for job in found.register:
        api.put("/v1/jobs", {"Job": job, "PreserveCounts": True})
    for space, job_id in found.remove:
        api.delete(f"/v1/job/{quote(job_id, safe='')}?purge=true&namespace={space}")
    for name in found.empty:
        drop_space(api, name)
    return changed


def own_variables(api: Api, space: str) -> tuple[list[str], list[str]]:
    """The variables of a namespace: those of functions, and others."""
    paths = [one["Path"] for one in api.get(f"/v1/vars?namespace={space}") or []]
    return [path for path in paths if path.startswith(VARIABLES)], [
        path for path in paths if not path.startswith(VARIABLES)
    ]


def drop_space(api: Api, space: str) -> None:
    """Remove a namespace with the secrets of its functions, without which Nomad keeps it; one with other variables stays."""
    own, others = own_variables(api, space)
    for path in own:
        api.delete(f"/v1/var/{quote(path)}?namespace={space}")
    if not others:
        api.delete(f"/v1/namespace/{space}")


def policies_changed(api: Api, policies: Mapping[str, str]) -> list[str]:
    """The policies that are other ones, and those of tenants that are gone."""
    present = {one["Name"] for one in api.get("/v1/acl/policies") or []}
    gone = {name for name in present - set(policies) if name.startswith(TENANT_POLICY)}
    other = {
        name
        for name, rules in policies.items()
        if name not in present or api.get(f"/v1/acl/policy/{name}")["Rules"] != rules
    }
    return sorted(gone | other)


def valid(api: Api, token: str) -> bool:
    """Whether a token is one of the gateway."""
    if not token:
        return False
    try:
        own = Api(**{**vars(api), "token": token}).get("/v1/acl/token/self")
    except ApiError as error:
        if error.status in (403, 404):
            return False
        raise
    return POLICY in (own.get("Policies") or [])


def token(api: Api, name: str) -> str:
    """A new token for the gateway of a host; one of that name before it ends."""
    for known in api.get("/v1/acl/tokens") or []:
        if known["Name"] == name:
            api.delete(f"/v1/acl/token/{known['AccessorID']}")
    made = api.put("/v1/acl/token", {"Name": name, "Type": "client", "Policies": [POLICY]})
    return str(made["SecretID"])
