# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of a finished image ask for, and the remedy when it is not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    import yaml

    HAS_YAML = True
except ImportError:  # Ansible itself needs it, so this is only for its import test
    HAS_YAML = False

from .. import components
from ..bundle import requests
from ..bundle.store import Store
from .assembly import build, hardening
from .assembly.base import read_recipe
from .builders import container
from .checks import offline
from .errors import ImageError
from .request import Request


def expected(request: Request, store: Store) -> offline.Expected:
    """What the checks ask for; raise ImageError when an artifact is not in the bundle."""
    packages = [] if request.base else read_recipe()["packages"]
    if request.builder == "docker":
        packages = [name for name in packages if name not in container.recipe()["without"]]
    return offline.Expected(
        runtime=components.engine(request.engine).runtime,
        packages=packages,
        artifacts=[
            entry_of(name, store, request.architecture, components.manifests(request.contents))
            for name in request.desired
        ],
        controls=[dict(control) for control in hardening.applied(profile(), request.exempt)],
        machine=request.builder != "docker",
        data=request.data_path if request.data_device else "",
        units=[unit for component in request.contents for unit in component.image.units],
        unshared=[pattern for component in request.contents for pattern in component.image.unshared],
    )


def entry_of(text: str, store: Store, architecture: str, folders: Sequence[Path]) -> dict[str, Any]:
    """The bundle's entry of an artifact that is asked for, or the part of it."""
    asked = requests.Request.parse(text)
    name, version = asked.name, asked.chosen(folders)
    entry: dict[str, Any] = store.index()["artifacts"].get(name, {}).get(version, {}).get(architecture, {})
    if not entry:
        raise ImageError(
            f"{name} {version} ({architecture}) is not in the bundle {store.root}: fill it with playbook bundle"
        )
    return asked.part(entry)


def profile() -> list[dict[str, Any]]:
    """The controls of the role's hardening profile."""
    controls: list[dict[str, Any]] = role("vars/main/hardening.yml")["__host_node_hardening"]
    return controls


def role(path: str) -> dict[str, Any]:
    """Variables of role host_node that are plain data, by their file."""
    content: dict[str, Any] = yaml.safe_load((build.ROOT / "roles/host_node" / path).read_text())
    return content


def refuse(answers: list[dict[str, Any]]) -> None:
    """Raise ImageError naming the checks that failed, if any did."""
    failed = [answer for answer in answers if not answer["passed"]]
    if failed:
        shown = "; ".join(f"{answer['title']} ({answer['target']}): {answer['evidence']}" for answer in failed[:5])
        raise ImageError(
            f"{len(failed)} of {len(answers)} checks of the finished image failed, nothing was published: {shown}; {failed[0]['remedy']}"
        )
