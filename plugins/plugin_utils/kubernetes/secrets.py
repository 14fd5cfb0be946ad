# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets a Kubernetes cluster starts with: what kubeadm would otherwise make on one manager and upload."""

from __future__ import annotations

import base64
import os
from typing import Any

from ..contract import Rotated
from ..pki import make_ca, make_keys


def make_secrets(cluster: str) -> dict[str, Any]:
    """A fresh set: three CAs, the pair that signs service accounts' tokens, and the key of what lies in etcd.

    The first of C(encryption_keys) encrypts (32 bytes, AES-256); all of them decrypt.
    """
    return cluster_authorities(cluster, 1) | etcd_authority(cluster, 1) | service_account_keys() | encryption_keys(1)


def cluster_authorities(cluster: str, number: int) -> dict[str, str]:
    """Fresh CAs of the cluster, and of API servers that ask others on behalf of a user."""
    return _authority("", f"keelson {cluster} CA", number) | _authority(
        "front_proxy_", f"keelson {cluster} front proxy CA", number
    )


def etcd_authority(cluster: str, number: int) -> dict[str, str]:
    """A fresh CA of etcd's members and clients."""
    return _authority("etcd_", f"keelson {cluster} etcd CA", number)


def _authority(prefix: str, name: str, number: int) -> dict[str, str]:
    ca = make_ca(f"{name} {number}" if number > 1 else name)  # another name than those before it
    return {f"{prefix}ca_certificate": ca.certificate, f"{prefix}ca_key": ca.key}


def service_account_keys() -> dict[str, str]:
    """A fresh pair, that signs tokens of service accounts and proves them."""
    key, public_key = make_keys()
    return {"service_account_key": key, "service_account_public_key": public_key}


def encryption_keys(number: int) -> dict[str, Any]:
    """A fresh key, whose name is in all that is encrypted by it."""
    return {"encryption_keys": [{"name": f"key{number}", "secret": base64.b64encode(os.urandom(32)).decode()}]}


def restored_secrets(payload: dict[str, Any]) -> dict[str, Any]:
    """Those of a backup: what lies in etcd is encrypted by them, and pods and host nodes know these CAs."""
    return payload


ROTATED = {
    "ca": Rotated(
        ("ca_certificate", "ca_key", "front_proxy_ca_certificate", "front_proxy_ca_key"), cluster_authorities
    ),
    "etcd_ca": Rotated(("etcd_ca_certificate", "etcd_ca_key"), etcd_authority),
    "service_account_key": Rotated(
        ("service_account_key", "service_account_public_key"), lambda _cluster, _number: service_account_keys()
    ),
    "encryption_key": Rotated(("encryption_keys",), lambda _cluster, number: encryption_keys(number)),
}
