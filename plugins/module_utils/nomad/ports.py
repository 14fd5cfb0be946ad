# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of Nomad. https://developer.hashicorp.com/nomad/docs/install/production/requirements#ports-used"""

from __future__ import annotations

HTTP, RPC, SERF = 4646, 4647, 4648
