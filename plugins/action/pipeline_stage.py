# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a stage of a pipeline, decide about one, or clean up. See the module documentation of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ansible.constants as C
from ansible import context
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign, variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import gates, parts, pipeline, results, runs
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import channels
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "file": {"type": "path", "required": True},
        "stage": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["run", "approve", "deny", "reap"], "default": "run"},
        "by": {"type": "str", "default": ""},
        "reason": {"type": "str", "default": ""},
        "variables": {"type": "dict", "default": {}},
        "key": {"type": "path"},
        "public_key": {"type": "path"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Check the pipeline and its gates, then do it and record it."""
        found = pipeline.load(options["file"], variable_types.playbook_names())
        key = sign.load_key(Path(options["key"] or sign.default_key()))
        trusted = sign.load_public(Path(options["public_key"])) if options["public_key"] else key.public_key()
        entries = results.read(found.results, trusted)
        inventory = [str(source) for source in context.CLIARGS.get("inventory") or ()]
        if options["state"] == "reap":
            cleaned = [] if self._task.check_mode else runs.reap(found, entries, inventory, key, C.CONFIG_FILE)
            return {"changed": bool(cleaned), "cleaned": cleaned}
        stage = found.stage(options["stage"])
        inputs = {path: results.digest_of(path) for path in stage.inputs}
        if options["state"] != "run":
            decision = gates.decide(
                found, stage, entries, inputs, options["state"], options["by"], options["reason"], runs.now()
            )
            return {
                "changed": True,
                "entry": decision if self._task.check_mode else results.append(found.results, decision, key),
            }
        runs.check_playbooks(stage)
        before = gates.stage_results(found, stage, entries)
        gates.unchanged(stage, before, inputs)

        def in_channel(asked: Mapping[str, Any]) -> bool:
            index = channels.read(asked["directory"], trusted)
            return any(entry["name"] == asked["name"] for entry in index["channels"][asked["channel"]])

        used = gates.open_gates(
            found, stage, entries, before, inputs, runs.now(), in_channel, lambda: parts.digests(found)
        )
        if self._task.check_mode:
            return {"entry": {}, "triggers": stage.triggers}
        entry, failed = runs.run(
            found, stage, entries, inputs, used, options["by"], inventory, options["variables"], key, C.CONFIG_FILE
        )
        if failed:
            raise UserError(f"stage {stage.name}: {failed}")
        return {"changed": True, "entry": entry, "triggers": stage.triggers}
