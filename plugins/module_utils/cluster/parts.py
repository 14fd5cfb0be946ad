# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two parts of a cluster, as the inventory's C(cluster_part) names them."""

from __future__ import annotations

MANAGER, NODE = "manager", "node"
