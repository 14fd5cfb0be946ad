# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where clients reach the API of a Kubernetes cluster: at its endpoint, else on its first manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.endpoint import endpoint, join


def endpoints(managers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the URL, from the variables of the managers."""
    first = managers[0]
    host, port = endpoint(str(first.get("cluster_endpoint") or ""), str(first.get("cluster_vip") or ""))
    return [f"https://{join(host or str(first['cluster_address']), port)}"]
