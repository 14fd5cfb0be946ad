# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let Envoy judge a sidecar's files before they are put into place. Standard library only."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..mesh import judge, places

SECRETS = ("tls_certificate_sds_secret_configs", "combined_validation_context")
HCM = "envoy.filters.network.http_connection_manager"


def static(files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All files as one bootstrap without discovery, so that validation reads every part of them.

    Keys and certificates are left out: the renewal writes them.
    """
    found = {name: copy.deepcopy(dict(content)) for name, content in files.items()}
    listeners, clusters = found["lds.json"]["resources"], found["cds.json"]["resources"]
    routes = {r["name"]: r for name, content in found.items() if name.startswith("rds_") for r in content["resources"]}
    endpoints = {
        r["cluster_name"]: r for name, content in found.items() if name.startswith("eds_") for r in content["resources"]
    }
    for listener in listeners:
        for chain in listener["filter_chains"]:
            _without_secrets(chain)
            for network in chain["filters"]:
                manager = network["typed_config"]
                if "rds" in manager:
                    manager["route_config"] = _plain(routes[manager.pop("rds")["route_config_name"]])
    for cluster in clusters:
        _without_secrets(cluster)
        if cluster.get("type") == "EDS":
            cluster["type"] = "STATIC"
            cluster["load_assignment"] = _plain(endpoints[cluster.pop("eds_cluster_config")["service_name"]])
    return {
        **{name: part for name, part in found["bootstrap.json"].items() if name not in ("admin", "dynamic_resources")},
        "static_resources": {"listeners": [_plain(r) for r in listeners], "clusters": [_plain(r) for r in clusters]},
    }


def _plain(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "@type"}


def _without_secrets(owner: dict[str, Any]) -> None:
    """A listener without a certificate is refused, so its TLS goes; of a cluster only the secrets go."""
    config = owner.get("transport_socket", {}).get("typed_config", {})
    if "require_client_certificate" in config:
        del owner["transport_socket"]
    for name in SECRETS:
        config.get("common_tls_context", {}).pop(name, None)


def fault(files: Mapping[str, Mapping[str, Any]], binary: str = places.ENVOY) -> str:
    """What Envoy has against the files, in one line, or ''. Raises OSError."""
    return judge.fault(static(files), binary)
