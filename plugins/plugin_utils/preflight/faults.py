# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault preflight knows, each found by one pure function of the cluster. RULES lists them all."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import no_quorum
from ansible_collections.keelson.cluster.plugins.module_utils.preflight.connections import PROCESS
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import grammar

from ..contract import ANY_PORT, MANAGER
from ..registries import faults as registry_faults
from . import network
from .model import ERROR, WARNING, Cluster, Fault, Host, member
from .orphans import listed, orphaned, removal, replaced

MAX_SKEW = 2.0  # seconds, beyond what the measurement itself leaves open
OWN_PROGRAMS = "/opt/keelson/"
# Runtimes that can be shared: their configuration is merged, what they run is told apart by labels.
ADOPTABLE = ("docker",)
FEATURE_REMEDIES = {
    "systemd": "use a server that boots with systemd",
    "cgroup": "mount cgroup version 2 at /sys/fs/cgroup; boot without cgroup_disable=memory",
}

# Kind, what a connection that failed says, what it means, and what to do.
CONNECTION = (
    (
        "root",
        r"missing sudo password|a password is required|incorrect \w+ password|timeout .* privilege escalation",
        "sudo asks for a password",
        "give it with --ask-become-pass, or let sudo ask for none (NOPASSWD in /etc/sudoers.d)",
    ),
    (
        "root",
        r"must have a tty",
        "sudo wants a terminal (requiretty)",
        "take 'Defaults requiretty' out of /etc/sudoers: tasks have none",
    ),
    (
        "root",
        r"not in the sudoers file|is not allowed to (execute|run)",
        "the account may not use sudo",
        "allow it in /etc/sudoers.d, or log in with another account (ansible_user)",
    ),
    (
        "root",
        r"sudo: (command )?not found",
        "sudo is missing",
        "install sudo, or log in as root (cluster_become: false)",
    ),
    (
        "python",
        r"no python interpreters found|module interpreter .* was not found|python[\d.]*: (command )?not found",
        "Python is missing",
        "install python3, or name it with ansible_python_interpreter",
    ),
    (
        "python",
        r"requires a minimum of python|future feature annotations is not defined|syntaxerror",
        "its Python is too old for Ansible",
        "use a server with a newer Python, or name one with ansible_python_interpreter",
    ),
    (
        "file system",
        r"read-only file system",
        "the file system of the temporary folder is read-only",
        "mount it read-write, or name another folder with ansible_remote_tmp",
    ),
    (
        "file system",
        r"no space left on device|disk quota exceeded",
        "the file system of the temporary folder is full",
        "free space on it",
    ),
    (
        "unreachable",
        r"host key verification failed|host identification has changed",
        "its ssh host key is not the known one",
        "make sure that it is the right server, then correct known_hosts (ssh-keygen -R)",
    ),
    (
        "unreachable",
        r"permission denied \(",
        "ssh does not let this account in",
        "correct ansible_user or the key (ansible_ssh_private_key_file)",
    ),
)

Rule = Callable[[Cluster], Iterator[Fault]]


def unreachable(cluster: Cluster) -> Iterator[Fault]:
    """A host that did not answer, or whose facts could not be read. A cluster at work goes on without one that is dead."""
    lost = no_quorum({host.name: not host.failure for host in cluster.hosts if host.part == MANAGER})
    for host in cluster.hosts:
        if not host.failure:
            continue
        for kind, pattern, text, remedy in CONNECTION:
            if re.search(pattern, host.failure, re.IGNORECASE):
                yield Fault(host.name, kind, text, remedy)
                break
        else:
            remedy, level = f"start it, repair its ssh access, or leave it out with --limit '!{host.name}'", ERROR
            if host.unreachable and listed(cluster)[0] and not lost:
                remedy, level = (
                    f"this run leaves it out; start it, or: playbook remove, -e remove_hosts={host.name}",
                    WARNING,
                )
            yield Fault(host.name, "unreachable", f"did not answer: {host.failure}", remedy, level)


def not_root(cluster: Cluster) -> Iterator[Fault]:
    """A connection without root rights, which neither sees everything nor can install anything."""
    for host, facts in cluster.seen():
        if not facts["root"]:
            remedy = "let the connection become root (cluster_become, ansible_become_method)"
            yield Fault(host.name, "root", "the tasks run without root rights", remedy)


