# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who probes at whom."""

from __future__ import annotations


def assign(targets: list[str], groups: list[list[str]]) -> dict[str, list[str]]:
    """Return {prober: targets}: each target gets one prober of every group that has another host than itself.

    The work is shared evenly: n targets cost n probes a group, however many hosts there are.
    """
    found: dict[str, list[str]] = {}
    for group in groups:
        for index, target in enumerate(targets):
            others = [host for host in group if host != target]
            if others:
                chosen = found.setdefault(others[index % len(others)], [])
                if target not in chosen:
                    chosen.append(target)
    return found
