#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy an application on Nomad."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_application
short_description: Deploy an application on Nomad
version_added: "0.1.0"
description:
  - Runs on one manager. Brings an application to what is declared, as a Nomad job, and waits until it runs.
  - A release that does not come up is taken back to the one before; a first one is removed. The task fails then, with the cause.
  - M(keelson.cluster.application) reads an application's file and runs this module of the cluster's engine.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.application
"""

EXAMPLES = r"""
- name: Remove an application
  keelson.cluster.nomad_application:
    cluster: product
    application: "{{ shop }}"
    state: absent
"""

RETURN = r"""
artifacts:
  description: By pool, the artifacts of the bundle that images of deployed applications belong to. '' has those of every pool.
  returned: when O(state) is V(listed)
  type: dict
  sample: {"": [], web: [shop]}
"""

from ansible_collections.keelson.cluster.plugins.module_utils.modules import application
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.application import Target, recorded


def main() -> None:
    """Run the module."""
    application.main(Api.from_env, Target, recorded)


if __name__ == "__main__":
    main()
