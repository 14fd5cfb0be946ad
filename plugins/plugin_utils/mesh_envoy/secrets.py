# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority of the mesh: a root of its own, so that no leaf of a sidecar is ever a member's certificate of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import pki
from ..user_error import UserError

STEPS = ("prepare", "use", "finish")


def make_secrets(cluster: str, trust_domain: str) -> dict[str, Any]:
    """A fresh root, and below it an intermediate that may name nothing but SPIFFE IDs of the trust domain."""
    root = pki.make_ca(f"keelson {cluster} mesh root", path_length=1)
    signing = pki.make_intermediate(root, f"keelson {cluster} mesh", trust_domain)
    return {
        "roots": [root.certificate],
        "intermediate": signing.certificate,
        "intermediate_key": signing.key,
        "trust_domain": trust_domain,
    }


def changed(present: Mapping[str, Any] | None, step: str, cluster: str, trust_domain: str) -> dict[str, Any]:
    """The secrets after a step of a roll-over; each may be done again, and one that was cut off goes on.

    C(prepare) trusts a new root beside the old one, C(use) signs below the new one, C(finish) no longer trusts the old
    one. The key of a root is kept nowhere: a root signs one intermediate. Raises UserError when the trust domain was changed.
    """
    if present is None:
        return make_secrets(cluster, trust_domain)
    if present["trust_domain"] != trust_domain:
        text = f"trust_domain is {trust_domain}, and the mesh was made with {present['trust_domain']}"
        raise UserError(f"mesh_identity: {text}; set it back, or remove the mesh and make it anew")
    found = dict(present)
    if step == "prepare" and "next" not in found and len(found["roots"]) == 1:
        found["next"] = make_secrets(cluster, trust_domain)
        found["roots"] = [*found["roots"], *found["next"]["roots"]]
    elif step == "use" and "next" in found:
        new = found.pop("next")
        found.update({name: new[name] for name in ("intermediate", "intermediate_key")})
    elif step == "finish" and "next" not in found:
        found["roots"] = found["roots"][-1:]
    return found
