# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes the cluster, who joins it: decided from what every manager says of itself, before anything is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.membership import ABSENT, INCOMPLETE, JOINED


class PlanError(ValueError):
    """Making or growing the cluster would harm it; the message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """The C(acting_manager) is the manager that acts for the cluster; it is made there with C(init). C(join) come after."""

    acting_manager: str
    init: bool
    join: tuple[str, ...]


def plan(found: Mapping[str, Mapping[str, Any]], managers: Sequence[str], run: Sequence[str]) -> Plan:
    """Plan from C(found): by manager that answers its C(state), C(step) (init, join or restore, where begun) and C(fault).

    C(fault) is empty where the manager's API server is ready. C(managers) are all of the inventory, C(run) those this
    run may change. No manager is preferred for its place in a list, but to make a new cluster. Raises PlanError.
    """
    ours = [name for name in run if name in found]
    live = [name for name, entry in found.items() if entry["state"] == JOINED and not entry["fault"]]
    absent = [name for name in managers if name not in ours]
    restored = [name for name in ours if found[name]["state"] == INCOMPLETE and found[name]["step"] == "restore"]
    if restored and live:
        raise PlanError(
            f"{restored[0]} has the state of the backup, and {', '.join(live)} serves the cluster of before. Make it part of --limit "
            "or stop its server, then run again with the same backup."
        )
    if restored:
        return Plan(restored[0], True, tuple(name for name in ours if name != restored[0]))
    if live:
        return Plan(live[0], False, tuple(name for name in ours if found[name]["state"] != JOINED))
    begun = [name for name, entry in found.items() if entry["state"] == INCOMPLETE and entry["step"] == "init"]
    made = [name for name, entry in found.items() if entry["state"] != ABSENT and name not in begun]
    if made:
        faults = "; ".join(f"{name}: {found[name]['fault']}" for name in made)
        raise PlanError(
            f"The cluster has the managers {', '.join(made)}, but none of them serves: {faults}. Start their kubelet and "
            "container runtime (journalctl -u kubelet -u containerd), then run again; nothing was made anew."
        )
    if absent:
        raise PlanError(
            f"No manager that answers is in a cluster yet, and {', '.join(absent)} cannot be asked or changed in this "
            "run: a second cluster might be made. Make them reachable and part of --limit, or take them out of the "
            "stack, then run again."
        )
    acting_manager = (begun or ours)[0]
    return Plan(acting_manager, True, tuple(name for name in ours if name != acting_manager))
