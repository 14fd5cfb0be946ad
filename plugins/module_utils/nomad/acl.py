# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-time bootstrap of Nomad's ACL system with a secret that is stored before it is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .api import Api, ApiError


class ForeignBootstrap(Exception):
    """The ACL system answers, but to another management token than the stored one."""


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

    The store came first, so a run that was cut off after the request finds its own token at work and is content.
    Raises ForeignBootstrap when somebody else was first.
    """
    if is_ours(api):
        return False
    try:
        # Nomad takes the secret of the first token from the caller since 1.3.3 (API documentation, acl/tokens).
        replace(api, token="").post("/v1/acl/bootstrap", {"BootstrapSecret": api.token})
    except ApiError as error:
        if error.status == 400 and "already done" in error.message:
            if is_ours(api):
                return False
            raise ForeignBootstrap(error.message) from error
        raise
    return True
