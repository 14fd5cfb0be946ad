# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of hosts and managers: leaf certificates, the issuer, the supervisor of Envoy, checks."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import remote, secret_store
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate, service
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import checks as every
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import issuing, places, renewal, supervise
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import (
    allowed,
    checks,
    issuer,
    known,
    leaf,
    renew,
    sidecars,
    status,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import Identity
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import model
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import hosts, render, secrets
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

from .conftest import HOSTS

VARIABLES = Path(__file__).parents[3] / "roles/mesh_sidecar/vars/main"
IDENTITY = "spiffe://product.mesh/ns/shop/svc/orders"


@pytest.fixture(scope="module")
def authority() -> dict[str, Any]:
    """The authority of a mesh."""
    return secrets.make_secrets("product", "product.mesh")


def verified(authority: dict[str, Any], certificate: str, folder: Path, purpose: str = "sslserver") -> str:
    """What openssl has against a chain, '' when nothing."""
    first, *rest = leaf.chain(certificate)
    for name, text in (("root", authority["roots"][0]), ("rest", "".join(rest)), ("leaf", first)):
        (folder / name).write_text(text)
    command = ["openssl", "verify", "-purpose", purpose, "-CAfile", "root", "-untrusted", "rest", "leaf"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def signed(authority: dict[str, Any], identity: str = IDENTITY, minutes: float = 60) -> str:
    """A leaf with its chain."""
    request = certificate.make_request(certificate.make_key())
    chain = str(authority["intermediate"])
    return leaf.sign(request, identity, chain, str(authority["intermediate_key"]), minutes) + chain


@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
def test_a_leaf_holds_on_both_ends(authority: dict[str, Any], tmp_path: Path, purpose: str) -> None:
    assert verified(authority, signed(authority), tmp_path, purpose) == ""


@pytest.mark.parametrize("identity", ["spiffe://other.mesh/ns/shop/svc/orders", "https://example.com/"])
def test_the_authority_can_name_nothing_outside_the_trust_domain(
    authority: dict[str, Any], tmp_path: Path, identity: str
) -> None:
    assert "permitted subtree violation" in verified(authority, signed(authority, identity), tmp_path)


def test_the_authority_can_name_no_server(authority: dict[str, Any], tmp_path: Path) -> None:
    pair = pki.issue(
        pki.Pair(authority["intermediate"], authority["intermediate_key"]), pki.sort_names("x", ["m1", "10.0.0.1"]), 1
    )
    assert "excluded subtree violation" in verified(authority, pair.certificate + authority["intermediate"], tmp_path)


def test_a_leaf_ends_to_the_minute(authority: dict[str, Any]) -> None:
    end = certificate.read(leaf.chain(signed(authority, minutes=2))[0]).end
    assert 100 < end - time.time() <= 120


def test_the_authority_is_rolled_over_in_steps_that_may_be_done_again(
    authority: dict[str, Any], tmp_path: Path
) -> None:
    """At each step what is signed is trusted by those who have the trust of the step before, and the other way round."""
    steps = [authority]
    for step in secrets.STEPS:
        steps.append(secrets.changed(steps[-1], step, "product", "product.mesh"))
        assert step == "prepare" or secrets.changed(steps[-1], step, "product", "product.mesh") == steps[-1]
    _first, prepared, used, finished = steps
    assert secrets.changed(prepared, "prepare", "product", "product.mesh") == prepared
    assert [len(found["roots"]) for found in steps] == [1, 2, 2, 1]
    assert prepared["intermediate"] == authority["intermediate"] != used["intermediate"] == finished["intermediate"]
    assert verified(finished, signed(used), tmp_path) == "" != verified(finished, signed(prepared), tmp_path)
    assert secrets.changed(authority, "use", "product", "product.mesh") == authority
    with pytest.raises(UserError, match="trust_domain is other.mesh, and the mesh was made with product.mesh"):
        secrets.changed(authority, "", "product", "other.mesh")


# --- the issuer -------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(authority: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> issuer.Issuer:
    """An issuer with the authority, and one host."""
    monkeypatch.setattr(secret_store.read_current, "__defaults__", (str(tmp_path),))
    payload = {issuer.COMPONENT: authority}
    secret_store.write(
        "product", secret_store.Generation(1, secret_store.digest_of(1, payload), payload), str(tmp_path)
    )
    told = {
        "hosts": {"w1": {"address": "10.0.0.21", "identities": [IDENTITY]}},
        "host_subject": "",
        "leaf_minutes": 60,
    }
    (tmp_path / "mesh.json").write_text(json.dumps(told))
    monkeypatch.setattr(known, "ISSUED", str(tmp_path / "mesh.json"))
    return issuer.Issuer("product")


def test_a_host_gets_the_leaves_of_its_services(
    manager: issuer.Issuer, authority: dict[str, Any], tmp_path: Path
) -> None:
    request = certificate.make_request(certificate.make_key())
    answer = manager.answer({"requests": {IDENTITY: request}}, ["w1"], "10.0.0.21")
    assert verified(authority, answer["leaves"][IDENTITY], tmp_path) == ""
    assert answer["trust"] == authority["roots"][0]
    assert manager.answer({"requests": {}}, ["w1"], "10.0.0.21")["issuer"] == answer["issuer"]


@pytest.mark.parametrize(
    ("names", "peer", "asked", "message"),
    [
        (["w2"], "10.0.0.21", IDENTITY, "no host of the mesh at 10.0.0.21 has a certificate for any of w2"),
        (["w1"], "10.0.0.22", IDENTITY, "no host of the mesh at 10.0.0.22 has a certificate for any of w1"),
        (["w1"], "10.0.0.21", IDENTITY.replace("orders", "stock"), "w1 runs no service with the identity"),
    ],
)
def test_a_host_gets_no_other(manager: issuer.Issuer, names: list[str], peer: str, asked: str, message: str) -> None:
    with pytest.raises(Denied, match=message):
        manager.answer({"requests": {asked: certificate.make_request(certificate.make_key())}}, names, peer)


def test_a_host_is_known_by_the_address_of_its_certificate(manager: issuer.Issuer) -> None:
    requests = {IDENTITY: certificate.make_request(certificate.make_key())}
    assert (
        IDENTITY in manager.answer({"requests": requests}, {"client.global.nomad", "10.0.0.21"}, "10.0.0.21")["leaves"]
    )
    with pytest.raises(Denied, match="no host of the mesh at 10.0.0.22"):
        manager.answer({"requests": requests}, {"client.global.nomad", "10.0.0.21"}, "10.0.0.22")


def test_a_host_is_known_by_the_subject_that_the_engine_gives_hosts_alone() -> None:
    known = {"hosts": {"w1": {"address": "10.0.0.21", "identities": []}}, "host_subject": "system:node:"}
    assert issuing.allowed(known, ["system:node:w1"], "10.0.0.21")["name"] == "w1"
    for name in ("w1", "system:w1", "system:node:w2"):
        with pytest.raises(Denied, match="no host of the mesh at 10.0.0.21"):
            issuing.allowed(known, [name], "10.0.0.21")


@pytest.mark.parametrize("asked", [None, [], {}, {"requests": []}, {"requests": {IDENTITY: 1}}])
def test_what_is_no_request_is_refused(manager: issuer.Issuer, asked: Any) -> None:
    with pytest.raises(Denied, match="has no 'requests'"):
        manager.answer(asked, ["w1"], "10.0.0.21")


def test_a_host_of_many_services_is_read_whole(capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"requests": {f"spiffe://x/{number}": "r" * 1000 for number in range(500)}}).encode()
    sent = io.BytesIO(b"POST /v1/leaves HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    seen: list[int] = []
    counting = SimpleNamespace(
        issues="leaves", answer=lambda asked, *_who: {"leaves": seen.append(len(asked["requests"]))}
    )
    link = SimpleNamespace(makefile=lambda *_how: sent, sendall=lambda _answer: None, getpeercert=lambda: {})
    issuing.handler(counting)(link, ("10.0.0.21", 1), None)  # type: ignore[arg-type]
    assert seen == [500], capfd.readouterr().out


def test_the_names_of_a_client() -> None:
    subject = ((("commonName", "system:node:w2"),),)
    certificate = {"subjectAltName": (("DNS", "w1"), ("IP Address", "10.0.0.21")), "subject": subject}
    assert service.names_of(certificate) == {"w1", "system:node:w2", "10.0.0.21"}
    assert service.names_of({}) == set()


# --- renewal ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (renew.Kept(0, ""), "there was none"),
        (renew.Kept(10_000, "older"), "another authority signs now"),
        (renew.Kept(1_000 + 29 * 60, "now"), "29 minutes were left"),
        (renew.Kept(1_000 + 31 * 60, "now"), ""),
    ],
)
def test_reasons_to_renew(kept: renew.Kept, reason: str) -> None:
    assert renew.reason_to_renew(kept, "now", 30, 1_000) == reason


