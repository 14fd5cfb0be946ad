# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of AWX as data: short forms completed, references checked, surveys made of the types of variables. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import shape
from ..user_error import UserError
from . import awx_environments

MARK = "(keelson.cluster)"
#: Kinds in the order in which they are made; what was dropped is removed in the other order.
KINDS = (
    "organizations",
    "teams",
    "execution_environments",
    "credential_types",
    "credentials",
    "notification_templates",
    "projects",
    "inventories",
    "inventory_sources",
    "job_templates",
    "workflow_job_templates",
    "workflow_job_template_nodes",
    "schedules",
)
_EXTRA = ("environments", "roles", "workflows", "job_template_defaults")
#: What a role may be on, by the option of the role's module.
ROLE_KINDS = {
    "organizations": "organizations",
    "credentials": "credentials",
    "projects": "projects",
    "inventories": "inventories",
    "job_templates": "job_templates",
    "workflows": "workflow_job_templates",
}
_KEPT = ("organizations",)  # never removed: all that others made in one would go with it
#: Variables whose answers are names that the inventory has.
_CHOSEN = {"cluster": "clusters", "verify_pool": "pools", "enroll_pool": "pools"}
#: AWX's names of the types that are numbers.
_NUMBERS = {"int": "integer", "float": "float"}

Object = dict[str, Any]


