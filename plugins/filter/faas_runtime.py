# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What declared functions mean for hosts: accounts on host nodes, the gateway's configuration on managers."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import events, functions, gateway, probes
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import serving
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs


def _read(declared: list[Any], tenants: list[Any]) -> functions.Declared:
    try:
        return functions.read(tenants, declared)
    except functions.FunctionError as error:
        raise AnsibleFilterError(str(error)) from error


def faas_runtime_accounts(declared: list[Any], tenants: list[Any]) -> list[dict[str, str]]:
    """The accounts of functions, as module host_settings takes them."""
    return nomad_jobs.accounts(_read(declared, tenants))


def faas_runtime_egress(declared: list[Any], tenants: list[Any], closed: list[str]) -> dict[str, Any]:
    """Where functions may connect to, as the proxy of a host node is told."""
    return nomad_jobs.egress(_read(declared, tenants), closed)


def faas_runtime_gateway(declared: list[Any], tenants: list[Any]) -> dict[str, Any]:
    """What the gateway knows of tenants and functions."""
    return gateway.gateway(_read(declared, tenants))


def faas_runtime_events(tenants: list[Any], secret: str, managers: int) -> dict[str, Any]:
    """The accounts of NATS, and the passwords of the gateways for them."""
    return events.events(list(_read([], tenants).tenants.values()), secret, min(3, managers))


def faas_runtime_probes(pool: str, isolations: list[str], secret: str) -> dict[str, list[dict[str, Any]]]:
    """Tenants and functions of the leak test."""
    return probes.probes(pool, isolations, secret)


def faas_runtime_routes(addresses: list[str]) -> list[dict[str, str]]:
    """Routes to hosts, in the form of CNI's host-local."""
    return [{"dst": f"{address}/{128 if ':' in address else 32}"} for address in addresses]


def faas_runtime_knative(
    images: list[str], hosts: int, given: dict[str, dict[str, str]], replicas: int = 2, pool: str = ""
) -> list[dict[str, Any]]:
    """The runtime of a Kubernetes cluster, as objects."""
    return serving.runtime(images, hosts, given, int(replicas), pool)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {
            "faas_runtime_accounts": faas_runtime_accounts,
            "faas_runtime_egress": faas_runtime_egress,
            "faas_runtime_events": faas_runtime_events,
            "faas_runtime_gateway": faas_runtime_gateway,
            "faas_runtime_knative": faas_runtime_knative,
            "faas_runtime_probes": faas_runtime_probes,
            "faas_runtime_routes": faas_runtime_routes,
        }
