# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say of the image they were made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ... import sign
from ..errors import ImageError
from . import channels

DAY = 86400.0


def lines(contents: Mapping[str, str], image_directory: str, public_key: str, now: float) -> list[str]:
    """One line a host, the oldest image first; hosts that were made from none come last."""
    index = channels.empty()
    if image_directory:
        trusted = sign.load_public(Path(public_key) if public_key else sign.default_key().with_suffix(".pub"))
        index = channels.read(image_directory, trusted)
    known: list[tuple[float, str, str]] = []
    for host, text in contents.items():
        if not text.strip():
            known.append((now, host, f"{host}: made from no image"))
            continue
        try:
            label = json.loads(text)
            name, made = str(label["name"]), float(label["made"])
        except (ValueError, KeyError, TypeError) as error:
            raise ImageError(f"{host}: what its image says of itself cannot be read ({error})") from error
        having = [channel for channel, entries in index["channels"].items() if entries and entries[-1]["name"] == name]
        days = f"{(now - made) / DAY:.0f} days old"
        known.append((made, host, f"{host}: {name}, {days}" + (f", {', '.join(having)}" if having else "")))
    return [line for _made, _host, line in sorted(known)]
