# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of AWX's objects differs: each kind of field is seen the same and seen different."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import awx, awx_state

SURVEY = {"spec": [{"variable": "cluster"}]}
WANTED: dict[str, Any] = {
    "name": "Install",
    "description": "(keelson.cluster)",
    "organization": "Platform",
    "credentials": ["hosts", "secrets store"],
    "notification_templates_error": ["channel"],
    "extra_vars": {"keelson_playbook": "install"},
    "timeout": 7200,
    "survey_spec": SURVEY,
}
FOUND: dict[str, Any] = {
    "id": 7,
    "name": "Install",
    "description": "(keelson.cluster)",
    "organization": 1,
    "extra_vars": '{"keelson_playbook": "install"}',
    "timeout": 7200,
    "related": {"survey_spec": "/7/survey_spec/", "notification_templates_error": "/7/errors/"},
    "summary_fields": {
        "organization": {"id": 1, "name": "Platform"},
        "credentials": [{"id": 3, "name": "secrets store"}, {"id": 2, "name": "hosts"}],
    },
}
RELATED: dict[str, Any] = {"/7/survey_spec/": SURVEY, "/7/errors/": [{"name": "channel"}]}
NODE = {"workflow_job_template": "Roll out", "identifier": "Roll out 1"}


def changed(kind: str, wanted: dict[str, Any], *present: Any, related: Any = RELATED) -> bool:
    return bool(awx_state.changed(kind, [wanted], list(present), related.get))


def test_what_is_the_same_is_left_alone() -> None:
    assert not changed("job_templates", WANTED, FOUND)
    assert changed("job_templates", WANTED)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("organization", "Other"),
        ("credentials", ["hosts"]),
        ("notification_templates_error", []),
        ("extra_vars", {}),
        ("extra_vars", {"keelson_playbook": "install", "more": 1}),
        ("timeout", 60),
        ("survey_spec", {}),
        ("a field that AWX does not tell", 1),
    ],
)
def test_what_differs_is_found(key: str, value: Any) -> None:
    assert changed("job_templates", {**WANTED, key: value}, FOUND)


def test_secrets_are_not_compared_and_options_of_modules_are_no_fields() -> None:
    found = {"name": "c", "inputs": {"username": "u", "password": "$encrypted$"}}
    assert not changed("credentials", {"name": "c", "inputs": {"username": "u"}, "update_secrets": False}, found)
    assert changed("credentials", {"name": "c", "inputs": {"username": "v"}}, found)
    assert changed("credentials", {"name": "c", "inputs": {}}, found)


def test_steps_of_workflows() -> None:
    summary = {"workflow_job_template": {"name": "Roll out"}, "unified_job_template": {"name": "Go on?", "timeout": 60}}
    found = {
        "identifier": "Roll out 1",
        "summary_fields": summary,
        "success_nodes": [9],
        "related": {"success_nodes": "/s/"},
    }
    related = {"/s/": [{"identifier": "Roll out 2"}]}
    for more, differs in (
        ({"success_nodes": ["Roll out 2"]}, False),
        ({"success_nodes": ["Roll out 3"]}, True),
        ({"approval_node": {"name": "Go on?", "timeout": 60}}, False),
        ({"approval_node": {"name": "Go on?", "timeout": 61}}, True),
        ({"unified_job_template": "Go on?"}, False),
        ({"unified_job_template": "Install"}, True),
    ):
        assert changed("workflow_job_template_nodes", {**NODE, **more}, found, related=related) is differs
    other = copy.deepcopy(found)
    other["summary_fields"]["workflow_job_template"]["name"] = "Another"
    assert changed("workflow_job_template_nodes", NODE, other, related=related)


def test_what_is_not_asked_for_any_more_is_dropped() -> None:
    assert awx_state.dropped("teams", [{"name": "a"}], [{"name": "a"}, {"name": "b"}]) == [{"name": "b"}]


def test_roles_that_are_missing_and_roles_that_are_too_many() -> None:
    def made(name: str, number: int) -> dict[str, Any]:
        roles = {"execute_role": {"id": number}, "admin_role": {"id": number + 1}}
        return {"name": name, "summary_fields": {"object_roles": roles}}

    names = ("Install (test)", "Install (prod)", "theirs")
    lists: dict[str, list[Any]] = {kind: [] for kind in awx.KINDS}
    present = {**lists, "job_templates": [made(name, 10 * number) for number, name in enumerate(names, 1)]}
    test = {"team": "developers", "role": "execute", "job_templates": ["Install (test)"]}
    desired = {**lists, "job_templates": [{"name": name} for name in names[:2]], "roles": [test]}
    assert awx_state.roles(desired, present, {"developers": {10}}) == ([], [])
    assert awx_state.roles(desired, present, {"developers": set()}) == ([test], [])
    assert awx_state.roles(desired, {**lists}, {}) == ([test], []), "the first run"
    revoked = {"team": "developers", "role": "execute", "state": "absent", "job_templates": ["Install (prod)"]}
    assert awx_state.roles(desired, present, {"developers": {10, 20, 30, 99}}) == ([], [revoked])