def complete(
    given: Mapping[str, Any],
    playbooks: Sequence[str],
    types: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Every kind's list as awx.awx takes it; raise UserError for the first reference that is wrong. Nothing was asked of AWX yet.

    C(hosts) are variables of the hosts whose clusters and pools surveys offer.
    """
    for kind in given:
        shape.known(kind, (*KINDS, *_EXTRA), "awx", "kind")
    given = awx_environments.expand(given)
    found: dict[str, Any] = {kind: [dict(item) for item in given.get(kind) or []] for kind in KINDS}
    defaults = given.get("job_template_defaults") or {}

    def offered(templates: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[str]]:
        inventories = [item.get("inventory", "") for item in templates]
        return awx_environments.offered(inventories, found["inventory_sources"], hosts)

    templates = [{**defaults, **item} for item in found["job_templates"]]
    found["job_templates"] = [_template(item, playbooks, types, offered([item])) for item in templates]
    for item in given.get("workflows") or []:
        own = {key: value for key, value in item.items() if key not in ("steps", "ask")}
        where = f"awx: workflows: {item['name']}"
        steps = [step.get("template") for step in item.get("steps") or []]
        names = offered([template for template in templates if template["name"] in steps])
        asked = _questions(item.get("ask") or [], where, types, names)
        found["workflow_job_templates"].append({**organization_of(defaults), **own, **asked})
        found["workflow_job_template_nodes"] += _nodes(item)
    _unique(found)
    for item in found["credentials"]:
        item["update_secrets"] = False
    for item in given.get("roles") or []:
        _role(item, found)
    for kind in KINDS:
        for item in found[kind] if kind != "workflow_job_template_nodes" else ():
            item["description"] = f"{item.get('description', '')} {MARK}".strip()
    return {
        **found,
        "roles": list(given.get("roles") or []),
        "prune_order": [k for k in reversed(KINDS) if k not in _KEPT],
    }


def _role(item: Mapping[str, Any], found: Mapping[str, list[Object]]) -> None:
    """Raise UserError for a role that is not of a team, or not on what is here."""
    shape.known(item.get("team", ""), _names(found, "teams"), "awx: roles", "team")
    where = f"awx: roles: {item['team']}"
    for option in item:
        shape.known(option, ("team", "role", *ROLE_KINDS), where, "option")
    for option, kind in ROLE_KINDS.items():
        for name in item.get(option) or []:
            shape.known(name, _names(found, kind), where, f"object of {option}")


def _unique(found: Mapping[str, list[Object]]) -> None:
    for kind, items in found.items():
        if kind == "workflow_job_template_nodes":
            continue
        seen: set[str] = set()
        for index, item in enumerate(items):
            if not item.get("name"):
                raise UserError(f"awx: {kind}[{index}]: name is missing")
            if item["name"] in seen:
                raise UserError(f"awx: {kind}: {item['name']} is listed twice")
            seen.add(item["name"])


def _names(found: Mapping[str, list[Object]], kind: str) -> list[str]:
    return [item["name"] for item in found[kind]]


def _template(
    item: Object, playbooks: Sequence[str], types: Mapping[str, Mapping[str, Any]], names: Mapping[str, Sequence[str]]
) -> Object:
    where = f"awx: job_templates: {item['name']}"
    playbook, asked = item.pop("playbook", ""), item.pop("ask", [])
    shape.known(playbook, playbooks, where, "playbook")
    item["playbook"] = "run.yml"
    item["extra_vars"] = {"keelson_playbook": playbook, **item.get("extra_vars", {})}
    return {**item, **_questions(asked, where, types, names)}


def _questions(
    asked: Sequence[str], where: str, types: Mapping[str, Mapping[str, Any]], names: Mapping[str, Sequence[str]]
) -> Object:
    """The survey of a job template or a workflow; raise UserError for a variable that no playbook takes."""
    for name in asked:
        shape.known(name, types, where, "variable")
    return {"survey_spec": survey(asked, types, names) if asked else {}, "survey_enabled": bool(asked)}


def survey(asked: Sequence[str], types: Mapping[str, Mapping[str, Any]], names: Mapping[str, Sequence[str]]) -> Object:
    """A survey of AWX. Every answer is optional: without one the playbook's default holds."""
    questions = []
    for name in asked:
        spec = types[name]
        question: Object = {
            "variable": name,
            "question_name": name.replace("_", " "),
            "question_description": "",
            "required": False,
            "type": "text",
            "min": 0,
            "max": 1024,
            "default": "",
            "choices": "",
            "new_question": True,
        }
        choices = [str(choice) for choice in spec.get("choices") or names.get(_CHOSEN.get(name, ""), [])]
        if spec["type"] == "bool":
            question.update(
                type="multiplechoice", choices=["true", "false"], default=str(spec.get("default", "")).lower()
            )
        elif spec["type"] in _NUMBERS:
            limits = {"min": spec.get("minimum", 0), "max": spec.get("maximum", 1_000_000)}
            question.update(type=_NUMBERS[spec["type"]], **limits, default=spec.get("default", ""))
        elif choices:
            only = choices[0] if len(choices) == 1 else ""
            question.update(type="multiplechoice", choices=choices, default=spec.get("default", only))
        elif spec["type"] in ("dict", "raw"):
            raise UserError(
                f"awx: {name} is of type {spec['type']}, a survey cannot ask for it; set it in the inventory"
            )
        elif isinstance(spec.get("default"), str):
            question["default"] = spec["default"]
        questions.append(question)
    return {"name": "", "description": "", "spec": questions}


def _nodes(item: Mapping[str, Any]) -> list[Object]:
    """Steps in a row as nodes, the last first: each names the one after it.

    An approval takes two calls, since awx.awx would look for the steps that follow at the approval's template too.
    """
    name, steps = item["name"], item.get("steps") or []
    nodes: list[Object] = []
    for number, step in reversed(list(enumerate(steps, 1))):
        node: Object = {"workflow_job_template": name, "identifier": f"{name} {number}"}
        following = {"success_nodes": [f"{name} {number + 1}"]} if number < len(steps) else {}
        if "approval" in step:
            nodes.append({**node, "approval_node": {"name": step["approval"], "timeout": step.get("timeout", 86400)}})
            if following:
                nodes.append({**node, **following})
        else:
            data = {"extra_data": step["extra_data"]} if "extra_data" in step else {}
            nodes.append({**node, "unified_job_template": step["template"], **data, **following})
    return nodes


def organization_of(defaults: Mapping[str, Any]) -> Object:
    """The organization that objects have unless they name another."""
    return {"organization": defaults["organization"]} if "organization" in defaults else {}
