# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where clients reach the API of a Nomad cluster: on every manager, or where the inventory says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.ports import HTTP


def endpoints(managers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the URLs, from the variables of the managers."""
    given = str(managers[0].get("cluster_endpoint") or "")
    if given:
        return [given]
    addresses = [str(variables["cluster_address"]) for variables in managers]
    return [f"https://{bracketed(a)}:{HTTP}" for a in addresses]
