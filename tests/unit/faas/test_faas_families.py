# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, listeners and addresses of the function runtime are of the family of cluster_address."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.plugins.filter.core import regex_replace
from ansible.plugins.test.core import search
from ansible_collections.keelson.cluster.plugins.filter.addresses import FilterModule
from jinja2.nativetypes import NativeEnvironment

ROLE = Path(__file__).parents[3] / "roles/faas_runtime"
MANAGERS = {4: ["10.0.0.11", "10.0.0.12"], 6: ["fd00::11", "fd00::12"]}


def rendered(text: str, family: int, **more: Any) -> Any:
    """What Ansible makes of a text of the role on the first manager."""
    environment = NativeEnvironment(trim_blocks=True)
    environment.filters["regex_replace"], environment.tests["search"] = regex_replace, search
    environment.filters.update({f"keelson.cluster.{name}": made for name, made in FilterModule().filters().items()})
    managers = MANAGERS[family]
    given: dict[str, Any] = {"cluster_address": managers[0], "__faas_runtime_managers": managers}
    for name in ("__faas_runtime_host", "__faas_runtime_nats_hosts"):
        given[name] = environment.from_string(variables("vars/main/main.yml")[name]).render(given)
    return environment.from_string(text).render({**given, **more})


def variables(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROLE / name).read_text())
    return found


@pytest.mark.parametrize(("family", "own", "other"), [(4, "ip", "ipv6"), (6, "ip6", "ipv4")])
def test_only_gateways_reach_instances(family: int, own: str, other: str) -> None:
    rules = rendered((ROLE / "templates/guard.nft.j2").read_text(), family)
    assert f"type ipv{family}_addr\n    elements = {{ {', '.join(MANAGERS[family])} }}" in rules
    assert f'oifname "kfaas" ct state new {own} saddr != @gateways drop' in rules
    assert f'oifname "kfaas" meta nfproto {other} drop' in rules


@pytest.mark.parametrize("family", [4, 6])
def test_what_is_closed_is_closed_in_its_family(family: int) -> None:
    network = rendered(variables("defaults/main.yml")["faas_runtime_network"], family)
    assert ipaddress.ip_network(network).version == family
    closed = [*MANAGERS[family], network]
    rules = rendered((ROLE / "templates/egress.nft.j2").read_text(), family, __faas_runtime_closed=closed)
    (ours, others) = ("closed6", "closed") if family == 6 else ("closed", "closed6")
    elements = {
        name: [
            one.strip()
            for one in rules.partition(f"set {name} {{")[2].partition("elements = {")[2].partition("}")[0].split(",")
        ]
        for name in (ours, others)
    }
    assert set(closed) <= set(elements[ours]) and not set(closed) & set(elements[others])
    assert all(elements[others]), "no empty element"


@pytest.mark.parametrize(
    ("family", "first", "second"), [(4, "10.0.0.11", "10.0.0.12"), (6, "[fd00::11]", "[fd00::12]")]
)
def test_services_find_each_other(family: int, first: str, second: str) -> None:
    events, gateway = variables("vars/main/events.yml"), variables("vars/main/gateway.yml")
    assert rendered(events["__faas_runtime_nats"]["listen"], family) == f"{first}:4222"
    cluster = events["__faas_runtime_nats_cluster"]["cluster"]
    assert rendered(cluster["listen"], family) == f"{first}:6222"
    assert rendered(cluster["routes"], family) == [f"nats://{first}:6222", f"nats://{second}:6222"]
    servers = gateway["__faas_runtime_gateway_nats"]["servers"]
    assert rendered(servers, family) == [f"nats://{first}:4222", f"nats://{second}:4222"]
    texts = "".join(path.read_text() for path in sorted((ROLE / "vars/main").glob("*.yml")))
    (agent,) = re.findall(r"'https://' ~ [^,]* ~ ':4646'", texts)
    assert rendered("{{ " + agent + " }}", family) == f"https://{first}:4646"
