# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's filters."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.filter.nomad_volumes import nomad_volumes
from ansible_collections.keelson.cluster.plugins.filter.restart_order import restart_order
from ansible_collections.keelson.cluster.plugins.filter.systemd_unit import systemd_unit, unit_files

UNITS = "host_units"


def hostvars(**stale: list[str]) -> dict[str, Any]:
    """Managers m1, m2 … at 10.0.0.1, 10.0.0.2 … with what their units said."""
    return {name: {"cluster_address": f"10.0.0.{name[1:]}", UNITS: {"stale": units}} for name, units in stale.items()}


def test_the_leader_is_restarted_last() -> None:
    found = hostvars(m1=["nomad.service"], m2=["nomad.service"], m3=["nomad.service"])
    assert restart_order(["m1", "m2", "m3"], found, "10.0.0.1", UNITS) == ["m2", "m3", "m1"]
    assert restart_order(["m1", "m2", "m3"], found, "", UNITS) == ["m1", "m2", "m3"]


def test_only_those_on_old_files_are_restarted() -> None:
    found = hostvars(m1=["nomad.service"], m2=[], m3=["nomad.service"])
    assert restart_order(["m1", "m2", "m3"], found, "10.0.0.3", UNITS) == ["m1", "m3"]
    assert restart_order(["m2"], found, "10.0.0.3", UNITS) == []


def test_the_leader_is_last_in_any_spelling_of_its_address() -> None:
    stale = {UNITS: {"stale": True}}
    found = {name: {"cluster_address": address, **stale} for name, address in (("m1", "FD00:0::1"), ("m2", "fd00::2"))}
    assert restart_order(["m1", "m2"], found, "fd00::1", UNITS) == ["m2", "m1"]


def test_a_host_that_dropped_out_has_said_nothing() -> None:
    assert restart_order(["m1"], {"m1": {"cluster_address": "10.0.0.1"}}, "", UNITS) == []


def test_volumes() -> None:
    volumes = [{"name": "a", "path": "/srv/a"}, {"name": "b", "path": "/srv/b", "read_only": True}]
    assert nomad_volumes(volumes) == [
        {"a": [{"path": "/srv/a", "read_only": False}]},
        {"b": [{"path": "/srv/b", "read_only": True}]},
    ]
    assert nomad_volumes([]) == []


def test_a_confined_service_keeps_its_own_settings() -> None:
    unit = {"Service": {"ExecStart": "/bin/a", "RestrictAddressFamilies": "AF_UNIX"}, "Install": {"WantedBy": "b"}}
    lines = systemd_unit(unit, confined=True).splitlines()
    assert lines[:3] == ["[Service]", "ExecStart=/bin/a", "RestrictAddressFamilies=AF_UNIX"]
    assert {"CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077"} < set(lines)
    assert (
        lines[-2:] == ["[Install]", "WantedBy=b"]
        and "RestrictAddressFamilies" in " ".join(lines).partition("AF_NETLINK")[0]
    )
    assert "UMask" not in systemd_unit(unit)


def test_a_unit_file() -> None:
    unit = {
        "Unit": {"After": "a b", "StartLimitIntervalSec": 0},
        "Service": {"ExecReload": ["x", "y"], "Delegate": True},
    }
    unit["Service"] |= {"PrivateTmp": False, "CapabilityBoundingSet": ""}
    assert systemd_unit(unit) == (
        "[Unit]\nAfter=a b\nStartLimitIntervalSec=0\n\n"
        "[Service]\nExecReload=x\nExecReload=y\nDelegate=yes\nPrivateTmp=no\nCapabilityBoundingSet=\n"
    )


def test_the_files_of_units() -> None:
    units = {"a.service": {"Service": {"Type": "oneshot"}}, "a.timer": {"Timer": {"OnCalendar": "daily"}}}
    assert unit_files(units) == [
        {"path": "/etc/systemd/system/a.service", "mode": "0644", "content": "[Service]\nType=oneshot\n"},
        {"path": "/etc/systemd/system/a.timer", "mode": "0644", "content": "[Timer]\nOnCalendar=daily\n"},
    ]
