# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be an image is refused before anything is fetched: the first task of the playbook is a prediction."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.action import server_image
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]


def predict(folder: Path, **options: Any) -> dict[str, Any]:
    """The answer of the action in check mode."""
    given = {name: spec.get("default") for name, spec in server_image.ARGUMENTS.items()}
    action = object.__new__(server_image.ActionModule)
    action._task = SimpleNamespace(check_mode=True)
    return action.act({**given, "engine": "nomad", "output": str(folder), **options}, {})


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("engine", "nomand", "cluster_engine has 'nomand': this collection has no such engine"),
        ("base", "nowhere", "nowhere: there is no such file .server_image_base"),
        ("target", "nowhere", "nowhere: there is no such file .server_image_target"),
        ("apt_sources", "nowhere", "nowhere: there is no such file .server_image_apt_sources"),
        ("size", 100, "of server_image_size 100 MiB"),
        ("builder", "amazon-ebs", "needs your values: .*server_image_target"),
    ],
)
def test_what_cannot_be_an_image_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: Any, told: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert predict(tmp_path)["changed"]
    with pytest.raises(UserError, match=told):
        predict(tmp_path, **{option: value})


def test_who_is_not_root_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match="run this as root"):
        predict(tmp_path)


def test_the_playbook_asks_for_that_before_the_bundle_is_filled() -> None:
    first, *_others, last = yaml.safe_load((ROOT / "playbooks/server_image.yml").read_text())
    (check,), build = first["tasks"], last["tasks"][0]
    name = "keelson.cluster.server_image"
    assert check["check_mode"] is True and check[name] == build[name]
