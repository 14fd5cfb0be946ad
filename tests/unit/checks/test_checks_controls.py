# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of security benchmarks: each rule is seen to hold and to fail, and the tables are whole."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks import controls
from ansible_collections.keelson.cluster.plugins.plugin_utils import components

KUBELET = """apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
clusterDNS:
- 10.96.0.10
crashLoopBackOff: {}
logging:
  options:
    json:
      infoBufferSize: "0"
tlsCipherSuites:
- A
- B
seccompDefault: true
"""
AGENT = (
    '{"tls": {"http": true}, "plugin": [{"docker": [{"config": [{"allow_privileged": false}]}]}], "list": ["a", "b"]}'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with one process and two files of settings."""
    for number, comm, words in (
        (5, "kube-apiserver", []),  # it ends, or has ended and nobody asked for its result
        (7, "kube-apiserver", ["kube-apiserver", "--profiling=false", "--mode=Node,RBAC", "--age=30"]),
        (8, "kube-controller", ["/usr/bin/kube-controllers"]),  # of Calico
        (9, "kube-controller", ["kube-controller-manager", "--profiling=false"]),
    ):
        folder = tmp_path / "proc" / str(number)
        folder.mkdir(parents=True)
        (folder / "comm").write_text(f"{comm}\n")
        (folder / "cmdline").write_text("".join(f"{word}\0" for word in words))
    (tmp_path / "kubelet.yaml").write_text(KUBELET)
    (tmp_path / "agent.json").write_text(AGENT)
    return tmp_path


def control(kind: str, target: str, name: str, rule: str, value: str = "") -> dict[str, str]:
    return {"number": "1.1", "title": "", "kind": kind, "target": target, "name": name, "rule": rule, "value": value}


def test_a_program_is_known_by_more_than_what_the_kernel_keeps_of_its_name(root: Path) -> None:
    judged = control("argument", "kube-controller-manager", "profiling", "is", "false")
    assert controls.fault(judged, str(root)) == ""
    assert "kube-controller-x does not run" in controls.fault({**judged, "target": "kube-controller-x"}, str(root))


@pytest.mark.parametrize(
    ("name", "rule", "value", "holds"),
    [
        ("profiling", "is", "false", True),
        ("profiling", "is", "true", False),
        ("absent", "is", "true", False),
        ("absent", "default", "true", True),
        ("profiling", "default", "true", False),
        ("profiling", "not", "true", True),
        ("absent", "not", "true", False),
        ("mode", "set", "", True),
        ("absent", "set", "", False),
        ("absent", "unset", "", True),
        ("mode", "unset", "", False),
        ("mode", "has", "RBAC", True),
        ("mode", "has", "RBAC,ABAC", False),
        ("mode", "lacks", "AlwaysAllow", True),
        ("absent", "lacks", "AlwaysAllow", True),
        ("mode", "lacks", "Node", False),
        ("mode", "among", "Node,RBAC,ABAC", True),
        ("mode", "among", "RBAC", False),
        ("absent", "among", "RBAC", False),
        ("age", "least", "30", True),
        ("age", "least", "31", False),
        ("mode", "least", "1", False),
    ],
)
def test_rules(root: Path, name: str, rule: str, value: str, holds: bool) -> None:
    why = controls.fault(control("argument", "kube-apiserver", name, rule, value), str(root))
    assert (why == "") is holds, why


def test_what_does_not_run_or_cannot_be_read(root: Path) -> None:
    assert controls.fault(control("argument", "etcd", "x", "set"), str(root)) == "etcd does not run"
    assert "cannot be read" in controls.fault(control("setting", "/none", "x", "unset"), str(root))


def test_settings_of_both_forms(root: Path) -> None:
    found = controls.settings(str(root), "/kubelet.yaml")
    assert found["authentication.anonymous.enabled"] == "false" and found["tlsCipherSuites"] == "A,B"
    assert (
        found["authentication.x509.clientCAFile"] == "/etc/kubernetes/pki/ca.crt"
        and found["clusterDNS"] == "10.96.0.10"
    )
    assert found["seccompDefault"] == "true" and found["logging.options.json.infoBufferSize"] == "0"
    found = controls.settings(str(root), "/agent.json")
    assert found == {"tls.http": "true", "plugin.0.docker.0.config.0.allow_privileged": "false", "list": "a,b"}


def test_files(root: Path) -> None:
    (root / "key").write_text("")
    mode = control("file", "/k*y", "", "mode", "600")
    os.chmod(root / "key", 0o640)
    assert controls.fault(mode, str(root)) == f"{root}/key has the mode 640"
    os.chmod(root / "key", 0o400)
    assert not controls.fault(mode, str(root)) and not controls.fault(
        control("file", "/none", "", "mode", "600"), str(root)
    )
    os.chown(root / "key", 1, 0)
    assert controls.fault(control("file", "/key", "", "owner"), str(root)) == f"{root}/key belongs to 1:0"
    os.chown(root / "key", 0, 0)
    assert not controls.fault(control("file", "/key", "", "owner"), str(root))
    assert (
        controls.fault(control("user", "kube-apiserver", "", "", "nobody"), str(root)) == "kube-apiserver runs as root"
    )
    assert not controls.fault(control("user", "kube-apiserver", "", "", "root"), str(root))


def test_a_section_names_what_fails(root: Path) -> None:
    good = {**control("argument", "kube-apiserver", "profiling", "is", "false"), "number": "1.2.15"}
    bad = {**control("argument", "kube-apiserver", "age", "least", "90"), "number": "1.2.17"}
    assert controls.judge([good], str(root)) == (True, "1 hold: 1.2.15")
    assert controls.judge([good, bad], str(root)) == (False, "1.2.17 age of kube-apiserver is '30'")


@pytest.mark.parametrize("engine", ["kubernetes", "nomad"])
def test_every_control_has_a_state(engine: str) -> None:
    benchmark = components.engine(engine).benchmark
    assert benchmark
    numbers = [entry.number for entry in benchmark.controls]
    assert len(numbers) == len(set(numbers))
    for entry in benchmark.controls:
        assert [bool(entry.parts), bool(entry.covered), bool(entry.reason)].count(True) == 1, entry
        assert any(entry.number.startswith(f"{key}.") for key in benchmark.sections), entry
        assert re.fullmatch(r"[0-9., –]+", entry.number), entry
    looked = [entry for part in ("manager", "node") for found in benchmark.on(part).values() for entry in found]
    assert {entry.number for entry in looked} == {entry.number for entry in benchmark.controls if entry.parts}
