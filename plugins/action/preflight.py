# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge all hosts of one cluster on the controller. See the module documentation of the same name."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.keelson.cluster.plugins.module_utils.texts import count
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.index import read_index
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import (
    artifacts,
    connections,
    pipelining,
    variables,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.faults import judge
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import ERROR, Cluster, Fault
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.orphans import first, listed, orphans
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.table import faults_table

COLLECTION = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "facts": {"type": "str", "required": True},
        "tried": {"type": "str", "default": ""},
        "ignore": {"type": "list", "elements": "str", "default": []},
        "kinds": {"type": "list", "elements": "str", "default": []},
    }
    FAULTS = (ValueError,)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Judge, show the table, and fail when there is an error."""
        hostvars: Mapping[str, Mapping[str, Any]] = task_vars["hostvars"]
        cluster = read_cluster(hostvars, task_vars["ansible_play_hosts_all"], options["facts"])
        wrong = [] if options["kinds"] else self._beyond_rules(cluster, options["tried"], task_vars)
        faults = judge(cluster, wrong, frozenset(options["ignore"]), frozenset(options["kinds"]))
        if faults:
            Display().display(f"\n{faults_table(faults)}\n")
        found = {
            "orphans": orphans(cluster),
            "removed_first": first(cluster),
            "members_from": listed(cluster)[0],
            "members": listed(cluster)[1],
        }
        errors = [fault for fault in faults if fault.level == ERROR]
        if errors:
            told = f"preflight found {count(len(errors), 'error')} in cluster {cluster.name}"
            return {**found, "failed": True, "msg": f"{told}, listed in the table above; nothing was changed"}
        fit = f"{len(cluster.hosts)} hosts of cluster {cluster.name} are fit"
        return {**found, "msg": fit, "faults": [dataclasses.asdict(fault) for fault in faults]}

    def _beyond_rules(self, cluster: Cluster, tried: str, task_vars: Mapping[str, Any]) -> list[Fault]:
        """Faults that need more than the hosts' facts: the variables' types, what the run was given, the bundle."""
        specs = {**variable_types.playbooks(), **variable_types.roles()}
        starts = variables.prefixes(COLLECTION)
        wrong = [f for host in cluster.hosts for f in variables.check(host.name, host.variables, specs, starts)]
        wrong += pipelining.faults(cluster, load_extra_vars(self._loader))
        wrong += connections.told(cluster, tried)
        shared = {name: task_vars[name] for name in ("hostvars", "groups")}
        return [*wrong, *artifacts.faults(cluster, read_index, str(default_root()), shared)]