def parts(cluster: Cluster) -> Iterator[Fault]:
    """Inventory variables without which nothing can be judged."""
    for host in cluster.hosts:
        if host.part not in cluster.engine.parts:
            text = f"cluster_part is {host.part!r}"
            yield Fault(host.name, "part", text, f"set it to one of {', '.join(cluster.engine.parts)}")


def managers(cluster: Cluster) -> Iterator[Fault]:
    """No manager at all, or a number of them that adds no safety."""
    count = sum(host.part == MANAGER for host in cluster.hosts)
    if count == 0:
        yield Fault("", "managers", "the cluster has no cluster manager", "give the inventory 1, 3 or 5 managers")
    elif count % 2 == 0 and cluster.engine.odd_managers:
        text = f"{count} cluster managers survive no more failures than {count - 1}"
        yield Fault("", "managers", text, f"make it {count - 1} or {count + 1}")


def system(cluster: Cluster) -> Iterator[Fault]:
    """An operating system or a processor the roles are not made for."""
    tested = ", ".join(f"{name} {'/'.join(v)}" for name, v in cluster.engine.systems.items())
    for host, facts in cluster.seen():
        name, version = facts["os_id"], facts["os_version"]
        if version not in cluster.engine.systems.get(name, ()):
            text = f"runs {name or 'an unknown system'} {version}".rstrip()
            yield Fault(host.name, "system", text, f"use {tested}")
        if facts["architecture"] not in cluster.engine.architectures:
            text = f"has a processor of architecture {facts['architecture']}"
            yield Fault(host.name, "architecture", text, f"use {' or '.join(cluster.engine.architectures)}")


def duplicates(cluster: Cluster) -> Iterator[Fault]:
    """Hosts that cannot be told apart."""
    facts_of: dict[str, tuple[Callable[[Host], Any], str]] = {
        "machine-id": (
            lambda host: host.facts and host.facts["machine_id"],
            "remove /etc/machine-id on one of them, run systemd-machine-id-setup and reboot it",
        ),
        "hostname": (lambda host: host.facts and host.facts["hostname"], "rename one of them with hostnamectl"),
        "address": (lambda host: host.address, "correct cluster_address: two hosts cannot share one"),
        "connection": (lambda host: host.connect, "correct ansible_host: two names lead to one server"),
    }
    for kind, (value_of, remedy) in facts_of.items():
        groups = defaultdict(list)
        for host in cluster.hosts:
            if value_of(host):
                groups[str(value_of(host))].append(host.name)
        for value, names in groups.items():
            for name in names if len(names) > 1 else []:
                rest = ", ".join(other for other in names if other != name)
                yield Fault(name, f"duplicate {kind}", f"has the same {kind} as {rest}: {value}", remedy)


def clock(cluster: Cluster) -> Iterator[Fault]:
    """A clock that differs from the other hosts' by more than the measurement leaves open.

    Each host's offset to the controller lies in [time - after, time - before], which is wide where the machine is busy. The
    offset that most hosts allow is taken as right, so one wrong controller does not accuse every host.
    """
    spans = {}
    for host, facts in cluster.seen():
        spans[host.name] = (facts["time"] - facts["clock"]["after"], facts["time"] - facts["clock"]["before"])
    if not spans:
        return
    right = agreed(list(spans.values()))
    for name, (low, high) in spans.items():
        skew = max(low - right, right - high, 0.0)
        if skew > MAX_SKEW:
            text = f"its clock is {skew:.0f} s {'ahead of' if low > right else 'behind'} the other hosts"
            yield Fault(name, "clock", text, "start a time service on it (systemd-timesyncd or chrony) and wait")
    if abs(right) > MAX_SKEW and len(spans) > 1:
        text = f"the controller's clock is {abs(right):.0f} s {'behind' if right > 0 else 'ahead of'} the hosts'"
        yield Fault("", "clock", text, "set the controller's clock: new certificates carry its time", WARNING)


