# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members leave one after the other, whatever the engine."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import Refused, remove


def refuse(name: str, _address: str) -> bool:
    raise Refused(f"{name} lives.")


STEPS = {"manager": refuse, "node": lambda name, _address: name != "gone"}


def test_a_refusal_keeps_nobody_else() -> None:
    members = [{"name": name, "address": "10.0.0.1", "part": part} for name, part in
               (("m4", "manager"), ("gone", "node"), ("w3", "node"), ("m5", "manager"))]  # fmt: skip
    removed: list[str] = []
    assert remove(members, STEPS, removed) == ["m4 lives.", "m5 lives."]
    assert removed == ["w3"]


def test_a_part_that_is_none() -> None:
    with pytest.raises(KeyError, match="server"):
        remove([{"name": "x", "address": "10.0.0.1", "part": "server"}], STEPS, [])
