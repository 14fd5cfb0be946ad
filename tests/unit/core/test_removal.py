# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members leave one after the other, whatever the engine, and only on good evidence."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import Member, canonical
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import probe
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import (
    Changed,
    Evidence,
    Outcome,
    Refused,
    no_quorum,
    remove,
)


def refuse(member: Member) -> bool:
    raise Refused(f"{member.name} lives.")


def leave(member: Member) -> bool:
    if member.number == "another":
        raise Changed(f"{member.name} is another by now.")
    return member.name != "gone"


STEPS = {"manager": refuse, "node": leave}


def test_a_refusal_keeps_nobody_else() -> None:
    members = [{"name": name, "address": "10.0.0.1", "part": part, "id": number} for name, part, number in
               (("m4", "manager", ""), ("gone", "node", ""), ("w2", "node", "another"), ("w3", "node", "x"),
                ("m5", "manager", ""))]  # fmt: skip
    outcome = Outcome()
    remove(members, STEPS, outcome)
    assert outcome == Outcome(["w3"], ["m4 lives.", "m5 lives."], ["w2 is another by now."])


def test_a_part_that_is_none() -> None:
    with pytest.raises(KeyError, match="server"):
        remove([{"name": "x", "address": "10.0.0.1", "part": "server"}], STEPS, Outcome())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:DB8::0001", "[2001:db8:0:0::1]"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("10.0.0.1 ", "10.0.0.1"),
        ("a.example", "a.example"),
    ],
)
def test_one_address_has_one_spelling(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("probes", "managers", "fault"),
    [
        ({"m1": {"fd00:0::9": False}, "m2": {"fd00::9": False}}, 3, ""),
        ({"m1": {"fd00::9": False}, "m2": {"fd00::9": True}, "m3": {"fd00::9": False}}, 3, "it answers m2"),
        ({"m1": {"fd00::9": False}}, 3, "1 of 3 managers could look for it, and 2 are needed"),
        ({"m1": {"fd00::8": False}, "m2": {"fd00::8": False}}, 3, "0 of 3"),
        ({}, 0, "0 of 0 managers could look for it, and 1 are needed"),
    ],
)
def test_dead_is_whom_most_managers_looked_for_and_none_reached(
    probes: dict[str, dict[str, bool]], managers: int, fault: str
) -> None:
    assert Evidence(probes, managers).alive("FD00::9").startswith(fault)
    assert bool(Evidence(probes, managers).alive("FD00::9")) == bool(fault)


@pytest.mark.parametrize(
    ("others", "refused"),
    [
        ({"m1": True, "m2": True}, False),
        ({"m1": True, "m2": False}, True),
        ({"m1": True, "m2": True, "m3": False, "m4": False}, True),
        ({"m1": True}, False),
        ({}, True),
    ],
)
def test_who_stays_must_have_a_quorum(others: dict[str, bool], refused: bool) -> None:
    assert bool(no_quorum(others)) == refused


def test_a_probe_tries_every_port_for_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as other:
            closed = other.getsockname()[1]
        assert probe({"127.0.0.1": [closed, port], "127.0.0.9": [port]}, 0.1) == {"127.0.0.1": True, "127.0.0.9": False}
