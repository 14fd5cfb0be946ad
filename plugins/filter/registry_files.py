# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mirrors of image registries as the files containerd reads."""

from __future__ import annotations

import base64
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.toml import dumps

FOLDER = "/etc/containerd/certs.d"
# Where images of these names really lie.
SERVERS = {"docker.io": "https://registry-1.docker.io"}


def registry_files(registries: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of config_files; see the documentation of the filter.

    https://github.com/containerd/containerd/blob/main/docs/hosts.md
    """
    if not registries:
        return []
    files: list[dict[str, Any]] = [{"path": FOLDER, "state": "directory", "mode": "0755"}]
    for registry, settings in registries.items():
        mirrors, folder = settings.get("mirrors", []), f"{FOLDER}/{registry}"
        if not mirrors:
            raise AnsibleFilterError(
                f"host_node_registries: {registry} has no mirrors; list one at least, each with its url"
            )
        files.append({"path": folder, "state": "directory", "mode": "0755"})
        hosts: dict[str, Any] = {}
        for number, mirror in enumerate(mirrors):
            if not mirror.get("url"):
                raise AnsibleFilterError(f"host_node_registries: mirror {number + 1} of {registry} has no url")
            hosts[mirror["url"]] = _host(mirror, f"{folder}/ca-{number}.pem", files)
        own = SERVERS.get(registry, f"https://{registry}")
        server = own if settings.get("upstream", True) else mirrors[-1]["url"]
        text = dumps({"server": server, "host": hosts})
        files.append({"path": f"{folder}/hosts.toml", "content": text, "mode": "0600", "secret": True})
    return files


def _host(mirror: dict[str, Any], ca: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    """One mirror's table; a CA of its own becomes a file beside it."""
    table: dict[str, Any] = {"capabilities": ["pull", "resolve"]}
    if mirror.get("ca"):
        files.append({"path": ca, "content": mirror["ca"], "mode": "0644"})
        table["ca"] = ca
    if mirror.get("username"):
        pair = f"{mirror['username']}:{mirror.get('password', '')}".encode()
        table["header"] = {"Authorization": [f"Basic {base64.b64encode(pair).decode()}"]}
    return table


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"registry_files": registry_files}
