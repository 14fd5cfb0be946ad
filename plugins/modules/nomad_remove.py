#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove members from a Nomad cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_remove
short_description: Drain live and forget dead members of a Nomad cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. A host node that lives is drained and stays so; one that is dead is forgotten. A manager is
    removed only when it is dead. What lives would register again, so uninstall or destroy it, then run again.
extends_documentation_fragment: [keelson.cluster.removal]
"""

EXAMPLES = r"""
- name: Remove a host node
  keelson.cluster.nomad_remove:
    cluster: product
    members: [{name: web-2, address: 10.0.2.13, part: node, id: 6e4f3e0c-1f0a-4c7e-9a11-2f6d3c1b5a70}]
"""

RETURN = r"""
removed: {description: "Names of who was, or in check mode would be, drained or forgotten.", type: list, elements: str, returned: always}
skipped: {description: "Who was left alone because another host has taken its place.", type: list, elements: str, returned: always}
"""

from ansible_collections.keelson.cluster.plugins.module_utils.modules import removal as module
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import removal
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api


def main() -> None:
    """Run the module."""
    module.main(Api.from_env, removal.manager, removal.node)


if __name__ == "__main__":
    main()
