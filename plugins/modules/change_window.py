# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: change_window
short_description: Refuse a change in a freeze or outside maintenance windows
version_added: 0.1.0
description:
  - Runs on the controller. Fails when a placement file says that an environment may not be changed now.
  - In check mode, and with O(override), it only warns.
author: keelson.cluster contributors (@keelson-cluster)
options:
  placement:
    description: The placement file, with C(freezes) and C(windows).
    type: path
    required: true
  environment:
    description: The environment that is to be changed.
    type: str
    default: ""
  cluster:
    description: The cluster that is to be changed; with it all environments that the placement file lets it offer.
    type: str
    default: ""
  override:
    description: Why it is changed nevertheless.
    type: str
    default: ""
  now:
    description: The moment that is judged, now unless given.
    type: str
attributes:
  check_mode:
    support: full
    description: Warns instead of failing.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Make sure that production may be changed now
  keelson.cluster.change_window:
    placement: placement.yml
    environment: prod
"""

RETURN = r"""
refused:
  description: Why the environment may not be changed, or nothing.
  type: str
  returned: success
override:
  description: Why it is changed nevertheless.
  type: str
  returned: success
"""
