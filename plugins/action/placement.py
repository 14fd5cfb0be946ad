# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check where applications run, and draw it. See the module documentation of the same name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.module_utils.texts import count
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model, page, render, rules
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.table import render as table
from ansible_collections.keelson.cluster.plugins.plugin_utils.shape import known

SHOWN = 40


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "file": {"type": "path", "required": True},
        "report": {"type": "path"},
        "application": {"type": "str"},
        "now": {"type": "str"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Judge the file; show what is wrong; write the report."""
        placement = model.load(options["file"])
        matrix = rules.Matrix(placement, model.moment_of(options["now"]))
        found = list(rules.violations(matrix))
        limits = {name: render.cluster(placement, name)["limits"] for name in placement.pools}
        result: dict[str, Any] = {"violations": [vars(violation) for violation in found], "limits": limits}
        if options["application"]:
            known(options["application"], placement.requirements, placement.path, "application")
            cells = {cluster: matrix.cell(options["application"], cluster) for cluster in placement.pools}
            result["clusters"] = {cluster: vars(cell) for cluster, cell in cells.items()}
            body = [(name, cell.state, ", ".join(cell.pools), "\n".join(cell.reasons)) for name, cell in cells.items()]
            Display().display(f"\n{table(('CLUSTER', 'STATE', 'POOLS', 'WHY NOT'), (20, 10, 24, 60), body)}\n")
        if options["report"]:
            folder = Path(options["report"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "placement.html").write_text(page.render(matrix, found, limits), encoding="utf-8")
            content = {**result, "states": matrix.states()}
            (folder / "placement.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            result["report"] = str(folder / "placement.html")
        if found:
            faults = [(v.place, v.text, v.remedy) for v in found[:SHOWN]]
            Display().display(f"\n{table(('PLACE', 'WHAT IS WRONG', 'REMEDY'), (30, 60, 34), faults)}\n")
            counted = f"{count(len(found), 'violation')} of the placement {placement.path}"
            first = f"the first: {found[0].place} {found[0].text}"
            result.update(failed=True, msg=f"{counted}; {first}: {found[0].remedy}")
        return result
