#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Apply the namespaces of a Kubernetes cluster's teams."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_namespaces
short_description: Apply the namespaces of a Kubernetes cluster's teams
version_added: "0.1.0"
description:
  - Runs on a manager. Applies namespaces with quotas, limits, network policies and the roles of teams (server-side
    apply), and removes what it has made before and what is no longer listed.
  - A namespace that it has made and that is no longer listed is deleted only when nothing is in use in it; otherwise
    the module fails before it changes anything.
  - What others have made or set in these namespaces stays as it is.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, for messages; where its API is says C(/etc/kubernetes/admin.conf).
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

EXAMPLES = r"""
- name: Give two teams their namespaces
  keelson.cluster.kubernetes_namespaces:
    cluster: product
    namespaces:
      - name: shop
        pod_security: restricted
        quota: {pods: 40, requests.cpu: 8, requests.memory: 16Gi}
        limits: {default: {memory: 256Mi}, default_request: {cpu: 50m, memory: 64Mi}}
        teams: [{name: shop-developers}, {name: support, role: view}]
      - name: batch
        teams: [{name: data}]
"""

RETURN = r"""
changes:
  description: What was changed, or would be.
  type: list
  elements: str
  returned: success
  sample: ["create /api/v1/namespaces/shop"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import tenancy
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError

AMOUNTS: dict[str, Any] = {name: {"type": "dict"} for name in ("default", "default_request", "max", "min")}
TEAM: dict[str, Any] = {"name": {"type": "str", "required": True}, "role": {"type": "str", "default": "edit"}}
NAMESPACE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "pod_security": {"type": "str", "choices": ["privileged", "baseline", "restricted"]},
    "quota": {"type": "dict", "default": {}},
    "limits": {"type": "dict", "default": {}, "options": AMOUNTS},
    "default_deny": {"type": "bool", "default": True},
    "teams": {"type": "list", "elements": "dict", "default": [], "options": TEAM},
}


def main() -> None:
    """Apply them and return."""
    arguments: dict[str, Any] = {
        "cluster": {"type": "str", "required": True},
        "namespaces": {"type": "list", "elements": "dict", "required": True, "options": NAMESPACE},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    try:
        api = Api.from_env(module.params["cluster"], 30.0)
        outcome = tenancy.ensure(api, module.params["namespaces"], module.check_mode)
    except tenancy.TenancyError as error:
        module.fail_json(msg=str(error))
    except ApiError as error:
        if module.check_mode and error.status == 0:  # the cluster is still to be made
            module.exit_json(changed=True, changes=[], diff={})
        module.fail_json(msg=f"the namespaces cannot be applied: {error}")
    diff = {"before": outcome.before, "after": outcome.after}
    module.exit_json(changed=bool(outcome.changes), changes=outcome.changes, diff=diff)


if __name__ == "__main__":
    main()
