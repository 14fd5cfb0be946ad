# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse a run in a freeze or outside maintenance windows. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import calendar, model
from ansible_collections.keelson.cluster.plugins.plugin_utils.shape import known
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "placement": {"type": "path", "required": True},
        "environment": {"type": "str", "default": ""},
        "cluster": {"type": "str", "default": ""},
        "override": {"type": "str", "default": ""},
        "now": {"type": "str"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read the calendar of the environment."""
        placement = model.load(options["placement"])
        offered = placement.raw["clusters"].get(options["cluster"], {"environments": []})["environments"]
        own = [options["environment"]] if options["environment"] or not offered else []
        names = list(dict.fromkeys([*own, *offered]))
        for name in names:
            known(name, placement.raw["environments"], placement.path, "cluster_environment")
        now = model.moment_of(options["now"])
        shut = ((name, calendar.refused(placement.raw, name, now)) for name in names)
        environment, why = next(((name, why) for name, why in shut if why), ("", ""))
        if not why:
            return {"refused": "", "override": ""}
        told = f"the environment {environment} is {why}"
        if self._task.check_mode or options["override"].strip():
            over = (
                f"; overridden: {options['override']}"
                if options["override"].strip()
                else "; a run without --check is refused"
            )
            Display().warning(told + over)
            return {"refused": why, "override": options["override"]}
        raise UserError(
            f"{told}; wait, or give a reason with -e override_freeze='REASON', which is recorded. Nothing was changed"
        )
