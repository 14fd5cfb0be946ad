#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the function runtime on one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: faas_runtime_checks
short_description: Check the function runtime on a manager
version_added: "0.1.0"
description:
  - Runs on a manager. Asks its gateway and its NATS server how they are and, where asked, Nomad for the job of every function.
  - Where the site has probes (C(faas_runtime_probes)), calls them for the leak test, which takes about two minutes.
extends_documentation_fragment:
  - keelson.cluster.checks
  - keelson.cluster.cluster_checks
"""

EXAMPLES = r"""
- name: Look at the function runtime
  keelson.cluster.faas_runtime_checks:
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
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad.checks import functions
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad.deploy import PREFIX
from ansible_collections.keelson.cluster.plugins.module_utils.modules import checks as module
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api


def asked(api: Api, given: Mapping[str, Any]) -> list[Check]:
    """What this manager's services say and, where asked, the jobs of the functions."""

    def deployed(declared: list[Mapping[str, Any]]) -> Verdict:
        return functions(api.get(f"/v1/jobs?namespace=*&prefix={PREFIX}&meta=true") or [], declared)

    found = checks.checks(len(given["managers"]), given["whole"], deployed)
    return [*found, *isolation.checks()] if given["whole"] else found


def main() -> None:
    """Run the module."""
    module.main(Api.from_env, asked)


if __name__ == "__main__":
    main()
