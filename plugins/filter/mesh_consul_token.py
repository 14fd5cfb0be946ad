# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token of Consul's agent on a host."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_consul import tokens


def mesh_consul_token(seed: str, host: str) -> str:
    """The token of the agent of `host`; nobody knows it without the seed."""
    return tokens.of_node(seed, host) if seed else ""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"mesh_consul_token": mesh_consul_token}
