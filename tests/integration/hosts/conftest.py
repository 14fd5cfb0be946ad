# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of a live cluster, each reached by testinfra's ssh backend (five times faster than its ansible backend)."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

PARTS = {"manager": ("manager",), "node": ("node",), "member": ("manager", "node")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Name the cluster; without one these tests are skipped."""
    parser.addoption("--cluster-inventory", default="", help="inventory file of the live cluster to look at")
    parser.addoption("--cluster-ssh-config", default="", help="ssh configuration with which its hosts are reached")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a host: fixture `manager` is each manager, `node` each host node, `member` each of both."""
    for fixture, parts in PARTS.items():
        if fixture in metafunc.fixturenames:
            hosts = {k: v for k, v in inventory(metafunc.config).items() if v["cluster_part"] in parts}
            metafunc.parametrize(fixture, [connect(metafunc.config, v) for v in hosts.values()], ids=list(hosts))


def inventory(config: pytest.Config) -> dict[str, dict[str, Any]]:
    """Names and variables of the cluster's hosts."""
    path = config.getoption("--cluster-inventory")
    return read(path) if path else {}


@functools.lru_cache
def read(path: str) -> dict[str, dict[str, Any]]:
    """Have Ansible read an inventory, once."""
    listing = subprocess.run(["ansible-inventory", "-i", path, "--list"], check=True, capture_output=True)
    # Ansible wraps text that it must not template, as that of stacks.
    listed = json.loads(listing.stdout, object_hook=lambda value: value.get("__ansible_unsafe", value))
    hosts: dict[str, dict[str, Any]] = listed["_meta"]["hostvars"]
    return hosts


def connect(config: pytest.Config, variables: dict[str, Any]) -> Host:
    """A host to look at; `host.variables` are those of the inventory."""
    ssh_config = config.getoption("--cluster-ssh-config")
    host = testinfra.get_host(f"ssh://{variables['ansible_host']}", ssh_config=ssh_config, controlpersist=60)
    host.variables = variables
    return host


@pytest.fixture(scope="session")
def secrets(pytestconfig: pytest.Config) -> list[str]:
    """Every secret of the cluster, one unmistakable line of each, from the newest generation on a manager."""
    variables = next(v for v in inventory(pytestconfig).values() if v["cluster_part"] == "manager")
    folder = f"/etc/keelson/{variables['cluster_name']}/secrets"
    newest = connect(pytestconfig, variables).check_output(f"cat $(ls {folder}/*.json | tail -n 1)")
    payload = json.loads(newest)["payload"]
    found = {name: value.splitlines() for name, value in payload.items() if name != "ca_certificate"}
    assert set(found) >= {"ca_key", "gossip_key", "bootstrap_token"}, sorted(payload)
    # The last lines of a private key hold the public one, which is no secret.
    return [lines[len(lines) // 2] for lines in found.values()]
