# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action images: whose runtime it means, and how images leave it again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.keelson.cluster.plugins.action import artifacts
from ansible_collections.keelson.cluster.plugins.action.container_images import ActionModule


class Action(ActionModule):  # type: ignore[misc]
    """The action without a connection; remembers the modules it runs."""

    def __init__(self, **arguments: Any) -> None:
        self._task = SimpleNamespace(args=arguments)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {"changed": True}

    def _execute_module(self, name: str, arguments: dict[str, Any], task_vars: Any = None) -> dict[str, Any]:
        self.calls.append((name, arguments))
        return self.answer


@pytest.mark.parametrize(
    ("variables", "given", "runtime"),
    [
        ({"cluster_engine": "kubernetes"}, {}, "containerd"),
        ({"cluster_engine": "nomad"}, {}, "docker"),
        ({}, {"runtime": "docker"}, "docker"),
    ],
)
def test_the_runtime_is_the_engines(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any], given: dict[str, Any], runtime: str
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(artifacts.ActionModule, "run", lambda self, tmp, task_vars: seen.append(self._task.args) or {})
    Action(names=["sample-app"], **given).run(task_vars=variables)
    assert seen == [{"names": ["sample-app"], "runtime": runtime}]


def test_no_runtime_at_all() -> None:
    with pytest.raises(AnsibleActionFail, match="runtime is missing"):
        Action(names=["sample-app"]).run(task_vars={})


@pytest.mark.parametrize(
    ("engine", "command"),
    [
        ("nomad", ["docker", "image", "rm", "keelson/sample-app"]),
        ("kubernetes", ["ctr", "--namespace", "k8s.io", "images", "remove", "docker.io/keelson/sample-app"]),
    ],
)
def test_images_are_removed(engine: str, command: list[str]) -> None:
    action = Action(names=["sample-app"], state="absent")
    assert action.run(task_vars={"cluster_engine": engine}) == {"changed": True}
    [(module, arguments)] = action.calls
    assert module == "ansible.legacy.command"
    assert [*arguments["argv"][:-1], arguments["argv"][-1].rpartition(":")[0]] == command


def test_an_image_that_is_in_use_stays_and_is_told() -> None:
    action = Action(names=["sample-app", "pause"], state="absent", runtime="docker")
    action.answer = {"failed": True, "msg": "image is in use"}
    assert action.run(task_vars={})["failed"] and len(action.calls) == 1


def test_an_artifact_that_is_none() -> None:
    with pytest.raises(AnsibleActionFail, match="nothing-such"):
        Action(names=["nothing-such"], state="absent", runtime="docker").run(task_vars={})
