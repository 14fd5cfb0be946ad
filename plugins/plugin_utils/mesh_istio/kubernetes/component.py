# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio runs on Kubernetes, and on no other engine."""

from __future__ import annotations

from ..component import COMPONENT

__all__ = ["COMPONENT"]