def test_a_secret_is_written_whole_and_read_back(
    authority: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "STATE", str(tmp_path))
    monkeypatch.setattr(places, "account", lambda _name: "root")
    (tmp_path / "shop_orders").mkdir()
    content = {"tls_certificate": {"certificate_chain": {"inline_string": signed(authority)}}}
    renew.write("shop_orders", "identity", content, "authority")
    found = renew.kept("shop_orders")
    assert found.issuer == "authority" and 3500 < found.end - time.time() <= 3600
    path = tmp_path / "shop_orders/identity.json"
    assert path.stat().st_mode & 0o777 == 0o440
    before = path.stat().st_ino
    renew.write("shop_orders", "identity", content, "authority")
    assert path.stat().st_ino == before
    assert renew.kept("shop_front") == renew.Kept(0, "")


class Issuers:
    """Managers, each of which answers a text by its name; who is none does not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: tuple[int, bytes]) -> None:
        context = SimpleNamespace(load_cert_chain=lambda *_files: None)
        monkeypatch.setattr(renewal.ssl, "create_default_context", lambda **_given: context)
        monkeypatch.setattr(renewal.http.client, "HTTPSConnection", self.link)
        self.answers, self.asked = answers, list[Any]()
        self.given = {"ca": "", "cert": "", "key": "", "issuers": [f"https://{name}:4651" for name in answers]}

    def link(self, name: str, *_place: Any, **_how: Any) -> Any:
        """A connection to one of them."""
        status, text = self.answers[name]
        reply = SimpleNamespace(status=status, read=lambda most: text[:most])
        return SimpleNamespace(
            request=lambda *what: self.asked.append(what), getresponse=lambda: reply, close=lambda: None
        )


def test_one_manager_after_the_other_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    managers = Issuers(monkeypatch, m1=(503, b'{"error": "cannot sign"}'), m2=(200, b'{"leaves": {}}'))
    assert renewal.ask(managers.given, "leaves", {}) == {"leaves": {}}
    assert [what[:2] for what in managers.asked] == [("POST", "/v1/leaves")] * 2


def test_an_answer_that_is_none_is_told_and_read_with_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST", 40)
    managers = Issuers(
        monkeypatch, m1=(200, b"[" * 41), m2=(503, b'["no object"]'), m3=(503, b'{"error": "cannot sign"}')
    )
    with pytest.raises(
        OSError, match="m1:4651: the answer is larger than 40 bytes; .*m2.*no JSON object; .*m3.*cannot sign"
    ):
        renewal.ask(managers.given, "leaves", {})


# --- the supervisor ---------------------------------------------------------------------------------------------------

FAKE = """#!/bin/sh
# Runs until it is told to stop; the one after a file "refuse" does not start.
for last in "$@"; do :; done
echo "$last" >> {folder}/epochs
[ -e {folder}/refuse ] && exit 3
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


