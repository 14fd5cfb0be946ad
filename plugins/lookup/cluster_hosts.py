# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name the group of a cluster, or say why a run would have none of its hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_hosts
version_added: "0.1.0"
short_description: The group of the cluster that a run is about
description:
  - Returns its terms, for the C(hosts) of a play. Ansible passes a play over whose pattern matches no host, or none within
    C(--limit), and the run ends well; here that is an error with the clusters there are.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: A cluster's name, or V(clusters) for the only one.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Do something on the hosts of a cluster
  hosts: "{{ lookup('keelson.cluster.cluster_hosts', cluster | default('clusters')) }}"
  tasks: []
"""

RETURN = r"""
_list:
  description: The terms.
  type: list
  elements: str
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the terms. Raises AnsibleLookupError."""
        if any(context.CLIARGS.get(mode) for mode in ("syntax", "listhosts", "listtasks", "listtags")):
            return terms  # nothing is done, and often there is no inventory
        given = variables or {}
        groups, limit = given.get("groups") or {}, str(given.get("ansible_limit") or "")
        for term in terms:
            if not groups.get(term):
                known = ", ".join(sorted(name for name in groups if f"{name}_managers" in groups)) or "none"
                raise AnsibleLookupError(
                    f"the inventory has no hosts in a cluster {term!r}; it has {known}. Give -i and -e cluster=NAME"
                )
            if limit and not self._within(limit, groups, groups[term]):
                raise AnsibleLookupError(
                    f"--limit {limit!r} leaves out all hosts of {term}, so nothing would be done; correct it"
                )
        return terms

    def _within(self, limit: str, groups: Mapping[str, Iterable[str]], hosts: Iterable[str]) -> bool:
        """Whether a limit, as Ansible reads it, leaves any of some hosts."""
        inventory = InventoryManager(loader=self._loader, parse=False)
        for group, members in groups.items():
            if group not in ("all", "ungrouped"):
                inventory.add_group(group)
            for host in members:
                inventory.add_host(host, group)
        inventory.reconcile_inventory()
        inventory.subset(limit)
        return bool({host.name for host in inventory.get_hosts("all")} & set(hosts))
