# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that render what hosts read from data."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.host.units import stamp_command


def systemd_unit(sections: dict[str, dict[str, Any]]) -> str:
    """The text of a unit file; a list gives its key once an entry, a boolean yes or no."""
    parts = []
    for section, settings in sections.items():
        lines = [f"[{section}]"]
        for key, value in settings.items():
            for entry in value if isinstance(value, list) else [value]:
                lines.append(f"{key}={_word(entry)}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"systemd_unit": systemd_unit, "stamp_command": stamp_command}
