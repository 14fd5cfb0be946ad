# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings artifacts with container images to a host and into its runtime: action artifacts with a runtime."""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.action.artifacts import ActionModule

__all__ = ["ActionModule"]
