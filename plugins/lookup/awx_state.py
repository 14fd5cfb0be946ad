# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of AWX's objects is to be changed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: awx_state
version_added: "0.1.0"
short_description: What of AWX's objects is to be changed
description:
  - Asks AWX for the objects that this collection made before, and compares them with what is asked for.
  - Where AWX is, P(awx.awx.controller_api#lookup) finds in the environment; that collection is needed.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: What P(keelson.cluster.awx_objects#filter) returned.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare
  ansible.builtin.set_fact:
    state: "{{ lookup('keelson.cluster.awx_state', awx | keelson.cluster.awx_objects) }}"
"""

RETURN = r"""
_list:
  description: For each term, C(changed) by kind, the objects to apply, C(dropped), those to remove, as AWX has them, and C(revoked), roles that the
    teams have on these objects and are not asked for.
  type: list
  elements: dict
"""

import os
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import awx, awx_state


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Ask AWX for each kind."""
        self.set_options(var_options=variables, direct=kwargs)
        return [self._compared(term, variables) for term in terms]

    def _compared(self, objects: dict[str, Any], variables: dict[str, Any] | None) -> dict[str, Any]:
        if not any(isinstance(found, dict) and found.get("username") for found in self._ask("me", variables)):
            raise AnsibleLookupError(
                f"{_host()}: AWX does not say who asks; set CONTROLLER_OAUTH_TOKEN, or CONTROLLER_USERNAME and CONTROLLER_PASSWORD. "
                "Nothing was changed"
            )
        present = {kind: self._owned(kind, variables) for kind in awx.KINDS}

        def related(address: str) -> Any:
            found = self._ask(address, variables)
            return found[0] if address.rstrip("/").endswith("survey_spec") else found

        found = {kind: awx_state.changed(kind, objects[kind], present[kind], related) for kind in awx.KINDS}
        order = objects["prune_order"]
        teams = {item["name"] for item in objects["teams"]}
        held = {team["name"]: self._roles(team, variables) for team in present["teams"] if team["name"] in teams}
        found["roles"], revoked = awx_state.roles(objects, present, held)
        return {
            "changed": found,
            "revoked": revoked,
            "dropped": [item for kind in order for item in awx_state.dropped(kind, objects[kind], present[kind])],
        }

    def _owned(self, kind: str, variables: dict[str, Any] | None) -> list[Any]:
        """The objects of a kind that this collection made."""
        owner = "workflow_job_template__" if kind == awx_state.NODES else ""
        query = {f"{owner}description__endswith": awx.MARK, "page_size": 200}
        return self._ask(kind, variables, query_params=query, return_all=True)

    def _roles(self, team: dict[str, Any], variables: dict[str, Any] | None) -> set[int]:
        """Numbers of the roles that a team has."""
        asked = self._ask(f"{team['url']}roles/", variables, query_params={"page_size": 200}, return_all=True)
        return {role["id"] for role in asked}

    def _ask(self, address: str, variables: dict[str, Any] | None, **how: Any) -> list[Any]:
        asking = lookup_loader.get("awx.awx.controller_api", loader=self._loader, templar=self._templar)
        if asking is None:
            raise AnsibleLookupError("the collection awx.awx is missing; install it to apply objects of AWX")
        try:
            return list(asking.run([address], variables, **how))
        except AnsibleError as error:
            raise AnsibleLookupError(
                f"{_host()}: no answer as AWX gives it: {str(error).rstrip('.')}. Look at CONTROLLER_HOST, and at what may answer "
                "in its place (a proxy, a login page). Nothing was changed"
            ) from error


def _host() -> str:
    """Where AWX is asked."""
    return os.environ.get("CONTROLLER_HOST") or "CONTROLLER_HOST is not set, so 127.0.0.1"
