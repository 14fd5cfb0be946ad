# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of Consul's ACL system: its one-time bootstrap, and those of agents and sidecars. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..cluster.bootstrap import once
from .api import Api, ApiError

MANAGEMENT = "00000000-0000-0000-0000-000000000001"  # the policy that Consul has from the start
OURS = "keelson: "  # how descriptions of our tokens begin; others are left alone
SHOWN = ("AccessorID", "SecretID", "Description", "NodeIdentities", "ServiceIdentities")


def is_ours(api: Api) -> bool:
    """Whether the stored token rules this cluster."""
    try:
        token = api.get("/v1/acl/token/self")
    except ApiError as error:
        if error.status in (403, 404):
            return False
        raise
    return MANAGEMENT in [policy["ID"] for policy in token.get("Policies") or []]


def bootstrap(api: Api) -> bool:
    """Make the stored token the first one that rules; returns whether that was still to be done. Raises ForeignBootstrap, ApiError."""
    return once(
        lambda: is_ours(api),
        lambda: _first(api),
        lambda error: error.status == 403 and "no longer allowed" in error.message,
    )


def _first(api: Api) -> None:
    replace(api, token="").put("/v1/acl/bootstrap", {"BootstrapSecret": api.token})


def settle(api: Api, desired: Sequence[Mapping[str, Any]], check: bool) -> list[str]:
    """Make the desired tokens, and revoke ours that are no longer desired; returns what was, or would be, done. Raises ApiError."""
    held = {token["AccessorID"]: token for token in api.get("/v1/acl/tokens")}
    due = {token["AccessorID"]: token for token in desired}
    actions = []
    for accessor, token in due.items():
        found = held.get(accessor)
        if found and all(found.get(part) == token[part] for part in SHOWN if part in token):
            continue
        actions.append(f"{'change' if found else 'make'} token of {token['Description'].removeprefix(OURS)}")
        if not check:
            api.put(f"/v1/acl/token/{accessor}" if found else "/v1/acl/token", dict(token))
    for accessor, token in held.items():
        if accessor not in due and str(token.get("Description", "")).startswith(OURS):
            actions.append(f"revoke token of {token['Description'].removeprefix(OURS)}")
            if not check:
                api.delete(f"/v1/acl/token/{accessor}")
    return actions
