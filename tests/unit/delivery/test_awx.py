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
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import awx, pipeline, render
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]
OBJECTS: dict[str, Any] = yaml.safe_load((ROOT / "examples/awx/objects.yml").read_text())["awx"]
PLAYBOOKS = variable_types.playbook_names()
# Parts of others, and what a person runs in a working copy.
IMPORTED = {"cluster_select", "cluster_lease", "mesh_linkerd", "pipeline_render"}


def test_the_example_is_what_the_modules_take() -> None:
    found = awx.complete(copy.deepcopy(OBJECTS), PLAYBOOKS, variable_types.playbooks(), [])
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


#: Variables that say where a playbook writes what is needed later; that of a backup and of a bundle are the inventory's.
WRITTEN = {
    "verify": "verify_report",
    "enroll": "enroll_document",
    "inventory_report": "inventory_report_file",
    "release": "release_evidence",
    "placement": "placement_report",
    "server_image": "server_image_output",
    "server_image_promote": "server_image_output",
    "server_image_list": "server_image_output",
}


def test_what_is_needed_later_lies_on_a_volume() -> None:
    """The folder of a job vanishes with its container."""
    for item in OBJECTS["job_templates"]:
        variable = WRITTEN.get(item["playbook"])
        if variable:
            assert variable in variable_types.playbooks() and item["extra_vars"][variable].startswith("/data/"), item
            assert variable not in item.get("ask", [])
    assert set(WRITTEN) <= {item["playbook"] for item in OBJECTS["job_templates"]}


def test_a_workflow_asks_what_its_jobs_need() -> None:
    found = awx.complete(copy.deepcopy(OBJECTS), PLAYBOOKS, variable_types.playbooks(), [])
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


def completed(**change: Any) -> dict[str, Any]:
    objects = {**copy.deepcopy(OBJECTS), **change}
    return awx.complete(objects, PLAYBOOKS, variable_types.playbooks(), [])


def test_each_environment_has_its_own_inventory_and_credentials() -> None:
    found = completed()
    for name in ("test", "prod"):
        (source,) = [item for item in found["inventory_sources"] if item["inventory"] == name]
        assert source["source_path"] == f"{name}.stacks.yml" and source["update_on_launch"]
        assert source["update_cache_timeout"] > 0
    opens: dict[str, set[str]] = {}
    for item in found["job_templates"]:
        assert not any(item.get(f"ask_{what}_on_launch") for what in ("inventory", "credential", "variables")), item
        place = re.search(r" \((test|prod)\)$", item["name"])
        assert item["inventory"] == (place[1] if place else "no hosts"), item
        opens.setdefault(item["inventory"], set()).update(item["credentials"])
    assert opens["test"] and opens["prod"] and not opens["test"] & opens["prod"]


def holders(found: dict[str, Any], role: str, option: str) -> dict[str, set[str]]:
    """Teams by the object on which they have a role."""
    teams: dict[str, set[str]] = {}
    for item in found["roles"]:
        for name in item.get(option, []) if item["role"] == role else []:
            teams.setdefault(name, set()).add(item["team"])
    return teams


def test_who_may_press_what_in_each_environment() -> None:
    found = completed()
    execute, workflows = (holders(found, "execute", option) for option in ("job_templates", "workflows"))
    assert {name for name, teams in execute.items() if "developers" in teams and name.endswith("(prod)")} == {
        "Verify (prod)"
    }
    assert {"Install (test)", "Verify (test)"} <= {name for name, teams in execute.items() if "developers" in teams}
    (verify,) = [item for item in found["job_templates"] if item["name"] == "Verify (prod)"]
    assert "verify_drills" not in {question["variable"] for question in verify["survey_spec"]["spec"]}
    assert not any("developers" in teams for name, teams in workflows.items() if name.endswith("(prod)"))
    approve = holders(found, "approval", "workflows")
    assert {name for name, teams in approve.items() if "approvers" in teams} == {
        item["workflow_job_template"]
        for item in found["workflow_job_template_nodes"]
        if "approval_node" in item and not item["workflow_job_template"].endswith("(test)")
    }
    assert all(teams == {"approvers"} for name, teams in approve.items() if not name.endswith("(test)"))
    assert not any("approvers" in teams for teams in (*execute.values(), *workflows.values()))
    for role in ("use", "admin", "adhoc"):
        assert not any(item["role"] == role for item in found["roles"]), "it would open an inventory to any template"
    launched = {item["name"] for item in found["job_templates"]} - set(execute)
    assert launched == {
        "Install (prod)",
        "Upgrade (prod)",
        "Restore (prod)",
        "Rotate certificates and secrets (prod)",
        "Promote a server image",
    }, "these have an approval before them in production"
    assert {item["name"] for item in found["workflow_job_templates"]} == set(workflows)


def test_what_lies_behind_an_approval_in_production_is_not_launched_past_it() -> None:
    found = completed()
    execute = holders(found, "execute", "job_templates")
    nodes = {item["identifier"]: item for item in found["workflow_job_template_nodes"] if "approval_node" not in item}
    approvals = [item for item in found["workflow_job_template_nodes"] if "approval_node" in item]
    for item in approvals:
        following = nodes[nodes[item["identifier"]]["success_nodes"][0]]
        if not item["workflow_job_template"].endswith("(test)"):
            assert following["unified_job_template"] not in execute, item


