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
  - Everything is read and checked first. On any error the inventory gets nothing of the file, and one message names the file, the address and what to do.
    A file without O(clusters) is answered with the servers in the stacks and with a C(clusters) block that loads when it is added.
  - Values from a stack are untrusted text and are never templated.
notes:
  - A reference is C(STACK.outputs.NAME[.path]) or C(STACK.resources.ADDRESS), where ADDRESS is the stack tool's own resource address.
    In it V(*) is any run of characters without a dot and V(**) any run at all; an address without an index means all its C(count) or
    C(for_each) instances. Data sources are named by an address with C(data.) only, external resources of Pulumi by their full URN.
  - A reference may stand wherever O(clusters) has a value, also inside lists and mappings. An output with hosts is a list or a mapping of objects
    or addresses, one of these alone, or a text of addresses with commas.
  - A server is a manager or a host node, never both.
  - A stack with an output named C(clusters), of the shape of O(clusters) with hosts written in place, needs no O(clusters) in the file.
  - Groups are C(clusters), C(<cluster>), C(<cluster>_managers), C(<cluster>_nodes), C(<cluster>_pool_<pool>), C(environment_<environment>)
    and C(stack_<stack>); a dash in a name becomes an underscore in the group.
  - Host variables are C(ansible_host), C(cluster_name), C(cluster_part) (manager or node), C(cluster_pool) (empty for managers),
    C(cluster_address), C(cluster_labels) (all texts) and C(stack) (name, kind, address, workspace, serial, lineage, and C(note) for a host that is
    C(planned) or C(tainted)). A planned host has no C(cluster_address) until the plan tells one, and connects to C(<name>.invalid),
    which is no server anywhere.
  - Variables of the cluster's group are C(cluster_engine), C(cluster_environment), C(cluster_endpoint) (empty when not given),
    C(cluster_networks) (names to CIDR texts) and those under C(vars). With C(managed) there are also C(cluster_managed_by) (eks, ecs, aks
    or gke), C(cluster_ca) (PEM), C(cluster_version) and C(cluster_node_groups).
  - Ansible turns the error of an inventory source into a warning and goes on with no hosts. Set C(any_unparsed_is_failed=true) in section
    C([inventory]) of C(ansible.cfg) to stop there. Without it the message is shown all the same, as an error of its own and among Ansible's
    warnings, and the playbooks of this collection stop by themselves when their cluster is missing.
