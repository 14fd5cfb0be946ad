# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the enrollment service of a Nomad cluster lets in, and who is known for it afterwards."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.manager import JoiningHost
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.service import Counter
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied, make
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import enrolled, enrollment
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.enrollment import EnrollmentService
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.members import members
from fake_nomad import TOKEN, A, FakeNomad

NEW = JoiningHost("w7", "10.0.0.27", "request", "k1")


@pytest.fixture
def service(ruled: FakeNomad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnrollmentService:
    """The enrollment service of a manager, with the pool web, where nothing is signed."""
    described = {"files": [], "units": [], "ca": "/ca", "certificate": "/cert", "key": "/key", "certificate_days": 30}
    (tmp_path / "web.json").write_text(json.dumps({**described, "members": {"w1": "10.0.2.1", "W3": "10.0.2.3"}}))
    monkeypatch.setattr(EnrollmentService, "pools", str(tmp_path / "{pool}.json"))
    secrets = SimpleNamespace(payload={"ca_certificate": "CA", "ca_key": "KEY"})
    monkeypatch.setattr(enrollment, "read_current", lambda _cluster: secrets)
    monkeypatch.setattr(enrollment.certificate, "sign", lambda *arguments: json.dumps(arguments))
    ruled.set_servers(f"{A}*")
    return EnrollmentService("product", ruled.api(TOKEN))


def test_a_certificate_has_the_role_and_the_address_alone(service: EnrollmentService) -> None:
    signed = next(entry for entry in service.enroll(NEW, "web")["files"] if entry["path"] == "/cert")
    names = ["client.global.nomad", "localhost", "127.0.0.1", "10.0.0.27"]
    wanted = ["request", "CA", "KEY", "/CN=client.global.nomad", names, 30 * 86400]
    assert json.loads(signed["content"]) == wanted


def test_who_joined_is_what_the_managers_wrote_down(service: EnrollmentService, ruled: FakeNomad) -> None:
    ruled.add_node("w1", "10.0.2.1", Meta={"keelson_enrolled": "true"})
    service.enroll(NEW, "web")
    service.enroll(JoiningHost("w8", "fd00::8", "request", "k2"), "web")
    ruled.add_node("w7", NEW.address)
    ruled.add_node("w8", "FD00:0::8")
    said = {entry["name"]: entry["enrolled"] for entry in members(service.api)}
    assert said == {"m1": False, "w1": False, "w7": True, "w8": True}, "whatever a node says of itself"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("m1", "m1 is the name of a member at 10.0.0.1"),
        ("w1", "w1 is the name of a member at 10.0.2.1"),
        ("w2", "w2 is the name of a member at 10.0.2.2"),
        ("w3", "w3 is the name of a member at 10.0.2.3"),
        ("w4", "w4 is the name of a member at 10.0.2.4"),
        ("kubernetes", "kubernetes is a name of Kubernetes"),
        ("2130706433", "2130706433 is an address"),
    ],
    ids=[
        "a manager",
        "of the inventory and unknown here",
        "of the inventory and down",
        "of other case",
        "of a node of other case",
        "reserved",
        "an address",
    ],
)
def test_names_that_are_taken(
    service: EnrollmentService, ruled: FakeNomad, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    ruled.add_node("w2", "10.0.2.2", status="down")
    ruled.add_node("W4", "10.0.2.4")
    token, text = make("web", 1, 60, time.time())
    service.write(token)
    monkeypatch.setattr(
        "ansible_collections.keelson.cluster.plugins.module_utils.enrollment.certificate.key_digest", str
    )
    asked = {"token": text, "name": name, "address": "10.0.0.27", "request": "k1"}
    with pytest.raises(Denied, match=why):
        Counter("product", lambda _cluster: service).answer("/v1/join", asked, "10.0.0.27", time.time())
    assert service.read(token.number)[0] == token, "the token is not used up"


def test_a_dead_host_that_joined_by_itself_leaves_its_name(service: EnrollmentService, ruled: FakeNomad) -> None:
    service.enroll(NEW, "web")
    ruled.add_node("w7", NEW.address)
    assert service.holder("w7") == NEW.address and not service.settle(NEW)
    ruled.nodes[-1]["Status"] = "down"
    assert service.holder("w7") == "" and service.settle(NEW)


def test_records_of_hosts_that_are_gone_are_forgotten(service: EnrollmentService, ruled: FakeNomad) -> None:
    service.enroll(NEW, "web")
    service.enroll(JoiningHost("w8", "10.0.0.28", "request", "k2"), "web")
    ruled.add_node("w8", "10.0.0.28")
    service.sweep(time.time())
    assert len(enrolled.places(service.api)) == 2, "it may still come"
    service.sweep(time.time() + 2 * enrolled.KEPT)
    assert list(enrolled.places(service.api)) == ["keelson/enrolled/w8/10-0-0-28"]
