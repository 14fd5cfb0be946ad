#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issue, revoke and list join tokens of any engine. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: join_token
short_description: Issue, revoke and list join tokens of a cluster
version_added: "0.1.0"
description:
  - Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_join_token).
extends_documentation_fragment: [keelson.cluster.join_token]
"""

EXAMPLES = r"""
- name: Let ten hosts into the pool web until tomorrow
  keelson.cluster.join_token: {cluster: product, pool: web, hosts: 10}
  register: token
  no_log: true
"""

RETURN = r"""
token: {description: "The new token: its number, a dot and its secret; empty in check mode.", type: str, returned: when O(state=present)}
ca: {description: "The cluster's CA certificate, by which hosts know its managers.", type: str, returned: always}
tokens:
  description: All tokens, each with C(number), C(pool), C(hosts), C(expires) (seconds since 1970) and C(joined), names of hosts.
  type: list
  elements: dict
  returned: always
"""
