# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who makes a Kubernetes cluster and who joins it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.plan import PlanError, plan


def kubernetes_plan(reads: list[dict[str, Any]], managers: list[str], run: list[str]) -> dict[str, Any]:
    """Plan from the results of kubernetes_host on every manager, as a loop registers them."""
    found = {read["item"]: read for read in reads if "state" in read}
    try:
        decided = plan(found, managers, run)
    except PlanError as error:
        raise AnsibleFilterError(str(error)) from error
    return {"seat": decided.seat, "init": decided.init, "join": list(decided.join)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"kubernetes_plan": kubernetes_plan}
