#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Apply the namespaces of a Kubernetes cluster's teams."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_namespaces
short_description: Apply the namespaces of a Kubernetes cluster's teams
version_added: "0.1.0"
description:
  - Runs on a manager. Applies namespaces with quotas, limits, network policies and the roles of teams (server-side
    apply), and removes what it has made before and what is no longer listed.
  - A namespace that it has made and that is no longer listed is deleted only when nothing is in use in it; otherwise
    the module fails before it changes anything.
  - What others have made or set in these namespaces stays as it is.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.namespaces
"""

EXAMPLES = r"""
- name: Give two teams their namespaces
  keelson.cluster.kubernetes_namespaces:
    cluster: product
    namespaces:
      - name: shop
        pod_security: restricted
        quota: {pods: 40, requests.cpu: 8, requests.memory: 16Gi}
        limits: {default: {memory: 256Mi}, default_request: {cpu: 50m, memory: 64Mi}}
        teams: [{name: shop-developers}, {name: support, role: view}]
      - name: batch
        teams: [{name: data}]
"""

RETURN = r"""
changes:
  description: What was changed, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create /api/v1/namespaces/shop"]
"""

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import tenancy
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.modules import namespaces


def main() -> None:
    """Run the module."""
    namespaces.main(Api.from_env, tenancy.ensure)


if __name__ == "__main__":
    main()
