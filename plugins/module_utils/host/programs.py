# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run without the proxies of the host's environment. Standard library only.

kubeadm copies such variables into the pods of the management services, and other programs ask the proxy for cluster addresses.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence


def environment() -> dict[str, str]:
    """This process's environment without http_proxy, NO_PROXY and their like."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def run(
    command: Sequence[str],
    given: str = "",
    timeout: float | None = None,
    check: bool = False,
    more: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program with C(given) as its input and C(more) variables. Raises OSError and subprocess's errors."""
    return subprocess.run(
        command,
        input=given,
        env={**environment(), **(more or {})},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=check,
    )


def answer(command: Sequence[str], environ_update: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a program; return its code and what it printed, as AnsibleModule.run_command; 127 where it cannot be started."""
    try:
        done = run(command, more=environ_update)
    except OSError as error:
        return 127, "", str(error)
    return done.returncode, done.stdout, done.stderr
