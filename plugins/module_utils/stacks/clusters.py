# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining stacks into clusters: the whole inventory as plain data, built before anything of it is shown to Ansible."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Union

from ..texts import some
from . import (
    addresses,
    candidates,
    config,
    documents,
    grammar,
    host_types,
    hosts,
    lookup,
    names,
    paths,
    sensitive,
    staleness,
)
from .candidates import Candidate
from .config import Cluster, HostRules, Part
from .errors import StackError
from .hosts import Found, NoAddress
from .model import (
    Group,
    Inventory,
    Resource,
    Skipped,
    Stack,
)
from .neighbours import Neighbours

_ACCEPTED = {
    "host": "the name of a host",
    "pool": "the name of a pool",
    "label": "the name of a label",
    "value": "the value of a label",
    "endpoint": "an endpoint",
}
_ENDPOINT = "Give the name or address at which clients reach the managers, or leave `endpoint:` out"
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def build(
    clusters: Mapping[str, Cluster], stacks: Mapping[str, Stack], host: HostRules, on_duplicate: str = "error"
) -> Inventory:
    """Build the inventory. HOST: the file's own `host:` paths. ON_DUPLICATE: error, first or address."""
    builder = _Builder(stacks, host, on_duplicate)
    for cluster in clusters.values():
        builder.add(cluster)
    return builder.finish()


def described(stacks: Mapping[str, Stack]) -> dict[str, Cluster]:
    """The clusters that the stacks describe themselves, in an output named `clusters`; none where there is none."""
    found: dict[str, Cluster] = {}
    for stack in stacks.values():
        if "clusters" not in stack.outputs:
            continue
        where = f"{stack.place}: outputs.clusters"
        if stack.outputs["clusters"].sensitive:
            raise StackError(where, "is sensitive", "Declare it without `sensitive`, and keep secrets out of it")
        lookup.shown(stack.outputs["clusters"].value, where, "it")
        for name, cluster in config.clusters(stack.outputs["clusters"].value, where, trusted=False).items():
            if name in found:
                raise StackError(
                    cluster.place,
                    f"describes the cluster {name}, which {found[name].place} describes too",
                    "Let one stack describe it",
                )
            cluster.origin = stack
            found[name] = cluster
    return found


