# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoint of a Kubernetes cluster."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import endpoint


def kubernetes_endpoint(given: str, vip: str = "") -> str:
    """Host and port as one text."""
    try:
        return endpoint.join(*endpoint.endpoint(given, vip))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"kubernetes_endpoint": kubernetes_endpoint}
