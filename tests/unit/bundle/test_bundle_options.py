# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be an option of a bundle is refused before anything is made, and by its prediction too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.action import bundle
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        (
            "path",
            "https://mirror.example.com/bundle",
            "cluster_bundle: .* is an address; a bundle is filled in a directory",
        ),
        ("directory", "nowhere", "nowhere: there is no such folder .bundle_directory"),
        ("manifests", ["nowhere"], "nowhere: there is no such folder .bundle_directory, bundle_manifests"),
        ("apt_sources", "nowhere", "nowhere: there is no such file .bundle_apt_sources"),
        ("registries", {"quay.io": 5}, "bundle_registries: quay.io is 5; give HOST or HOST/PATH"),
        ("registries", {"quay.io": "https://mirror"}, "bundle_registries: quay.io is 'https://mirror'; give HOST"),
    ],
)
def test_what_cannot_be_an_option_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: Any, told: str, check: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {name: spec.get("default") for name, spec in bundle.ARGUMENTS.items()}
    action = object.__new__(bundle.ActionModule)
    action._task = SimpleNamespace(check_mode=check)
    with pytest.raises(BundleError, match=told):
        action.act({**given, "names": ["none"], "path": "bundle", "key": "key", option: value}, {})
    assert not list(tmp_path.iterdir())


def test_a_bundle_lies_where_the_run_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build runs in the folder of its module, and would put a relative path there."""
    monkeypatch.chdir(tmp_path)
    assert Store(Path("bundle")).temporary == tmp_path / "bundle" / "tmp"
