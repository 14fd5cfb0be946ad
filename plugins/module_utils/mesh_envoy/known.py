# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts and managers keep for sidecars without a control plane. Standard library only."""

from __future__ import annotations

ISSUED = "/etc/keelson/{cluster}/mesh.json"  # on managers: which host may have which identities
ISSUER = 4651
PUBLIC_CA = "/etc/ssl/certs/ca-certificates.crt"
