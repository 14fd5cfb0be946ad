# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls through sidecars of Istio, of hosts and of pods."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .mesh import SHOP, Calls, Mesh
from .servers import Lab, Server

OWN = SHOP / "istio"


class Istio(Mesh):
    """The shop on a lab's servers w1 and w2, with stock in pods."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.plain: dict[str, Any] = yaml.safe_load((OWN / "services.yml").read_text())
        self.manager = lab.managers[0]

    def kubectl(self, command: str, check: bool = True, given: str = "") -> str:
        """What kubectl prints on the manager."""
        return self.lab.ssh(self.manager, f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl {command}", check, given)

    def pods(self, chosen: str) -> list[dict[str, Any]]:
        """Pods that are not ending."""
        found = json.loads(self.kubectl(f"get pods {chosen} -o json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def deploy_stock(self) -> None:
        """Run stock in pods, each with a sidecar."""
        self.kubectl("apply -f -", given=(OWN / "stock.yaml").read_text())
        self.kubectl("-n shop rollout status deployment stock --timeout=240s")

    def from_stock(self, url: str, method: str = "GET") -> str:
        """The status of a call that a pod of stock makes: from its own network, as its host's root can."""
        (pod, *_more) = self.pods("-n shop -l app=stock")
        node = next(host for host in self.lab.nodes if host.name == pod["spec"]["nodeName"])
        return self.inside(
            node, pod["metadata"]["name"], f"curl -s -m 10 -o /dev/null -w '%{{http_code}}' -X {method} {url}"
        )

    def inside(self, node: Server, pod: str, command: str) -> str:
        """What a command prints in the network of a pod."""
        found = f'crictl inspectp $(crictl pods -q --name {pod} --state ready) | python3 -c \'import json, sys; print(json.load(sys.stdin)["info"]["pid"])\''
        return self.lab.ssh(node, f"nsenter -n -t $({found}) {command}", check=False)

    def status(self, host: Server, account: str, url: str, method: str = "GET") -> str:
        """The status of one call that an account of a host makes; C(failed) where nothing answers."""
        found: Calls = self.calls(host, account, url, method=method)
        return next(iter(found.statuses))
