# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pipeline as the files of tools that start its stages: GitLab CI, GitHub Actions, make, and workflows of AWX. Pure functions.

Each of them only decides when; every stage is the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from ..user_error import UserError
from .pipeline import Pipeline, Stage

HEAD = "# Rendered from {path}; change that file, then run the playbook pipeline_render again.\n"
_BY = {"gitlab": "$GITLAB_USER_LOGIN", "github": '"$REVIEWER"', "make": "$(BY)"}
#: Who started a job, where the tool knows more of that than the account it runs under.
_STARTER = {"gitlab": "$GITLAB_USER_LOGIN", "github": '"$GITHUB_ACTOR"'}
#: GitHub tells a job who pushed; who let it go on is in the review history of the run.
_REVIEWER = (
    "REVIEWER=$(gh api repos/${{{{ github.repository }}}}/actions/runs/${{{{ github.run_id }}}}/approvals --jq "
    """'map(select(.state == "approved" and any(.environments[]; .name == "{environment}"))) | last | .user.login')"""
)


#: Keys of .gitlab-ci.yml that are no jobs, or special ones.
_GITLAB = frozenset(
    [
        "cache",
        "default",
        "image",
        "include",
        "nil",
        "pages",
        "services",
        "spec",
        "stages",
        "types",
        "variables",
        "workflow",
    ]
)


def _free(pipeline: Pipeline, tool: str, usable: Callable[[str], bool]) -> None:
    """Raise UserError for a stage that cannot be a job of the tool by its name."""
    for name in pipeline.stages:
        if not usable(name):
            raise UserError(f"{pipeline.path}: stages.{name}: a job of {tool} cannot have this name; choose another")


def command(pipeline: Pipeline, stage: Stage, *further: str) -> str:
    """The command of one stage."""
    return " ".join(
        [
            "ansible-playbook keelson.cluster.pipeline",
            f"-e pipeline={pipeline.path} -e pipeline_stage={stage.name}",
            *further,
        ]
    )


def needs_approval(stage: Stage) -> bool:
    """Whether somebody decides before the stage runs."""
    return any(kind == "approval" for kind, _asked in stage.gates)


def script(pipeline: Pipeline, stage: Stage, tool: str) -> list[str]:
    """The commands of one stage; who lets the tool go on is who approves."""
    approval = (
        [command(pipeline, stage, f"-e pipeline_approval=approve -e pipeline_by={_BY[tool]}")]
        if needs_approval(stage)
        else []
    )
    starter = [f"-e pipeline_by={_STARTER[tool]}"] if tool in _STARTER else []
    return [*approval, command(pipeline, stage, *starter)]


def gitlab(pipeline: Pipeline) -> str:
    """A .gitlab-ci.yml."""
    inside = not pipeline.results.startswith("/")
    jobs: dict[str, Any] = {"stages": list(pipeline.stages)}
    if inside:  # what stages recorded outlives the next job
        jobs["variables"] = {"GIT_CLEAN_FLAGS": f"-ffdx -e {pipeline.results}/"}
    _free(pipeline, "GitLab", lambda name: name not in _GITLAB)
    for name, stage in pipeline.stages.items():
        needs = [{"job": before, "artifacts": False} for before in stage.after]  # older than what lies there
        job: dict[str, Any] = {"stage": name, "needs": needs, "script": script(pipeline, stage, "gitlab")}
        if stage.environment:
            job["environment"] = {"name": stage.environment}
            job["resource_group"] = stage.environment
        if needs_approval(stage):
            job["when"] = "manual"
        if inside:
            job["artifacts"] = {"when": "always", "paths": [f"{pipeline.results}/"]}
        jobs[name] = job
    return _yaml(pipeline, jobs)


def github(pipeline: Pipeline) -> str:
    """A workflow of GitHub Actions. An approval is a protection rule of the environment that the job names."""
    jobs: dict[str, Any] = {}
    _free(pipeline, "GitHub", lambda name: name[0].isalpha())
    for name, stage in pipeline.stages.items():
        job: dict[str, Any] = {"runs-on": "self-hosted"}
        if stage.after:
            job["needs"] = list(stage.after)
        environment = stage.environment or name
        if stage.environment or needs_approval(stage):
            job["environment"] = environment
        lines = script(pipeline, stage, "github")
        # What stages recorded outlives the next job.
        steps: list[dict[str, Any]] = [{"uses": "actions/checkout@v4", "with": {"clean": False}}]
        if needs_approval(stage):
            job["permissions"] = {"actions": "read", "contents": "read"}
            asking = f"{_REVIEWER.format(environment=environment)}\n{lines.pop(0)}\n"
            steps.append({"env": {"GH_TOKEN": "${{ github.token }}"}, "run": asking})
        steps += [{"run": line} for line in lines]
        job["steps"] = steps
        jobs[name] = job
    return _yaml(pipeline, {"name": pipeline.name, "on": {"push": {}, "workflow_dispatch": {}}, "jobs": jobs})


def makefile(pipeline: Pipeline) -> str:
    """A Makefile: `make STAGE` runs it and what comes before, unless that must be of some age; BY=NAME approves."""
    lines = [HEAD.format(path=pipeline.path) + f".PHONY: {' '.join(pipeline.stages)}"]
    for name, stage in pipeline.stages.items():
        aged = any(kind == "age" for kind, _asked in stage.gates)
        lines += [
            "",
            f"{name}: {'' if aged else ' '.join(stage.after)}".rstrip(),
            *(f"\t{line}" for line in script(pipeline, stage, "make")),
        ]
    return "\n".join(lines) + "\n"


def awx(pipeline: Pipeline) -> str:
    """Job templates and workflows, as examples/awx/objects.yml has them. Who launches the workflow of a stage approves it.

    A stage with an environment takes the inventory and credentials that the objects give it.
    """
    templates: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    workflows: list[dict[str, Any]] = [{"name": f"Pipeline {pipeline.name}", "environments": [], "steps": steps}]
    for name, stage in pipeline.stages.items():
        title = f"{pipeline.name}: {name}"
        variables = {"pipeline": pipeline.path, "pipeline_stage": name}
        place: dict[str, Any] = {"environment": stage.environment} if stage.environment else {"environments": []}
        own = {"playbook": "pipeline", **place}
        templates.append({"name": title, **own, "extra_vars": variables})
        if needs_approval(stage):
            steps = [{"template": f"{title}, approved"}]
            workflows.append({"name": f"Pipeline {title}", "environments": [], "steps": steps})
            # An approval within a workflow does not tell the next job who gave it.
            approve = {**variables, "pipeline_approval": "approve"}
            templates.append({"name": f"{title}, approved", **own, "extra_vars": approve})
        steps.append({"template": title})
    workflows = [workflow for workflow in workflows if workflow["steps"]]
    return _yaml(pipeline, {"awx": {"job_templates": templates, "workflows": workflows}})


def _yaml(pipeline: Pipeline, content: Mapping[str, Any]) -> str:
    return HEAD.format(path=pipeline.path) + yaml.safe_dump(
        dict(content), sort_keys=False, width=140, default_flow_style=False
    )


TOOLS: Mapping[str, tuple[str, Callable[[Pipeline], str]]] = {
    "gitlab": (".gitlab-ci.yml", gitlab),
    "github": (".github/workflows/{name}.yml", github),
    "make": ("Makefile", makefile),
    "awx": ("awx/{name}.yml", awx),
}
