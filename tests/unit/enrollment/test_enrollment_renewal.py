# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates renew themselves: on a manager with its secrets, on a host node by the enrollment service."""

from __future__ import annotations

import contextlib
import datetime
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate, renew, service
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import enrollment
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

NODE = pki.sort_names("client.global.nomad", ["client.global.nomad", "localhost", "127.0.0.1"])
MANAGER = pki.sort_names("m1", ["server.global.nomad", "https://api.example:4646", "fd00::1", "127.0.0.1"])
CA = pki.make_ca("product")


class Host:
    """A host's folder with a certificate, and what its agent was told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.told = folder, list[str]()
        self.nodes = [{"Address": "127.0.0.1"}]
        self.managers: tuple[str, ...] = ()
        secrets = SimpleNamespace(payload={"ca_certificate": CA.certificate, "ca_key": CA.key})
        self.secrets: dict[str, object] = secrets.payload
        for module in (renew, enrollment):
            monkeypatch.setattr(module, "read_current", lambda _cluster: secrets)
        state = SimpleNamespace(reloadable=True)
        monkeypatch.setattr(renew.units, "read", lambda _unit: state)
        monkeypatch.setattr(renew.units, "carry_out", lambda unit, step: self.told.append(f"{step} {unit.name}"))

    def has(self, names: pki.Names, days: float, ca: pki.Pair = CA) -> pki.Pair:
        pair = pki.issue(ca, names, days)  # type: ignore[arg-type]
        for name, text in (("ca", CA.certificate), ("cert", pair.certificate), ("key", pair.key)):
            (self.folder / f"{name}.pem").write_text(text)
        os.chmod(self.folder / "key.pem", 0o640)
        return pair

    def renew(self) -> int:
        return renew.main("product", str(self.folder), "nomad.service", *self.managers)

    def read(self) -> pki.x509.Certificate:
        ssl.create_default_context().load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        return pki.load_certificate((self.folder / "cert.pem").read_text(), "it")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(certificate.Present, "due", lambda _present, _now: True)
    return Host(tmp_path, monkeypatch)


@pytest.fixture
def node(host: Host, tmp_path: Path) -> Iterator[Host]:
    """A host node, and a manager that it may ask."""
    (tmp_path / "manager").mkdir()
    pair = pki.issue(CA, MANAGER, 10)
    for name, text in (("ca", CA.certificate), ("cert", pair.certificate), ("key", pair.key)):
        (tmp_path / "manager" / name).write_text(text)
    api = SimpleNamespace(get=lambda _path: host.nodes)
    counter = service.Counter("product", lambda cluster: enrollment.EnrollmentService(cluster, api))
    files = (str(tmp_path / "manager" / name) for name in ("ca", "cert", "key"))
    server = service.Server(("127.0.0.1", 0), service.handler(counter), *files)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    host.managers = ("https://127.0.0.1:1", f"https://127.0.0.1:{server.server_address[1]}")
    yield host
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("days", "left", "due"), [(365, 122, False), (365, 121, True), (0.003, 0.002, False), (1, -1, True)]
)
def test_a_third_of_its_time_is_left(tmp_path: Path, days: float, left: float, due: bool) -> None:
    pair = pki.issue(CA, NODE, days)  # type: ignore[arg-type]
    present = certificate.read(pair.certificate)
    assert present.due(present.end - left * 86400) is due


def test_a_manager_signs_for_itself(host: Host) -> None:
    before = host.has(MANAGER, 30)
    assert host.renew() == 0
    after = host.read()
    assert (
        pki.names_of(after) == MANAGER
        and pki.reason_to_renew((host.folder / "cert.pem").read_text(), CA.certificate, MANAGER, 29) is None
    )
    assert after.not_valid_after_utc - pki.now() <= datetime.timedelta(days=30)
    assert (host.folder / "key.pem").read_text() != before.key
    assert (host.folder / "key.pem").stat().st_mode & 0o777 == 0o640
    assert host.told == ["reload nomad.service"]


def test_a_host_node_asks_the_managers(node: Host) -> None:
    before = node.has(NODE, 30)
    assert node.renew() == 0
    names = pki.names_of(node.read())
    assert (names.common_name, names.dns, set(names.addresses)) == (NODE.common_name, NODE.dns, {"127.0.0.1"})
    assert (node.folder / "key.pem").read_text() != before.key
    assert 29 < (node.read().not_valid_after_utc - pki.now()).total_seconds() / 86400 <= 30


@pytest.mark.parametrize(
    ("names", "ca", "nodes", "why"),
    [
        (NODE, CA, [], "the cluster has no host node at 127.0.0.1"),
        (MANAGER, CA, [{"Address": "127.0.0.1"}], "the cluster has no host node at 127.0.0.1"),
        (pki.sort_names("client.global.nomad", ["10.0.0.9"]), CA, [{"Address": "10.0.0.9"}], "shows no certificate"),
        (NODE, pki.make_ca("product"), [{"Address": "127.0.0.1"}], "is not renewed"),
    ],
    ids=["removed", "of a manager", "of another host", "of another CA"],
)
def test_nobody_else_gets_one(
    node: Host,
    capsys: pytest.CaptureFixture[str],
    names: pki.Names,
    ca: pki.Pair,
    nodes: list[dict[str, str]],
    why: str,
) -> None:
    pair = node.has(names, 30, ca)
    node.nodes = nodes
    assert node.renew() == 1
    assert why in capsys.readouterr().out.lower()
    assert (node.folder / "cert.pem").read_text() == pair.certificate
    assert node.told == []


def test_one_that_has_ended_is_told_with_the_cure(node: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a connection: the end of one that managers refuse does not always bring the reason."""
    pair = node.has(NODE, 30)
    ended = certificate.sign(certificate.make_request(pair.key), CA.certificate, CA.key, "/CN=it", ["127.0.0.1"], -1)
    (node.folder / "cert.pem").write_text(ended)
    node.managers = ("https://127.0.0.1:1",)
    assert node.renew() == 1
    told = capsys.readouterr().out
    assert "cert.pem is not renewed: it ended at 20" in told and "run the playbook install" in told, told
    assert (node.folder / "cert.pem").read_text() == ended
    node.managers = ()
    assert node.renew() == 0, "a manager signs for itself"


