# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look up what the manifest says of an artifact."""

from __future__ import annotations

DOCUMENTATION = r"""
name: artifact
version_added: "0.1.0"
short_description: What the manifest says of an artifact
description:
  - Reads C(artifacts/<name>.yml), the only place where a version is written, for roles that must name a version or a
    container image in a configuration.
  - The version is the one the host has already, else that of its cluster's managers, else the manifest's first.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: Names of artifacts. C(NAME=VERSION) asks for that version.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the image of the pause container
  ansible.builtin.debug:
    msg: "{{ lookup('keelson.cluster.artifact', 'pause').images[0] }}"
"""

RETURN = r"""
_raw:
  description: For each name its C(version) and the names of its C(images).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest, versions
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.requests import Request


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Read the manifests of C(terms)."""
        try:
            return [self._describe(term, variables or {}) for term in terms]
        except BundleError as error:
            raise AnsibleLookupError(str(error)) from error

    def _describe(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        request = Request.parse(name)
        path, data = manifest.load(request.name)
        version = request.version or versions.kept(request.name, variables, self._templar.template)
        artifact = manifest.resolve(path, data, version or None, data["architectures"][0])
        return {"version": artifact.version, "images": [image["name"] for image in artifact.images]}
