# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gossip keys and management tokens are replaced while the managers run; each step may be the last one of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import acl, gossip
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError
from ansible_collections.keelson.cluster.plugins.plugin_utils.nomad import secrets
from fake_nomad import FakeNomad
from module_runs import Run

BOOT, SECOND = "11111111-1111-1111-1111-111111111111", "keelson management token 2"


@pytest.fixture
def managers(nomad: FakeNomad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNomad:
    """Three managers with one key; the files of the one that the tests work on are in a folder."""
    acl.bootstrap(nomad.api(BOOT))
    nomad.keyrings = [["old"], ["old"], ["old"]]
    monkeypatch.setattr(gossip, "DESIRED", str(tmp_path / "desired"))
    monkeypatch.setattr(gossip, "KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(units, "RUN", str(tmp_path))
    monkeypatch.setattr(Api, "from_env", lambda _cluster: nomad.api(BOOT))
    (tmp_path / "desired").write_text('["old"]')
    (tmp_path / "kept").write_text('["old"]')
    return nomad


def change(managers: FakeNomad, tmp_path: Path, run: Run, keys: list[str], check: bool = False) -> dict[str, object]:
    """Have the managers use the keys, where the agent keeps its own in its file."""
    (tmp_path / "desired").write_text(json.dumps(keys))
    real = managers._keyring

    def kept(operation: str, body: object) -> tuple[int, object]:
        answer = real(operation, body)
        (tmp_path / "kept").write_text(json.dumps(managers.keyrings[0]))
        return answer

    managers._keyring = kept  # type: ignore[method-assign]
    return run("nomad_gossip", check=check, cluster="c1", managers=3)


def test_a_key_is_installed_used_and_the_one_before_removed(managers: FakeNomad, tmp_path: Path, run: Run) -> None:
    for keys, operations in ((["old", "new"], ["install"]), (["new", "old"], ["use"]), (["new"], ["use", "remove"])):
        before = [list(ring) for ring in managers.keyrings]
        checked = change(managers, tmp_path, run, keys, check=True)
        assert (checked["changed"], managers.keyrings) == (True, before)
        answer = change(managers, tmp_path, run, keys)
        assert (answer["changed"], answer["operations"]) == (True, operations)
        assert managers.keyrings == [keys] * 3
        assert not change(managers, tmp_path, run, keys)["changed"]


def test_a_manager_that_lags_is_brought_along(managers: FakeNomad, tmp_path: Path, run: Run) -> None:
    managers.keyrings = [["new", "old"], ["new", "old"], ["old"]]
    (tmp_path / "kept").write_text('["new", "old"]')
    answer = change(managers, tmp_path, run, ["new"])
    assert answer["operations"] == ["install", "use", "remove"]
    assert managers.keyrings == [["new"]] * 3


def test_no_key_is_changed_while_a_manager_is_away(managers: FakeNomad, tmp_path: Path, run: Run) -> None:
    managers.keyrings = managers.keyrings[:2]
    answer = change(managers, tmp_path, run, ["old", "new"])
    assert answer["failed"] and "2 of 3 managers take part in the gossip; start the others first" in str(answer["msg"])
    assert managers.keyrings == [["old"]] * 2
    assert not change(managers, tmp_path, run, ["old"])["changed"], "where nothing is to be done it is no hindrance"


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]"])
def test_a_file_without_keys_is_named(managers: FakeNomad, tmp_path: Path, run: Run, text: str) -> None:
    (tmp_path / "desired").write_text(text)
    message = run("nomad_gossip", cluster="c1", managers=3)["msg"]
    assert f"{tmp_path}/desired cannot be used" in message and "run the install playbook" in message


def test_the_agent_that_took_the_keys_needs_no_restart(managers: FakeNomad, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    paths = [str(other), gossip.DESIRED]
    (tmp_path / "nomad.service").write_text(units.stamp(paths))
    (tmp_path / "desired").write_text('["old", "new"]')
    assert (tmp_path / "nomad.service").read_text() != units.stamp(paths)
    change(managers, tmp_path, run, ["old", "new"])
    assert (tmp_path / "nomad.service").read_text() == units.stamp(paths)
    other.write_text("changed")
    change(managers, tmp_path, run, ["old", "new"])
    assert (tmp_path / "nomad.service").read_text() != units.stamp(paths), "what else changed still needs one"


def token(run: Run, number: int, state: str = "present", check: bool = False) -> dict[str, object]:
    return run("nomad_management_token", check=check, cluster="c1", number=number, state=state)


def test_a_token_is_made_once_and_told_again(managers: FakeNomad, run: Run) -> None:
    assert token(run, 2, check=True)["changed"] and SECOND not in acl.ours(managers.api(BOOT))
    made = token(run, 2)
    again = token(run, 2)
    assert made["changed"] and not again["changed"] and made["secret"] == again["secret"] != ""
    assert acl.is_ours(managers.api(str(made["secret"])))
    assert token(run, 1)["secret"] == BOOT


def test_the_tokens_before_are_revoked_by_the_one_that_is_used(
    managers: FakeNomad, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = str(token(run, 2)["secret"])
    managers.tokens["x"] = {"AccessorID": "x", "Name": "of a person", "Type": "management"}
    refused = token(run, 2, "alone")
    assert refused["failed"] and "this manager uses Bootstrap Token, not keelson management token 2" in str(
        refused["msg"]
    )
    monkeypatch.setattr(Api, "from_env", lambda _cluster: managers.api(second))
    assert token(run, 2, "alone", check=True)["changed"] and BOOT in managers.tokens
    assert token(run, 2, "alone")["changed"] and not token(run, 2, "alone")["changed"]
    assert set(managers.tokens) == {second, "x"}
    with pytest.raises(ApiError, match="HTTP 403"):
        acl.ours(managers.api(BOOT))


def test_a_restore_ends_a_rotation_of_the_gossip_key() -> None:
    payload = {
        "gossip_key": "a",
        "rotations": {"gossip_key": {"number": 2, "phase": "use", "other": {"gossip_key": "b"}}},
    }
    after = secrets.restored_secrets(payload)
    assert after["rotations"]["gossip_key"] == {"number": 2, "phase": "finish", "other": {}}
    assert after["gossip_key"] not in ("a", "b") and "rotations" not in secrets.restored_secrets({"gossip_key": "a"})
