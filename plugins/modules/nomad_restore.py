#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a Nomad manager on the state of a backup before its agent starts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_restore
short_description: Put a Nomad manager on the state of a backup
version_added: "0.1.0"
description:
  - Runs on every manager of a cluster that was restored, before its agent starts. Moves a data directory from before the restore
    aside, and loads the snapshot where M(keelson.cluster.cluster_restore) has laid it.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.restore
options:
  timeout:
    description: Seconds until the temporary server must answer.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Load the backup
  keelson.cluster.nomad_restore:
    cluster: product
    restore: "{{ secrets.payload.restore.id }}"
    name: manager-1
    address: 10.0.1.11
"""

RETURN = r""" # """

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.modules import restore as module
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.restore import FAULTS, Restore


def described(given: Mapping[str, Any], folder: str) -> Restore:
    """The restore that the module is given."""
    return Restore(given["restore"], given["cluster"], given["name"], given["address"], folder)


def make(restore: Restore, given: Mapping[str, Any]) -> None:
    """Put the manager on the state of the backup."""
    restore.make(given["timeout"])


def main() -> None:
    """Run the module."""
    module.main(
        described, make, {"timeout": {"type": "int", "default": 60}}, FAULTS, "What it had is still in its place"
    )


if __name__ == "__main__":
    main()
