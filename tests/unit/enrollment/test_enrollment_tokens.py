# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a join token lets in."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import tokens
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied, enroll

NOW = 1_000_000.0


def test_as_many_hosts_as_it_was_made_for() -> None:
    token, text = tokens.make("web", 2, 3600, NOW)
    assert text.startswith(f"{token.number}.") and token.digest not in text
    once = enroll(token, text, "a", "k1", NOW)
    assert enroll(once, text, "a", "k1", NOW) == once, "a host that was cut off may ask again"
    twice = enroll(once, text, "b", "k2", NOW)
    with pytest.raises(Denied, match=r"has let in the 2 it was made for \(a, b\)") as denied:
        enroll(twice, text, "c", "k3", NOW)
    assert denied.value.status == 410
    with pytest.raises(Denied, match="has let in"):
        enroll(twice, text, "a", "another key", NOW)
    assert tokens.parse(tokens.dump(twice)) == twice


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1] + "x", lambda text: text.partition(".")[0], lambda _text: ""]
)
def test_a_forged_token(change: object) -> None:
    token, text = tokens.make("web", 1, 3600, NOW)
    with pytest.raises(Denied, match="forged, or revoked") as denied:
        enroll(token, change(text), "a", "k", NOW)  # type: ignore[operator]
    assert denied.value.status == 403
    with pytest.raises(Denied, match="forged, or revoked"):
        enroll(None, text, "a", "k", NOW)


def test_an_expired_token() -> None:
    token, text = tokens.make("web", 1, 3600, NOW)
    enroll(token, text, "a", "k", NOW + 3600)
    with pytest.raises(Denied, match=r"ended at 1970-01-12T14:46:40\+00:00"):
        enroll(token, text, "a", "k", NOW + 3601)
    assert not tokens.over(token, NOW + 3601) and tokens.over(token, NOW + 3600 + tokens.KEPT + 1)
