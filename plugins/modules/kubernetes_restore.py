#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a Kubernetes manager on the state of a backup before kubeadm is called."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_restore
short_description: Put a Kubernetes manager on the state of a backup
version_added: "0.1.0"
description:
  - Runs on every manager of a cluster that was restored, before kubeadm is called. Takes a node of before the restore down and
    moves its data of etcd aside, and loads the snapshot where M(keelson.cluster.cluster_restore) has laid it.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.restore
options:
  ignore:
    description: Checks of kubeadm that only warn.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Load the backup
  keelson.cluster.kubernetes_restore:
    cluster: product
    restore: "{{ secrets.payload.restore.id }}"
    name: manager-1
    address: 10.0.1.11
"""

RETURN = r""" # """

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.restore import ASIDE, FAULTS, Restore
from ansible_collections.keelson.cluster.plugins.module_utils.modules import restore as module


def described(given: Mapping[str, Any], folder: str) -> Restore:
    """The restore that the module is given."""
    return Restore(given["restore"], given["cluster"], given["name"], given["address"], folder)


def make(restore: Restore, given: Mapping[str, Any]) -> None:
    """Put the manager on the state of the backup."""
    restore.make(given["ignore"])


def main() -> None:
    """Run the module."""
    module.main(
        described,
        make,
        {"ignore": {"type": "list", "elements": "str", "default": []}},
        FAULTS,
        f"What etcd had is in its place or in {ASIDE}",
    )


if __name__ == "__main__":
    main()
