# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keepalived and haproxy are told of the endpoint's address."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.filter.addresses import FilterModule

ROLE = Path(__file__).parents[3] / "roles" / "cluster_manager"


def config(names: list[str], host: str) -> str:
    addresses = {name: f"10.0.0.{10 + index}" for index, name in enumerate(names)}
    text = (ROLE / "templates" / "keepalived.conf.j2").read_text()
    return (
        jinja2.Environment(trim_blocks=True, autoescape=False)
        .from_string(text)
        .render(  # noqa: S701
            __cluster_manager_features={"interface": "eth0", "prefix": 24},
            __cluster_manager_names=names,
            __cluster_manager_addresses=list(addresses.values()),
            __cluster_manager_vip="10.0.0.100",
            cluster_address=addresses[host],
            inventory_hostname=host,
        )
    )


def number(word: str, text: str) -> int:
    return int(re.findall(rf"^ *{word} (-?\d+)$", text, re.M)[0])


def test_no_manager_gives_the_address_up_for_a_check() -> None:
    """A check that failed, or was killed for being late, would leave a cluster of one manager without an endpoint."""
    names = [f"m{index}" for index in range(7)]
    first, last = config(names, "m0"), config(names, "m6")
    assert number("timeout", first) > 3 * number("interval", first)
    assert number("priority", last) > number("priority", first) + number("weight", first)
    assert number("priority", last) + number("weight", last) > 0


@pytest.mark.parametrize(("names", "peers"), [(["m1"], []), (["m1", "m2", "m3"], ["10.0.0.11", "10.0.0.12"])])
def test_unicast_where_there_are_peers(names: list[str], peers: list[str]) -> None:
    text = config(names, "m1")
    assert re.findall(r"^    (\S+)$", "".join(re.findall(r"unicast_peer \{\n(.*?)  \}", text, re.S)), re.M) == peers
    assert ("unicast_peer" in text) == ("check_unicast_src" in text) == bool(peers)


@pytest.mark.parametrize(
    ("address", "vip", "written"), [("10.0.0.11", "10.0.0.100", "{}"), ("fd00::b", "fd00::64", "[{}]")]
)
def test_the_proxy_knows_addresses_of_both_families(address: str, vip: str, written: str) -> None:
    text = (ROLE / "templates" / "haproxy.cfg.j2").read_text()
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)  # noqa: S701
    environment.filters["keelson.cluster.bracketed_address"] = FilterModule().filters()["bracketed_address"]
    told = environment.from_string(text).render(
        __cluster_manager_vip=vip,
        __cluster_manager_endpoint_port=6443,
        __cluster_manager_names=["m1"],
        hostvars={"m1": {"cluster_address": address}},
    )
    assert f"bind {written.format(vip)}:6443 transparent" in told
    assert told.count(f"server m1 {written.format(address)}:6443") == 2
    assert "use_backend unchecked if { nbsrv(managers) eq 0 }" in told


@pytest.mark.parametrize(("address", "family"), [("10.0.0.11", "ip"), ("fd00::b", "ip6")])
def test_adverts_of_others_than_managers_are_dropped(address: str, family: str) -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main" / "kubernetes_vip.yml").read_text())
    files = {entry["path"]: entry.get("content", "") for entry in variables["__cluster_manager_vip_files"]}
    rules = jinja2.Environment(autoescape=False).from_string(files["/etc/keepalived/keelson.nft"])  # noqa: S701
    told = rules.render(
        __cluster_manager_vip_table="inet t", __cluster_manager_addresses=[address], cluster_address=address
    )
    assert f"meta l4proto 112 {family} saddr != {{ {address} }} drop" in told and "hook input" in told
    loads = "/usr/sbin/nft -f /etc/keepalived/keelson.nft"
    assert loads in variables["__cluster_manager_keepalived_dropin"]["Service"]["ExecStartPre"]


def test_managers_are_restarted_one_at_a_time() -> None:
    (task,) = yaml.safe_load((ROLE / "tasks/kubernetes/vip.yml").read_text())
    assert task["throttle"] == 1
