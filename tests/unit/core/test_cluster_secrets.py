# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of a cluster's secrets among what its managers and another place hold."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible_collections.keelson.cluster.plugins.action.cluster_secrets import ActionModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import secret_store
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import StoreError
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

PAYLOAD = {"ca_certificate": pki.make_ca("c1").certificate, "gossip_key": "g"}


def read(host: str, number: int = 0, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the module secret_store answers on a manager."""
    digest = secret_store.digest_of(number, payload or PAYLOAD) if number else ""
    kept = (payload or PAYLOAD) if number else {}
    return {"item": host, "generation": number, "digest": digest, "payload": kept, "broken": []}


def choose(
    *reads: dict[str, Any], writable: str = "m1 m2 m3", check: bool = False, store: Any = None
) -> dict[str, Any]:
    """What the action answers for a cluster of m1, m2 and m3."""
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(b"password"))])
    action = ActionModule(SimpleNamespace(check_mode=check, async_val=0), None, None, loader, None, None)
    names = ["m1", "m2", "m3"]
    args = {"cluster": "c1", "engine": "nomad", "reads": list(reads), "managers": names, "writable": writable.split()}
    chosen: dict[str, Any] = action._choose({**args, "store": store or {}})
    return chosen


def test_the_first_secrets_are_made_for_every_manager() -> None:
    answer = choose(read("m1"), read("m2"), read("m3"))
    assert answer["changed"] and answer["generation"] == 1 and answer["lacking"] == ["m1", "m2", "m3"]
    assert set(answer["payload"]) == {"ca_certificate", "ca_key", "gossip_key", "bootstrap_token"}


def test_kept_secrets_go_only_to_those_that_lack_them() -> None:
    answer = choose(read("m1"), read("m2", 2), read("m3", 1))
    assert (answer["changed"], answer["generation"], answer["payload"]) == (False, 2, PAYLOAD)
    assert answer["lacking"] == ["m1", "m3"]
    assert choose(*(read(host, 2) for host in ("m1", "m2", "m3")))["lacking"] == []


def test_a_dead_manager_is_no_hindrance_once_there_are_secrets() -> None:
    dead = {"item": "m1", "unreachable": True, "msg": "no route"}
    assert choose(dead, read("m2", 1), read("m3", 1), writable="m2 m3")["lacking"] == ["m1"]


@pytest.mark.parametrize("writable", ["m1 m2 m3", "m2 m3"])
def test_no_first_secrets_without_all_managers(writable: str) -> None:
    reads = [read("m2"), read("m3")] + ([read("m1")] if writable == "m2 m3" else [])
    with pytest.raises(StoreError, match="m1 cannot be asked or written to in this run"):
        choose(*reads, writable=writable)


def test_different_authorities_are_told_by_their_fingerprints() -> None:
    other = {**PAYLOAD, "ca_certificate": pki.make_ca("c1").certificate}
    with pytest.raises(StoreError) as caught:
        choose(read("m1", 1), read("m2", 1, other), read("m3"))
    for payload in (PAYLOAD, other):
        assert pki.fingerprint(payload["ca_certificate"]) in str(caught.value)


def test_another_place_is_written_once_and_read_when_all_managers_are_bare(tmp_path: Path) -> None:
    store = {"file": str(tmp_path / "secrets")}
    all_have = [read(host, 2) for host in ("m1", "m2", "m3")]
    choose(*all_have, store=store, check=True)
    assert list(tmp_path.iterdir()) == []
    choose(*all_have, store=store)
    sealed = (tmp_path / "secrets").read_bytes()
    choose(*all_have, store=store)
    assert (tmp_path / "secrets").read_bytes() == sealed
    answer = choose(read("m1"), read("m2"), read("m3"), store=store)
    assert (answer["generation"], answer["payload"], answer["lacking"]) == (2, PAYLOAD, ["m1", "m2", "m3"])
    choose(*(read(host, 3) for host in ("m1", "m2", "m3")), store=store)
    assert (tmp_path / "secrets").read_bytes() != sealed


def test_another_place_with_other_secrets_is_refused(tmp_path: Path) -> None:
    store = {"file": str(tmp_path / "secrets")}
    choose(read("m1", 1), read("m2", 1), read("m3", 1), store=store)
    other = {**PAYLOAD, "gossip_key": "x"}
    with pytest.raises(
        StoreError, match=r"different secrets under generation 1: m1 has a CA .*secrets has other secrets"
    ):
        choose(read("m1", 1, other), read("m2"), read("m3"), store=store)
