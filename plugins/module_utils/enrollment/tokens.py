# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Join tokens: into which pool one lets new hosts, how many, and until when. Standard library only.

A token is NUMBER.SECRET; the cluster keeps the digest of the secret alone. A host that joins is noted with the digest of its
key, so the host may ask again when it was cut off, and nobody else can with a token that has let in all it was made for.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FORM = re.compile(r"[0-9a-f]{12}\.[0-9a-f]{64}")
BOUNDS = {"hosts": (1, 1000), "hours": (1, 720)}
KEPT = 7 * 86400.0  # seconds for which an ended token is remembered, so that the refusal can say what it was


class Denied(Exception):
    """The host is not let in; C(status) is the HTTP status of the answer, the message says why and what to do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Token:
    """A token as the cluster keeps it. C(expires) is in seconds since 1970; C(joined) are pairs of name and key digest."""

    number: str
    digest: str
    pool: str
    hosts: int
    expires: float
    joined: tuple[tuple[str, str], ...] = ()


def digest(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def make(pool: str, hosts: int, seconds: float, now: float) -> tuple[Token, str]:
    """A new token, and the text that is given to the hosts and kept nowhere."""
    number, secret = secrets.token_hex(6), secrets.token_hex(32)
    return Token(number, digest(secret), pool, hosts, now + seconds), f"{number}.{secret}"


def dump(token: Token) -> str:
    """The token as JSON."""
    return json.dumps(dataclasses.asdict(token))


def parse(text: str) -> Token:
    """Read what dump wrote. Raises ValueError, KeyError or TypeError when it is something else."""
    found: dict[str, Any] = json.loads(text)
    joined = tuple((str(name), str(key)) for name, key in found.pop("joined"))
    return Token(**found, joined=joined)


def check_bounds(hosts: int, hours: float) -> None:
    """Raise ValueError when no token is made for so many hosts or hours."""
    for name, value in (("hosts", hosts), ("hours", hours)):
        low, high = BOUNDS[name]
        if not low <= value <= high:
            raise ValueError(
                f"enroll_{name} (option {name}) is {value:g}; a join token takes a number from {low} to {high}"
            )


def authenticate(text: str, read: Callable[[str], Token | None]) -> Token:
    """The token whose text this is; C(read) looks one up by its number. Raises Denied."""
    return _owned(read(text.partition(".")[0]) if FORM.fullmatch(text) else None, text)


def check_end(token: Token, now: float) -> None:
    """Raise Denied when the token has ended."""
    if now > token.expires:
        end = datetime.datetime.fromtimestamp(token.expires, datetime.timezone.utc).isoformat(timespec="seconds")
        raise Denied(403, f"the join token {token.number} ended at {end}; have a new one issued")


def _owned(token: Token | None, text: str) -> Token:
    if token is None or not hmac.compare_digest(token.digest, digest(text.partition(".")[2])):
        raise Denied(403, "the join token is none of this cluster: it was forged, or revoked; have a new one issued")
    return token


def enroll(token: Token | None, text: str, name: str, key: str, now: float) -> Token:
    """The token after it has let in a host of this name with a key of this digest. Raises Denied.

    The same host with the same key may ask again: it was cut off before it had read the answer.
    """
    token = _owned(token, text)
    check_end(token, now)
    if (name, key) in token.joined:
        return token
    if len(token.joined) >= token.hosts:
        names = ", ".join(sorted(known for known, _key in token.joined))
        raise Denied(
            410,
            f"the join token {token.number} has let in the {token.hosts} it was made for ({names}); have a new one issued",
        )
    return dataclasses.replace(token, joined=(*token.joined, (name, key)))


def over(token: Token, now: float) -> bool:
    """Tell whether a token ended so long ago that it is forgotten."""
    return now > token.expires + KEPT
