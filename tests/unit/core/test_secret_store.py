# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's secrets on its managers: whole or not there, and the same everywhere."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import secret_store
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import Copy, Generation, StoreError

PAYLOAD = {"gossip_key": "k", "bootstrap_token": "t"}


def generation(number: int, payload: dict[str, Any] | None = None) -> Generation:
    chosen = PAYLOAD if payload is None else payload
    return Generation(number, secret_store.digest_of(number, chosen), chosen)


def place(store: Path, number: int) -> Path:
    return store / "c1" / "secrets" / f"{number:06d}.json"


def test_nothing_is_no_fault(tmp_path: Path) -> None:
    assert secret_store.read_newest("c1", str(tmp_path)) == (None, [])


def test_the_newest_is_read_by_number_not_by_age(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        secret_store.write("c1", generation(number), str(tmp_path))
    assert secret_store.read_newest("c1", str(tmp_path)) == (generation(10), [])


def test_only_root_may_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        secret_store.write("c1", generation(1), str(tmp_path))
    finally:
        os.umask(before)
    folders = [tmp_path / "c1", tmp_path / "c1" / "secrets"]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]
    assert place(tmp_path, 1).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    place(tmp_path, 1).parent.mkdir(parents=True, mode=0o755)
    secret_store.write("c1", generation(1), str(tmp_path))
    assert place(tmp_path, 1).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no complete generation"),
        (b'{"generation": 2, "digest": "', "no complete generation"),
        (b'{"generation": 2}', "no complete generation"),
        (b"[]", "no complete generation"),
        (b"\xff\xfe", "no complete generation"),
        (json.dumps({"generation": 2, "digest": "0", "payload": PAYLOAD}).encode(), "was changed after"),
    ],
)
def test_a_broken_generation_is_named_and_the_one_before_it_serves(tmp_path: Path, content: bytes, fault: str) -> None:
    secret_store.write("c1", generation(1), str(tmp_path))
    place(tmp_path, 2).write_bytes(content)
    found, broken = secret_store.read_newest("c1", str(tmp_path))
    assert found == generation(1)
    assert len(broken) == 1 and fault in broken[0] and str(place(tmp_path, 2)) in broken[0]


def test_a_damaged_newest_generation_is_not_passed_over_on_a_manager(tmp_path: Path) -> None:
    """What runs on a manager alone cannot know whether others have it whole; with older secrets it would sign for nobody."""
    with pytest.raises(StoreError, match="has none of the cluster's secrets"):
        secret_store.read_current("c1", str(tmp_path))
    secret_store.write("c1", generation(1), str(tmp_path))
    assert secret_store.read_current("c1", str(tmp_path)) == generation(1)
    place(tmp_path, 2).write_text("{")
    with pytest.raises(StoreError, match=r"000002\.json is no complete generation.*run the install playbook"):
        secret_store.read_current("c1", str(tmp_path))


def test_a_copy_under_another_number_is_no_newer_generation(tmp_path: Path) -> None:
    for number in (1, 2):
        secret_store.write("c1", generation(number, {"gossip_key": str(number)}), str(tmp_path))
    place(tmp_path, 9).write_bytes(place(tmp_path, 1).read_bytes())
    found, broken = secret_store.read_newest("c1", str(tmp_path))
    assert found and found.number == 2
    assert len(broken) == 1 and "000009.json holds generation 1" in broken[0]


def test_a_disk_that_fills_leaves_the_generation_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_store.write("c1", generation(1), str(tmp_path))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        secret_store.write("c1", generation(2), str(tmp_path))
    assert secret_store.read_newest("c1", str(tmp_path)) == (generation(1), [])
    assert [path.name for path in place(tmp_path, 1).parent.iterdir()] == ["000001.json"]


def test_what_a_killed_run_left_beside_is_not_read_and_not_in_the_way(tmp_path: Path) -> None:
    place(tmp_path, 1).parent.mkdir(parents=True)
    (place(tmp_path, 1).parent / ".000001.partial").write_text('{"generation": 1, "dig')
    assert secret_store.read_newest("c1", str(tmp_path)) == (None, [])
    secret_store.write("c1", generation(1), str(tmp_path))
    assert secret_store.read_newest("c1", str(tmp_path)) == (generation(1), [])
    assert [path.name for path in place(tmp_path, 1).parent.iterdir()] == ["000001.json"]


def test_a_number_is_given_once(tmp_path: Path) -> None:
    secret_store.write("c1", generation(1), str(tmp_path))
    secret_store.write("c1", generation(1), str(tmp_path))
    with pytest.raises(StoreError, match="holds other secrets"):
        secret_store.write("c1", generation(1, {"gossip_key": "other"}), str(tmp_path))
    assert secret_store.read_newest("c1", str(tmp_path)) == (generation(1), [])
    place(tmp_path, 1).write_text("{")
    secret_store.write("c1", generation(1, {"gossip_key": "other"}), str(tmp_path))
    assert secret_store.read_newest("c1", str(tmp_path)) == (generation(1, {"gossip_key": "other"}), [])
    assert [path.name for path in place(tmp_path, 1).parent.iterdir()] == ["000001.json"]


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    turned = dict(reversed(PAYLOAD.items()))
    assert secret_store.digest_of(1, PAYLOAD) == secret_store.digest_of(1, turned)
    assert secret_store.digest_of(1, PAYLOAD) != secret_store.digest_of(2, PAYLOAD)


def test_no_copy_at_all_means_the_first_is_to_be_made() -> None:
    assert secret_store.newest([Copy("m1", 0, ""), Copy("m2", 0, "")], {}) is None
    assert secret_store.newest([], {}) is None


def test_the_newest_generation_on_any_manager_wins() -> None:
    copies = [Copy("m1", 1, "a"), Copy("m2", 2, "b"), Copy("m3", 0, "", ("broken",))]
    assert secret_store.newest(copies, {}) == copies[1]


def test_a_ca_that_differs_between_managers_is_refused_by_name() -> None:
    copies = [Copy("m1", 1, "a"), Copy("m2", 1, "b"), Copy("m3", 0, "")]
    with pytest.raises(StoreError) as caught:
        secret_store.newest(copies, {"m1": "a CA with the fingerprint 11", "m2": "a CA with the fingerprint 22"})
    message = str(caught.value)
    assert "m1 has a CA with the fingerprint 11, m2 has a CA with the fingerprint 22" in message
    assert "uninstall the foreign cluster" in message and "m3" not in message


def test_an_older_difference_is_no_matter() -> None:
    copies = [Copy("m1", 1, "a"), Copy("m2", 1, "b"), Copy("m3", 2, "c")]
    assert secret_store.newest(copies, {}) == copies[2]


def test_only_broken_generations_never_lead_to_new_secrets() -> None:
    with pytest.raises(StoreError, match=r"m2: /etc/x is broken.*Restore the file from a backup"):
        secret_store.newest([Copy("m1", 0, ""), Copy("m2", 0, "", ("/etc/x is broken",), 1)], {})


def test_a_damaged_newest_generation_that_nobody_has_whole_is_not_passed_over() -> None:
    """Older secrets would be used, and the next change would take the number of those in use."""
    copies = [Copy("m1", 1, "a", ("/etc/x is broken",), 2), Copy("m2", 1, "a", (), 1)]
    with pytest.raises(StoreError, match=r"generation 2 .*m1: /etc/x is broken.*Restore the file from a backup"):
        secret_store.newest(copies, {})
    copies.append(Copy("m3", 2, "b", (), 2))
    assert secret_store.newest(copies, {}) == copies[2]
