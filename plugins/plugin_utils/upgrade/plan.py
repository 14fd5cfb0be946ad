# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which members a rolling change takes, in which order: a pure function of what the cluster and its hosts say of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import WELL

from ..contract import MANAGER, NODE
from ..shares import share
from ..steps import older
from ..user_error import UserError

MARK = "upgrade"  # what a drain of an upgrade says of itself


class PlanError(UserError):
    """The change is refused; the message is one line, and nothing was changed."""


@dataclass(frozen=True)
class Host:
    """A host as it is: `held` are the versions its links lead to, `version` is the one its member runs ('' if unknown).

    `status` is what the cluster says of the member; `mark` is for what it was drained by us; `run` is whether this run has it.
    """

    name: str
    part: str
    pool: str = ""
    held: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    status: str = ""
    mark: str = ""
    leader: bool = False
    run: bool = True


@dataclass(frozen=True)
class Plan:
    """Managers in their order, batches of host nodes in theirs, and what is told of it.

    C(later) is for the next run, C(replaced) are host nodes that get new servers.
    """

    managers: tuple[str, ...]
    batches: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    def with_new_servers(self) -> Plan:
        """The same, but that the first batch of host nodes gets new servers, and the others are for the next run."""
        if not self.batches:
            return self
        rest = [*self.nodes[len(self.batches[0]) :], *self.later]
        kept = self.lines[: len(self.managers)]
        lines = [*kept, f"new servers for {', '.join(self.batches[0])}"]
        lines += [f"with the next runs: {', '.join(rest)}"] if rest else []
        return replace(self, batches=(), later=(), replaced=self.batches[0], lines=tuple(lines))

    @property
    def nodes(self) -> list[str]:
        """The host nodes in their order."""
        return [name for batch in self.batches for name in batch]

    @property
    def hosts(self) -> list[str]:
        """All hosts that are changed."""
        return [*self.managers, *self.nodes]

    def as_data(self) -> dict[str, Any]:
        """What playbooks go by."""
        sizes = [len(batch) for batch in self.batches]
        steps = {name: line for name in self.hosts for line in self.lines if f": {name}: " in line}
        lists = {"managers": list(self.managers), "nodes": self.nodes, "plan": list(self.lines)}
        return {**lists, "sizes": sizes, "steps": steps}


def lags(host: Host, targets: Mapping[str, str], version: str) -> list[str]:
    """What of a host is to change, in words; nothing of one that is as it shall be."""
    changes = [f"{n} {v} -> {targets[n]}" for n, v in sorted(host.held.items()) if n in targets and v != targets[n]]
    if not changes and host.version not in ("", version):
        changes = [f"runs {host.version} still"]
    return changes or (["is drained by an upgrade that was interrupted"] if host.mark == MARK else [])


def plan(
    hosts: Sequence[Host],
    targets: Mapping[str, Mapping[str, str]],
    version: str,
    refuse_step: Callable[[str, str], str],
    max_unavailable: Any = 1,
    pause_after: str = "",
) -> Plan:
    """Plan the upgrade to `version`; `targets` are versions by part and artifact. Raises PlanError."""
    for host in hosts:
        refused = refuse_step(host.version, version) if host.version else ""
        if refused:
            raise PlanError(f"{host.name}: {refused}")
        for name, held in host.held.items():
            if name in targets[host.part] and older(targets[host.part][name], held):
                raise PlanError(
                    f"{host.name} has {name} {held}, and this upgrade brings {targets[host.part][name]}: an upgrade never goes back; "
                    "finish the one that brought it, by the release of the collection that did"
                )
    due = {host.name: lags(host, targets[host.part], version) for host in hosts}
    found = arrange("upgrade", hosts, due, max_unavailable, pause_after)
    lag = [host.name for host in hosts if host.part == MANAGER and due[host.name] and not host.run]
    if lag and found.nodes:
        raise PlanError(
            f"host nodes follow the managers, and {', '.join(lag)} is left out by --limit; upgrade it first"
        )
    return found


def arrange(
    verb: str, hosts: Sequence[Host], due: Mapping[str, Sequence[str]], max_unavailable: Any, pause_after: str = ""
) -> Plan:
    """Put the hosts that are `due`, each with what is to be done to it, into an order. Raises PlanError.

    Managers come one at a time, the leader last, then host nodes pool by pool; `verb` begins the names of the variables that
    messages name.
    """
    pools = list(dict.fromkeys(host.pool for host in hosts if host.part == NODE))
    if pause_after and pause_after not in pools:
        raise PlanError(f"{verb}_pause_after: there is no pool {pause_after!r}; there are {', '.join(pools) or 'none'}")
    if not any(host.version for host in hosts):
        raise PlanError(
            f"no manager tells what members the cluster has, so there is nothing to {verb}; see preflight above"
        )
    managers = [host for host in hosts if host.part == MANAGER]
    sick = [host for host in managers if host.status not in WELL]
    if sick and any(due[host.name] for host in managers if host.run):
        names = ", ".join(f"{host.name} ({host.status or 'not a member'})" for host in sick)
        raise PlanError(f"managers are changed only while all are well, and {names} is not; repair or remove it first")
    nodes = sorted((h for h in hosts if h.part == NODE), key=lambda h: (h.pool != pause_after, pools.index(h.pool)))
    first = sorted((h for h in managers if due[h.name] and h.run), key=lambda h: h.leader)
    skipped = [host for host in nodes if due[host.name] and host.run and host.status not in WELL]
    ready = [host for host in nodes if due[host.name] and host.run and host.status in WELL]
    sizes = Counter(host.pool for host in nodes)
    batches = _batches(ready, {pool: at_once(verb, max_unavailable, size) for pool, size in sizes.items()})
    later: list[str] = []
    if pause_after and any(host.pool == pause_after for host in ready):
        later = [host.name for host in ready if host.pool != pause_after]
        batches = [batch for batch in batches if not set(batch) & set(later)]
    order = [[host.name] for host in first] + batches
    lines = [
        f"{number} of {len(order)}: {name}: {', '.join(due[name])}"
        for number, batch in enumerate(order, 1)
        for name in batch
    ]
    if later:
        lines.append(f"after a pause, with the next run: {', '.join(later)}")
    return Plan(
        tuple(host.name for host in first),
        tuple(tuple(batch) for batch in batches),
        tuple(lines),
        tuple(
            f"{host.name} is {host.status or 'no member'} and stays as it is; run again when it is back"
            for host in skipped
        ),
        tuple(later),
    )


def at_once(verb: str, max_unavailable: Any, size: int) -> int:
    """How many host nodes of a pool of this size may be away at once. Raises PlanError."""
    try:
        return share(max_unavailable, size)
    except ValueError as error:
        raise PlanError(f"{verb}_max_unavailable: {error}") from error


def _batches(hosts: Sequence[Host], limits: Mapping[str, int]) -> list[list[str]]:
    """Batches of one pool after the other; the very first host goes alone."""
    batches: list[list[str]] = []
    for pool in dict.fromkeys(host.pool for host in hosts):
        names = [host.name for host in hosts if host.pool == pool]
        rest = names[1:] if not batches else names
        batches += [names[:1]] if not batches else []
        batches += [rest[at : at + limits[pool]] for at in range(0, len(rest), limits[pool])]
    return batches
