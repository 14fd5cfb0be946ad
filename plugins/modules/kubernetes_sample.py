#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try a Kubernetes cluster with the sample application."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_sample
short_description: Try a Kubernetes cluster with the sample application
version_added: "0.1.0"
description:
  - Runs on a manager. The image must be on the host nodes of the pool.
  - With O(state=present) removes what an interrupted run left, then deploys, asks every instance, scales up and down
    and updates under load; then asks from inside of its pods for names, other pods, services and what network policies,
    pod security and quotas refuse. With O(drills=true) also drains the host node with the most instances.
  - With O(state=moved) waits until the instances of the killed host node O(outage_host) answer elsewhere.
  - With O(state=absent) removes the namespace V(keelson-verify), where all of it lives, and ends drains of its own.
extends_documentation_fragment: [keelson.cluster.sample]
"""

EXAMPLES = r"""
- name: Try the cluster
  keelson.cluster.kubernetes_sample: {cluster: product, image: 'keelson/sample-app:1.1.0'}
  register: verify_sample
- name: Remove the sample application
  keelson.cluster.kubernetes_sample: {cluster: product, state: absent}
"""

RETURN = r"""
checks:
  description: As M(keelson.cluster.cluster_sample) returns them, and so are C(instances), C(left), C(outage_host) and C(removed).
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.keelson.cluster.plugins.module_utils.host import programs
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import sample
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.probes.checks import checks
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.probes.inside import Pods
from ansible_collections.keelson.cluster.plugins.module_utils.modules import sample as module


def main() -> None:
    """Run the module."""
    logs = "the managers' and host nodes' logs (journalctl -u kubelet -u containerd)"
    module.main(Api.from_env, sample.place, sample.remove, logs, lambda app: Pods(app, programs.answer).get, checks)


if __name__ == "__main__":
    main()
