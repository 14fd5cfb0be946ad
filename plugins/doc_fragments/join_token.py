# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that issue join tokens, one for each engine."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes of these modules."""

    DOCUMENTATION = r"""
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: V(present) issues a new token, V(absent) revokes O(number), V(listed) only lists.
    type: str
    choices: [present, absent, listed]
    default: present
  pool:
    description: Pool that hosts join with the token.
    type: str
  hosts:
    description: How many hosts may join with the token, 1 to 1000.
    type: int
    default: 1
  hours:
    description: For how many hours hosts may join with the token, 1 to 720.
    type: float
    default: 24
  number:
    description: Number of the token to revoke, the part before the dot; V(all) revokes every token.
    type: str
attributes:
  check_mode:
    support: full
    description: Issues and revokes nothing.
  diff_mode:
    support: none
    description: Secrets are never shown.
notes:
  - Runs on a live manager. A join token lets new hosts into one pool, so many and until then. The cluster keeps the digest of
    its secret alone, so it is returned once. Use C(no_log), for what it returns is secret.
  - Tokens that ended a week ago are forgotten.
"""