def test_surveys_offer_what_the_sources_of_their_inventory_have() -> None:
    hosts = [
        {"cluster_name": name, "cluster_pool": f"{name}-web", "inventory_file": f"/work/{name}.stacks.yml"}
        for name in ("test", "prod")
    ]
    found = awx.complete(copy.deepcopy(OBJECTS), PLAYBOOKS, variable_types.playbooks(), hosts)
    items = {item["name"]: item for item in found["job_templates"] + found["workflow_job_templates"]}

    def choices(name: str, variable: str) -> Any:
        (one,) = [one for one in items[name]["survey_spec"]["spec"] if one["variable"] == variable]
        return one["choices"]

    assert choices("Install (test)", "cluster") == ["test"] and choices("Install (prod)", "cluster") == ["prod"]
    assert choices("Verify (prod)", "verify_pool") == ["prod-web"]
    assert choices("Install a cluster (prod)", "cluster") == ["prod"]


@pytest.mark.parametrize("path", sorted((ROOT / "examples/pipelines").glob("*.yml")), ids=lambda path: path.stem)
def test_a_rendered_pipeline_joins_the_objects(path: Path) -> None:
    stages = pipeline.load(str(path), PLAYBOOKS)
    made = yaml.safe_load(render.awx(stages))["awx"]
    found = completed(**{kind: OBJECTS[kind] + made[kind] for kind in made})
    items = {item["name"]: item for item in found["job_templates"]}
    for name, stage in stages.stages.items():
        assert items[f"{stages.name}: {name}"]["inventory"] == (stage.environment or "no hosts")


def test_what_an_environment_tells_holds_unless_the_template_tells_more() -> None:
    template = {"name": "x", "playbook": "verify", "environment": "prod", "credentials": ["signer"]}
    found = completed(job_templates=[template], workflows=[], schedules=[], roles=[])
    (item,) = found["job_templates"]
    assert (item["name"], item["inventory"], item["credentials"]) == ("x", "prod", ["signer"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"job_templates": [{"name": "x", "playbook": "instal"}]},
            "awx: job_templates: x (test): playbook instal is not defined; did you mean install?",
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
            "awx: workflows: w (test): job template Instal is not defined; did you mean Install?",
        ),
        ({"schedules": [{"name": "s", "unified_job_template": "Verfy"}]}, "did you mean Verify?"),
        ({"roles": [{"team": "nobody", "role": "execute"}]}, "awx: roles: team nobody is not defined"),
        (
            {"roles": [{"team": "developers", "role": "execute", "job_templates": ["Install"]}]},
            "awx: roles: developers: job template Install needs environments beside it; it is made for test, prod",
        ),
        (
            {"roles": [{"team": "developers", "role": "execute", "environments": ["production"]}]},
            "awx: roles: developers: environment production is not defined; there are test, prod",
        ),
        (
            {"roles": [{"team": "developers", "role": "use", "inventories": ["pord"]}]},
            "awx: roles: developers: object of inventories pord is not defined; did you mean prod?",
        ),
        (
            {"roles": [{"team": "developers", "role": "use", "inventory": "prod"}]},
            "awx: roles: developers: option inventory is not defined; did you mean inventories?",
        ),
        (
            {"environments": [{"name": "prod", "inventory": "pord"}]},
            "awx: environments: prod: inventory pord is not defined; did you mean prod?",
        ),
        ({"job_templates": [{"playbook": "install"}]}, "awx: job_templates[0]: name is missing"),
        (
            {"environments": [{"name": "prod", "inventory": "test"}, {"name": "prod", "inventory": "prod"}]},
            "awx: environments: prod is listed twice",
        ),
        ({"environments": [{"name": "prod"}]}, "awx: environments[0]: inventory is missing"),
        (
            {"job_templates": [{"name": "x", "playbook": "install", "environments": ["prd"]}]},
            "awx: job_templates: x: environment prd is not defined; did you mean prod?",
        ),
        (
            {"job_templates": [{"name": "x", "playbook": "install", "inventory": "prod"}]},
            "awx: job_templates: x: inventory is that of the environment; leave it out, or set environments: []",
        ),
        (
            {
                "job_templates": [{"name": "x", "playbook": "install", "environments": ["test"]}],
                "workflows": [{"name": "w", "steps": [{"template": "x"}]}],
            },
            "awx: workflows: w (prod): job template x is not made for environment prod; it is made for test",
        ),
        ({"teams": [{"name": "a"}, {"name": "a"}]}, "awx: teams: a is listed twice"),
        ({"team": []}, "awx: kind team is not defined; did you mean teams?"),
        ({"projects": [{"organization": "Platform"}]}, "awx: projects[0]: name is missing"),
    ],
)
def test_a_wrong_reference_is_one_message(change: dict[str, Any], words: str) -> None:
    without = {"workflows": [], "schedules": [], "roles": []} if "job_templates" in change else {}
    with pytest.raises(UserError) as caught:
        completed(**{**without, **change})
    assert words in str(caught.value)
