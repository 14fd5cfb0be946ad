#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring Istio and the services of the mesh in a cluster to what is declared; the action of the same name renders them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_istio
short_description: Run Istio in a Kubernetes cluster, with the services of the mesh
version_added: "0.1.0"
description:
  - Runs on a manager. The action renders the control plane of each revision, and C(mesh_services) as objects of Istio. The module
    applies them, gives the namespaces of tenants the label of their revision, removes what of ours is declared no more, and waits
    for an instance of each revision.
  - Istio's types must be there; M(keelson.cluster.kubernetes_apply) applies them from the artifact C(istio).
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  state:
    description: V(absent) takes Istio out of the cluster, with its types. Objects of these types that others made stop that first.
    type: str
    choices: [present, absent]
    default: present
  revisions:
    description: The control planes. The first is that of tenants that have no other. Needed where it is present.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the revision, part of labels.
        type: str
        required: true
      image:
        description: Image of the control plane.
        type: str
        required: true
      proxy:
        description: Image of sidecars in pods.
        type: str
        required: true
      template:
        description: File on the manager with this version's template of sidecars in pods.
        type: path
        required: true
      artifacts:
        description: What a bundle must have for it; not used here.
        type: list
        elements: str
        default: []
  tenants:
    description: Revision by tenant, where it is not the first one. The action sets it for all.
    type: dict
    default: {}
  replicas:
    description: Instances of each control plane, on a manager each; fewer where the cluster has fewer managers.
    type: int
    default: 2
  priority_class:
    description: Priority class of the control plane.
    type: str
    default: system-cluster-critical
  resources:
    description: Resources of an instance of the control plane.
    type: dict
    default: {}
  proxy_resources:
    description: Resources of a sidecar in a pod.
    type: dict
    default: {}
  timeout:
    description: Seconds to wait for the control planes, or for the end of what is removed.
    type: int
    default: 300
  objects:
    description: Set by the action, the objects.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    description: Says what would be changed.
  diff_mode:
    support: full
    description: Shows each object before and after.
"""

EXAMPLES = r"""
- name: Run Istio
  keelson.cluster.mesh_istio:
    cluster: product
    revisions:
      - name: v1-31
        image: docker.io/istio/pilot:1.31.0
        proxy: docker.io/istio/proxyv2:1.31.0
        template: /opt/keelson/istio/1.31.0/injection.yaml
  run_once: true
"""

RETURN = r"""
changes:
  description: What was, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import control

TEXT = {"type": "str", "required": True}
REVISION = {
    **dict.fromkeys(("name", "image", "proxy"), TEXT),
    "template": {"type": "path", "required": True},
    "artifacts": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Compare and apply."""
    module = AnsibleModule(
        argument_spec={
            "cluster": TEXT,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "revisions": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": REVISION,
            },
            "tenants": {"type": "dict", "default": {}},
            "replicas": {"type": "int", "default": 2},
            "priority_class": {"type": "str", "default": "system-cluster-critical"},
            "resources": {"type": "dict", "default": {}},
            "proxy_resources": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300},
            "objects": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    given, check = module.params, module.check_mode
    try:
        api = Api.from_env(given["cluster"])
        if given["state"] == "absent":
            done = control.remove(api, given["timeout"], check)
        else:
            templates = {one["name"]: control.template(one["template"], check) for one in given["revisions"]}
            done = control.ensure(api, given["objects"], given["tenants"], templates, check)
            if not check:
                control.available(api, [one["name"] for one in given["revisions"]], given["timeout"])
    except (ApiError, OSError, control.InUse, control.Stuck) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(done.changes), changes=done.changes, diff={"before": done.before, "after": done.after}
    )


if __name__ == "__main__":
    main()
