# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kubernetes accepts: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and /labels/"""

from __future__ import annotations

import re

from ..stacks.grammar import ENDPOINT, Grammar, Rule
from .view import POOL

_PART = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
# Labels that the kubelet, kubeadm or this collection sets, each with another value for each node.
_OWNED = "|".join(
    (
        re.escape(POOL.partition("/")[0]) + "/.*",  # also the marks of our taints
        r"(?:beta\.)?kubernetes\.io/(?:hostname|os|arch)",
        r"node-role\.kubernetes\.io/(?:control-plane|master)",
    )
)

GRAMMAR = Grammar(
    host=Rule(
        rf"{_PART}(\.{_PART})*", "use lower-case letters, digits, '-' and '.', 63 at most", 63
    ),  # a node's name is a label's value too
    pool=Rule(_WORD, "use letters, digits, '-', '_' and '.', a letter or digit first and last, 63 at most"),
    label=Rule(
        rf"(?!(?:{_OWNED})$)({_PART}(\.{_PART})*/)?{_WORD}",
        "use letters, digits, '-', '_' and '.', a letter or digit first and last, 63 at most, after an optional DNS name and a slash; "
        "the name of the host, its pool, its system and its part in the cluster are set already",
        317,
    ),
    value=Rule(
        rf"({_WORD})?",
        "use letters, digits, '-', '_' and '.', a letter or digit first and last, 63 at most, or nothing",
    ),
    endpoint=Rule(ENDPOINT, "write a name, an address or an https URL, with a port or without"),
)
