# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove members from the cluster, in the engine's own way. See the module documentation of the same name."""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.plugin_utils.engine_action import EngineAction


class ActionModule(EngineAction):
    """See the module of the same name."""

    MODULE = "removal_module"
