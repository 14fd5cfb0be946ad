# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stacks
short_description: Clusters joined from the state and outputs of infrastructure stacks
version_added: 0.1.0
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Reads infrastructure stacks and joins them into clusters of managers and host nodes in pools.
  - A file for this plugin has a name that ends in C(.stacks.yml) or C(.stacks.yaml).
  - Everything is read and checked first. On any error the inventory gets nothing of the file, and one message names the file, the address and the cure.
  - Values from a stack are untrusted text and are never templated.
notes:
  - A reference is C(STACK.outputs.NAME[.path]) or C(STACK.resources.ADDRESS), where ADDRESS is the stack tool's own resource address. In it V(*) is any run
    of characters without a dot and V(**) any run at all; an address without an index means all its C(count) or C(for_each) instances.
  - A stack with an output named C(clusters), of the shape of O(clusters) with hosts written in place, needs no O(clusters) in the file.
  - Groups are C(clusters), C(<cluster>), C(<cluster>_managers), C(<cluster>_nodes), C(<cluster>_pool_<pool>), C(environment_<environment>) and C(stack_<stack>);
    a dash in a name becomes an underscore in the group.
  - Host variables are C(ansible_host), C(cluster_name), C(cluster_part) (manager or node), C(cluster_pool) (empty for managers), C(cluster_address),
    C(cluster_labels) and C(stack) (name, kind, address, workspace, serial, lineage).
  - Variables of the cluster's group are C(cluster_engine), C(cluster_environment), C(cluster_endpoint) (empty when not given), C(cluster_networks)
    (names to CIDR texts) and those under C(vars).
  - Ansible turns the error of an inventory source into a warning and goes on with no hosts. Set C(any_unparsed_is_failed=true) in section C([inventory]) of
    C(ansible.cfg) to stop there; the playbooks of this collection stop by themselves when their cluster is missing.
options:
  plugin:
    description: Marks the file as one for this plugin.
    required: true
    choices: [keelson.cluster.stacks]
  stacks:
    description:
      - Names of stacks, each with where it is read from. Relative paths start at the folder of this file.
      - C(state) is a Terraform or OpenTofu state of version 4; C(outputs) is a file with the text of C(terraform output -json).
      - C(workspace) picks a workspace of a local state.
      - C(members) is a JSON file of servers that a pool resource made, which no state lists - an object of pool address or name to a list of servers.
    type: dict
    required: true
  clusters:
    description:
      - Names of clusters, each with C(engine), C(environment), C(endpoint), C(networks), C(managers), C(pools), C(host) and C(vars).
      - C(managers) and each pool take C(hosts) (a reference, or hosts written in place with name, address and connect), C(labels), C(host) and
        C(size) (how many hosts there should be; V(0) permits none).
      - >-
        A text under C(vars) that is a reference is replaced by the value. C({sensitive: REFERENCE}) copies a sensitive output, encrypted by Ansible Vault
        with the first vault secret of the run, or with one of this process alone where there is none.
    type: dict
  host:
    description:
      - How a host is read, as dotted paths into its attributes - C(name), C(address) (where cluster services listen) and C(connect) (C(ansible_host);
        the address by default). A list of paths means the first with a value. C(each.key) is the C(for_each) key or C(count) number.
      - Clusters and pools may override it. What is not given is known for the usual host types.
    type: dict
  on_duplicate:
    description: What happens to a second host of one name - V(error) stops, V(first) leaves it out with a warning, V(address) adds its address to the name.
    type: str
    choices: [error, first, address]
    default: error
"""

EXAMPLES = r"""
# product.stacks.yml: three stacks joined into one cluster
plugin: keelson.cluster.stacks
stacks:
  network: {state: stacks/network/terraform.tfstate}
  managers: {state: stacks/managers/terraform.tfstate}
  nodes: {state: stacks/nodes/terraform.tfstate, members: nodes-members.json}
clusters:
  product:
    engine: nomad
    environment: prod
    endpoint: network.outputs.api_endpoint
    networks: network.outputs.vlans
    managers: {hosts: managers.resources.aws_instance.manager}
    pools:
      web: {hosts: "nodes.resources.module.*.aws_instance.web", labels: {tier: web}}
      batch: {hosts: nodes.outputs.batch_hosts}
host:
  name: tags.Name
  address: private_ip
"""

import json
import re
import secrets
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.inventory import BaseInventoryPlugin

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Secret

try:
    from ansible.parsing.vault import EncryptedString, VaultSecretsContext
    from ansible.template import trust_as_template
    _TAGGED = True
except ImportError:  # ansible-core before 2.19: every plain string would be templated, so values are wrapped
    from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode
    from ansible.utils.unsafe_proxy import wrap_var
    _TAGGED = False

# Text of these signs alone is no template and no `#jinja2:` header, so marking it as trusted changes nothing but how it is
# printed: `ansible-inventory --list` wraps untrusted text in an object, which most readers of that output do not expect.
_INERT = re.compile(r'[A-Za-z0-9_.,:;/@ "\[\]()+=-]*')


class InventoryModule(BaseInventoryPlugin):
    """Reads a stacks file, has the inventory built, and hands it to Ansible at once."""

    NAME = "keelson.cluster.stacks"

    def verify_file(self, path: str) -> bool:
        """Only files named for this plugin."""
        return super().verify_file(path) and path.endswith((".stacks.yml", ".stacks.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Build everything, then add it: an error leaves nothing behind."""
        super().parse(inventory, loader, path, cache)
        document = self._read_config_data(path)
        try:
            built = load.load(document, path)
        except StackError as error:
            raise AnsibleParserError(str(error)) from None
        for warning in built.warnings:
            self.display.warning(warning)
        self._commit(built)

    def _commit(self, built: Inventory) -> None:
        for name, group in built.groups.items():
            self.inventory.add_group(name)
            for variable, value in group.variables.items():
                self.inventory.set_variable(name, variable, self._value(value))
        for name, variables in built.hosts.items():
            self.inventory.add_host(name)
            for variable, value in variables.items():
                self.inventory.set_variable(name, variable, self._value(value))
        for name, group in built.groups.items():
            for child in [*group.children, *group.hosts]:
                self.inventory.add_child(name, child)

    def _value(self, value: Any) -> Any:
        if isinstance(value, Secret):
            return self._encrypt(value.value)
        return self._mark(value) if _TAGGED else wrap_var(value)

    def _mark(self, value: Any) -> Any:
        """VALUE with its inert texts marked as trusted; all other text stays untrusted, so it is never templated."""
        if isinstance(value, dict):
            return {self._mark(key): self._mark(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._mark(item) for item in value]
        if type(value) is str and _INERT.fullmatch(value):  # exactly str: what the file itself says is tagged already
            return trust_as_template(value)
        return value

    def _encrypt(self, value: Any) -> Any:
        """A sensitive value as one that Ansible decrypts on use and prints as ciphertext."""
        text = value if isinstance(value, str) else json.dumps(value)
        known = VaultSecretsContext.current().secrets if _TAGGED else self.loader._vault.secrets
        if not known:
            known.append(("keelson", VaultSecret(secrets.token_bytes(32))))
        ciphertext = VaultLib(known).encrypt(text, secret=known[0][1], vault_id=known[0][0]).decode()
        if _TAGGED:
            return EncryptedString(ciphertext=ciphertext)
        encrypted = AnsibleVaultEncryptedUnicode(ciphertext)
        encrypted.vault = VaultLib(known)
        return encrypted