@pytest.fixture
def envoy(tmp_path: Path) -> Path:
    """A stand-in for Envoy, which writes down its epochs."""
    path = tmp_path / "envoy"
    path.write_text(FAKE.format(folder=tmp_path))
    path.chmod(0o755)
    return path


def supervised(envoy: Path) -> subprocess.Popen[bytes]:
    """A supervisor as a process of its own."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        f"from {supervise.__name__} import Supervisor\n"
        f"raise SystemExit(Supervisor(['{envoy}']).serve(lambda: True))"
    )
    return subprocess.Popen([sys.executable, "-c", code])


def epochs(envoy: Path, count: int) -> list[str]:
    """The epochs that were started, once there are so many."""
    deadline = time.monotonic() + 60  # a busy machine
    while time.monotonic() < deadline:
        path = envoy.parent / "epochs"
        found = path.read_text().split() if path.exists() else []
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("no such epoch")


def test_a_reload_starts_the_next_epoch_and_the_end_ends_all(envoy: Path) -> None:
    process = supervised(envoy)
    assert epochs(envoy, 1) == ["0"]
    time.sleep(0.2)
    process.send_signal(signal.SIGHUP)
    assert epochs(envoy, 2) == ["0", "1"]
    process.terminate()
    assert process.wait(60) == 0


def test_a_newer_one_that_does_not_start_leaves_the_older_one(envoy: Path) -> None:
    process = supervised(envoy)
    epochs(envoy, 1)
    time.sleep(0.2)
    (envoy.parent / "refuse").touch()
    process.send_signal(signal.SIGHUP)
    epochs(envoy, 2)
    time.sleep(0.5)
    assert process.poll() is None
    (envoy.parent / "refuse").unlink()
    process.send_signal(signal.SIGHUP)
    assert epochs(envoy, 3) == ["0", "1", "1"]
    process.terminate()
    assert process.wait(60) == 0


def test_when_the_last_one_dies_it_is_over(envoy: Path) -> None:
    (envoy.parent / "refuse").touch()
    assert supervised(envoy).wait(60) == 1


# --- changes on a host ------------------------------------------------------------------------------------------------


def test_what_others_read_is_written_first() -> None:
    files = dict.fromkeys(("bootstrap.json", "lds.json", "cds.json", "eds_a.json", "rds_a.json"), {})
    written = [
        os.path.basename(entry["path"]) for entry in sidecars.entries_of("a_b", files) if entry["state"] == "file"
    ]
    assert written == ["rds_a.json", "eds_a.json", "cds.json", "lds.json", "bootstrap.json"]


def test_a_rejected_change_is_told() -> None:
    stats = {"listener_manager.lds.update_rejected": 2, "listener_manager.lds.version_text": "old"}
    files = {"lds.json": {"version_info": "new", "resources": []}}
    before = {"listener_manager.lds.update_rejected": 1}
    assert "rejected (listener_manager.lds.update_rejected)" in sidecars.in_effect(lambda: stats, files, before, 0)
    assert "does not use lds.json" in sidecars.in_effect(lambda: {**stats, **before}, files, before, 0)
    good = {**before, "listener_manager.lds.version_text": "new"}
    assert sidecars.in_effect(lambda: good, files, before, 0) == ""


def test_files_that_were_rejected_go_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "CONFIG", str(tmp_path))
    (tmp_path / "a_b").mkdir()
    path = tmp_path / "a_b/lds.json"
    path.write_text('{"old": 1}')
    path.chmod(0o640)
    assert sidecars.changed({"a_b": {"lds.json": {"new": 1}}}) == ["a_b"]
    old = sidecars._contents(["a_b"])
    path.write_text('{"new": 1}')
    assert sidecars.changed({"a_b": {"lds.json": {"new": 1}}}) == []
    sidecars.put_back(old["a_b"])
    assert path.read_text() == '{"old": 1}' and path.stat().st_mode & 0o777 == 0o640


# --- checks, each of them failing --------------------------------------------------------------------------------------

SIDECAR = {"port": 8081, "mesh_port": 8081}


def listening(address: str, process: str = "python3") -> list[dict[str, Any]]:
    """A socket on the service's port."""
    return [{"protocol": "tcp", "port": 8081, "address": address, "process": process}]


