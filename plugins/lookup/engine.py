# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look up what an engine declares."""

from __future__ import annotations

DOCUMENTATION = r"""
name: engine
version_added: "0.1.0"
short_description: What an engine declares of its managers and hosts
description:
  - For tasks that all engines share and that need a path of the engine's.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: Names of engines.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the certificate of a manager's enrollment service
  ansible.builtin.debug:
    msg: "{{ lookup('keelson.cluster.engine', cluster_engine).service.cert }}"
"""

RETURN = r"""
_raw:
  description:
    - For each name C(service) and C(identity), the files (C(ca), C(cert), C(key)) by which a manager's enrollment service and
      a member are known, C(api_port), where managers answer clients, C(member_ports), by part the ports where members answer,
      C(runtime), which runs containers, C(held), packages of the distribution that applications run on, and C(defaults), the
      cluster's variables that are not set.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import components


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Load the engines."""
        try:
            found = [components.engine(term) for term in terms]
        except components.ComponentError as error:
            raise AnsibleLookupError(str(error)) from error
        return [
            {
                "api_port": engine.api_port,
                "member_ports": {part: list(ports) for part, ports in engine.member_ports.items()},
                "service": vars(engine.service),
                "identity": vars(engine.identity),
                "runtime": engine.runtime,
                "held": list(engine.held),
                "kept": {part: list(of.owned.kept) for part, of in engine.parts.items()},
                "defaults": dict(engine.defaults),
            }
            for engine in found
        ]
