#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at a host of a cluster from inside."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_checks
short_description: Check services, listening sockets and certificates of a host
version_added: "0.1.0"
description:
  - Checks that the services are active, that the expected ports are open and no others can be reached from outside,
    and that the certificates last.
  - All options are taken from the inventory and the host's components unless given.
options:
  services:
    description: Units that must be active.
    type: list
    elements: str
    default: []
  listeners:
    description:
      - Sockets that are expected. C(port) (0 for any), C(last) to end a range, C(protocol),
        C(address) (V(cluster), V(loopback) or V(any)), C(process) (empty for any), C(purpose).
    type: list
    elements: dict
    default: []
  address:
    description: The address at which the cluster's services listen.
    type: str
    default: ""
  ports:
    description: The ports whose certificates are looked at.
    type: list
    elements: int
    default: []
  ca_file:
    description: The certificate of the CA that signs all members.
    type: path
  cert_file:
    description: The host's own certificate.
    type: path
  key_file:
    description: The key of the host's own certificate.
    type: path
  days:
    description: Days that certificates must at least be valid for.
    type: float
    default: 14
  secrets:
    description: Files that nobody but root and C(owner) may use; in C(path) C(**) goes down folders.
    type: list
    elements: dict
    default: []
  controls:
    description:
      - Controls of security benchmarks by section, each with C(number), C(title), C(kind), C(target), C(name), C(rule), C(value).
    type: dict
    default: {}
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Look at the host from inside
  keelson.cluster.host_checks:
    days: 30
  register: verify_host
"""

RETURN = r"""
checks:
  description:
    - The checks with their answers. C(check) is the kind, C(target) what was asked about, C(passed) whether all is well,
      C(evidence) what was seen, C(remedy) what to do where it failed, C(seconds) how long it took.
  returned: always
  type: list
  elements: dict
  sample:
    - check: service
      title: The service is active
      host: manager-1
      target: nomad.service
      passed: true
      evidence: active, 0 restarts
      remedy: ""
      seconds: 0.01
made_of:
  description: The name of the server image that the host was made from (C(image), empty for none), and its C(artifacts) by digest.
  returned: always
  type: dict
  sample: {image: host-node-nomad-1.11.3-amd64-20261122T1510Z, artifacts: {nomad: "1.11.3 sha256:9f86d081…"}}
"""

import functools
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import install
from ansible_collections.keelson.cluster.plugins.module_utils.checks import controls, host, tls
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check, Verdict, answer
from ansible_collections.keelson.cluster.plugins.module_utils.checks.sockets import listening

ARGUMENTS: dict[str, dict[str, Any]] = {
    "services": {"type": "list", "elements": "str", "default": []},
    "listeners": {"type": "list", "elements": "dict", "default": []},
    "address": {"type": "str", "default": ""},
    "ports": {"type": "list", "elements": "int", "default": []},
    "ca_file": {"type": "path"},
    "cert_file": {"type": "path"},
    "key_file": {"type": "path"},
    "days": {"type": "float", "default": 14},
    "secrets": {"type": "list", "elements": "dict", "default": [], "no_log": False},
    "controls": {"type": "dict", "default": {}},
}


def check_services(module: AnsibleModule, units: list[str]) -> list[Check]:
    """Ask systemd once about all units."""

    def question(unit: str) -> Verdict:
        command = ["systemctl", "show", "--property=ActiveState,NRestarts", unit]
        _code, out, _error = module.run_command(command)
        found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        return host.service(found.get("ActiveState", ""), int(found.get("NRestarts") or 0))

    title, remedy = "The service is active", "look at systemctl status and journalctl -u of this unit"
    return [answer("service", title, unit, remedy, functools.partial(question, unit)) for unit in units]


def main() -> None:
    """Look and return."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    sockets, address = listening(), given["address"]
    checks = check_services(module, given["services"])
    remedy = "stop the program, bind it to loopback, or expect it with verify_listeners"
    checks += [
        answer(
            "listeners",
            "The expected ports are open",
            address,
            "look at the service that should listen there",
            lambda: host.missing(sockets, given["listeners"], address),
        ),
        answer(
            "unauthorized_sockets",
            "No unexpected port can be reached",
            address,
            remedy,
            lambda: host.unexpected(sockets, given["listeners"], address),
        ),
    ]
    if given["secrets"]:
        checks.append(
            answer(
                "secret_files",
                "Secret files are private",
                "",
                "run the install playbook, which closes them; take what others could read for known",
                lambda: host.private([(entry["path"], entry["owner"]) for entry in given["secrets"]]),
            )
        )
    checks += [
        answer(
            "benchmark",
            section,
            "",
            "see the page on security controls; run the install playbook, or take back the setting of yours that differs",
            functools.partial(controls.judge, chosen),
        )
        for section, chosen in given["controls"].items()
    ]
    own = tls.Identity(given["ca_file"], given["cert_file"], given["key_file"])
    checks += [
        answer(
            "certificate",
            "The certificate is the cluster's, names this host and lasts",
            f"{address}:{port}",
            "run the install playbook: it renews certificates in time",
            functools.partial(tls.certificate, tls.Endpoint(address, port, b""), own, given["days"]),
        )
        for port in given["ports"]
    ]
    if given["ports"]:
        checks.append(
            answer(
                "authority",
                "The certificate authority lasts",
                own.ca,
                "it signs all members: plan a new cluster, or exchange it by hand on all hosts in one go",
                lambda: tls.authority(own.ca, given["days"]),
            )
        )
    module.exit_json(changed=False, checks=checks, made_of={"image": host.image(), "artifacts": install.made_of()})


if __name__ == "__main__":
    main()
