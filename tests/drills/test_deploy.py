# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application is deployed, released anew, taken back when a release does not come up, and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lab.applications import HELLO
from lab.runs import Run
from lab.servers import Lab

APP: dict[str, Any] = {**HELLO, "variables": {"LISTEN": ":8080", "RELEASE": "1"}}


def deploy(lab: Lab, folder: Path, *arguments: str, **changes: Any) -> Run:
    """Run the playbook on the application with these changes."""
    path = folder / "hello.yml"
    path.write_text(yaml.safe_dump({**APP, **changes}))
    return lab.play("deploy", "-e", f"deploy={path}", *arguments)


def release(number: int) -> dict[str, str]:
    return {"LISTEN": ":8080", "RELEASE": str(number)}


@pytest.fixture(autouse=True)
def gone(cluster: Lab, tmp_path: Path) -> Any:
    yield
    deploy(cluster, tmp_path, "-e", "deploy_state=absent")


def test_the_life_of_an_application(cluster: Lab, tmp_path: Path) -> None:
    running = cluster.driver.application
    assert "Deploy | Apply the declared application" in {
        name.partition(" : ")[2] or name for name, _host in deploy(cluster, tmp_path, "--check").expect().changed()
    }
    assert running(cluster, "hello") is None
    deploy(cluster, tmp_path).expect()
    assert running(cluster, "hello") == ("1", 2)
    assert not deploy(cluster, tmp_path).expect().changed()

    deploy(cluster, tmp_path, variables=release(2), instances=3).expect()
    assert running(cluster, "hello") == ("2", 3)

    unknown = deploy(cluster, tmp_path, image="keelson/sample-app:9.9.9", variables=release(3), instances=3).expect(2)
    assert "the new release of hello did not come up" in unknown.output
    assert "the release before it runs" in unknown.words()
    assert running(cluster, "hello") == ("2", 3)

    deploy(cluster, tmp_path, "-e", "deploy_state=absent").expect()
    assert running(cluster, "hello") is None
    assert not deploy(cluster, tmp_path, "-e", "deploy_state=absent").expect().changed()


def test_a_first_release_that_does_not_come_up_leaves_nothing(cluster: Lab, tmp_path: Path) -> None:
    wrong = deploy(cluster, tmp_path, "-e", "deploy_timeout=60", health="/nothing-here").expect(2)
    assert "it was removed, since nothing ran before" in wrong.words()
    assert cluster.driver.application(cluster, "hello") is None


@pytest.mark.parametrize(("key", "value"), [("namespace", "no-such"), ("pool", "no-such")])
def test_a_place_that_is_not_there(cluster: Lab, tmp_path: Path, key: str, value: str) -> None:
    refused = deploy(cluster, tmp_path, **{key: value, "artifact": ""}).expect(2)
    assert f"the cluster has no {key} no-such; it has " in refused.words()
