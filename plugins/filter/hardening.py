# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that turn the controls of the hardening profile into what modules take."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import hardening
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError


def applied(controls: list[dict[str, Any]], exempt: dict[str, str]) -> list[Any]:
    """The controls without those a site exempts."""
    try:
        return list(hardening.applied(controls, exempt))
    except ImageError as error:
        raise AnsibleFilterError(str(error)) from error


def modes(controls: list[dict[str, Any]]) -> dict[str, Any]:
    """The modes the controls ask for, by path."""
    return hardening.merged(controls, "modes")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {
            "hardening_applied": applied,
            "hardening_files": hardening.files,
            "hardening_modes": modes,
            "hardening_units": hardening.units,
        }
