# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of teams on Nomad: who may do what in each, as policies, roles and tokens of deploys. Standard library only.

A team's deploys in an environment have one token, with a role that reaches the namespaces of both and no others. Its secret
stays in Nomad, where a management token reads it. API: https://developer.hashicorp.com/nomad/api-docs/acl
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ..cluster import tenancy as shared
from ..cluster.tenancy import DEPLOY, Outcome, TenancyError
from .api import Api, ApiError

MARK = "keelson_deploy"  # in the Meta of our namespaces: whose deploys work there
POOL = "keelson.cluster/pool"
RESERVED = ("faas-", "keelson-")  # namespaces of functions, and ours
#: What Nomad enforces in its Enterprise edition only, or not at all.
_UNENFORCED = ("quota", "limits", "teams")
_RULES = """namespace "{name}" {{
  policy = "write"
  variables {{
    path "*" {{ capabilities = ["list", "read", "write", "destroy"] }}
  }}
}}
"""
_POOL_RULES = """node_pool "{pool}" {{
  policy = "read"
}}
"""


def validate(namespaces: Sequence[Mapping[str, Any]]) -> None:
    """Raise TenancyError that names the first entry that is wrong."""
    shared.validate(namespaces, RESERVED, "Nomad")
    for index, entry in enumerate(namespaces):
        for key in _UNENFORCED:
            value = entry.get(key)
            # A module's argument that nobody gave has all its keys, without values.
            if any(value.values()) if isinstance(value, Mapping) else value:
                told = "bind groups to the roles of deploys" if key == "teams" else "remove it"
                raise TenancyError(
                    f"cluster_namespaces[{index}]: {key}: the Community Edition of Nomad cannot enforce it; {told}"
                )


@dataclass(frozen=True)
class Object:
    """One object: how it is called, what is asked for, where it is written."""

    title: str
    body: Mapping[str, Any]
    path: str


def namespace(entry: Mapping[str, Any]) -> Object:
    """Return the namespace itself; without C(privileged), nothing in it runs as root of its node or asks for the node's ports."""
    name = entry["name"]
    closed = {"DisabledTaskDrivers": ["raw_exec"], "DisabledNetworkModes": ["host"]}
    body = {
        "Name": name,
        "Description": "Kept by keelson.cluster",
        "Meta": {**(entry.get("labels") or {}), MARK: entry.get("deploy") or ""},
        "Capabilities": None if entry.get("pod_security") == "privileged" else closed,
    }
    return Object(f"namespace {name}", body, "/v1/namespace")


def policy(entry: Mapping[str, Any]) -> Object:
    """Return what deploys may do in a namespace; nothing in others, nor with nodes, agents and operators' matters."""
    name, pool = f"{DEPLOY}-{entry['name']}", (entry.get("labels") or {}).get(POOL, "")
    rules = _RULES.format(name=entry["name"]) + (_POOL_RULES.format(pool=pool) if pool else "")
    body = {"Name": name, "Description": f"Deploys to {entry['name']}", "Rules": rules}
    return Object(f"ACL policy {name}", body, f"/v1/acl/policy/{name}")


