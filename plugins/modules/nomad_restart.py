#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restart the Nomad agent of one manager without losing the quorum."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_restart
short_description: Restart one manager of a Nomad cluster, gated on its health
version_added: "0.1.0"
description:
  - Runs on the manager to restart. Waits until the others keep the quorum without it, hands the leadership over if it
    leads, restarts the agent and waits until all managers are healthy voters again.
  - With O(versions) and O(files), the agent is restarted with these. When it is not well with them, the old ones are put back.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  address:
    description: Address of this manager.
    type: str
    required: true
  addresses:
    description: Addresses of all managers.
    type: list
    elements: str
    required: true
  versions:
    description: Versions of artifacts, by name, that lie on the manager and are to be used from now on.
    type: dict
    default: {}
  files:
    default: []
  timeout:
    description: Seconds to wait for health, before and after.
    type: int
    default: 90
extends_documentation_fragment:
  - keelson.cluster.files
attributes:
  check_mode:
    support: full
    description: Says that the agent would be restarted.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Restart this manager
  keelson.cluster.nomad_restart:
    cluster: product
    address: 10.0.1.11
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
"""

RETURN = r"""
stepped_down:
  description: Whether the leadership was handed over first.
  type: bool
  returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.modules import restart
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api


def main() -> None:
    """Run the module."""
    restart.main("nomad", "nomad.service", Api)


if __name__ == "__main__":
    main()
