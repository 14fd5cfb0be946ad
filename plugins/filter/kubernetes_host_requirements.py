# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's kernel requires of Kubernetes' services on it."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.kernel import requirements


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"kubernetes_host_requirements": requirements}
