# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host volumes in the form of Nomad's configuration."""

from __future__ import annotations

from typing import Any


def nomad_volumes(volumes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One block a volume: C({name, path, read_only}) becomes C({name: [{path, read_only}]})."""
    return [
        {volume["name"]: [{"path": volume["path"], "read_only": bool(volume.get("read_only", False))}]}
        for volume in volumes
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"nomad_volumes": nomad_volumes}
