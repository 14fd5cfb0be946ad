# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that cannot pipeline are told before a secret is written to a disk."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.loader import connection_loader
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.pipelining import faults


def told(keep: bool = False, extra: dict[str, Any] | None = None, **variables: Any) -> list[tuple[str, str, str]]:
    cluster: Any = SimpleNamespace(hosts=[SimpleNamespace(name="w1", variables=variables)])
    return [(fault.host, fault.kind, fault.text.partition(",")[0]) for fault in faults(cluster, extra or {}, keep)]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"ansible_connection": "smart"},
        {"ansible_connection": "local", "ansible_become_method": "sudo"},
        {"ansible_become_method": "su", "cluster_become": False},
        {"ansible_connection": "of.no.collection"},
    ],
)
def test_what_pipelines(variables: dict[str, Any]) -> None:
    assert told(**variables) == []


def test_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:  # ansible-core 2.21 has no paramiko_ssh
        cannot = SimpleNamespace(has_pipelining=False)
        patched.setattr(connection_loader, "get", lambda name, class_only: cannot if name == "paramiko_ssh" else None)
        found = told(ansible_connection="paramiko_ssh")
    assert found == [("w1", "pipelining", "the connection plugin paramiko_ssh cannot pipeline")]
    assert told(ansible_become_method="su") == [("w1", "pipelining", "the become plugin su cannot pipeline")]
    [(host, kind, text)] = told(keep=True)
    assert (host, kind) == ("", "pipelining") and text.startswith("ANSIBLE_KEEP_REMOTE_FILES leaves modules")


@pytest.mark.parametrize("name", ["ansible_pipelining", "ansible_ssh_pipelining"])
@pytest.mark.parametrize("value", [False, "false", "no", "0"])
def test_extra_variables_are_stronger_than_what_the_roles_force(name: str, value: object) -> None:
    [(host, kind, text)] = told(extra={name: value})
    assert (host, kind) == ("", "pipelining") and text.startswith(f"-e {name} ")
    assert told(extra={name: "true"}) == []
