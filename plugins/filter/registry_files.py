# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image registries as container runtimes read them."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils import registries as of


def _checked(registries: dict[str, Any], runtime: str) -> dict[str, Any]:
    for fault in of.faults(registries, runtime):
        raise AnsibleFilterError(f"host_node_registries: {fault}")
    return registries


def registry_files(registries: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries of config_files for containerd; see the documentation of the filter."""
    return of.containerd_files(_checked(registries, "containerd"))


def docker_registries(registries: dict[str, Any]) -> dict[str, Any]:
    """The same for Docker; see the documentation of the filter."""
    return of.docker(_checked(registries, "docker"))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"registry_files": registry_files, "docker_registries": docker_registries}
