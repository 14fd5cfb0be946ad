# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a component says of itself to the code that all components share.

A component is whatever is installed on hosts; an engine is a component that makes a cluster of them. Each is declared in
C(component.py) of its own folder and found by module C(components).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster import parts
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import OutageScope

MANAGER, NODE = parts.MANAGER, parts.NODE
ANY_PORT = 0
ENROLLMENT = 4650  # our own, see the playbook enroll


@dataclass(frozen=True)
class Probe:
    """How unauthorized clients are tried on a listener.

    `kind` is one of these: C(https) (clients need a certificate, and a token for the `guarded` paths), C(https_members) (a
    certificate), C(https_login) (anybody may connect and is told nothing of the `guarded` paths), C(tls) (a certificate; the
    client sends `preface` before TLS and `request` in it), C(gossip) (a plain `request` by TCP or UDP gets no answer, or one
    whose first byte is among `refusals`).
    """

    kind: str
    guarded: tuple[str, ...] = ()
    preface: bytes = b""
    request: bytes = b""
    refusals: bytes = b""

    def as_data(self) -> dict[str, Any]:
        """The same for a module, whose parameters are JSON."""
        return {
            "kind": self.kind,
            "guarded": list(self.guarded),
            **{name: getattr(self, name).hex() for name in ("preface", "request", "refusals")},
        }


@dataclass(frozen=True)
class Listener:
    """A socket the component opens: `port` (ANY_PORT: a port of the kernel's choosing) on `address`.

    `address` is `cluster` (the host's cluster_address), `loopback`, or `any`; `process` is the name in /proc/PID/comm,
    or '' for whichever program; `last` ends a range of ports; `probe` is how unauthorized clients are tried on it;
    `optional` is what some clusters have; `clients` are the parts whose hosts connect to it.
    """

    port: int
    protocol: str
    address: str
    process: str
    purpose: str
    last: int = 0
    probe: Probe | None = None
    optional: bool = False
    clients: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The same for a module, without what only the controller needs."""
        return {name: value for name, value in vars(self).items() if name not in ("probe", "clients")}


@dataclass(frozen=True)
class Requirements:
    """What one part needs: memory in MiB, free disk in MiB by path, kernel features by their names in host_facts."""

    memory_mib: int = 0
    disk_mib: Mapping[str, int] = field(default_factory=dict)
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Owned:
    """What a part makes on a host besides what tasks place: it goes with the component, but for what was there before.

    `trees` are directories (or files) removed with all in them, where {cluster} stands for the cluster's name; `units` those
    that packages bring; `interfaces`, `tables` (family and name), `chains` of iptables and whole `comments` of its rules are
    shell patterns of exact names. `kept` are those chains and interfaces whose rules are written once: the host keeps them.
    """

    trees: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def claims(self, cluster: str) -> dict[str, list[str]]:
        """The same by kind, for a host of that cluster; without a cluster (an image) none of its own trees."""
        trees = [tree.format(cluster=cluster) for tree in self.trees if cluster or "{cluster}" not in tree]
        kinds = {"path": trees, "unit": self.units, "interface": self.interfaces, "table": self.tables}
        return {kind: list(names) for kind, names in {**kinds, "chain": self.chains, "comment": self.comments}.items()}


@dataclass(frozen=True)
class Part:
    """One part of a component on a host: what it needs, opens, runs and owns.

    `artifacts` are requests as module C(artifacts) takes them; their container images are loaded with them. `secrets` are
    patterns of files, in which ** goes down folders, that nobody but root and `account` may use. `outage` is what an outage
    drill may do to it.
    """

    requirements: Requirements = Requirements()
    listeners: tuple[Listener, ...] = ()
    services: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    account: str = "root"
    artifacts: tuple[str, ...] = ()
    owned: Owned = Owned()
    outage: OutageScope = OutageScope()


@dataclass(frozen=True)
class ServerImage:
    """What of a component is in the server image of host nodes.

    Its `artifacts`, the `units` that start by themselves, and as `unshared` the paths (shell patterns, relative to the root) of
    what one server does not share with the next: these are in no image.
    """

    artifacts: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    unshared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A path (shell pattern) that shows the component on a host; `name` is the member of this JSON file with the cluster's name."""

    path: str
    name: str = ""


@dataclass(frozen=True)
class Identity:
    """Where a host keeps its certificate, the key, and the CA that signs all members."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True)
class Control:
    """A control of a security benchmark: how a host is looked at for it (checks/controls.py), or why not.

    `covered` says by what else it holds; `reason` why it does not hold, or is not ours to decide.
    """

    number: str
    title: str
    parts: tuple[str, ...] = ()
    kind: str = ""
    target: str = ""
    name: str = ""
    rule: str = ""
    value: str = ""
    covered: str = ""
    reason: str = ""

    def as_data(self) -> dict[str, str]:
        """The same for a module."""
        return {name: getattr(self, name) for name in ("number", "title", "kind", "target", "name", "rule", "value")}


@dataclass(frozen=True)
class Benchmark:
    """A security benchmark: its name, where it is published, its sections by the first part of the numbers, its controls."""

    name: str
    url: str
    sections: Mapping[str, str]
    controls: tuple[Control, ...]

    def on(self, part: str) -> dict[str, list[Control]]:
        """The controls that hosts of a part are looked at for, by section."""
        chosen = [control for control in self.controls if part in control.parts]
        found = {title: [c for c in chosen if c.number.startswith(f"{key}.")] for key, title in self.sections.items()}
        return {f"{self.name}, {key} {title}": found[title] for key, title in self.sections.items() if found[title]}


def _no_networks(variables: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return ()


def _no_diagrams(hosts: Mapping[str, Mapping[str, Any]], checks: Sequence[Any]) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Rotated:
    """A secret of a cluster that is replaced while the cluster works: its C(fields) among the cluster's secrets, and how the one of
    a number is made from the cluster's name, unless its members make it."""

    fields: tuple[str, ...]
    make: Callable[[str, int], dict[str, Any]] = lambda _cluster, _number: {}


