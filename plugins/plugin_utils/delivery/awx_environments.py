# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of AWX for each environment: a job template for each, so that a role on one says nothing of the others. Pure functions.

AWX lets who may execute a job template use the template's inventory. Where it asked for the inventory instead, the roles C(execute) on
templates and C(use) on inventories would multiply: a team that may verify in an environment could install there as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from .. import shape
from ..user_error import UserError

Object = dict[str, Any]
Environments = Mapping[str, Mapping[str, Any]]
#: Full names by the name in the file and the environment; under None of what is made once.
Names = Mapping[str, Mapping[str | None, str]]


def expand(given: Mapping[str, Any]) -> Object:
    """The lists with an object for each environment; raise UserError for a reference to what an environment does not have."""
    inventories = [item.get("name") for item in given.get("inventories") or []]
    environments: dict[str, Object] = {}
    for index, item in enumerate(given.get("environments") or []):
        for key in ("name", "inventory"):
            if not item.get(key):
                raise UserError(f"awx: environments[{index}]: {key} is missing")
        if item["name"] in environments:
            raise UserError(f"awx: environments: {item['name']} is listed twice")
        shape.known(item["inventory"], inventories, f"awx: environments: {item['name']}", "inventory")
        environments[item["name"]] = {key: value for key, value in item.items() if key != "name"}
    templates: dict[str, dict[str | None, str]] = {}
    workflows: dict[str, dict[str | None, str]] = {}
    found: Object = {key: value for key, value in given.items() if key != "environments"}
    made = _made("job_templates", given, environments, templates)
    found["job_templates"] = [{**own, **item} for _environment, own, item in made]
    found["workflows"] = []
    for environment, _own, item in _made("workflows", given, environments, workflows):
        where = f"awx: workflows: {item['name']}"
        steps = [_step(step, templates, environment, where) for step in item.get("steps") or []]
        found["workflows"].append({**item, "steps": steps})
    found["schedules"] = []
    for environment, _own, item in _made("schedules", given, environments, {}):
        names, title = {**workflows, **templates}, item.get("unified_job_template", "")
        full = _full(title, names, environment, f"awx: schedules: {item['name']}", "job template")
        found["schedules"].append({**item, "unified_job_template": full})
    found["roles"] = [_role(item, templates, workflows, environments) for item in given.get("roles") or []]
    return found


def offered(inventories: Sequence[str], sources: Sequence[Object], hosts: Sequence[Mapping[str, Any]]) -> Object:
    """Clusters and pools to choose from: those of the files that the inventories' sources read; of all hosts where none has a source."""
    read = [item for item in sources if item.get("inventory") in inventories]
    files = {PurePath(item.get("source_path") or "").name for item in read}
    own = [host for host in hosts if not read or PurePath(host.get("inventory_file") or "").name in files]
    found = {"clusters": "cluster_name", "pools": "cluster_pool"}
    return {kind: sorted({str(host[key]) for host in own if host.get(key)}) for kind, key in found.items()}


def _made(
    kind: str, given: Mapping[str, Any], environments: Environments, names: dict[str, dict[str | None, str]]
) -> list[tuple[str | None, Object, Object]]:
    """The environment, what it says of job templates, and the object, of each that is made; C(names) gets their names."""
    found: list[tuple[str | None, Object, Object]] = []
    for index, given_item in enumerate(given.get(kind) or []):
        if not given_item.get("name"):
            raise UserError(f"awx: {kind}[{index}]: name is missing")
        item = {key: value for key, value in given_item.items() if key not in ("environment", "environments")}
        name, where = item["name"], f"awx: {kind}: {item['name']}"
        one, chosen = given_item.get("environment"), given_item.get("environments", list(environments))
        for environment in [one] if one else chosen:
            shape.known(environment, environments, where, "environment")
        if (one or chosen) and "inventory" in item:
            raise UserError(f"{where}: inventory is that of the environment; leave it out, or set environments: []")
        if one or not chosen:
            found.append((one, dict(environments[one]) if one else {}, item))
            names[name] = {None: name}
            continue
        titles = {environment: f"{name} ({environment})" for environment in chosen}
        found += [(own, dict(environments[own]), {**item, "name": title}) for own, title in titles.items()]
        names[name] = {**titles}
    return found


def _full(name: str, names: Names, environment: str | None, where: str, what: str) -> str:
    shape.known(name, names, where, what)
    found = names[name]
    if None in found:
        return found[None]
    if environment in found:
        return found[environment]
    there = ", ".join(str(own) for own in found)
    reason = f"is not made for environment {environment}" if environment else "needs environments beside it"
    raise UserError(f"{where}: {what} {name} {reason}; it is made for {there}")


def _step(step: Object, templates: Names, environment: str | None, where: str) -> Object:
    if "approval" in step:
        return {**step, "approval": f"{step['approval']} ({environment})" if environment else step["approval"]}
    return {**step, "template": _full(step.get("template", ""), templates, environment, where, "job template")}


def _role(item: Object, templates: Names, workflows: Names, environments: Environments) -> Object:
    """A role names its environments: without them it is on none of what is made for each."""
    where, chosen = f"awx: roles: {item.get('team', 'without a team')}", item.get("environments") or [None]
    for environment in item.get("environments") or []:
        shape.known(environment, environments, where, "environment")
    found = {key: value for key, value in item.items() if key != "environments"}
    for key, names, what in (("job_templates", templates, "job template"), ("workflows", workflows, "workflow")):
        if key in item:
            full = [_full(name, names, own, where, what) for own in chosen for name in item[key]]
            found[key] = list(dict.fromkeys(full))
    return found
