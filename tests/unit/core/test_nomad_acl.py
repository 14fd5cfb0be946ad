# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bootstrap of the access control: exactly once, whoever is cut off when."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import acl
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import ApiError
from fake_nomad import FakeNomad

OURS, THEIRS = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def test_the_anonymous_answer_of_200_proves_nothing(nomad: FakeNomad) -> None:
    assert nomad.api().exchange("GET", "/v1/acl/token/self")[0] == 200
    assert not acl.is_ours(nomad.api())


def test_a_token_of_the_cluster_that_does_not_rule_is_not_ours(nomad: FakeNomad) -> None:
    nomad.tokens[OURS] = {"Type": "client"}
    assert not acl.is_ours(nomad.api(OURS))


def test_once_and_only_once(nomad: FakeNomad) -> None:
    assert not acl.is_ours(nomad.api(OURS))
    assert acl.bootstrap(nomad.api(OURS)) is True
    assert acl.bootstrap(nomad.api(OURS)) is False
    assert acl.is_ours(nomad.api(OURS)) and nomad.bootstraps == 1
    assert nomad.requests.count(("POST", "/v1/acl/bootstrap")) == 1


def test_once_even_when_the_answer_was_lost(nomad: FakeNomad) -> None:
    nomad.cut = True
    with pytest.raises(ApiError) as caught:
        acl.bootstrap(nomad.api(OURS))
    assert caught.value.status == 0
    assert acl.bootstrap(nomad.api(OURS)) is False
    assert nomad.bootstraps == 1


def test_two_runs_at_once_are_content_with_one(nomad: FakeNomad) -> None:
    def other_run() -> None:
        nomad.bootstraps = 1
        nomad.tokens[OURS] = {"Type": "management"}

    nomad.before_bootstrap = other_run
    assert acl.bootstrap(nomad.api(OURS)) is False


def test_somebody_else_was_first(nomad: FakeNomad) -> None:
    acl.bootstrap(nomad.api(THEIRS))
    before = dict(nomad.tokens)
    with pytest.raises(acl.ForeignBootstrap, match="already done"):
        acl.bootstrap(nomad.api(OURS))
    assert nomad.tokens == before


def test_no_leader_is_an_error_and_no_answer(nomad: FakeNomad) -> None:
    nomad.leader = ""
    with pytest.raises(ApiError, match="HTTP 500: No cluster leader"):
        acl.bootstrap(nomad.api(OURS))
    assert nomad.bootstraps == 0