options:
  plugin:
    description: Marks the file as one for this plugin.
    required: true
    choices: [keelson.cluster.stacks]
  stacks:
    description:
      - Names of stacks, each with exactly one source. Relative paths start at the folder of this file, and keys of backends are those of the
        backend itself. Every source over a network takes C(timeout) in seconds, 30 by default.
      - C(state) is a file, or a folder with a file, of a Terraform or OpenTofu state of version 4.
      - C(show) is a file with the text of C(terraform show -json) of a state or of a plan, whose hosts are then only planned.
      - C(outputs) is a file with the text of C(terraform output -json).
      - C(http) is an address, or address, username, password and ca_file. TF_HTTP_USERNAME and TF_HTTP_PASSWORD of the environment count too.
      - C(s3) is C(s3://BUCKET/KEY), or bucket, key, workspace_key_prefix, region, endpoint, profile and ca_file. Needs boto3.
      - C(pg) is a connection string, or conn_str and schema_name. PG_CONN_STR of the environment counts too. Needs psycopg.
      - C(pull) is an initialised folder in which C(terraform state pull) or C(tofu state pull) is run, or folder and binary. A state that
        OpenTofu encrypted is read so.
      - C(tfe) has organization, workspace, hostname (app.terraform.io by default), read (V(state) or V(outputs)), token and ca_file. The token
        is else looked for as Terraform does.
      - C(pulumi) is a file from C(pulumi stack export), or a checkpoint file, also as .gz. An address is a URN.
      - C(cloudformation) is a file of what C(aws cloudformation describe-stacks) or C(list-stack-resources) prints or
        M(amazon.aws.cloudformation_info) returns, a list of such files, or stack, region, endpoint, profile and ca_file for a live stack.
        The latter needs boto3. An address is a logical name.
      - C(command) is a program, as a list of words, that prints one of these formats. It runs in the folder of this file, without a shell.
      - C(static) is a YAML or JSON file whose members are read like outputs, for servers that no stack made.
      - Beside the source may stand C(workspace) (with C(state), C(pull), C(s3), C(pg) and C(tfe)), and C(members) for servers that a pool
        resource made, which no state lists - the path of a JSON file (an object of pool address or name to a list of servers, or the text of
        C(aws ec2 describe-instances)), C({command:}) that prints one, or C({ec2:}) with region, endpoint and profile to ask live, which
        needs boto3.
    type: dict
    required: true
  clusters:
    description:
      - Names of clusters, each with C(engine), C(environment), C(endpoint), C(networks), C(managers), C(pools), C(managed), C(host) and C(vars).
      - C(managers) and each pool take C(hosts) (a reference, or a list or mapping of references, addresses, and objects with name, address and
        connect), C(labels), C(host), its options C(clean_names), C(resolve) and C(missing_address), and C(size) (how many hosts there
        should be; V(0) permits none, and then C(hosts) may be left out, as for a pool whose hosts join by themselves).
      - C(managed) is a reference to a cluster that the cloud runs (EKS, ECS, AKS, GKE); its engine is C(managed) and it has no managers.
      - >-
        A text under C(vars) that is a reference is replaced by the value. C({sensitive: REFERENCE}) copies a sensitive output, encrypted by
        Ansible Vault with the first vault secret of the run, or with one of this process alone where there is none.
    type: dict
  host:
    description:
      - How a host is read, as dotted paths into its attributes - C(name), C(address) (where cluster services listen) and C(connect)
        (C(ansible_host); the address by default). A list of paths means the first with a usable value. C(each.key) is the C(for_each) key or
        C(count) number, C(each.name) the name of the resource in the code, C(each.address) its whole address as a name.
      - V(clean_names=true) makes V(web-server-1) of V(Web Server 1). V(resolve=true) looks up a DNS name that stands in place of an address.
        V(missing_address=skip) leaves hosts without an address out, with a warning.
      - Clusters and pools may override it. What is not given is known for the usual host types.
    type: dict
  on_duplicate:
    description: What happens to a second host of one name - V(error) stops, V(first) leaves it out with a warning, V(address) adds its address to the name.
    type: str
    choices: [error, first, address]
    default: error
  cache_folder:
    description:
      - A folder for stacks read from C(http), C(s3), C(pg) and C(tfe), used while the backend says that nothing changed (ETag, checksum, state
        version). It holds normalised records without secrets, in files that only their owner can read.
    type: str
  compose:
    description:
      - Host variables from the host's resource. A dotted path such as C(tags.zone) is followed without Jinja; any other text is a Jinja
        expression over the attributes and the host variables, compiled once, with Ansible's filters and without lookups.
    type: dict
  groups:
    description: Names of groups, each with an expression; a host for which it is true joins.
    type: dict
  keyed_groups:
    description: Groups named by a value, each with C(key) (a path or expression), C(prefix), C(separator), C(default_value) and C(parent_group).
    type: list
    elements: dict
  strict:
    description: Whether a path or expression without a value is an error. If not, the host goes without the variable or group.
    type: bool
    default: true
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
import secrets
from typing import Any
from weakref import WeakKeyDictionary

from ansible_collections.keelson.cluster.plugins.plugin_utils import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones

# isort: split
from ansible import constants as C
from ansible.errors import AnsibleParserError
from ansible.parsing.vault import EncryptedString, VaultLib, VaultSecret, VaultSecretsContext
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Secret

# Of each inventory that is being read, the stacks file that has each cluster and host.
_READ: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


def _trusted_keys(value: Any) -> Any:
    """What the stacks file says, with its keys marked as trusted as its values are already: names of stacks, clusters and pools."""
    if isinstance(value, dict):
        return {
            trust_as_template(key) if isinstance(key, str) else key: _trusted_keys(item) for key, item in value.items()
        }
    return [_trusted_keys(item) for item in value] if isinstance(value, list) else value


def _own(**texts: tuple[str, ...]) -> dict[str, dict[Any, Any]]:
    """For each variable the texts that this code itself writes to it, marked as trusted."""
    return {variable: {text: trust_as_template(text) for text in these} for variable, these in texts.items()}


# No text that was read is ever marked as trusted, but these words of our own are: what equals one is replaced by it, since an
# untrusted text costs Ansible several times as much to print.
_OWN = _own(
    cluster_environment=("default",), cluster_endpoint=("",), cluster_part=("manager", "node"), cluster_pool=("",)
)
_OWN_OF_STACK = _own(kind=("terraform", "pulumi", "cloudformation", "static"), workspace=("default",))


def _put_own(variables: dict[str, Any], own: dict[str, dict[Any, Any]]) -> None:
    """Replace the values of VARIABLES that are words of our own by these."""
    for variable, texts in own.items():
        if variable in variables:
            variables[variable] = texts.get(variables[variable], variables[variable])


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
            built = load.load(_trusted_keys(document), path)
            self._refuse_taken(built, path)
        except StackError as error:
            if not C.INVENTORY_ANY_UNPARSED_IS_FAILED:
                # Ansible is about to go on without these hosts; among its own warnings the reason is easily overlooked.
                self.display.error(str(error), wrap_text=False)
            raise AnsibleParserError(str(error)) from None
        for warning in built.warnings:
            self.display.warning(warning)
        self._commit(built)

    def _refuse_taken(self, built: Inventory, path: str) -> None:
        """StackError where a name means something else in an inventory read before, whose plays or connections would be changed."""
        remedy = "Rename it in one of them, or describe both in one file"
        known = _READ.setdefault(self.inventory, {})
        ours = [f"cluster {name}" for name in built.groups["clusters"].children]
        ours += [f"host {name.lower()}" for name in built.hosts]
        for name in ours:
            if known.get(name, path) != path:
                raise StackError(path, f"has the {name}, and so has {known[name]}", remedy)
        for name, variables in built.hosts.items():
            if name in self.inventory.groups:
                raise StackError(path, f"has the host {name}, the name of a group of another inventory", remedy)
            other = self.inventory.hosts[name].vars.get("ansible_host") if name in self.inventory.hosts else None
            if other not in (None, variables["ansible_host"]):
                fault = f"has the host {name} at {variables['ansible_host']}, and another inventory has it at {other}"
                raise StackError(path, fault, remedy)
        known.update(dict.fromkeys(ours, path))

    def _commit(self, built: Inventory) -> None:
        """Add everything that was built; nothing here can fail."""
        inventory = self.inventory
        for name, group in built.groups.items():
            _put_own(group.variables, _OWN)
            inventory.add_group(name)
            for variable, value in group.variables.items():
                inventory.set_variable(name, variable, self._encrypted(value))
        for name, variables in built.hosts.items():
            _put_own(variables, _OWN)
            _put_own(variables["stack"], _OWN_OF_STACK)
            inventory.add_host(name)
            # Not set_variable: it would copy each value once more, which costs a third of the load of 10,000 hosts.
            inventory.hosts[name].vars.update(variables)
        # Hosts before children: each host that joins a group walks through all that the group lies in.
        for name, group in built.groups.items():
            for host in group.hosts:
                inventory.add_child(name, host)
        for name, group in built.groups.items():
            for child in group.children:
                inventory.add_child(name, child)

    def _encrypted(self, value: Any) -> Any:
        """VALUE with its secrets encrypted. No text is marked as trusted: what the file itself says is tagged already, all else is
        the stacks', which Ansible then never templates and never takes for an expression."""
        if isinstance(value, dict):
            return {key: self._encrypted(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._encrypted(item) for item in value]
        return self._encrypt(value.value) if isinstance(value, Secret) else value

    def _encrypt(self, value: Any) -> Any:
        """A sensitive value as one that Ansible decrypts on use and prints as ciphertext."""
        text = value if isinstance(value, str) else json.dumps(value)
        known = VaultSecretsContext.current().secrets
        if not known:
            known.append(("keelson", VaultSecret(secrets.token_bytes(32))))
        vault_id, secret = known[0]
        return EncryptedString(ciphertext=VaultLib(known).encrypt(text, secret=secret, vault_id=vault_id).decode())
