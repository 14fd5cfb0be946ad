# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy of a cluster, for its programs."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.proxy import environment


def proxy_environment(proxy: dict[str, Any], variables: Any, managers: list[str]) -> dict[str, str]:
    """The variables of programs on a host; see the documentation of the filter."""
    try:
        return environment(proxy, variables, managers)
    except ValueError as error:
        raise AnsibleFilterError(f"cluster_proxy: {error}") from error


def environment_file(variables: dict[str, str]) -> str:
    """What systemd reads as EnvironmentFile. https://www.freedesktop.org/software/systemd/man/systemd.exec.html"""
    for name, value in variables.items():
        if any(character in value for character in '"\\\n'):
            raise AnsibleFilterError(f"cluster_proxy: {name} has a quote, a backslash or a line break; write it as %XX")
    return "".join(f'{name}="{value}"\n' for name, value in sorted(variables.items()))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"proxy_environment": proxy_environment, "environment_file": environment_file}
