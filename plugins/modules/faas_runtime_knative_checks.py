#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the function runtime of a Kubernetes cluster on one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: faas_runtime_knative_checks
short_description: Check the function runtime of a Kubernetes cluster on a manager
version_added: "0.1.0"
description:
  - Runs on a manager. Asks its gateway and its NATS server how they are and, where asked, Kubernetes for the deployments of
    Knative and for every function, and calls each function through the gateway of Knative with a probe that its proxy answers.
extends_documentation_fragment:
  - keelson.cluster.checks
  - keelson.cluster.cluster_checks
"""

EXAMPLES = r"""
- name: Look at the function runtime
  keelson.cluster.faas_runtime_knative_checks:
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

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check, Verdict
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime import checks, isolation
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes import checks as knative
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.modules import checks as module


def asked(api: Api, given: Mapping[str, Any]) -> list[Check]:
    """What this manager's services say and, where asked, Knative and its functions."""

    def deployed(declared: list[Mapping[str, Any]]) -> Verdict:
        return knative.functions(api.items("/apis/serving.knative.dev/v1/services"), declared)

    found = checks.checks(len(given["managers"]), given["whole"], deployed)
    return [*found, *knative.checks(api), *isolation.checks()] if given["whole"] else found


def main() -> None:
    """Run the module."""
    module.main(Api.from_env, asked)


if __name__ == "__main__":
    main()
