#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issue, revoke and list the tokens with which new hosts join a Kubernetes cluster by themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_join_token
short_description: Issue, revoke and list join tokens of a Kubernetes cluster
version_added: "0.1.0"
description:
  - Issues, revokes and lists the tokens with which new hosts join a Kubernetes cluster by themselves.
extends_documentation_fragment: [keelson.cluster.join_token]
"""

EXAMPLES = r"""
- name: Let ten hosts into the pool web until tomorrow
  keelson.cluster.kubernetes_join_token: {cluster: product, pool: web, hosts: 10}
  register: token
  no_log: true
"""

RETURN = r"""
tokens:
  description: As M(keelson.cluster.nomad_join_token) returns them, and so are C(token) and C(ca).
  type: list
  elements: dict
  returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.enrollment import EnrollmentService
from ansible_collections.keelson.cluster.plugins.module_utils.modules import join_token


def main() -> None:
    """Run the module."""
    join_token.main(EnrollmentService)


if __name__ == "__main__":
    main()
