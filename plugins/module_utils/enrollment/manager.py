# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manager needs to let new hosts in: join tokens that all managers share, and what a pool's hosts become members by.

Each engine keeps the tokens in its own store and says what a host is given. Standard library only.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from .tokens import Denied, Token, over

POOLS = "/etc/keelson/{cluster}/pools/{pool}.json"
NAME, ADDRESS = "NAME.placeholder", "ADDRESS.placeholder"  # of the host for which the enroll playbook describes a pool
TRIES = 10
PAUSE = 0.1  # seconds between them


@dataclass(frozen=True)
class JoiningHost:
    """A host that asks to join. C(request) is a certificate request (PEM), C(key) the digest of the key it was made with."""

    name: str
    address: str
    request: str
    key: str


class EnrollmentService(ABC):
    """One cluster's join tokens, and who is a member of it. Every method may raise the engine's ApiError."""

    pools: ClassVar[str] = POOLS

    def __init__(self, cluster: str, api: Any) -> None:
        """Serve a cluster by its API."""
        self.cluster = cluster
        self.api = api

    @staticmethod
    @abstractmethod
    def connect(cluster: str) -> Any:
        """The API as this manager uses it. Raises ApiError when the manager knows no such cluster."""

    @classmethod
    def open(cls, cluster: str) -> EnrollmentService:
        """The enrollment service of this manager. Raises ApiError when the manager knows no such cluster."""
        return cls(cluster, cls.connect(cluster))

    @property
    @abstractmethod
    def ca_file(self) -> str:
        """Where the CA certificate lies by which new hosts know the managers."""

    @abstractmethod
    def read(self, number: str) -> tuple[Token | None, str]:
        """A token and its version, which write takes."""

    @abstractmethod
    def write(self, token: Token, version: str = "") -> bool:
        """Keep a token unless somebody else has changed it since C(version), '' for a new one; tells whether it is kept."""

    @abstractmethod
    def numbers(self) -> list[str]:
        """The numbers of all tokens."""

    @abstractmethod
    def forget(self, number: str) -> None:
        """Delete a token, if there is one."""

    @abstractmethod
    def holder(self, name: str) -> str:
        """The address of the member that has this name and may not lose it, or ''."""

    @abstractmethod
    def enroll(self, joining_host: JoiningHost, pool: str) -> dict[str, Any]:
        """What a host that was let in becomes a member by: C(files), C(units), and more that its own code of the engine takes."""

    @abstractmethod
    def settle(self, joining_host: JoiningHost) -> str:
        """Do what is left to do once a host has joined; returns what is still missing, '' when it is ready in its pool."""

    def renew(self, address: str, names: set[str], request: str, seconds: float) -> str:
        """A new certificate for a host node that has shown its present one with these names. Raises Denied."""
        raise Denied(404, f"host nodes of this engine do not have certificates renewed here ({address})")

    def trusted(self, address: str, names: set[str]) -> str:
        """The CA certificates that a host node trusts, which has shown its present one with these names; the first one signs. Raises Denied."""
        raise Denied(404, f"host nodes of this engine do not ask here whom to trust ({address})")

    def change(self, number: str, step: Callable[[Token | None], Token]) -> Token:
        """Replace a token by what C(step) makes of it, after whatever others do at the same time. Raises Denied."""
        for _try in range(TRIES):
            # What an unauthorized client sends is no path.
            token, version = self.read(number) if number.isalnum() else (None, "")
            after = step(token)
            if after == token or self.write(after, version):
                return after
            time.sleep(PAUSE)
        raise Denied(503, "too many hosts ask at the same time; ask again")

    def tokens(self) -> list[Token]:
        """All tokens, the ended ones too."""
        found = (self.read(number)[0] for number in self.numbers())
        return [token for token in found if token is not None]

    def revoke(self, number: str) -> bool:
        """Forget a token; tells whether there was one."""
        if self.read(number)[0] is None:
            return False
        self.forget(number)
        return True

    def sweep(self, now: float) -> list[str]:
        """Forget the tokens that ended long ago; returns their numbers."""
        gone = [token.number for token in self.tokens() if over(token, now)]
        for number in gone:
            self.forget(number)
        return gone

    def description(self, pool: str, joining_host: JoiningHost) -> dict[str, Any]:
        """What the enroll playbook has laid down for the pool, for this host, and C(members) of the inventory. Raises Denied."""
        path = self.pools.format(cluster=self.cluster, pool=pool)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            raise Denied(503, f"this manager has no {path}; run the enroll playbook for the pool {pool}") from None
        members = json.loads(text)["members"]
        text = text.replace(NAME, joining_host.name).replace(ADDRESS, joining_host.address)
        return {**json.loads(text), "members": {name: at for name, at in members.items() if name != NAME}}
