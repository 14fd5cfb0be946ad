# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that gets two more host nodes, a plain server and one from a published image: what each of them costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .runs import Run
from .servers import Lab


@dataclass(frozen=True)
class Joined:
    """The runs that made each server a host node, what its image's one changed, and what `image_list` showed."""

    plain: Run
    ready: Run
    changed: list[str]
    listed: str


def joined(engine: str, image: Path) -> Joined:
    """Measure it, with the cluster verified at the end; nothing is left of it. AssertionError when a run fails."""
    lab = Lab(hosts=("m1", "w1", "w2"), engine=engine)
    manager, (plain, ready) = lab.managers[0], lab.nodes
    try:
        lab.make(manager, plain)
        lab.make(ready, image=image)
        lab.play("install", "--limit", manager.name).expect()
        runs = [lab.play("install", "--limit", host.name).expect() for host in (plain, ready)]
        lab.play("verify").expect()
        listed = lab.play("image_list", "-e", f"image_output={image.parent}").expect().output
    finally:
        lab.destroy()
    changed = sorted(task for task, host in runs[1].changed() if host == ready.name)
    return Joined(runs[0], runs[1], changed, listed)
