# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers that run at the same time, and what one says that finds the cluster's lease held."""

from __future__ import annotations

import os
import re
import subprocess

from .runs import BIN, ROOT
from .servers import Lab

HELD = (
    r"is held by \S+@\S+ \(keelson\.cluster\.{playbook}\), run [0-9a-f]{{8}}, for \d+ min \d+ s; the lease lasts until"
)


def held(said: str, playbook: str = "install") -> bool:
    """Whether a run names the other one that holds the lease, and since when."""
    return bool(re.search(HELD.format(playbook=playbook), said))


class Controller:
    """A playbook run from a machine of its own: a PID namespace in which everything dies with the first process."""

    def __init__(self, lab: Lab, name: str, *arguments: str, playbook: str = "install") -> None:
        self.log = lab.folder / f"{name}.log"
        sockets = lab.folder / f"cp-{name}"
        sockets.mkdir(exist_ok=True)
        command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", str(BIN / "ansible-playbook")]
        with self.log.open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [*command, "-i", str(lab.inventory()), f"keelson.cluster.{playbook}", *arguments],
                cwd=ROOT,
                env={
                    **os.environ,
                    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                    "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
                    "ANSIBLE_FORCE_COLOR": "0",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """What it printed, with every run of spaces and line ends as one space."""
        return " ".join(self.log.read_text(encoding="utf-8").split())

    def holds(self) -> bool:
        """Whether it has taken the lease."""
        return "TASK [Preflight | Read every host]" in self.said()

    def wait(self) -> int:
        """Its exit status."""
        return self.process.wait(900)

    def kill(self) -> None:
        """As a container is killed."""
        self.process.kill()
        self.process.wait(30)
