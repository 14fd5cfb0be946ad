# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new host node of Kubernetes does with the managers' answer. Standard library only.

The answer is for any host of the pool; what this one's kernel requires is filled in here, by the code with which an
installation looks at a host.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from ..cluster.parts import NODE
from ..enrollment.join import HostSide, main
from . import kernel, kubeadm, membership, network

MARK = re.compile(r'"PLACEHOLDER\.([a-z0-9_]+)"|PLACEHOLDER\.([a-z0-9_]+)')
TIMEOUT = 60.0  # seconds


def fill(text: str, requirements: Mapping[str, Any]) -> str:
    """Put in what the host requires: instead of a quoted mark, its value as JSON and TOML write it, else its plain text."""
    return MARK.sub(lambda found: json.dumps(requirements[found[1]]) if found[1] else str(requirements[found[2]]), text)


def files(answer: dict[str, Any], _key: str) -> list[dict[str, Any]]:
    """The files to write, in the form of host_files. kubelet makes its own key, once it is let in with this one."""
    requirements = kernel.requirements(kernel.features())
    filled: list[dict[str, Any]] = json.loads(json.dumps(answer["files"]))
    for entry in filled:
        if entry.get("content") is not None:
            entry["content"] = fill(entry["content"], requirements)
        if entry.get("data") is not None:
            entry["data"] = json.loads(fill(json.dumps(entry["data"]), requirements))
    return filled


def join(answer: dict[str, Any], key: str) -> None:
    """Call kubeadm, unless this host has joined already. Raises OSError."""
    cluster = answer["cluster"]
    if kubeadm.state(cluster, NODE) == membership.JOINED:
        return
    discovery = json.loads(json.dumps(answer["discovery"]))
    discovery["users"][0]["user"]["client-key-data"] = base64.b64encode(key.encode()).decode()
    ignore = kernel.requirements(kernel.features())["ignore"]
    other = {"other_address": network.interface(answer["address"]).other}
    config = json.loads(fill(json.dumps(answer["config"]), other))
    try:
        kubeadm.join(cluster, NODE, answer["address"], config, discovery, ignore, TIMEOUT)
    except kubeadm.KubeadmError as error:
        raise OSError(str(error)) from error


if __name__ == "__main__":
    raise SystemExit(main("kubernetes", HostSide(files, join)))