@pytest.mark.parametrize(
    ("verdict", "passed"),
    [
        (every.serving("LIVE", {"x.update_rejected": 0}), True),
        (every.serving("LIVE", {"x.update_rejected": 1}), False),
        (every.serving("", {}), False),
        (checks.fresh(renew.Kept(60 * 100, ""), 60, 0), True),
        (checks.fresh(renew.Kept(60 * 39, ""), 60, 0), False),
        (checks.fresh(renew.Kept(0, ""), 60, 0), False),
        (every.closed(b""), True),
        (every.closed(b"HTTP/1.1 200 OK"), False),
        (every.refused([]), True),
        (every.refused(["the service"]), False),
        (every.around(listening("127.0.0.1"), SIDECAR), True),
        (every.around(listening("10.0.0.21", "envoy"), SIDECAR), True),
        (every.around(listening("0.0.0.0"), SIDECAR), False),
        (every.around(listening("0.0.0.0"), {**SIDECAR, "mesh_port": 9443}), True),
        (checks.healthy({"cluster_statuses": [{"name": "local", "host_statuses": [{}]}]}), True),
        (checks.healthy({}), False),
        (checks.healthy({}, checks.absent([], {**SIDECAR, "job": "orders"})), True),
        (checks.healthy({}, checks.absent(listening("127.0.0.1"), {**SIDECAR, "job": "orders"})), False),
        (
            checks.healthy(
                {
                    "cluster_statuses": [
                        {"name": "local", "host_statuses": [{"health_status": {"failed_active_health_check": True}}]}
                    ]
                }
            ),
            False,
        ),
    ],
)
def test_checks_pass_and_fail(verdict: Any, passed: bool) -> None:
    assert verdict.passed is passed and verdict.evidence


def told(files: dict[str, Any]) -> list[str]:
    """The rules in files, in one line each."""
    return [str(rule) for rule in allowed.in_use(files)]


def test_who_may_call_is_read_out_of_the_routes_in_use(mesh: model.Mesh) -> None:
    files = render.sidecar(mesh, mesh.services["shop/orders"], "w1")
    assert told(files) == ["shop/front GET,POST /orders*,/slow,/alone"]
    assert told(render.sidecar(mesh, mesh.services["shop/stock"], "w2")) == ["shop/orders"]
    assert told({}) == []
    assert allowed.service("spiffe://product.mesh/ns/shop/svc/") == "shop/"


