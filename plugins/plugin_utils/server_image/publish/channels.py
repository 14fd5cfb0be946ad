# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels of images: which image a pool gets that asks for `candidate`, `tested` or `released`.

One signed file beside the images, C(channels.json), lists for each channel its images, the newest promotion last; it is
read from the directory, or from the same directory served over HTTP. Going back is asking for the one before.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

from ansible.module_utils.urls import open_url

from ... import sign
from ..errors import ImageError
from . import publish

FORMAT = 1
INDEX = "channels.json"
#: How old an index may be that is served: somebody on the way, or the server, may serve an old one.
DAYS = 90
#: What must be stated, and PASSED, of an image in a channel; and the channel it must have been in before.
NEEDS = {
    "candidate": (publish.CHECKS,),
    "tested": (publish.CHECKS, publish.BOOT),
    "released": (publish.CHECKS, publish.BOOT),
}
BEFORE = {"tested": "candidate", "released": "tested"}


def empty() -> dict[str, Any]:
    """The index of an image directory on which nothing was promoted."""
    return {"format": FORMAT, "channels": {channel: [] for channel in NEEDS}}


def parse(text: str, where: str) -> dict[str, Any]:
    """Read an index; raise ImageError when it is none."""
    try:
        index: dict[str, Any] = json.loads(text)
        known = index["format"] == FORMAT and set(index["channels"]) == set(NEEDS)
    except (ValueError, TypeError, KeyError) as error:
        raise ImageError(f"{where}: not an index of channels ({error})") from error
    if not known:
        raise ImageError(f"{where}: format {index['format']!r}, but this release reads format {FORMAT}")
    return index


def read(image_directory: str, trusted: Any, days: int = DAYS) -> dict[str, Any]:
    """The index of a directory or an address, as the `trusted` key signed it; a directory without one has empty channels.

    Raises ImageError when it cannot be read, SignError when another key signed it, or none, and when one that is served was
    signed more than so many `days` ago; 0 accepts any.
    """
    if image_directory.startswith(("http://", "https://")):
        address = f"{image_directory.rstrip('/')}/{INDEX}"
        try:
            with open_url(address, timeout=30) as reading:
                index = sign.unsealed(parse(reading.read().decode(), address), trusted, address)
        except (URLError, OSError, UnicodeDecodeError) as error:
            raise ImageError(f"{address}: cannot be read: {error}") from error
        sign.refuse_old(index, address, days=days)
        return index
    path = Path(image_directory) / INDEX
    return sign.unsealed(parse(path.read_text(), str(path)), trusted, str(path)) if path.exists() else empty()


def digests(index: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each image that a channel has."""
    return {entry["name"]: entry["digest"] for entries in index["channels"].values() for entry in entries}


def promoted(index: Mapping[str, Any], name: str, channel: str, digest: str, now: str) -> dict[str, Any]:
    """The index with an image as the newest of a channel; raise ImageError when it skips a channel."""
    before = BEFORE.get(channel)
    if before and not any((entry["name"], entry["digest"]) == (name, digest) for entry in index["channels"][before]):
        raise ImageError(f"{name} was never {before}, so it cannot be {channel}: promote it to {before} first")
    entries = [entry for entry in index["channels"][channel] if entry["name"] != name]
    entry = {"name": name, "digest": digest, "promoted": now}
    return {**index, "channels": {**index["channels"], channel: [*entries, entry]}}


def plan(image_directory: Path, name: str, channel: str, trusted: Any) -> dict[str, Any]:
    """The index with an image, whose files are those that were tested, in a channel. Raise ImageError otherwise.

    The `trusted` public key signed what was tested.
    """
    folder = image_directory / name
    publish.read(folder)
    now = publish.subjects(folder)
    publish.statement(folder, publish.PROVENANCE, trusted, now)
    for need in NEEDS[channel]:
        result = publish.statement(folder, need, trusted, now)["result"]
        if result != "PASSED":
            raise ImageError(f"{name}: {need} {result}; it cannot be {channel}")
    return promoted(
        read(str(image_directory), trusted),
        name,
        channel,
        now[publish.image_file(folder)],
        publish.moment(int(time.time())),
    )


def promote(image_directory: Path, name: str, channel: str, trusted: Any, key: Any) -> dict[str, Any]:
    """Promote an image; return its entry. The private `key` signs the index. Raises ImageError."""
    index = plan(image_directory, name, channel, trusted)
    save(image_directory, sign.sealed({**index, sign.WRITTEN: publish.moment(int(time.time()))}, key))
    entry: dict[str, Any] = index["channels"][channel][-1]
    return entry


def save(image_directory: Path, index: Mapping[str, Any]) -> None:
    """Replace the index in one step."""
    beside = image_directory / f".{INDEX}.part"
    with beside.open("w") as writing:
        json.dump(index, writing, indent=1)
        writing.write("\n")
        writing.flush()
        os.fsync(writing.fileno())
    beside.replace(image_directory / INDEX)


def choose(index: Mapping[str, Any], channel: str, back: int = 0) -> dict[str, Any]:
    """The image a pool gets that asks for a channel, or one of those before; raise ImageError when there is none."""
    entries = index["channels"].get(channel)
    if entries is None:
        raise ImageError(f"there is no channel {channel!r}; channels are {', '.join(NEEDS)}")
    if len(entries) <= back:
        raise ImageError(f"channel {channel} has {len(entries)} images, so there is none {back} before the newest")
    entry: dict[str, Any] = entries[-1 - back]
    return entry
