# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new host node of Nomad does with the managers' answer, besides its files and units. Standard library only."""

from __future__ import annotations

import os
from typing import Any

from ..enrollment.join import HostSide, main
from ..host import units as service_units
from .introduction import PATH


def files(answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The files to write, in the form of host_files. C(key) is the host's own (PEM)."""
    return [*answer["files"], {"path": answer["key"], "content": key, "mode": "0600", "secret": True}]


def join(_answer: dict[str, Any], _key: str, introduction: str = PATH) -> None:
    """The agent does it; one that ran before it was introduced starts anew, for it reads that at its start. Raises OSError."""
    if os.path.exists(introduction):
        fault = service_units.carry_out(service_units.Unit("nomad.service"), "restart")
        if fault:
            raise OSError(fault)


if __name__ == "__main__":
    raise SystemExit(main("nomad", HostSide(files, join)))
