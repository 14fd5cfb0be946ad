# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the checks of all hosts together and judge them. See the module documentation of the same name."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check
from ansible_collections.keelson.cluster.plugins.module_utils.host import atomic
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER, Component
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import evidence, reports, runs
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery.parts import collection_version
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model as placement_model
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import networks
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.table import render as table
from ansible_collections.keelson.cluster.plugins.plugin_utils.report import composition, junit, model, page
from ansible_collections.keelson.cluster.plugins.plugin_utils.report.summary import run_seconds, summary
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

SHOWN = 25


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "results": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "str", "choices": ["written", "checked"], "default": "written"},
        "directory": {"type": "path", "default": "report"},
        "regime": {"type": "str", "default": ""},
        "placement": {"type": "path", "default": "placement.yml"},
        "key": {"type": "path"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Write the report's files, show what failed, and fail when anything did."""
        placement = placement_model.load(options["placement"]) if options["regime"] else None
        if placement:  # what is no regime there is told before anything is written
            evidence.environments(placement, options["regime"])
        if options["state"] == "checked":
            return {}
        hosts, hostvars = list(task_vars["ansible_play_hosts_all"]), task_vars["hostvars"]
        report = read_report(hostvars, hosts, options["results"])
        try:
            paths = write(report, options["directory"])
        except OSError as error:
            raise AnsibleActionFail(f"the report cannot be written: {error}; choose another directory") from error
        result = {**paths, "counts": report.as_data()["counts"]}
        if placement:
            told = [reports.read(paths["json"])]
            content = evidence.collect(placement, options["regime"], [], told, runs.now())
            result["evidence"] = evidence.write(
                content, os.path.join(options["directory"], "evidence.json"), options["key"]
            )
        if any(hostvars[name].get("cluster_part") == MANAGER for name in hosts):
            counted = f"{len(report.checks) - len(report.failed)} of {len(report.checks)} passed"
            further = {"checks": counted, "report": paths["html"]}
            done = "verified" if report.passed else "verified, with faults"
            Display().display(summary({name: hostvars[name] for name in hosts}, done, report.seconds, further))
        if report.passed:
            # A job of AWX passes this on to those that follow.
            passed_on = {
                "cluster": report.cluster,
                "report": paths["json"],
                "made_of": dict(report.made_of),
                **result["counts"],
            }
            result["ansible_stats"] = {"data": {"verify_result": passed_on}, "per_host": False, "aggregate": False}
            return {**result, "msg": f"all {len(report.checks)} checks passed; report: {paths['html']}"}
        if report.failed:
            Display().display(f"\n{failures(report)}\n")
        counts = f"{len(report.failed)} of {len(report.checks)} checks failed"
        return {**result, "failed": True, "msg": f"{counts} in cluster {report.cluster}; report: {paths['html']}"}


def failures(report: model.Report) -> str:
    """Return a table of what failed; of a cluster that is down, the beginning will do."""
    body = [
        (c["host"], f"{c['title']} {c['target']}".strip(), c["evidence"], c["remedy"]) for c in report.failed[:SHOWN]
    ]
    text = table(("HOST", "CHECK", "EVIDENCE", "REMEDY"), (16, 32, 44, 28), body)
    rest = len(report.failed) - SHOWN
    return f"{text}\n… and {rest} more, see the report" if rest > 0 else text


def read_report(hostvars: Mapping[str, Mapping[str, Any]], hosts: list[str], registers: list[str]) -> model.Report:
    """Build the report out of what the tasks registered for the hosts of the run."""
    first = hostvars[hosts[0]]
    managers = [hostvars[name] for name in hosts if hostvars[name].get("cluster_part") == MANAGER]
    known = networks(first.get("cluster_networks"))
    rows, checks, instances = [], [], []
    seen: dict[str, Mapping[str, Any]] = {}
    found = {component.name: component for name in hosts for component in components.of(hostvars[name])}
    for name in hosts:
        variables = hostvars[name]
        results = {register: variables[register] for register in registers if register in variables}
        checks += model.labelled(model.collect(results), name)
        address = str(variables.get("cluster_address", ""))
        rows.append(
            model.HostRow(
                name=name,
                part=str(variables.get("cluster_part", "")),
                pool=str(variables.get("cluster_pool", "")),
                address=address,
                network=model.network_of(address, known),
                reachable=not any(result.get("unreachable") for result in results.values()),
            )
        )
        seen.update({name: told["made_of"] for told in results.values() if "made_of" in told})  # noqa: B035
        instances += [result.get(key) or [] for result in results.values() for key in ("left", "instances")]
    told = next((c["evidence"] for c in checks if c["check"] == "versions" and c["passed"]), "")
    return model.Report(
        cluster=str(first.get("cluster_name", "")),
        engine=str(first.get("cluster_engine", "")),
        environment=str(first.get("cluster_environment", "")),
        endpoint=" ".join(components.engine(str(first["cluster_engine"])).endpoints(managers)) if managers else "",
        time=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        hosts=tuple(rows),
        networks=known,
        checks=tuple(checks),
        instances=tuple(model.moved_instances(instances)),
        groups=model.groups(found.values()),
        version=told.rpartition(" ")[2].removeprefix("v"),
        seconds=run_seconds(),
        collection=collection_version(),
        diagrams=diagrams(found.values(), {name: hostvars[name] for name in hosts}, checks),
        made_of=composition.composition({name: hostvars[name] for name in hosts}, seen),
    )


def diagrams(
    found: Iterable[Component], hosts: Mapping[str, Mapping[str, Any]], checks: Sequence[Check]
) -> dict[str, str]:
    """Return what components have to draw, by heading; variables that are wrong are preflight's to tell."""
    drawn: dict[str, str] = {}
    for component in found:
        with contextlib.suppress(UserError):
            drawn.update(component.diagrams(hosts, checks))
    return drawn


def write(report: model.Report, directory: str) -> dict[str, str]:
    """Write the three files and return their paths; raise OSError where they cannot be written."""
    os.makedirs(directory, exist_ok=True)
    texts = {
        "json": json.dumps(report.as_data(), indent=2) + "\n",
        "junit": junit.render(report),
        "html": page.render(report),
    }
    names = {"json": "report.json", "junit": "junit.xml", "html": "report.html"}
    paths = {kind: os.path.abspath(os.path.join(directory, name)) for kind, name in names.items()}
    for kind, path in paths.items():
        atomic.write(path, texts[kind], None)
    return paths
