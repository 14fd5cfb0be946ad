# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that gets more host nodes, a plain server and two from a published image: what each of them costs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .enrollment import enroll, give, outcome
from .runs import Run
from .servers import Lab, Server
from .state import await_ready


@dataclass(frozen=True)
class Joined:
    """The runs that made a plain server and one from the image host nodes, and what the latter changed there.

    `alone` has the seconds in which one from the image joined with nobody at a keyboard; `listed` what `server_image_list` showed.
    """

    plain: Run
    ready: Run
    alone: float
    changed: list[str]
    listed: str


def joined(engine: str, image: Path) -> Joined:
    """Measure it, with the cluster verified at the end; nothing is left of it. AssertionError when a run fails."""
    lab = Lab(hosts=("m1", "w1", "w2", "w3"), engine=engine)
    manager, (plain, made, new) = lab.managers[0], lab.nodes
    try:
        lab.make(manager, plain)
        lab.make(made, new, image=image)
        lab.play("install", "--limit", manager.name).expect()
        runs = [lab.play("install", "--limit", host.name).expect() for host in (plain, made)]
        alone = join_alone(lab, new)
        lab.play("verify").expect()
        listed = lab.play("server_image_list", "-e", f"server_image_output={image.parent}").expect().output
    finally:
        lab.destroy()
    changed = sorted(task for task, host in runs[1].changed() if host == made.name)
    return Joined(runs[0], runs[1], alone, changed, listed)


def join_alone(lab: Lab, new: Server) -> float:
    """Seconds from the moment at which a server has its join document until it is ready in its pool."""
    with tempfile.TemporaryDirectory() as folder:
        document = enroll(lab, Path(folder), pool=new.pool)
    start = time.monotonic()
    give(lab, new, document)
    said = outcome(lab, new)
    assert said["state"] == "joined", said
    await_ready(lab, [new])
    return time.monotonic() - start
