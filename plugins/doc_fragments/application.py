# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that deploy an application."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  application:
    description: The application, as P(keelson.cluster.application#lookup) returns it. Needed unless they are V(listed).
    type: dict
  state:
    description:
      - V(present) deploys it and waits until it runs, V(absent) removes it.
      - V(listed) changes nothing and returns the artifacts of the bundle that the deployed applications need.
    type: str
    choices: [present, absent, listed]
    default: present
  timeout:
    description: Seconds to wait for a release, and again for the one before where it is taken back.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Asks the cluster what would change, and changes nothing.
  diff_mode:
    support: none
    description: Shows no difference.
"""