def agreed(spans: Sequence[tuple[float, float]]) -> float:
    """The value that lies in most of the spans (low, high), of several such values the one closest to zero."""

    def most(low: float) -> tuple[int, float, float]:
        highs = [high for start, high in spans if start <= low <= high]
        nearest = min(max(low, 0.0), *highs)
        return len(highs), -abs(nearest), nearest

    return max(most(low) for low, _high in spans)[2]


def ports(cluster: Cluster) -> Iterator[Fault]:
    """A port that a component needs, held by a program that is not ours."""
    for host, facts in cluster.seen():
        desired = [listener for part in cluster.parts(host) for listener in part.listeners]
        needed = {(w.port, w.protocol): w for w in desired if w.port != ANY_PORT and w.address == "cluster"}
        for entry in facts["listeners"]:
            want = needed.get((entry["port"], entry["protocol"]))
            if entry["process"] == PROCESS:  # another run's test of connections
                continue
            # A member's services may run in containers, where a program's path says nothing.
            ours = entry["executable"].startswith(OWN_PROGRAMS) or (
                want is not None and member(cluster, host) and entry["process"] == want.process
            )
            if want and not ours and entry["address"] in ("0.0.0.0", "::", host.address):
                who = f"{entry['process'] or 'an unknown process'} (pid {entry['pid']}, {entry['executable'] or '?'})"
                text = f"port {entry['port']}/{entry['protocol']}, needed for the {want.purpose}, is taken by {who}"
                yield Fault(host.name, "port", text, "stop that program or move it to another port")


def addresses(cluster: Cluster) -> Iterator[Fault]:
    """A cluster_address that is none, is not the host's, or lies outside the cluster's networks."""
    for host in cluster.hosts:
        try:
            address = ipaddress.ip_address(host.address)
        except ValueError:
            text = f"cluster_address is {host.address!r}, which is no IP address"
            yield Fault(host.name, "address", text, "set it to the address cluster services listen on")
            continue
        inside = any(address in ipaddress.ip_network(cidr) for cidr in cluster.networks.values())
        if cluster.networks and not inside:
            known = ", ".join(f"{name} {cidr}" for name, cidr in cluster.networks.items())
            text = f"cluster_address {address} lies in none of the cluster's networks ({known})"
            yield Fault(host.name, "network", text, "correct cluster_address or cluster_networks")
        if host.facts is not None and str(address) not in host.facts["addresses"]:
            known = ", ".join(host.facts["addresses"]) or "none"
            text = f"cluster_address {address} is not an address of this host (it has {known})"
            yield Fault(host.name, "address", text, "correct cluster_address, or give the host this address")


def room(cluster: Cluster) -> Iterator[Fault]:
    """Too little memory or free disk."""
    for host, facts in cluster.seen():
        needs = [part.requirements for part in cluster.parts(host)]
        memory = sum(need.memory_mib for need in needs)
        if facts["memory_mib"] < memory:
            text = f"has {facts['memory_mib']} MiB of memory, a {host.part} needs {memory}"
            yield Fault(host.name, "memory", text, "give the server more memory")
        disk: Counter[str] = Counter()
        for need in needs:
            disk.update(need.disk_mib)
        if not member(cluster, host):
            yield from _disk(host, disk, facts["file_systems"])


