# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Kubernetes is killed on a host in a drill. Standard library only."""

from __future__ import annotations

from ..cluster.outage import OutageScope, Run

_ADDRESS = "keepalived.service"


def give_up_address(run: Run) -> int:
    """Let go of the endpoint's address, which keepalived, killed, would leave on the interface; a power cut does not."""
    run(["systemctl", "stop", _ADDRESS], False)
    return 0


# The kubelet and the runtime first, that they do not see their pods end; then whatever runs in pods.
OUTAGE_SCOPE = OutageScope(
    units=("containerd.service", "kubelet.service", "haproxy.service", _ADDRESS),
    groups=("kubelet.service", "containerd.service", "kubepods", "haproxy.service"),
    clear=give_up_address,
)
