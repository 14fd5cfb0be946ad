# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Nomad accepts: https://developer.hashicorp.com/nomad/docs/concepts/node-pools, /docs/commands/node/meta/apply"""

from __future__ import annotations

from ..stacks.grammar import ENDPOINT, Grammar, Rule

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"

GRAMMAR = Grammar(
    host=Rule(
        rf"{_LABEL}(\.{_LABEL})*",
        "its certificate takes 64 characters at most, in parts of letters, digits, dashes and underscores with dots between",
        64,
    ),
    pool=Rule(r"[A-Za-z0-9_-]+", "use letters, digits, dashes and underscores, 128 at most", 128),
    label=Rule(
        r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*",
        "constraints name it as ${meta.NAME}, so use letters, digits, dashes and underscores, with dots between parts, a letter first",
    ),
    value=Rule(r"[^\x00-\x1f\x7f]*", "use a text without control characters"),
    endpoint=Rule(ENDPOINT, "write a name, an address or an https URL, with a port or without"),
)
