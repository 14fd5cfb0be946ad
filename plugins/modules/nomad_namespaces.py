#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply the namespaces of a Nomad cluster's teams."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_namespaces
short_description: Apply the namespaces of a Nomad cluster's teams
version_added: "0.1.0"
description:
  - Runs on a manager. Applies namespaces, and for those who deploy there an ACL policy for each namespace, a role and a token;
    removes what it has made before and what is no longer listed.
  - A namespace that it has made and that is no longer listed is deleted only when nothing is in use in it; otherwise
    the module fails before it changes anything.
  - Unless C(pod_security) is V(privileged), jobs of a namespace may not use the driver C(raw_exec) or the network mode C(host).
  - The Community Edition of Nomad enforces no C(quota), C(limits) and C(teams), and no namespace's network, so the first three are
    refused and C(default_deny) has no effect.
  - The secret of a token stays in Nomad; C(nomad acl token info) shows it to who has a management token.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.namespaces
"""

EXAMPLES = r"""
- name: Give a team its namespaces, and its deploys their tokens
  keelson.cluster.nomad_namespaces:
    cluster: product
    namespaces:
      - {name: shop-test, deploy: shop-test}
      - {name: shop-prod, deploy: shop-prod}
"""

RETURN = r"""
changes:
  description: What was changed, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create namespace shop-test"]
"""

from ansible_collections.keelson.cluster.plugins.module_utils.modules import namespaces
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import tenancy
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api


def main() -> None:
    """Run the module."""
    namespaces.main(Api.from_env, tenancy.ensure)


if __name__ == "__main__":
    main()
