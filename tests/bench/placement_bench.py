# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench: a placement of 2,000 applications and 50 clusters is checked within 2 s."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from figures import ROOT, Bench, Figure

sys.path.insert(0, str(ROOT / ".ansible/collections"))
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model, page, rules  # noqa: E402
from ansible_collections.keelson.cluster.plugins.plugin_utils.shape import moment  # noqa: E402

ENVIRONMENTS = ["dev", "test", "prod"]


def content(applications: int, clusters: int) -> dict[str, Any]:
    """Applications with all kinds of requirements, clusters of three pools."""
    dice = random.Random(1)
    pools = {f"p{n}": {"data": "confidential", "regimes": ["pci"] if n == 0 else ["personal"]} for n in range(3)}
    offer = {"engine": "kubernetes", "environments": ENVIRONMENTS, "pools": pools}
    requirements = {
        f"a{n}": {
            "team": f"t{n % 100}",
            "environments": dice.sample(ENVIRONMENTS, 2),
            "regimes": dice.choice([[], ["pci"], ["personal"]]),
            "data": dice.choice(model.DATA),
            "regions": dice.sample([f"r{m}" for m in range(5)], 3),
        }
        for n in range(applications)
    }
    return {
        "environments": dict.fromkeys(ENVIRONMENTS, {}),
        "regimes": {"pci": {}, "personal": {"exclusive": False}},
        "teams": {f"t{n}": {} for n in range(100)},
        "clusters": {f"c{n}": {**offer, "region": f"r{n % 5}"} for n in range(clusters)},
        "applications": requirements,
    }


def main() -> int:
    """Measure, publish, and say whether the promises are kept."""
    bench = Bench("placement", "A placement of 2,000 applications and 50 clusters is read, checked and drawn.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "placement.yml"
        path.write_text(yaml.safe_dump(content(2000, 50)))
        start = time.process_time()
        placement = model.load(str(path))
        matrix = rules.Matrix(placement, moment("2026-12-01", "bench"))
        found, states = list(rules.violations(matrix)), matrix.states()
        checked = time.process_time()
        text = page.render(matrix, found, {})
        drawn = time.process_time()
    bench.figures.append(Figure("read and check 2,000 × 50, CPU", checked - start, 2.0, "s"))
    bench.figures.append(Figure("draw it, CPU", drawn - checked, 2.0, "s"))
    assert len(states) == 2000 and text
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
