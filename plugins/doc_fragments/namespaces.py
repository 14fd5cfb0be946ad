# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that apply the namespaces of teams."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  namespaces:
    description: All namespaces of teams. With an empty list, those of earlier runs are removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      labels:
        description: Labels of the namespace.
        type: dict
        default: {}
      pod_security:
        description: The pod security standard that is enforced; the cluster's default unless given.
        type: str
        choices: [privileged, baseline, restricted]
      quota:
        description: What all of it may use together, as C(hard) of a ResourceQuota, such as C(pods) or C(requests.cpu).
        type: dict
        default: {}
      limits:
        description: What one container may use, as an item of a LimitRange.
        type: dict
        default: {}
        suboptions:
          default:
            description: Limits of a container that names none.
            type: dict
          default_request:
            description: Requests of a container that names none.
            type: dict
          max:
            description: The most that a container may ask for.
            type: dict
          min:
            description: The least that a container may ask for.
            type: dict
      default_deny:
        description:
          - Whether its pods are closed to each other and to everything else until a network policy opens a way. They may
            ask the cluster's DNS.
        type: bool
        default: true
      deploy:
        description: >-
          Whose deploys work in it, such as TEAM-ENVIRONMENT. They get credentials of their own, which reach the namespaces of that
          name and no others.
        type: str
        default: ""
      teams:
        description: Who may work in it.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The team's group, as the authentication of the cluster calls it.
            type: str
            required: true
          role:
            description: A ClusterRole, such as V(view), V(edit), V(admin), or one of your own.
            type: str
            default: edit
attributes:
  check_mode:
    support: full
    description: Asks the API what would change (dry run).
  diff_mode:
    support: full
    description: Shows every object before and after.
"""
