# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters, accounts and swap."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import jinja2.nativetypes
import pytest
import yaml
from ansible.plugins.filter.core import combine
from ansible_collections.keelson.cluster.plugins.module_utils.host import settings as host_settings
from ansible_collections.keelson.cluster.plugins.module_utils.host.settings import Account, SettingError

ROLE = Path(__file__).parents[3] / "roles" / "host_node"


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of these tests runs, wherever the tests do."""
    monkeypatch.setattr(host_settings, "booted", lambda: True)


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    (tmp_path / "net" / "ipv4").mkdir(parents=True)
    (tmp_path / "net" / "ipv4" / "ip_forward").write_text("0\n")
    (tmp_path / "net" / "ipv4" / "range").write_text("1024\t65535\n")
    return tmp_path


def test_parameters_are_compared_by_their_words(kernel: Path) -> None:
    desired = {"net.ipv4.ip_forward": "1", "net.ipv4.range": "1024 65535", "net.bridge.x": "1"}
    assert host_settings.sysctl_changes(desired, str(kernel)) == ({"net.ipv4.ip_forward": "1"}, ["net.bridge.x"])


@pytest.mark.parametrize("tasks", ["nomad/prepare.yml", "kubernetes/runtime.yml"])
def test_a_site_s_parameters_are_added_to_the_role_s_own(tasks: str) -> None:
    steps = yaml.safe_load((ROLE / "tasks" / tasks).read_text())
    given = [step[name]["sysctls"] for step in steps for name in step if name.endswith(".host_settings")]
    own = yaml.safe_load((ROLE / "vars/main/main.yml").read_text())["__host_node_sysctls"]
    environment = jinja2.nativetypes.NativeEnvironment()
    environment.filters["ansible.builtin.combine"] = combine
    site = {"vm.swappiness": "1", "vm.max_map_count": "1048576"}
    more = {"__host_node_kubernetes_sysctls": {}, "host_node_sysctls": site}
    found = environment.from_string(given[0]).render(__host_node_sysctls=own, **more)
    assert found == {**own, **site} and len(own) > 3


def test_parameters_are_set(kernel: Path) -> None:
    host_settings.set_sysctls({"net.ipv4.ip_forward": "1"}, str(kernel))
    assert host_settings.sysctl_changes({"net.ipv4.ip_forward": "1"}, str(kernel)) == ({}, [])


@pytest.mark.parametrize("key", ["net.ipv6.conf.eth0/7.accept_ra", "net/ipv6/conf/eth0.7/accept_ra"])
def test_the_dot_in_the_name_of_an_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(host_settings, "booted", lambda: True)
    (tmp_path / "net/ipv6/conf/eth0.7").mkdir(parents=True)
    (tmp_path / "net/ipv6/conf/eth0.7/accept_ra").write_text("1\n")
    assert host_settings.sysctl_changes({key: "2"}, str(tmp_path)) == ({key: "2"}, [])


def test_a_refused_parameter_is_named(kernel: Path) -> None:
    with pytest.raises(SettingError, match=r"refuses net\.none\.x = 1"):
        host_settings.set_sysctls({"net.none.x": "1"}, str(kernel))


def test_the_file_is_sorted() -> None:
    assert host_settings.sysctl_text({"b": "2", "a": "1"}) == "a = 1\nb = 2\n"


def test_swap_areas(tmp_path: Path) -> None:
    table = tmp_path / "swaps"
    table.write_text("Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1 0 -2\n")
    assert host_settings.swaps(str(table)) == ["/dev/sda2"]
    assert host_settings.swaps(str(tmp_path / "none")) == []


def test_swap_leaves_fstab_once() -> None:
    text = "# swap of old\n/dev/sda1 / ext4 defaults 0 1\n/dev/sda2 none swap sw 0 0\n\n#/dev/sda3 none swap sw 0 0\n"
    cured = host_settings.fstab_without_swap(text)
    assert cured == text.replace("/dev/sda2", "# /dev/sda2")
    assert host_settings.fstab_without_swap(cured) == cured


def test_only_missing_accounts_are_added() -> None:
    accounts = [Account("root", "/root"), Account("nobody-of-that-name", "/x")]
    assert host_settings.missing_accounts(accounts) == accounts[1:]


@pytest.mark.parametrize(
    ("name", "group"),
    [("nobody-of-that-name", ["--user-group"]), ("root", ["--gid", "root"])],
)
def test_the_account_command(monkeypatch: pytest.MonkeyPatch, name: str, group: list[str]) -> None:
    calls: list[list[str]] = []

    def fake(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 9, "", "useradd: cannot lock /etc/passwd\n")

    monkeypatch.setattr(subprocess, "run", fake)
    with pytest.raises(SettingError, match=f"the account {name} cannot be added: useradd: cannot lock"):
        host_settings.add_account(Account(name, "/x"))
    assert calls[0][0] == "useradd" and calls[0][-1] == name
    assert "/usr/sbin/nologin" in calls[0] and all(word in calls[0] for word in group)


def test_modules_that_are_built_in_or_unknown_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text(
        "kernel/fs/overlayfs/overlay.ko.xz:\nkernel/net/br-netfilter.ko: kernel/x.ko\n"
    )
    (tmp_path / "loaded" / "overlay").mkdir(parents=True)
    desired = ["overlay", "br_netfilter", "vxlan"]
    found = host_settings.modules(desired, str(tmp_path), str(tmp_path / "loaded"))
    assert found == (["overlay", "br_netfilter"], ["br_netfilter"])
    assert host_settings.modules(desired, str(tmp_path / "none")) == ([], [])


def test_a_module_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modprobe").write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
    (tmp_path / "modprobe").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(host_settings.SettingError, match="vxlan cannot be loaded: Operation not permitted"):
        host_settings.load_module("vxlan")


def test_a_host_that_is_not_booted_has_no_live_settings(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kernel / "swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1 0 -2\n")
    for version, module in (("6.1.0-1", "overlay"), ("6.1.0-2", "br_netfilter")):
        (kernel / "modules" / version).mkdir(parents=True)
        (kernel / "modules" / version / "modules.dep").write_text(f"kernel/{module}.ko:\n")
    desired, trees = {"net.ipv4.ip_forward": "1", "net.bridge.x": "1"}, str(kernel / "modules" / "*")
    assert host_settings.sysctl_changes(desired, str(kernel)) != ({}, [])
    monkeypatch.setattr(host_settings, "booted", lambda: False)
    assert host_settings.sysctl_changes(desired, str(kernel)) == ({}, [])
    assert host_settings.swaps(str(kernel / "swaps")) == []
    found = host_settings.modules(["overlay", "br_netfilter", "vxlan"], trees, str(kernel))
    assert found == (["overlay", "br_netfilter"], [])
