# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the tokens of this host's sidecars fresh, and the root that they trust. Standard library only.

A timer runs it; no controller is needed. A token is asked for when half its life is over; with none, a sidecar keeps the certificate
that it has until that ends. usage: python3 -m utils.mesh_istio.tokens
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from ..mesh.places import STATE, host
from ..mesh.renewal import ask, write
from . import places


def main() -> int:
    """Renew what is due; returns the exit code."""
    try:
        for identity in renew(host(), time.time()):
            sys.stdout.write(f"{identity}: has a new token\n")
    except (OSError, ValueError, KeyError) as error:
        sys.stdout.write(f"no token was renewed: {error}\n")
        return 1
    return 0


def renew(given: Mapping[str, Any], now: float) -> list[str]:
    """Ask and write; returns the identities that have a new token. Raises OSError when no manager answers."""
    sidecars = {entry["identity"]: entry["id"] for entry in given["sidecars"]}
    due = {identity: "" for identity, name in sidecars.items() if is_due(read(name), now)}
    if not sidecars:
        return []
    answer = ask(given, "tokens", due)
    for identity, name in sidecars.items():
        write(name, places.ROOT, answer["trust"])
        if identity in due:
            write(name, places.TOKEN, answer["tokens"][identity])
    return list(due)


def read(name: str) -> str:
    """The token that a sidecar has, '' for none."""
    with contextlib.suppress(OSError), open(f"{STATE}/{name}/{places.TOKEN}", encoding="ascii") as file:
        return file.read()
    return ""


def is_due(token: str, now: float) -> bool:
    """Tell whether half the life of a token is over."""
    begin, end = life(token)
    return now > (begin + end) / 2


def life(token: str) -> tuple[float, float]:
    """When a token was made and when it ends; (0, 0) of what is none."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return float(claims["iat"]), float(claims["exp"])
    except (ValueError, LookupError, TypeError):
        return 0.0, 0.0


if __name__ == "__main__":
    raise SystemExit(main())
