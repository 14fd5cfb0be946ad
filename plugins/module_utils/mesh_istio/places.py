# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host keeps what its sidecars of Istio need, and how the cluster calls what belongs to the mesh. Standard library only."""

from __future__ import annotations

from ..mesh.places import CONFIG

RESOLVER = f"{CONFIG}/resolv.conf"
ISSUED = "/etc/keelson/{cluster}/mesh-istio.json"  # on managers: which host may have which identities
ISSUER = 4652
AGENT = "/opt/keelson/istio-agent/current/pilot-agent"
TOKEN, ROOT = (
    "var/run/secrets/tokens/istio-token",
    "var/run/secrets/istio/root-cert.pem",
)  # below the folder of a sidecar

SPACE = "istio-system"
TEMPLATE = "@the template of the artifact@"
REVISION = "istio.io/rev"
MARK = "keelson.cluster/mesh"  # label of what is ours