def test_rules_of_other_protocols_and_of_whole_tenants_are_read_too(variables: dict[str, Any]) -> None:
    variables["mesh_services"][2].update(protocol="tcp", allow=[{"from": "*"}])
    mesh = model.read(variables, HOSTS, "product")
    assert told(render.sidecar(mesh, mesh.services["shop/stock"], "w2")) == ["shop/*"]


@pytest.mark.parametrize(
    ("caller", "method", "path", "why"),
    [
        ("shop/front", "GET", "/orders/7?x=1", ""),
        ("shop/front", "DELETE", "/orders", "(shop/front GET,POST /orders*,/slow,/alone) has not the method DELETE"),
        ("shop/front", "DELETE", "/admin", "has not the method DELETE and the path /admin"),
        ("shop/stock", "GET", "/orders", "no allow rule is for the caller shop/stock; the rules are for shop/front"),
    ],
)
def test_a_refusal_names_the_nearest_rule(mesh: model.Mesh, caller: str, method: str, path: str, why: str) -> None:
    rules = allowed.in_use(render.sidecar(mesh, mesh.services["shop/orders"], "w1"))
    found = allowed.refusal(rules, caller, method, path)
    assert why in found and bool(why) == bool(found)
    assert allowed.refusal([], caller, method, path).endswith("the rules are for nobody")


def test_a_call_is_judged_on_both_sides(mesh: model.Mesh) -> None:
    described = hosts.describe(mesh, "w1", "product", [], Identity("/ca", "/cert", "/key"))["sidecars"]
    front, orders = status.chosen(described, "shop/orders", "shop/front")
    rules = allowed.in_use(render.sidecar(mesh, mesh.services["shop/orders"], "w1"))
    call = {"service": "shop/orders", "caller": "shop/front", "method": "DELETE", "path": "/orders"}
    assert (
        status.judge(front, [], call) == "it leaves the caller's side by 127.0.0.1:18081, for the account front alone"
    )
    assert status.judge(orders, rules, call).startswith("refused on the side of shop/orders: allow[0] (")
    assert status.judge(orders, rules, {**call, "method": "GET"}) == "allowed on the side of shop/orders"
    stock = {**call, "service": "shop/stock"}
    assert status.judge(front, [], stock) == "refused on the caller's side: shop/front has no upstream shop/stock"


def test_failed_calls_are_told_with_their_side_and_reason() -> None:
    front = "spiffe://product.mesh/ns/shop/svc/front"
    common = {"side": "inbound", "caller": front, "method": "DELETE", "path": "/orders"}
    refused = {**common, "status": 403, "details": "rbac_access_denied_matched_policy[none]", "flags": "-"}
    late = {"side": "outbound", "cluster": "shop/stock", "status": 504, "details": "response_timeout", "flags": "UT"}
    lines = ["starting", "{cut", *map(json.dumps, [refused, refused, {**common, "status": 200, "flags": "-"}, late])]
    rules = [allowed.Rule("", "allow[0]", "shop/front", ("GET",), ())]
    first, second = status.failed(lines, "shop/orders", rules)
    assert (first["side"], first["caller"], first["count"]) == ("inbound", "shop/front", 2)
    assert first["why"] == "allow[0] (shop/front GET) has not the method DELETE"
    assert (second["caller"], second["called"]) == ("shop/orders", "shop/stock")
    assert second["why"] == "longer than the timeout of the caller's upstream"
    behind = {"status": 500, "flags": "-", "details": "via_upstream"}
    assert status.why({**behind, "side": "inbound"}) == "the service answered 500"
    assert status.why({**behind, "side": "outbound"}) == "the other side answered 500"
    own = {"status": 400, "flags": "-", "details": "path_normalization_failed", "side": "inbound"}
    assert status.why(own) == "the sidecar answered 400 (path_normalization_failed)"


def test_a_unit_whose_files_are_compared_writes_them_down() -> None:
    """Without its note it would count as started with older files in every run."""
    text = "".join(path.read_text() for path in sorted(VARIABLES.glob("*.yml")))
    given = [yaml.safe_load(path.read_text()) for path in VARIABLES.glob("*.yml")]
    lists = [value for variables in given for name, value in variables.items() if name.endswith("_units")]
    units = [unit for value in lists if isinstance(value, list) for unit in value]
    assert len(units) > 1
    for unit in units:
        for part, note in (("inputs", unit["name"]), ("reload", f"{unit['name']}.reload")):
            assert part not in unit or f"stamp_command('{note}')" in text, note
