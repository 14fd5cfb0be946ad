# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CA running agents trust and use, asked of servers that take certificates of some."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import answers
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import trust
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.enrolled import place
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.trust import Shown
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from fake_nomad import TOKEN, A, B, FakeNomad

OLD, NEW = (pki.make_ca(f"c1 CA{number}") for number in ("", " 2"))
FIRST, SECOND = "CN=c1 CA", "CN=c1 CA 2"
BOTH = [NEW.certificate, OLD.certificate]
Agent = Callable[[pki.Pair, str], None]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """Start an agent at 127.0.0.1 with a certificate of a CA, which takes clients of some."""
    started = []

    def start(issuer: pki.Pair, trusted: str) -> None:
        pair = pki.issue(issuer, pki.sort_names("a", ["127.0.0.1"]), 1)
        for name, text in (("ca", trusted), ("cert", pair.certificate), ("key", pair.key)):
            (tmp_path / name).write_text(text)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        files = ["-CAfile", tmp_path / "ca", "-cert", tmp_path / "cert", "-key", tmp_path / "key"]
        command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-Verify", "1", *files]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))
        while not answers("127.0.0.1", port):
            time.sleep(0.02)
        monkeypatch.setattr(trust, "HTTP", port)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def look(tmp_path: Path, mine: pki.Pair = OLD) -> Shown:
    pair = pki.issue(mine, pki.sort_names("m1", ["127.0.0.1"]), 1)
    for name, text in (("own-ca", mine.certificate), ("own-cert", pair.certificate), ("own-key", pair.key)):
        (tmp_path / name).write_text(text)
    return trust.look(Api("", 0, *(str(tmp_path / f"own-{name}") for name in ("ca", "cert", "key")), "t"), "127.0.0.1")


def test_an_agent_tells_whom_it_trusts(agent: Agent, tmp_path: Path) -> None:
    agent(OLD, OLD.certificate + NEW.certificate)
    assert look(tmp_path) == Shown((FIRST, SECOND), FIRST)
    agent(NEW, NEW.certificate)
    assert look(tmp_path) == Shown((SECOND,), SECOND), "even one that neither trusts us nor is trusted"
    assert trust.subject(NEW.certificate) == SECOND


def test_one_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "HTTP", 1)
    assert look(tmp_path) == Shown()
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(trust, "HTTP", listener.getsockname()[1])
    monkeypatch.setattr(trust, "PATIENCE", 0.5)
    assert look(tmp_path) == Shown()
    listener.close()


@pytest.mark.parametrize(
    ("phase", "authorities", "shown", "reason"),
    [
        ("prepare", [FIRST, SECOND], Shown((FIRST, SECOND), FIRST), ""),
        ("prepare", [FIRST, SECOND], Shown((FIRST,), FIRST), f"does not trust {SECOND}"),
        ("use", [SECOND, FIRST], Shown((SECOND, FIRST), FIRST), f"shows a certificate of {FIRST}"),
        ("use", [SECOND, FIRST], Shown((FIRST, SECOND), SECOND), ""),
        ("finish", [SECOND], Shown((SECOND, FIRST), SECOND), f"trusts {FIRST} still"),
        ("finish", [SECOND], Shown((SECOND,), SECOND), ""),
        ("finish", [SECOND], Shown(), "does not answer"),
    ],
)
def test_what_an_agent_lacks(phase: str, authorities: list[str], shown: Shown, reason: str) -> None:
    assert trust.lacks(shown, authorities, phase) == reason


def test_members_that_live_count_and_before_the_end_the_whole_inventory(ruled: FakeNomad) -> None:
    ruled.add_node("w1", "10.0.0.21")
    ruled.add_node("self", "10.0.0.22")
    ruled.add_node("gone", "10.0.0.23", "down")
    hosts = {"m1": A, "m2": B, "w1": "10.0.0.21", "off": "10.0.0.29"}
    good = {A: Shown((FIRST, SECOND), SECOND), B: Shown((FIRST,), FIRST), "10.0.0.21": Shown((FIRST, SECOND), SECOND)}

    def lagging(phase: str, certificates: list[str], **more: Any) -> dict[str, str]:
        known = {**good, **more}
        return trust.lagging(ruled.api(TOKEN), hosts, certificates, phase, lambda _api, a: known.get(a, Shown()))

    foreign = "does not answer (it is not in the inventory)"
    ruled.variables[place("self", "10.0.0.22")] = {"Path": place("self", "10.0.0.22"), "ModifyTime": 1}
    found = lagging("prepare", BOTH[::-1])
    assert "it joined by itself, and takes part by its own timer" in found.pop("self")
    assert found == {"m2": f"does not trust {SECOND}", "m3": foreign}
    assert lagging("use", BOTH)["off"] == "does not answer"
    assert set(lagging("finish", BOTH[:1])) == {"m1", "m2", "m3", "self", "w1"}