def test_without_a_certificate(node: Host) -> None:
    with pytest.raises(renew.Refused, match="shows no certificate of this cluster for its address"):
        renew.ask(node.managers[1], "/v1/renew", CA.certificate, {"request": "x"})
    node.has(NODE, 30)
    with pytest.raises(renew.Refused, match="the certificate request is none"):
        identity = (str(node.folder / "cert.pem"), str(node.folder / "key.pem"))
        renew.ask(node.managers[1], "/v1/renew", CA.certificate, {"request": "x"}, identity)


NEXT = pki.make_ca("product 2")


@pytest.fixture
def phases(node: Host, monkeypatch: pytest.MonkeyPatch) -> Callable[[pki.Pair, pki.Pair | None], int]:
    """Have the cluster use a CA and accept another, then let the host node's timer run; its certificate is not due."""
    monkeypatch.setattr(certificate.Present, "due", lambda _present, _now: False)

    def run(used: pki.Pair, other: pki.Pair | None) -> int:
        node.secrets.update(ca_certificate=used.certificate, ca_key=used.key)
        node.secrets["rotations"] = {"ca": {"other": {"ca_certificate": other.certificate} if other else {}}}
        (node.folder / "manager" / "ca").write_text(used.certificate + (other.certificate if other else ""))
        node.told.clear()
        return node.renew()

    return run


def test_a_host_node_follows_to_another_ca(node: Host, phases: Callable[[pki.Pair, pki.Pair | None], int]) -> None:
    node.has(NODE, 30)
    for used, other, trusted in ((CA, NEXT, (CA, NEXT)), (NEXT, CA, (NEXT, CA))):
        assert phases(used, other) == 0 and node.told == ["reload nomad.service"]
        assert (node.folder / "ca.pem").read_text() == "".join(pair.certificate for pair in trusted)
        assert node.read().issuer == pki.load_certificate(used.certificate, "it").subject
    assert (node.folder / "ca.pem").stat().st_mode & 0o777 == 0o644 and not list(node.folder.glob("*.next"))
    serial = node.read().serial_number
    assert phases(NEXT, CA) == 0 and node.read().serial_number == serial, "nothing is left to do"


def test_a_host_node_that_the_managers_cannot_tell_keeps_what_it_has(
    node: Host, phases: Callable[[pki.Pair, pki.Pair | None], int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = node.has(NODE, 30)
    node.nodes = []
    assert phases(CA, NEXT) == 1 and "has no host node at 127.0.0.1" in capsys.readouterr().out
    assert (node.folder / "ca.pem").read_text() == CA.certificate
    assert (node.folder / "cert.pem").read_text() == before.certificate


def test_only_a_host_that_shows_its_certificate_is_told(node: Host) -> None:
    with pytest.raises(renew.Refused, match="shows no certificate of this cluster for its address"):
        renew.ask(node.managers[1], "/v1/trust", CA.certificate, {})


@pytest.mark.parametrize("step", ["replace", "unlink", "open", "fsync"])
def test_it_may_be_cut_off_anywhere(host: Host, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Of each call that changes a file, one after the other is the last one; the run after it ends with a pair that serves."""
    real = getattr(os, step)
    for cut in range(1, 4):
        host.has(MANAGER, 30)
        calls = []

        def dying(*arguments: object, calls: list[int] = calls, cut: int = cut, **more: object) -> object:
            calls.append(1)
            if len(calls) == cut:
                raise KeyboardInterrupt
            return real(*arguments, **more)

        with monkeypatch.context() as patched:
            patched.setattr(renew.os, step, dying)
            with contextlib.suppress(KeyboardInterrupt):
                host.renew()
        renew.finish(str(host.folder))
        assert pki.names_of(host.read()) == MANAGER
        assert not list(host.folder.glob("*.next"))