class _Builder:
    """Holds what is built so far; nothing of it leaves before `finish`."""

    def __init__(self, stacks: Mapping[str, Stack], host: HostRules, on_duplicate: str) -> None:
        self.stacks = stacks
        self.host = host
        self.on_duplicate = on_duplicate
        self.inventory = Inventory()
        self.meaning = {"all": "all hosts", "ungrouped": "the hosts of no group", "localhost": "the controller"}
        self.claims: dict[str, tuple[str, str]] = {}
        self.neighbours = Neighbours(stacks.values())
        self.owners: dict[str, str] = {}
        self.nowhere: list[NoAddress] = []
        self.seen: set[tuple[str, str]] = set()
        self.group("clusters", "all clusters")

    def group(self, name: str, meaning: str) -> Group:
        """The group NAME; two meanings for one name are an error."""
        if self.meaning.setdefault(name, meaning) != meaning:
            raise StackError(f"group {name}", f"would hold {self.meaning[name]} and {meaning}", "Rename one of them")
        if names.misread(name) and not meaning.startswith("pool "):
            raise StackError(
                f"group {name}",
                f"would hold {meaning} and be taken for {names.misread(name)}",
                "Rename what it is named after",
            )
        return self.inventory.groups.setdefault(name, Group())

    def add(self, cluster: Cluster) -> None:
        """Add a cluster: its variables, its groups, its hosts."""
        group = self.group(cluster.name, f"cluster {cluster.name}")
        self.inventory.groups["clusters"].children.append(cluster.name)
        self.taken: dict[str, str] = {}
        place = f"{cluster.place}.environment"
        stage = config.word(self._follow(cluster.environment, cluster, place), place, "an environment", dashes=True)
        environment = self.group(f"environment_{stage.replace('-', '_')}", f"environment {stage}")
        environment.children.append(cluster.name)
        networks = self._networks(cluster)
        group.variables.update(
            cluster_engine=cluster.engine,
            cluster_environment=stage,
            cluster_endpoint=self._endpoint(cluster),
            cluster_networks={name: str(network) for name, network in networks.items()},
            **self._variables(cluster),
        )
        if cluster.managed:  # imported on use, as in sources
            from . import managed

            group.variables.update(managed.variables(cluster, self.stacks, group.variables["cluster_endpoint"]))
            stack = cluster.managed.split(".", 1)[0]
            self.seen.update((stack, group["address"]) for group in group.variables["cluster_node_groups"])
        managers = self.group(f"{cluster.name}_managers", f"the managers of cluster {cluster.name}")
        nodes = self.group(f"{cluster.name}_nodes", f"the host nodes of cluster {cluster.name}")
        group.children.extend([f"{cluster.name}_managers", f"{cluster.name}_nodes"])
        if cluster.managers:
            self._part(cluster, cluster.managers, None, managers, networks)
        for pool, part in cluster.pools.items():
            self._fits(cluster, "pool", pool, part.place)
            name = f"{cluster.name}_pool_{pool.replace('-', '_')}"
            nodes.children.append(name)
            group = self.group(name, f"pool {pool} of cluster {cluster.name}")
            group.variables["cluster_labels"] = self._labels(cluster, part)  # also of a pool that has no host yet
            self._part(cluster, part, pool, group, networks)

    def _part(
        self, cluster: Cluster, part: Part, pool: str | None, group: Group, networks: Mapping[str, Network]
    ) -> None:
        """Add the hosts of the managers or of a pool."""
        found = self._candidates(cluster, part)
        if not found:
            return
        rules = {**self.host, **cluster.host, **part.host}
        spans = [addresses.span(network) for network in networks.values()]
        labels = self._labels(cluster, part)
        endpoint = names.endpoint(str(self.inventory.groups[cluster.name].variables["cluster_endpoint"]))[0]
        read: dict[str, Found] = {}
        for candidate in found:
            host = self._read(candidate, rules, spans, part)
            if spans and host and host.address:
                self._inside(host, networks, part)
            name = self._claim(host, part) if host else ""
            if not host or not name:
                continue
            inside = candidate.address.startswith(part.place)
            where = candidate.address if inside else f"{part.place}.hosts: {candidate.address}"
            self._fits(cluster, "host", name, where)
            self._alone(name, host, part)
            if pool and endpoint and endpoint in (name.lower(), host.address):
                what, remedy = ("name", "Rename the host") if endpoint == name.lower() else ("address", _ENDPOINT)
                raise StackError(
                    f"{part.place}.hosts",
                    f"{name} ({candidate.address}) has the {what} of the cluster's endpoint, and would get a certificate for it",
                    remedy,
                )
            read[name] = host
            group.hosts.append(name)
            self.inventory.hosts[name] = {
                "ansible_host": host.connect,
                "cluster_name": cluster.name,
                "cluster_part": "node" if pool else "manager",
                "cluster_pool": pool or "",
                "cluster_address": host.address,
                "cluster_labels": labels,
                "stack": _origin(candidate),
            }
            self.inventory.records[name] = candidate.resource or Resource(
                candidate.address, candidate.address, "", candidate.key, candidate.values
            )
            if candidate.stack:
                stack = candidate.stack.name
                self.group(f"stack_{stack.replace('-', '_')}", f"the hosts of stack {stack}").hosts.append(name)
        self._judge(read, group, part)

    def _candidates(self, cluster: Cluster, part: Part) -> list[Candidate]:
        """What may be hosts of a part; nothing where its size is 0."""
        place = f"{part.place}.size"
        size = config.size(self._follow(part.size, cluster, place), place)
        if size == 0:
            return []
        told = list[str]()
        found = candidates.of(part, self.stacks, told, cluster.origin)
        if not found:
            fault = f"`{part.hosts}` names no host at all" if isinstance(part.hosts, str) else "names no host at all"
            raise StackError(
                f"{part.place}.hosts",
                "; ".join([fault, *(text.removeprefix(f"{part.place}: ") for text in told)]),
                f"Apply the stack, correct the reference{' or `members:`' if told else ''}, or write `size: 0` where that is meant",
            )
        self.inventory.warnings.extend(told)
        if size is not None and size != len(found):
            self.inventory.warnings.append(f"{part.place}: wants {size} hosts and has {len(found)}")
        return found

    def _read(self, candidate: Candidate, rules: HostRules, spans: list[addresses.Span], part: Part) -> Found | None:
        """A candidate as a host; None for one that is left out."""
        named = candidate.resource or candidate.pool
        if named and candidate.stack:
            self.seen.add((candidate.stack.name, named.address))
        off = hosts.off(candidate)
        if off:
            self._left_out(candidate, off, part)
            return None
        try:
            return hosts.read(candidate, rules, f"{part.place}.hosts", spans, self.neighbours)
        except NoAddress as error:
            self._without_address(candidate, error, rules.get("missing_address") == "skip", part)
            return None

    def _judge(self, read: Mapping[str, Found], group: Group, part: Part) -> None:
        """Refuse a part without hosts, and warn of addresses that may be meant otherwise."""
        if not group.hosts and not self.nowhere:
            reason = self.inventory.skipped[-1]
            raise StackError(
                f"{part.place}.hosts",
                f"leaves out every host: {reason.address}, because {reason.reason}",
                "Start the servers and refresh the stack, correct `host:`, or write `size: 0` where no host is meant",
            )
        public = [f"{name} {host.address}" for name, host in read.items() if host.public]
        if public:
            self.inventory.warnings.append(
                f"{part.place}: no private address is known, so cluster services would listen on a public one: {some(public, 6)}"
            )
        unsure = [
            f"{name} {host.address}, not {' or '.join(host.others)}" for name, host in read.items() if host.others
        ]
        if unsure:
            self.inventory.warnings.append(
                f"{part.place}: several private addresses could be meant, the first is taken; name the right ones by `networks:` "
                f"or `host.address`: {some(unsure, 6)}"
            )

    def _without_address(self, candidate: Candidate, error: NoAddress, skip: bool, part: Part) -> None:
        """Leave out a host without an address where that is asked for; else remember it, so that one error names all."""
        if skip:
            self._left_out(candidate, f"it {error.fault}", part)
        else:
            self.nowhere.append(error)

    def _left_out(self, candidate: Candidate, reason: str, part: Part) -> None:
        """Say that a host of the part is none."""
        stack = candidate.stack.name if candidate.stack else ""
        self.inventory.warnings.append(f"{part.place}: {candidate.address} is left out: {reason}")
        self.inventory.skipped.append(Skipped(stack, candidate.address, reason))

    def _alone(self, name: str, host: Found, part: Part) -> None:
        """No other host of the cluster has the address, nor is reached by it."""
        for address in {host.address, host.connect.lower().rstrip(".")} - {""}:
            other = self.taken.setdefault(address, name)
            if other != name:
                raise StackError(
                    f"{part.place}.hosts",
                    f"{name} ({host.candidate.address}) has the address {address}, which is {other}'s as well",
                    "Give each host of a cluster an address of its own; correct `host.address` or `host.connect`",
                )

    def _claim(self, host: Found, part: Part) -> str:
        """The name the host gets. One resource claimed twice, or two hosts of one name, are errors; see on_duplicate."""
        candidate = host.candidate
        address = f"{candidate.address} of {candidate.stack.place}" if candidate.stack else candidate.address
        owner = self.owners.get(address)
        if owner:
            raise StackError(
                f"{part.place}.hosts",
                f"{address} is claimed already by {owner}",
                "Let one part of one cluster have it: a server is a manager or a host node, never both",
            )
        self.owners[address] = part.place
        first = self.claims.get(host.name.lower())  # as DNS and Kubernetes compare names
        if first is None:
            self.claims[host.name.lower()] = (address, part.place)
            return host.name
        if self.on_duplicate == "error":
            raise StackError(
                f"{part.place}.hosts",
                f"two hosts have the name {host.name}: {first[0]} and {address}",
                "Give them names of their own, let `host.name` name another attribute, or choose `on_duplicate`",
            )
        if self.on_duplicate == "first":
            self._left_out(candidate, f"the name {host.name} is taken by {first[0]}", part)
            return ""
        name = f"{host.name}-{candidates.slug(candidate.address)}"
        if name.lower() in self.claims:
            raise StackError(
                f"{part.place}.hosts",
                f"two hosts have the name {name}: {self.claims[name.lower()][0]} and {address}",
                "Give them names of their own",
            )
        self.claims[name.lower()] = (address, part.place)
        return name

    def _inside(self, host: Found, networks: Mapping[str, Network], part: Part) -> None:
        """The address lies in a network of the cluster, and is that of no network as a whole."""
        address = ipaddress.ip_address(host.address)
        around = [network for network in networks.values() if addresses.within(address, [addresses.span(network)])]
        if not around:
            fault = f"{host.address}, outside the networks of its cluster"
        elif any(network.num_addresses > 2 and address in addresses.ends(network) for network in around):
            fault = f"{host.address}, which is the network's own or its broadcast address"
        else:
            return
        listed = ", ".join(f"{name} {network}" for name, network in networks.items())
        raise StackError(
            f"{part.place}.hosts",
            f"{host.name} ({host.candidate.address}) has the address {fault}",
            f"Correct `networks:` or `host.address`; the networks are {listed}",
        )

    def _networks(self, cluster: Cluster) -> dict[str, Network]:
        """The networks of a cluster by name: a mapping or list of CIDR texts, or of objects with a cidr or cidr_block."""
        place = f"{cluster.place}.networks"
        value = documents.parsed(self._follow(cluster.networks, cluster, place))
        if value is None:
            return {}
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, (dict, list)):
            raise StackError(
                place,
                f"is {config.describe(value)}, no networks",
                "Give a mapping of names to CIDR texts such as 10.0.1.0/24, or a list",
            )
        found: dict[str, Network] = {}
        for key, text in _entries(value):
            name = key if isinstance(key, str) else None
            try:
                if not isinstance(text, str) or "/" not in text:
                    raise ValueError
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                raise StackError(
                    f"{place}.{key}", f"is {config.describe(text)}, no network", "Give a CIDR text such as 10.0.1.0/24"
                ) from None
            if str(network) != text and network.version == 4:
                raise StackError(
                    f"{place}.{key}", f"is {text}, an address within the network {network}", f"Write {network}"
                )
            if not network.prefixlen:
                raise StackError(f"{place}.{key}", f"is {text}, every address there is", "Write what hosts are in")
            found[str(name or network)] = network
        if not found:
            raise StackError(place, "lists no network", "Give at least one, or leave `networks:` out")
        return found

    def _endpoint(self, cluster: Cluster) -> str:
        value = self._follow(cluster.endpoint, cluster, f"{cluster.place}.endpoint")
        if value is None:
            return ""
        if not isinstance(value, str) or not value or any(sign.isspace() for sign in value):
            raise StackError(
                f"{cluster.place}.endpoint",
                f"is {config.describe(value)}, no endpoint",
                "Give a URL, a name or an address",
            )
        if sensitive.shows(value):
            raise StackError(f"{cluster.place}.endpoint", "holds a password", "Give the address alone")
        self._fits(cluster, "endpoint", value, f"{cluster.place}.endpoint")
        why = names.endpoint_fault(value) if grammar.of(cluster.engine) else ""
        if why:
            raise StackError(f"{cluster.place}.endpoint", f"is {config.describe(value)}, which is {why}", _ENDPOINT)
        return value

    def _follow(self, value: Any, cluster: Cluster, place: str) -> Any:
        """VALUE with its references followed where the file itself has them; what a stack wrote is only text."""
        return lookup.follow(value, self.stacks, place) if cluster.trusted else value

    def _variables(self, cluster: Cluster) -> dict[str, Any]:
        """The `vars:` of a cluster; `{sensitive: REFERENCE}` asks for a sensitive output by name."""
        place, warnings = f"{cluster.place}.vars", self.inventory.warnings
        if cluster.trusted:
            found: dict[str, Any] = lookup.follow(cluster.variables, self.stacks, place, warnings)
            return found
        items = {
            name: lookup.without_secrets(value, f"{place}.{name}", warnings)
            for name, value in cluster.variables.items()
        }
        return {name: value for name, value in items.items() if value is not paths.MISSING}

    def _labels(self, cluster: Cluster, part: Part) -> dict[str, str]:
        """The labels of a pool."""
        place = f"{part.place}.labels"
        labels = config.labels(self._follow(part.labels, cluster, place), place)
        for key, value in labels.items():
            self._fits(cluster, "label", key, f"{place}.{key}")
            self._fits(cluster, "value", value, f"{place}.{key}")
        return labels

    def _fits(self, cluster: Cluster, what: str, text: str, place: str) -> None:
        """The engine of the cluster accepts TEXT as WHAT, a member of its grammar."""
        rules = grammar.of(cluster.engine)
        rule: grammar.Rule | None = getattr(rules, what) if rules else None
        if rule and not rule.permits(text):
            fault = f"is {config.describe(text)}, which {cluster.engine} does not accept as {_ACCEPTED[what]}"
            raise StackError(place, fault, f"{rule.advice[0].upper()}{rule.advice[1:]}")

    def finish(self) -> Inventory:
        """The inventory, with the warnings of every stack and one about machines that no cluster has."""
        if self.nowhere:
            first, *more = self.nowhere
            others = ", ".join(error.place.rsplit(": ", 1)[-1] for error in more)
            remedy = f"{first.remedy}; `missing_address: skip` in a pool leaves such hosts out"
            raise StackError(first.place, f"{first.fault}{f'; without one are also {others}' if more else ''}", remedy)
        for name in self.inventory.hosts:
            if name in self.meaning:
                raise StackError(
                    f"host {name}", f"has the name of a group ({self.meaning[name]})", "Rename the host or the cluster"
                )
        self.inventory.warnings.extend(staleness.warnings(self.stacks))
        for stack in self.stacks.values():
            self.inventory.warnings.extend(stack.warnings)
            self.inventory.skipped.extend(stack.skipped)
            self._unclaimed(stack)
        return self.inventory

    def _unclaimed(self, stack: Stack) -> None:
        """Warn of servers, of what makes servers and of what sounds like one, where no cluster has them."""
        own = [
            host
            for host in self.inventory.hosts.values()
            if host["stack"]["name"] == stack.name and (stack.name, host["stack"]["address"]) not in self.seen
        ]
        reached = {host[variable] for host in own for variable in ("cluster_address", "ansible_host")}
        # CloudFormation knows no address of a server, so which of them its outputs name cannot be told, only how many.
        told = (
            len([host for host in own if ".outputs." in host["stack"]["address"]])
            if stack.kind == "cloudformation"
            else 0
        )
        left: dict[str, int] = {}
        for resource in stack.resources:
            if resource.mode != "managed" or (stack.name, resource.address) in self.seen:
                continue
            known = host_types.host(resource.type) or host_types.pool(resource.type)
            if not known and not host_types.machine_like(resource.type):
                continue
            if reached and _holds(resource.attributes, reached):  # an output names it
                continue
            if told and host_types.host(resource.type):
                told -= 1
                continue
            left[resource.type] = left.get(resource.type, 0) + 1
            reason = "no cluster of the stacks file names it"
            if not known:
                reason = "of a machine-like type that is not known, and no cluster names it"
            self.inventory.skipped.append(Skipped(stack.name, resource.address, reason))
        if left:
            listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(left.items()))
            self.inventory.warnings.append(
                f"{stack.place}: holds machine-like resources that no cluster names: {listed}"
            )


def _holds(value: Any, texts: set[str]) -> bool:
    """Whether one of TEXTS stands anywhere in VALUE."""
    if isinstance(value, (dict, list)):
        return any(_holds(item, texts) for item in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and value in texts


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """The networks of a mapping or a list: what is a list itself, or a text of several with commas, stands for its items."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, dict):
            key = key if isinstance(key, str) else item.get("name", key)
            item = next((item[each] for each in host_types.CIDR if item.get(each)), None)
        if isinstance(item, list) and len(item) == 1:
            item = item[0]
        if isinstance(item, str) and "," in item:
            item = [part.strip() for part in item.split(",")]
        if isinstance(item, list):
            yield from _entries(item)
        else:
            yield key, item


def _origin(candidate: Candidate) -> dict[str, Any]:
    """Where a host comes from, as its variable `stack` tells it."""
    stack, note = candidate.stack, candidate.resource.note if candidate.resource else ""
    return {
        "name": stack.name if stack else None,
        "kind": stack.kind if stack else None,
        "address": candidate.address,
        "workspace": stack.workspace if stack else None,
        "serial": stack.serial if stack else None,
        "lineage": stack.lineage if stack else None,
        **({"note": note} if note else {}),
    }