OwnSecrets = Callable[[str, Mapping[str, Any], Mapping[str, Any] | None, str], dict[str, Any]]


@dataclass(frozen=True)
class Component:
    """What is installed on hosts.

    `artifacts` are needed in a bundle besides those of the parts. `traces` and `processes` (names in /proc/PID/comm) show
    the component on a host, whoever installed it. `rules` are further rules of preflight. `checks_module` checks the
    component on managers, `host_checks_module` on every host that has a part of it, and `groups` says under which heading
    of the report its kinds of checks stand. `reserved_names` (DNS) and `reserved_groups` give rights in certificates; those
    of a foreign CA must give none. `networks` are those that containers of a host get, from its variables: each with the
    variable that sets it. `own_secrets` makes its secrets from the cluster's name, the variables of a manager, those it has
    (None at first) and what is asked to change; the managers keep them with the cluster's, under its name. `benchmark` is
    what hosts are measured by. `diagrams` draws for the report, as SVG by heading, from the variables of its hosts and the checks.
    """

    name: str
    parts: Mapping[str, Part]
    artifacts: tuple[str, ...] = ()
    image: ServerImage = ServerImage()
    traces: tuple[Trace, ...] = ()
    processes: tuple[str, ...] = ()
    rules: tuple[Callable[[Any], Iterable[Any]], ...] = ()
    checks_module: str = ""
    host_checks_module: str = ""
    own_secrets: OwnSecrets | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reserved_names: tuple[str, ...] = ()
    reserved_groups: tuple[str, ...] = ()
    networks: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] = _no_networks
    benchmark: Benchmark | None = None
    diagrams: Callable[[Mapping[str, Mapping[str, Any]], Sequence[Any]], Mapping[str, str]] = _no_diagrams

    @property
    def bundled(self) -> tuple[str, ...]:
        """All artifacts that hosts of any part need."""
        names = [name.partition("/")[0] for part in self.parts.values() for name in part.artifacts]
        return tuple(dict.fromkeys([*names, *self.artifacts]))


@dataclass(frozen=True, kw_only=True)
class Engine(Component):
    """A component that makes a cluster. `systems` are the tested systems by os-release ID.

    `runtime` runs the containers of applications. `api_port` is where managers answer clients, `member_ports` are by part the
    ports where members answer. The modules are those that know its API: what they take and return is the same for every engine.
    `make_secrets` are those that a cluster starts with, `restored_secrets` those with which it goes on after a restore, made of
    the backup's. `service` are the files by which a manager's enrollment service is known. `endpoints` are the URLs of the API,
    from the variables of the managers; `login` is what root types on a manager to use it, where {cluster} stands for the
    cluster's name. `versioned` are the artifacts whose version is the cluster's; `refuse_step` says why an upgrade from one
    version to another is refused, or ''; `node_minors` is how many minor versions a host node may be behind the managers.
    `defaults` are the cluster's variables that are not set.
    `host_subject` is what stands before a host's name in the common name of its certificate.
    `enforces` is what of the borders between teams it holds, see `plugin_utils/placement/borders.py`.
    `held` are packages of the distribution that applications run on: no update of the operating system touches them.
    `upgrade_checks_module` looks for what stands in the way of an upgrade. `rotated` are the secrets that are replaced by a number.
    """

    architectures: Mapping[str, str]
    systems: Mapping[str, tuple[str, ...]]
    odd_managers: bool
    api_port: int
    member_ports: Mapping[str, tuple[int, ...]]
    identity: Identity
    service: Identity
    runtime: str
    make_secrets: Callable[[str], dict[str, Any]]
    restored_secrets: Callable[[dict[str, Any]], dict[str, Any]]
    endpoints: Callable[[Sequence[Mapping[str, Any]]], list[str]]
    login: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    members_module: str
    sample_module: str
    application_module: str
    removal_module: str
    drain_module: str
    join_token_module: str
    enforces: frozenset[str] = frozenset()
    versioned: tuple[str, ...]
    refuse_step: Callable[[str, str], str]
    node_minors: int
    held: tuple[str, ...] = ()
    rotated: Mapping[str, Rotated] = field(default_factory=dict)
    facts_module: str = ""
    manager_outage_module: str = ""
    upgrade_checks_module: str = ""
    host_subject: str = ""