def _disk(host: Host, needed: Mapping[str, int], found: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """File systems with too little room for all that is written to them."""
    shared: dict[int, list[str]] = defaultdict(list)
    for path in needed:
        if path in found:
            shared[found[path]["device"]].append(path)
    for paths in shared.values():
        free, total = found[paths[0]]["free_mib"], sum(needed[path] for path in paths)
        if free < total:
            parts = " + ".join(str(needed[path]) for path in paths)
            where = f"{' and '.join(paths)}, on one file system, have" if len(paths) > 1 else f"{paths[0]} has"
            text = f"{where} {free} MiB free, installing a {host.part} needs {parts}"
            yield Fault(host.name, "disk", text, "free space there or give it a bigger volume")


def file_systems(cluster: Cluster) -> Iterator[Fault]:
    """File systems on which nothing can be written, or nothing run."""
    for host, facts in cluster.seen():
        for path, found in facts["file_systems"].items():
            if found["read_only"] and path != "/tmp":
                remedy = f"mount it read-write (mount -o remount,rw), or give {path} a file system of its own"
                yield Fault(host.name, "file system", f"{path} is read-only", remedy)
            elif found["noexec"] and path == "/tmp":
                text = "/tmp is mounted noexec: scripts of packages may fail"
                remedy = 'set APT::ExtractTemplates::TempDir "/var/tmp" in /etc/apt/apt.conf.d, or mount it with exec'
                yield Fault(host.name, "file system", text, remedy, WARNING)
            elif found["noexec"] and path not in ("/etc", "/usr"):
                text = f"{path} is mounted noexec: no program can run from there"
                yield Fault(host.name, "file system", text, "mount it with exec (/etc/fstab)")


def features(cluster: Cluster) -> Iterator[Fault]:
    """A kernel feature that was tried and does not work."""
    for host, facts in cluster.seen():
        for name in dict.fromkeys(name for part in cluster.parts(host) for name in part.requirements.features):
            error = facts["features"].get(name, "not tried")
            if error and facts["root"]:
                remedy = FEATURE_REMEDIES.get(name, f"boot a kernel with {name}, or load the module that has it")
                yield Fault(host.name, "feature", f"{name} does not work here: {error}", remedy)


def foreign_cluster(cluster: Cluster) -> Iterator[Fault]:
    """A host that is a member of another cluster already, or of this one's by a component that it is not to have."""
    for host, facts in cluster.seen():
        ours = {component.name for component in cluster.components(host)}
        for found in facts["clusters"]:
            component, name = found["component"], found["name"]
            # Several components run the same program: it runs for another one where this one has placed nothing.
            own = found.get("program", "").startswith(OWN_PROGRAMS)
            if own and (component in ours or component not in facts["receipts"]):
                continue
            if component not in ours or name != cluster.name:
                whose = f"the {component} cluster {name}" if name else f"a {component} cluster"
                text = f"is already a member of {whose} ({found['evidence']})"
                remedy = "remove it there first, or take it out of this inventory"
                if not name:
                    remedy += (
                        """; if it is of this cluster and damaged: -e '{"preflight_ignore": ["foreign cluster"]}'"""
                    )
                yield Fault(host.name, "foreign cluster", text, remedy)


def claimed_twice(cluster: Cluster) -> Iterator[Fault]:
    """A server that two clusters of the inventory claim."""
    groups = {group for host in (*cluster.hosts, *cluster.others) for group in host.groups}
    clusters = {host.cluster for host in cluster.others}
    for host in cluster.hosts:
        claims = {group.rsplit("_", 1)[0] for group in host.groups if group.endswith(("_managers", "_nodes"))}
        # A site may have groups `web` and `web_nodes` of its own: a cluster has managers too.
        claims = {name for name in claims & {*host.groups} if name in clusters or f"{name}_managers" in groups}
        others = claims - {cluster.name}
        others |= {other.cluster for other in cluster.others if host.connect and other.connect == host.connect}
        for name in sorted(others):
            text = f"is claimed by cluster {name} too"
            yield Fault(host.name, "claimed twice", text, "take it out of one of the two clusters")


def foreign_runtime(cluster: Cluster) -> Iterator[Fault]:
    """A container runtime that somebody uses already, on a host that has nothing of the engine yet."""
    needed = cluster.engine.runtime
    upon = [name for name, kind in RUNTIMES.items() if needed in (name, kind.within)]
    for host, facts in cluster.seen():
        part = cluster.engine.parts.get(host.part)
        if not part or f"{needed}.service" not in part.services or cluster.engine.name in facts["receipts"]:
            continue
        in_use = {name: facts.get("runtimes", {}).get(name) for name in upon}
        busy = [(n, f) for n, f in in_use.items() if f and (f["containers"] or (f["running"] and f["configured"]))]
        if not busy:
            continue
        runtime, found = busy[0]
        whose = f"{runtime} is in use here ({found['containers']} containers, configuration of its own: {found['configured']})"
        if needed not in ADOPTABLE:
            yield Fault(host.name, "runtime", whose, "move its containers away and remove it, or take another server")
        elif boolean(host.variables.get("host_node_adopt_runtime", False), strict=False):
            remedy = "its configuration is merged, its containers and images stay"
            yield Fault(host.name, "runtime", whose, remedy, WARNING)
        else:
            remedy = "move its containers away, or share it with host_node_adopt_runtime: true, which merges its configuration"
            yield Fault(host.name, "runtime", whose, remedy)


def registries(cluster: Cluster) -> Iterator[Fault]:
    """Image registries that are not described as they must be, or as this engine's runtime cannot have them."""
    for host in cluster.hosts:
        given = host.variables.get("host_node_registries") or {}
        if isinstance(given, Mapping):
            for text in registry_faults(given, cluster.engine.runtime):
                remedy = "correct host_node_registries where it is set"
                yield Fault(host.name, "variable", f"host_node_registries: {text}", remedy)


def labels(cluster: Cluster) -> Iterator[Fault]:
    """Labels of group_vars that the engine refuses: those of the stacks file were checked when it was loaded."""
    rules = grammar.of(cluster.engine.name)
    for host in cluster.hosts if rules else ():
        given = host.variables.get("host_node_labels") or {}
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if rules and not rules.label.permits(str(name)):
                yield Fault(host.name, "variable", f"host_node_labels: {name!r} is no label", rules.label.advice)
            if not isinstance(value, str):
                text = f"host_node_labels: {name} is of type {type(value).__name__}, and labels are texts"
                yield Fault(host.name, "variable", text, "put it in quotes")
            elif rules and not rules.value.permits(value):
                yield Fault(host.name, "variable", f"host_node_labels: {name} is {value!r}", rules.value.advice)


def firewall_managers(cluster: Cluster) -> Iterator[Fault]:
    """A program that manages the packet filter. Its rules are left alone, so it must let the cluster's hosts through."""
    for host, facts in cluster.seen():
        listeners = [entry for part in cluster.parts(host) for entry in part.listeners]
        listeners = [entry for entry in listeners if entry.address != "loopback" and entry.port]
        ports = sorted({f"{e.port}-{e.last}/{e.protocol}" if e.last else f"{e.port}/{e.protocol}" for e in listeners})
        for name in facts.get("firewalls", ()):
            remedy = f"let it accept {', '.join(ports)} from the cluster's hosts, and forward what containers send"
            yield Fault(host.name, "firewall", f"{name} manages the packet filter", remedy, WARNING)


RULES: tuple[Rule, ...] = (
    unreachable,
    not_root,
    parts,
    managers,
    system,
    duplicates,
    claimed_twice,
    clock,
    ports,
    addresses,
    *network.RULES,
    room,
    file_systems,
    features,
    foreign_cluster,
    foreign_runtime,
    registries,
    labels,
    firewall_managers,
    orphaned,
    replaced,
    removal,
)


def judge(
    cluster: Cluster,
    more: Iterable[Fault] = (),
    ignore: frozenset[str] = frozenset(),
    kinds: frozenset[str] = frozenset(),
) -> list[Fault]:
    """Return every fault and `more`, errors first, in the inventory's order of hosts; kinds in `ignore` only warn.

    Those of `kinds` alone, where there are any.
    """
    own = [rule for component in cluster.all_components() for rule in component.rules]
    found = [fault for rule in (*RULES, *own) for fault in rule(cluster)] + list(more)
    found = [fault for fault in found if not kinds or fault.kind in kinds]
    found = [replace(fault, level=WARNING) if fault.kind in ignore else fault for fault in found]
    order = {host.name: index for index, host in enumerate(cluster.hosts)}
    return sorted(merge(found, len(cluster.hosts)), key=lambda f: (f.level != ERROR, order.get(f.host, -1)))


def merge(faults: list[Fault], hosts: int) -> list[Fault]:
    """Turn a fault that all `hosts` hosts share word for word into one fault of the cluster."""
    counts = Counter(replace(fault, host="") for fault in faults)
    shared = {fault for fault, count in counts.items() if hosts > 1 and count == hosts}
    merged = (replace(fault, host="") if replace(fault, host="") in shared else fault for fault in faults)
    return list(dict.fromkeys(merged))
