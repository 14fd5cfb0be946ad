# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge who decides in a cluster, whatever keeps its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .model import Verdict


def peers(voters: Iterable[str], others: Iterable[str], managers: Mapping[str, str]) -> Verdict:
    """Judge that the addresses of voters are those of the inventory's `managers` (by name), and that no other member is unknown."""
    found, desired = set(voters), set(managers.values())
    missing, unknown = desired - found, (found | set(others)) - desired
    text = f"voters: {', '.join(sorted(found)) or 'none'}"
    if missing:
        text += f"; missing: {', '.join(sorted(missing))}"
    if unknown:
        text += f"; not in the inventory: {', '.join(sorted(unknown))}"
    return Verdict(not missing and not unknown, text)
