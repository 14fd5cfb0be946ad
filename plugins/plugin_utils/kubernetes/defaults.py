# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of a Kubernetes cluster are unless they are set: written here, and for readers in the roles' specifications."""

from __future__ import annotations

#: Networks by the family of addresses; those of IPv6 are only what preflight proposes.
NETWORKS = {
    "cluster_pod_subnet": {4: "10.244.0.0/16", 6: "fd10:244::/56"},
    "cluster_service_subnet": {4: "10.96.0.0/16", 6: "fd10:96::/112"},
}
SUBNETS = {variable: families[4] for variable, families in NETWORKS.items()}
DEFAULTS = {"cluster_pod_network": "calico", **SUBNETS}
