# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release records and evidence. See the module documentation of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign, variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import (
    evidence,
    parts,
    pipeline,
    release,
    reports,
    results,
    runs,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.table import render as table
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import channels
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "file": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["record", "show", "diff", "promote", "evidence"], "default": "show"},
        "name": {"type": "str", "default": ""},
        "environment": {"type": "str", "default": ""},
        "by": {"type": "str", "default": ""},
        "compare": {"type": "list", "elements": "str", "default": []},
        "placement": {"type": "path", "default": ""},
        "regime": {"type": "str", "default": ""},
        "reports": {"type": "list", "elements": "path", "default": []},
        "output": {"type": "path", "default": "evidence.json"},
        "key": {"type": "path"},
        "public_key": {"type": "path"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do what C(state) says."""
        found = pipeline.load(options["file"], variable_types.playbook_names())
        if not found.release["environments"] or not found.release["passed"]:
            raise UserError(
                f"{found.path}: release: name its environments, its parts, and the stage they must have passed"
            )
        key_path = Path(options["key"] or sign.default_key())
        trusted = sign.load_public(Path(options["public_key"] or key_path.with_suffix(".pub")))
        entries = results.read(found.results, trusted)
        if options["state"] == "show":
            return self._show(found, entries)
        if options["state"] == "diff":
            return self._diff(found, entries, options["compare"], trusted)
        key = sign.load_key(key_path)
        if options["state"] == "evidence":
            placement = model.load(options["placement"])
            own = evidence.about(entries, evidence.environments(placement, options["regime"]))
            told = [*reports.recorded(found.results, own), *(reports.read(path) for path in options["reports"])]
            content = evidence.collect(placement, options["regime"], own, told, runs.now())
            if not self._task.check_mode:
                evidence.write(content, options["output"], options["key"])
            return {"changed": True, "evidence": options["output"]}
        if options["state"] == "record":
            place = found.release["images"]
            known = channels.digests(channels.read(place, trusted)) if place else None
            entry = release.record(found, entries, parts.digests(found), runs.now(), known)
        else:
            by = options["by"] or runs.starter()
            entry = release.promote(found, entries, options["name"], options["environment"], by, runs.now())
        changed = "number" not in entry
        return {
            "changed": changed,
            "release": entry if self._task.check_mode or not changed else results.append(found.results, entry, key),
        }

    @staticmethod
    def _show(found: pipeline.Pipeline, entries: list[results.Entry]) -> dict[str, Any]:
        now = release.current(found, entries)
        records = [entry for entry in entries if entry["kind"] == "release" and entry["pipeline"] == found.name]
        body = [(e["name"], e["at"], ", ".join(env for env, name in now.items() if name == e["name"])) for e in records]
        Display().display(f"\n{table(('RELEASE', 'RECORDED', 'ENVIRONMENTS'), (30, 28, 40), body)}\n")
        return {"environments": now, "releases": records}

    @staticmethod
    def _diff(
        found: pipeline.Pipeline, entries: list[results.Entry], compare: list[str], trusted: Any
    ) -> dict[str, Any]:
        if len(compare) != 2:
            raise UserError(
                "two environments, releases or files of evidence are compared; name both, as release_compare=test,prod"
            )
        sides = []
        for name in compare:
            if name.endswith(".json"):
                sides.append(evidence.flat(evidence.read(name, trusted)))
                continue
            if name in found.release["environments"]:
                sides.append(release.of_environment(found, entries, name))
            else:
                sides.append(release.contents(release.find(found, entries, name)))
        differs = release.difference(*sides)
        body = [(part, one, other) for part, (one, other) in differs.items()]
        Display().display(
            f"\n{table(('PART', compare[0].upper(), compare[1].upper()), (34, 40, 40), body)}\n"
            if body
            else "\nno difference\n"
        )
        return {"differences": {part: list(both) for part, both in differs.items()}}
