# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of AWX: the example is what the modules of awx.awx take, and every fault in such a file is one message."""

from __future__ import annotations

import copy
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import awx
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]
OBJECTS: dict[str, Any] = yaml.safe_load((ROOT / "examples/awx/objects.yml").read_text())["awx"]
PLAYBOOKS = variable_types.playbook_names()
# Parts of others, and what a person runs in a working copy.
IMPORTED = {"cluster_select", "cluster_lease", "pipeline_render"}


def test_the_example_is_what_the_modules_take() -> None:
    found = awx.complete(copy.deepcopy(OBJECTS), PLAYBOOKS, variable_types.playbooks(), {})
    pytest.importorskip("ansible_collections.awx.awx")
    modules = Path(importlib.import_module("ansible_collections.awx.awx.plugins.modules").__path__[0])
    singular = {kind: kind[:-1] for kind in awx.KINDS} | {"inventories": "inventory", "roles": "role"}
    for kind, module in singular.items():
        text = (modules / f"{module}.py").read_text()
        documentation = yaml.safe_load(re.search(r"DOCUMENTATION = '''(.*?)'''", text, re.DOTALL)[1])  # type: ignore[index]
        for item in found[kind]:
            assert set(item) <= set(documentation["options"]), f"{kind}: {item}"


def test_every_playbook_has_a_job_template() -> None:
    named = {item["playbook"] for item in OBJECTS["job_templates"]}
    assert named == set(PLAYBOOKS) - IMPORTED, (
        "examples/awx/objects.yml has a job template for each playbook a person starts"
    )


def test_surveys_have_types_defaults_and_choices() -> None:
    names = {"clusters": ["product"], "pools": ["batch", "web"]}
    asked = [
        "cluster",
        "verify_drills",
        "verify_certificate_days",
        "verify_pool",
        "server_image_channel",
        "verify_report",
        "upgrade_backup_hours",
        "deploy_state",
    ]
    spec = awx.survey(asked, variable_types.playbooks(), names)["spec"]
    found = {question["variable"]: (question["type"], question["default"], question["choices"]) for question in spec}
    assert found == {
        "cluster": ("multiplechoice", "product", ["product"]),
        "verify_drills": ("multiplechoice", "false", ["true", "false"]),
        "verify_certificate_days": ("integer", 14, ""),
        "verify_pool": ("multiplechoice", "", ["batch", "web"]),
        "server_image_channel": ("multiplechoice", "", ["candidate", "tested", "released"]),
        "verify_report": ("text", "report", ""),
        "upgrade_backup_hours": ("float", 24, ""),
        "deploy_state": ("multiplechoice", "present", ["present", "absent"]),
    }


def test_a_workflow_asks_what_its_jobs_need() -> None:
    found = awx.complete(copy.deepcopy(OBJECTS), PLAYBOOKS, variable_types.playbooks(), {})
    for item in found["workflow_job_templates"]:
        asked = {question["variable"] for question in item["survey_spec"]["spec"]}
        jobs = [
            n["unified_job_template"]
            for n in found["workflow_job_template_nodes"]
            if n["workflow_job_template"] == item["name"] and "unified_job_template" in n
        ]
        needs = {q["variable"] for t in found["job_templates"] if t["name"] in jobs for q in t["survey_spec"]["spec"]}
        assert item["survey_enabled"] and (asked & needs) == asked and ("cluster" in asked or "cluster" not in needs), (
            item
        )


def test_the_example_has_what_a_platform_needs() -> None:
    used = {item["credential_type"] for item in OBJECTS["credentials"]}
    assert {item["name"] for item in OBJECTS["credential_types"]} <= used
    playbooks = {item["name"]: item["playbook"] for item in OBJECTS["job_templates"]}
    steps = [
        [playbooks.get(step.get("template", ""), "approval") for step in item["steps"]] for item in OBJECTS["workflows"]
    ]
    assert ["preflight", "approval", "install", "verify"] in steps and ["backup", "verify"] in steps
    assert ["approval", "restore", "verify"] in steps and ["backup", "approval", "rotate", "verify"] in steps
    assert any("server_image_promote" in found for found in steps) and any(
        found.count("upgrade") == 2 for found in steps
    )
    assert sum("verify_certificate_days" in item.get("extra_data", {}) for item in OBJECTS["schedules"]) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"job_templates": [{"name": "x", "playbook": "instal"}]},
            "awx: job_templates: x: playbook instal is not defined; did you mean install?",
        ),
        (
            {"job_templates": [{"name": "x", "playbook": "install", "ask": ["clutser"]}]},
            "variable clutser is not defined; did you mean cluster?",
        ),
        (
            {"job_templates": [{"name": "x", "playbook": "offline", "ask": ["offline_code"]}]},
            "offline_code is of type dict, a survey cannot ask",
        ),
        (
            {"workflows": [{"name": "w", "steps": [{"template": "Instal"}]}]},
            "awx: workflows: w: job template Instal is not defined; did you mean Install?",
        ),
        ({"schedules": [{"name": "s", "unified_job_template": "Verfy"}]}, "did you mean Verify?"),
        ({"roles": [{"team": "nobody", "role": "execute"}]}, "awx: roles: team nobody is not defined"),
        ({"teams": [{"name": "a"}, {"name": "a"}]}, "awx: teams: a is listed twice"),
        ({"team": []}, "awx: kind team is not defined; did you mean teams?"),
        ({"projects": [{"organization": "Platform"}]}, "awx: projects[0]: name is missing"),
    ],
)
def test_a_wrong_reference_is_one_message(change: dict[str, Any], words: str) -> None:
    objects = {**copy.deepcopy(OBJECTS), **change}
    with pytest.raises(UserError) as caught:
        awx.complete(objects, PLAYBOOKS, variable_types.playbooks(), {})
    assert words in str(caught.value)
