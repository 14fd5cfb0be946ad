#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let one manager of a Kubernetes cluster be away for a while."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_manager_absence
short_description: Let one manager of a Kubernetes cluster be away for a while
version_added: "0.1.0"
description:
  - Runs on the manager, before and after what takes it away from the cluster, such as a reboot of its host.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.absence
"""

EXAMPLES = r"""
- name: Make sure that this manager may be away
  keelson.cluster.kubernetes_manager_absence:
    cluster: product
    address: 10.0.1.11
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
    state: begun
"""

RETURN = r""" # """

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import absence
from ansible_collections.keelson.cluster.plugins.module_utils.modules import absence as module


def main() -> None:
    """Run the module."""
    module.main(absence.begin, absence.end)


if __name__ == "__main__":
    main()
