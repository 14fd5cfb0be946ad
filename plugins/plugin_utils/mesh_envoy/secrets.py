# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority of the mesh: a root of its own, so that no leaf of a sidecar is ever a member's certificate of the cluster."""

from __future__ import annotations

from typing import Any

from .. import pki


def make_secrets(cluster: str, trust_domain: str = "") -> dict[str, Any]:
    """A fresh root and an intermediate that may name nothing but SPIFFE IDs of the trust domain; see C(intermediate)."""
    root = pki.make_ca(f"keelson {cluster} mesh root", path_length=1)
    return {"roots": [root.certificate], **intermediate(root, cluster, trust_domain)}


def intermediate(root: pki.Pair, cluster: str, trust_domain: str) -> dict[str, Any]:
    """What signs from now on: an intermediate of a root, which is kept to make the next one."""
    pair = pki.make_intermediate(root, f"keelson {cluster} mesh", trust_domain)
    return {
        "root_key": root.key,
        "intermediate": pair.certificate,
        "intermediate_key": pair.key,
        "trust_domain": trust_domain,
    }
