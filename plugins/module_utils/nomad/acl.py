# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The management token of Nomad's ACL system: the one-time bootstrap with a secret that is stored before it is used, and its successors.

Nomad chooses the secret of a successor, and tells it to whoever manages. Its name has its number, so that no run makes it twice.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..cluster.bootstrap import ForeignBootstrap, once
from .api import Api, ApiError

__all__ = ["ForeignBootstrap", "bootstrap", "is_ours", "make", "name_of", "ours", "revoke", "secret"]


def is_ours(api: Api) -> bool:
    """Whether the stored token is a management token of this cluster.

    An unknown token is answered with 403, but a request without one with 200 and the anonymous token: only the type
    proves that the token is the one that rules.
    """
    try:
        token: dict[str, Any] = api.get("/v1/acl/token/self")
    except ApiError as error:
        if error.status in (403, 404):
            return False
        raise
    return token.get("Type") == "management"


def bootstrap(api: Api) -> bool:
    """Make the stored token the first management token; returns whether that was still to be done.

    Raises ForeignBootstrap when somebody else was first.
    """
    # Nomad takes the secret of the first token from the caller since 1.3.3 (API documentation, acl/tokens).
    return once(
        lambda: is_ours(api),
        lambda: replace(api, token="").post("/v1/acl/bootstrap", {"BootstrapSecret": api.token}),
        lambda error: error.status == 400 and "already done" in error.message,
    )


def name_of(number: int) -> str:
    """What the management token of a number is called."""
    return "Bootstrap Token" if number == 1 else f"keelson management token {number}"


def ours(api: Api) -> dict[str, str]:
    """The accessors of the management tokens that are ours, by their names. Raises ApiError."""
    return {
        token["Name"]: token["AccessorID"]
        for token in api.get("/v1/acl/tokens") or []
        if token["Type"] == "management"
        and re.fullmatch(r"Bootstrap Token|keelson management token [0-9]+", token["Name"])
    }


def make(api: Api, number: int) -> str:
    """Make the management token of a number, and return its secret. Raises ApiError."""
    return str(api.post("/v1/acl/token", {"Name": name_of(number), "Type": "management", "Global": True})["SecretID"])


def secret(api: Api, accessor: str) -> str:
    """The secret of a token. Raises ApiError."""
    return str(api.get(f"/v1/acl/token/{accessor}")["SecretID"])


def revoke(api: Api, accessor: str) -> None:
    """Revoke a token. Raises ApiError."""
    api.delete(f"/v1/acl/token/{accessor}")
