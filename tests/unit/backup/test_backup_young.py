# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is taken before an upgrade unless there is a young one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.keelson.cluster.plugins.modules import cluster_backup

NOTE = {"name": "c1-2", "size": 1000, "host": "m1", "created": 0, "generation": 1}


@pytest.mark.parametrize(
    ("age", "hours", "check", "asked", "changed"),
    [
        (1, 24, False, ["status"], False),
        (30, 24, False, ["status", "now"], True),
        (None, 24, False, ["status", "now"], True),
        (30, 24, True, ["status"], True),
        (1, 0, False, ["now"], True),
        (1, 0, True, ["status"], True),
    ],
)
def test_a_young_backup_is_enough(
    age: float | None,
    hours: float,
    check: bool,
    asked: list[str],
    changed: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    newest = {"name": "c1-1", "created": time.time() - age * 3600} if age is not None else None
    answers: dict[str, Any] = {"status": {"hours": 26, "recorded": {"newest": newest}}, "now": NOTE}
    verbs: list[str] = []
    monkeypatch.setattr(cluster_backup, "ask", lambda verb, _cluster: (verbs.append(verb), answers[verb])[1])
    given = {"cluster": "c1", "older_than": hours, "_ansible_check_mode": check}
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    with pytest.raises(SystemExit):
        cluster_backup.main()
    assert json.loads(capsys.readouterr().out)["changed"] is changed and verbs == asked


def test_a_prediction_fails_where_no_backup_can_be_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(_verb: str, _cluster: str) -> Any:
        raise cluster_backup.BackupError("No module named 'utils'")

    monkeypatch.setattr(cluster_backup, "ask", ask)
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
    given = {"cluster": "c1", "_ansible_check_mode": True}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    with pytest.raises(SystemExit):
        cluster_backup.main()
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"] and "No module named" in answer["msg"]
