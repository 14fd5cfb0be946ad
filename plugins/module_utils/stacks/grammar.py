# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine accepts as names, labels and endpoints, so that a stacks file is refused when it is loaded and not halfway.

An engine declares it as GRAMMAR in plugins/module_utils/<engine>/grammar.py; of an engine without one everything is accepted.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple, cast

_ROOT = __name__.rsplit(".", 2)[0]
_NAME = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"
# A name or an address, with or without a port, or a URL of one.
ENDPOINT = rf"(https://)?({_NAME}|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?/?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+"


class Rule(NamedTuple):
    """pattern: what the whole text matches. advice: how to write it. longest: characters at most."""

    pattern: str
    advice: str
    longest: int = 0

    def permits(self, text: str) -> bool:
        """Whether the engine accepts the text."""
        return re.fullmatch(self.pattern, text) is not None and (not self.longest or len(text) <= self.longest)


class Grammar(NamedTuple):
    """host, pool: names. label, value: of a label. endpoint: where clients reach the management API."""

    host: Rule
    pool: Rule
    label: Rule
    value: Rule
    endpoint: Rule


@lru_cache(maxsize=64)
def of(engine: str) -> Grammar | None:
    """The grammar of an engine; None where it declares none."""
    try:
        return cast("Grammar | None", getattr(import_module(f"{_ROOT}.{engine}.grammar"), "GRAMMAR", None))
    except ModuleNotFoundError:
        return None


def engines() -> list[str]:
    """The engines that declare a grammar."""
    root = os.path.dirname(os.path.dirname(__file__))
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return [name for name in names if name.isidentifier() and of(name)]
