#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a Kubernetes cluster through the API of one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_checks
short_description: Check a Kubernetes cluster through the API of a manager
version_added: "0.1.0"
description:
  - Runs on a manager. Checks that the API is ready at the cluster's endpoint, that the members of etcd are the managers,
    and that kubeadm's certificates last.
  - Where asked, also that the API is ready at every manager, that every node is ready in its pool, that the programs
    are of one version, that Secrets are encrypted in etcd, and that neither unauthorized sockets nor leftover tokens have access.
  - The pods of kube-system and the APIs they serve are given a minute, since an installation does not wait for them.
extends_documentation_fragment:
  - keelson.cluster.checks
  - keelson.cluster.cluster_checks
"""

EXAMPLES = r"""
- name: Look at the cluster as this manager sees it
  keelson.cluster.kubernetes_checks:
    cluster: product
    managers: {manager-1: 10.0.1.11, manager-2: 10.0.1.12, manager-3: 10.0.1.13}
    nodes: [{name: web-1, address: 10.0.2.11, pool: web}]
  register: verify_cluster
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

import datetime
from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check
from ansible_collections.keelson.cluster.plugins.module_utils.host import programs
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.checks import (
    cluster_checks,
    host_checks,
    manager_checks,
)
from ansible_collections.keelson.cluster.plugins.module_utils.modules import checks as module


def checks(api: Api, given: Mapping[str, Any]) -> list[Check]:
    """What this manager knows, its certificates, and, where asked, the whole cluster."""
    found = manager_checks(api, given["managers"])
    found += host_checks(programs.answer, given["days"], datetime.datetime.now(datetime.timezone.utc))
    return found + (cluster_checks(api, given["managers"], given["nodes"]) if given["whole"] else [])


def main() -> None:
    """Run the module."""
    module.main(Api.from_env, checks)


if __name__ == "__main__":
    main()
