# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value of a variable was written, as ansible-core knows it."""

from __future__ import annotations

from typing import Any

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # of no public interface: without it places are told without their lines
    Origin = None  # type: ignore[assignment,misc,unused-ignore]


def place_of(value: Any, path: str) -> str:
    """A place in the variables, C(mesh_services[2].splits[0]), with file and line where they are known."""
    origin = Origin.get_tag(value) if Origin else None
    if origin is None or not origin.path:
        return path
    return f"{path} ({origin.path}, line {origin.line_num})" if origin.line_num else f"{path} ({origin.path})"
