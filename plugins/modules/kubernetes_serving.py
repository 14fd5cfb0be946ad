#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Give a service inside a Kubernetes cluster a certificate of the cluster's CA."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_serving
short_description: Give a service inside a Kubernetes cluster a certificate of the cluster's CA
version_added: "0.1.0"
description:
  - Runs on a manager, which holds the CA. Keeps key and certificate in a Secret, and makes them anew when they are missing,
    end soon, are for another name or of another CA.
  - Needs C(openssl) on the manager.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, for messages; where its API is says C(/etc/kubernetes/admin.conf).
    type: str
    required: true
  namespace:
    description: Namespace of the service.
    type: str
    required: true
  service:
    description: Name of the service.
    type: str
    required: true
  secret_name:
    description: Name of the Secret.
    type: str
    required: true
  days:
    description: Days a new certificate is valid.
    type: int
    default: 365
  renew_before_days:
    description: A certificate with fewer days left is made anew.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says whether a certificate would be made.
  diff_mode:
    support: none
    description: Keys are not shown.
"""

EXAMPLES = r"""
- name: Give metrics-server its certificate
  keelson.cluster.kubernetes_serving:
    cluster: product
    namespace: kube-system
    service: metrics-server
    secret_name: metrics-server-tls
"""

RETURN = r"""
reason:
  description: Why a certificate was made, or would be; empty when none was.
  type: str
  returned: success
ca_bundle:
  description: The CA's certificate as an APIService takes it (PEM, base64).
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import serving
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError


def main() -> None:
    """Look, make, keep."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "cluster": text,
            "namespace": text,
            "service": text,
            "secret_name": {**text, "no_log": False},
            "days": {"type": "int", "default": 365},
            "renew_before_days": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    given = module.params
    desired = serving.Serving(given["namespace"], given["service"], given["secret_name"])
    try:
        api = Api.from_env(given["cluster"])
        found = api.find(desired.path)
        reason = serving.reason_to_renew(found, desired, given["renew_before_days"], module.run_command)
        if reason and not module.check_mode:
            serving.keep(api, desired, serving.issue(desired, given["days"], module.run_command))
        bundle = serving.encoded(f"{serving.PKI}/ca.crt")
    except (ApiError, serving.ServingError, OSError) as error:
        if module.check_mode:  # the cluster is still to be made
            module.exit_json(changed=True, reason=str(error), ca_bundle="")
        module.fail_json(msg=f"{desired.name} cannot get a certificate: {error}")
    module.exit_json(changed=bool(reason), reason=reason, ca_bundle=bundle)


if __name__ == "__main__":
    main()