def _spaces(namespaces: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the namespaces of each who deploys."""
    found: dict[str, list[str]] = {}
    for entry in namespaces:
        if entry.get("deploy"):
            found.setdefault(entry["deploy"], []).append(entry["name"])
    return found


def role(name: str, spaces: Sequence[str], identifier: str = "") -> Object:
    """Return the role of those who deploy."""
    title = f"{DEPLOY}-{name}"
    body = {
        "Name": title,
        "Description": f"Deploys of {name}",
        "Policies": [{"Name": f"{DEPLOY}-{s}"} for s in sorted(spaces)],
    }
    return Object(f"ACL role {title}", body, f"/v1/acl/role/{identifier}".rstrip("/"))


def token(name: str, identifier: str = "") -> Object:
    """Return the token of those who deploy; Nomad makes its secret."""
    title = f"{DEPLOY}-{name}"
    body = {"Name": title, "Type": "client", "Roles": [{"Name": title}]}
    return Object(f"ACL token {title}", body, f"/v1/acl/token/{identifier}".rstrip("/"))


class _Present:
    """What the cluster has of ours."""

    def __init__(self, api: Api) -> None:
        def listed(path: str, key: str = "Name") -> dict[str, dict[str, Any]]:
            return {entry[key]: entry for entry in api.get(path) or []}

        def ours(path: str) -> dict[str, dict[str, Any]]:
            return {name: entry for name, entry in listed(path).items() if name.startswith(f"{DEPLOY}-")}

        spaces = listed("/v1/namespaces").items()
        self.namespaces = {name: entry for name, entry in spaces if MARK in (entry.get("Meta") or {})}
        self.policies = {name: api.get(f"/v1/acl/policy/{name}") for name in ours("/v1/acl/policies")}
        self.roles = ours("/v1/acl/roles")
        names = {entry["ID"]: name for name, entry in self.roles.items()}
        # The list of tokens tells of their roles only the identifiers.
        self.tokens = {
            name: {**entry, "Roles": [{"Name": names.get(link["ID"], "")} for link in entry.get("Roles") or []]}
            for name, entry in ours("/v1/acl/tokens").items()
        }


def ensure(api: Api, namespaces: Sequence[Mapping[str, Any]], predict: bool) -> Outcome:
    """Apply the namespaces and who may deploy there, prune what of ours is asked for no longer; return what has changed.

    With `predict` nothing is changed. Raises TenancyError before anything is changed, ApiError when the API refuses.
    """
    validate(namespaces)
    present, outcome = _Present(api), Outcome()
    dropped = [name for name in present.namespaces if name not in {entry["name"] for entry in namespaces}]
    for name in dropped:
        if used := list(_used(api, name)):
            raise shared.in_use(name, used)
    desired = list(_desired(namespaces, present))
    for known, entry in desired:
        _apply(api, known, entry, predict, outcome)
    titles = {entry.title for _known, entry in desired}
    for title, path in _ours(present):
        if title not in titles:
            outcome.note("delete", title, {"Name": title}, {})
            if not predict:
                api.delete(path)
    return outcome


def _desired(
    namespaces: Sequence[Mapping[str, Any]], present: _Present
) -> Iterator[tuple[Mapping[str, Any] | None, Object]]:
    """Yield what is asked for, each with what is there of it, in an order in which it can be made."""
    for entry in namespaces:
        yield present.namespaces.get(entry["name"]), namespace(entry)
        if entry.get("deploy"):
            made = policy(entry)
            yield present.policies.get(made.body["Name"]), made
    for name, spaces in _spaces(namespaces).items():
        known = present.roles.get(f"{DEPLOY}-{name}")
        yield known, role(name, spaces, known["ID"] if known else "")
        known = present.tokens.get(f"{DEPLOY}-{name}")
        yield known, token(name, known["AccessorID"] if known else "")


def _ours(present: _Present) -> Iterator[tuple[str, str]]:
    """Yield what of ours is there, as (title, path), in an order in which it can be removed."""
    for name, entry in present.tokens.items():
        yield f"ACL token {name}", f"/v1/acl/token/{entry['AccessorID']}"
    for name, entry in present.roles.items():
        yield f"ACL role {name}", f"/v1/acl/role/{entry['ID']}"
    for name in present.policies:
        yield f"ACL policy {name}", f"/v1/acl/policy/{name}"
    for name in present.namespaces:
        yield f"namespace {name}", f"/v1/namespace/{name}"


def _apply(api: Api, known: Mapping[str, Any] | None, entry: Object, predict: bool, outcome: Outcome) -> None:
    """Write one object if it differs from what is there."""
    before = {key: _settled(known.get(key)) for key in entry.body} if known else {}
    after = {key: _settled(value) for key, value in entry.body.items()}
    if before == after:
        return
    outcome.note("change" if known else "create", entry.title, before, after)
    if not predict:
        identity = {key: known[key] for key in ("ID", "AccessorID") if key in known} if known else {}
        api.post(entry.path, {**entry.body, **identity})


def _settled(value: Any) -> Any:
    """Return of a value what somebody has asked for: of links the names, and no difference between nothing and empty."""
    if isinstance(value, list):
        return sorted(item["Name"] if isinstance(item, Mapping) else item for item in value) or None
    if isinstance(value, Mapping):
        return {key: found for key, item in value.items() if (found := _settled(item)) is not None} or None
    return value


def _used(api: Api, name: str) -> Iterator[str]:
    """Yield what a namespace holds that keeps Nomad from deleting it."""
    space = f"namespace={quote(name, safe='')}"
    kinds = {
        "jobs": f"/v1/jobs?{space}",
        "variables": f"/v1/vars?{space}",
        "volumes": f"/v1/volumes?type=csi&{space}",
        "host volumes": f"/v1/volumes?type=host&{space}",
    }
    for kind, path in kinds.items():
        found = [entry for entry in api.get(path) or [] if kind != "jobs" or entry.get("Status") != "dead"]
        if found:
            yield f"{len(found)} {kind}"


def deployer(api: Api, space: Mapping[str, Any]) -> Api:
    """Return the API with the rights of a namespace's deploys, where it has a token for them."""
    name = f"{DEPLOY}-{(space.get('Meta') or {}).get(MARK) or ''}"
    if name == f"{DEPLOY}-":
        return api
    for entry in api.get("/v1/acl/tokens") or []:
        if entry["Name"] == name:
            secret = api.get(f"/v1/acl/token/{entry['AccessorID']}")["SecretID"]
            return replace(api, token=secret)
    raise ApiError(0, f"the token {name} of the namespace {space['Name']} is gone; run the install playbook again")
