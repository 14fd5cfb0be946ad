#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action C(cluster_secrets), which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_secrets
short_description: Read the cluster's secrets on its managers, or make the first ones
version_added: "0.1.0"
description:
  - Reads on every manager that answers what P(keelson.cluster.secret_store#module) keeps there and returns the newest complete
    generation, after it was written to the managers that lacked it and read again. When no manager has one, a first generation
    is made in memory, and lies on every manager before it is returned.
  - The task runs once, with a loop over all managers to which it is delegated; the result of the last item is the answer. Of two
    runs at the same moment the later one goes on with the secrets of the other.
  - Use C(no_log) on every task with this action, for what it returns is secret.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  engine:
    description: Engine whose secrets are made.
    type: str
    required: true
  managers:
    description: Names of all managers of the cluster.
    type: list
    elements: str
    required: true
  writable:
    description: Names of the managers this run can write to.
    type: list
    elements: str
    required: true
  store:
    description:
      - Where the secrets are kept besides the managers. Empty for nowhere else.
      - >-
        C({file: PATH}) names a file on the controller, encrypted with ansible-vault.
      - >-
        C({hashicorp_vault: {url: URL, mount: MOUNT, path: PATH, token: TOKEN}}) names a secret of a KV version 2 engine.
    type: dict
    default: {}
  change:
    description: By component, what it is asked to change of its own secrets; a new generation has the change.
    type: dict
    default: {}
  rotate:
    description:
      - The phase of a rotation to go through, as C(phase), with the C(numbers) that are asked for by the names of what is replaced, and
        as C(made) those new secrets that are not made here. What has gone through it already stays as it is.
    type: dict
    default: {}
    version_added: "0.1.0"
attributes:
  check_mode:
    support: full
    description: Makes secrets that are kept nowhere.
  diff_mode:
    support: none
    description: Secrets are never shown.
"""

EXAMPLES = r"""
- name: Read or make the cluster's secrets
  keelson.cluster.cluster_secrets:
    cluster: product
    engine: nomad
    managers: "{{ groups['product_managers'] }}"
    writable: "{{ ansible_play_hosts }}"
  loop: "{{ groups['product_managers'] }}"
  delegate_to: "{{ item }}"
  run_once: true
  register: secrets
  no_log: true
"""

RETURN = r"""
generation:
  description: Number of the generation.
  type: int
  returned: always
payload:
  description: The secrets.
  type: dict
  returned: always
"""
