# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try a cluster with the sample application: every step is a check. The same for every engine; standard library only."""

from __future__ import annotations

import collections
import functools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..cluster.members import canonical
from ..cluster.remote import ApiError, bracketed, wait_for
from .http import Instance, Load, answers
from .model import Check, Verdict, answer, failure

COUNT = 3
UNANSWERED = 3  # the exit code of the image's get when nothing good was answered
# Where clouds have their metadata service; the role's own default.
METADATA = ("169.254.169.254", "fd00:ec2::254")
# What get prints where the rules of the host refuse, and where there is no such network.
_REFUSED = ("no route to host", "permission denied", "network is unreachable", "cannot assign requested address")
# The options of every sample module.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "moved", "absent"], "default": "present"},
    "image": {"type": "str", "default": ""},
    "pool": {"type": "str", "default": ""},
    "drills": {"type": "bool", "default": False},
    "closed": {"type": "list", "elements": "str", "default": []},
    "outage_host": {"type": "dict"},
    "timeout": {"type": "int", "default": 120},
}


class SampleError(Exception):
    """The cluster did not do what was asked of it in time; the message says what is still wrong."""


class Host(Protocol):
    """A host node that runs instances."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def address(self) -> str:
        """The address at which its services listen."""


N = TypeVar("N", bound=Host)


@dataclass(frozen=True)
class Placed(Generic[N]):
    """Where the sample application runs: the pool ('' where nodes have none), and its usable host nodes by the engine's id."""

    pool: str
    nodes: Mapping[str, N]


def choose(usable: Mapping[str, N], pools: Mapping[str, str], request: str, need: str) -> Placed[N]:
    """Return the requested pool, else the one with most usable host nodes (the first by name among equals).

    C(pools) are those of the host nodes by id. Raises SampleError, which says what host nodes C(need), when there is none.
    """
    found = collections.Counter(pool for pool in pools.values() if request in ("", pool))
    if not found:
        raise SampleError(f"no host node in {f'pool {request}' if request else 'any pool'} {need}")
    pool = min(found, key=lambda name: (-found[name], name))
    return Placed(pool, {number: node for number, node in usable.items() if pools[number] == pool})


class Application(ABC, Generic[N]):
    """The sample application on one engine. What it does ends within `timeout` seconds or with a SampleError."""

    remedy: str

    def __init__(self, api: Any, placed: Placed[N], image: str, timeout: float) -> None:
        """Remember where and what; nothing is done yet."""
        self.api = api
        self.placed = placed
        self.image = image
        self.timeout = timeout

    @property
    def pool(self) -> str:
        """The pool it runs in."""
        return self.placed.pool

    @property
    def spread(self) -> int:
        """The number of host nodes it may run on."""
        return len(self.placed.nodes)

    @property
    def addresses(self) -> dict[str, str]:
        """By host node the address on which instances are published; empty where they have addresses of their own."""
        return {}

    @abstractmethod
    def instances(self) -> list[Instance]:
        """Return the registered instances as {id, host, address, port}, in the order of their hosts."""

    @abstractmethod
    def submit(self, count: int, release: str) -> None:
        """Deploy `count` instances of a release, and wait for them."""

    @abstractmethod
    def scale(self, count: int) -> None:
        """Change the number of instances, and wait for it."""

    @abstractmethod
    def drain(self, host: N, count: int) -> None:
        """Drain a host node, wait until `count` instances run elsewhere, and let it take work again."""

    @abstractmethod
    def running(self) -> set[str]:
        """Return the ids of the instances that are to run and do."""

    @abstractmethod
    def trouble(self) -> str:
        """Return why an instance does not run, as far as somebody says so."""

    def count_wrong(self, count: int) -> str | None:
        """Say how the instances that are registered differ from those that run, `count` desired; or None."""
        running, registered = self.running(), {instance["id"] for instance in self.instances()}
        if len(running) == count and registered == running:
            return None
        return f"{len(running)} instances run and {len(registered)} are registered, {count} desired; {self.trouble()}"

    def busiest(self) -> N:
        """Return the host node with the most instances, by name among equals. Raises SampleError."""
        found = collections.Counter(instance["host"] for instance in self.instances())
        if not found:
            raise SampleError("there are no instances")
        name = min(found, key=lambda host: (-found[host], host))
        return next(node for node in self.placed.nodes.values() if node.name == name)

    def moved_wrong(self, host: str, count: int) -> str | None:
        """Say what keeps `count` instances from running on other hosts than `host`, or None."""
        left = [instance for instance in self.instances() if instance["host"] == host]
        return f"{len(left)} instances are still registered on {host}" if left else self.count_wrong(count)


def await_(probe: Callable[[], str | None], timeout: float) -> None:
    """Wait until `probe` returns None; raise SampleError with its last reason after `timeout` seconds."""
    reason = wait_for(probe, timeout)
    if reason is not None:
        raise SampleError(f"after {timeout:.0f} s: {reason}")


def elapsed(start: float) -> str:
    """Return the seconds since `start` (time.monotonic) as text."""
    return f"{time.monotonic() - start:.1f} s"


def busiest(instances: list[Instance], hosts: dict[str, Any]) -> Any:
    """Return the one of `hosts` (by name) with the most instances, by name among equals."""
    found = collections.Counter(instance["host"] for instance in instances)
    if not found:
        raise SampleError("there are no instances")
    return hosts[min(found, key=lambda host: (-found[host], host))]


def spread(instances: list[Instance], nodes: int) -> Verdict:
    """Judge that the instances lie on at least two hosts where there are two."""
    hosts = collections.Counter(instance["host"] for instance in instances)
    text = ", ".join(f"{host}: {count}" for host, count in sorted(hosts.items()))
    desired = min(2, nodes, len(instances))
    return Verdict(len(hosts) >= max(desired, 1), f"instances by host node: {text or 'none'}")


def published(instances: list[Instance], addresses: Mapping[str, str]) -> Verdict:
    """Judge that each instance is published on the address of its host that the inventory names."""
    wrong = [i for i in instances if addresses.get(i["host"], i["address"]) != canonical(i["address"])]
    text = ", ".join(sorted(f"{i['host']} publishes on {i['address']}, not on {addresses[i['host']]}" for i in wrong))
    return Verdict(not wrong, text or "each instance is published on its host's cluster_address")


def step(sample: Application[Any], name: str, title: str, question: Callable[[], Verdict]) -> Check:
    """Answer one step."""
    return answer(f"sample_{name}", title, "sample application", sample.remedy, question)


def metadata(
    sample: Application[Any], addresses: list[str], get: Callable[[str, str], tuple[bool, str]]
) -> list[Check]:
    """Judge from inside an instance of each host that the cloud's metadata service is closed to it; nothing where none is named.

    C(get) lets an instance, by its id, ask a URL, and returns whether it got a good answer, and the answer.
    """

    def closed() -> Verdict:
        one_a_host = {instance["host"]: instance["id"] for instance in sample.instances()}
        urls = [f"http://{bracketed(address)}/" for address in addresses]
        for host, number in one_a_host.items():
            for url in urls:
                good, text = get(number, url)
                if good or not any(words in text for words in _REFUSED):
                    return Verdict(False, f"{host} does not refuse {url} to a workload: {text}")
        return Verdict(bool(one_a_host), f"{', '.join(urls)} refused on {', '.join(one_a_host)}")

    title = "The cloud's metadata service is closed to workloads"
    remedy = "look at systemctl status keelson-metadata and nft list table inet keelson_metadata on that host"
    return [answer("sample_metadata", title, "sample application", remedy, closed)] if addresses else []


def deploy(sample: Application[Any]) -> list[Check]:
    """Deploy, answer, scale up and down, update under load. Ends early where a step leaves nothing to go on with."""

    def placed() -> Verdict:
        start = time.monotonic()
        sample.submit(COUNT, "1")
        judged = spread(sample.instances(), sample.spread)
        return Verdict(judged.passed, f"pool {sample.pool}, {elapsed(start)}, {judged.evidence}")

    def on_addresses() -> Verdict:
        return published(sample.instances(), sample.addresses)

    def scaled(count: int) -> Verdict:
        start = time.monotonic()
        sample.scale(count)
        return Verdict(True, f"{count} instances after {elapsed(start)}")

    def updated() -> Verdict:
        with Load(sample.instances) as load:
            sample.submit(COUNT, "2")
        calm = load.verdict()
        fresh = answers(sample.instances())
        moved = fresh.passed and fresh.evidence.count("release 2") == COUNT
        return Verdict(calm.passed and moved, f"{calm.evidence}; then {fresh.evidence}")

    steps: list[tuple[str, str, Callable[[], Verdict]]] = [
        ("deploy", "The sample application deploys, spread over host nodes", placed),
        *([("published", "Instances are published on cluster_address", on_addresses)] if sample.addresses else []),
        ("answer", "Every instance answers a manager", lambda: answers(sample.instances())),
        ("scale_up", "It scales up", lambda: scaled(COUNT + 1)),
        ("scale_down", "It scales down", lambda: scaled(COUNT)),
        ("update", "It is updated without a failed request", updated),
    ]
    found: list[Check] = []
    for name, title, question in steps:
        found.append(step(sample, name, title, question))
        if not found[0]["passed"]:
            break
    return found


def drain(sample: Application[Any]) -> Check:
    """Drain the busiest host node under load; the application moves without a failed request."""

    def moved() -> Verdict:
        if sample.spread < 2:
            return Verdict(
                False, f"pool {sample.pool} has no other host node to move to; name one that has: verify_pool"
            )
        node, start = sample.busiest(), time.monotonic()
        with Load(sample.instances) as load:
            sample.drain(node, COUNT)
        calm = load.verdict()
        return Verdict(calm.passed, f"left {node.name} in {elapsed(start)}; {calm.evidence}")

    return step(sample, "drain", "It moves when its host node is drained", moved)


def outage(sample: Application[Any], outage_host: dict[str, Any], timeout: float) -> Check:
    """Wait until the instances of a host node that was killed run and answer elsewhere."""

    def moved() -> Verdict:
        start = time.monotonic()
        await_(functools.partial(sample.moved_wrong, outage_host["name"], COUNT), timeout)
        verdict = answers(sample.instances())
        return Verdict(verdict.passed, f"{outage_host['name']} died; moved {elapsed(start)} later: {verdict.evidence}")

    return step(sample, "outage", "It moves when its host node is killed", moved)


def present(sample: Application[Any], drills: bool, more: Callable[[], list[Check]] = list) -> dict[str, Any]:
    """Deploy and try, then ask `more`, then, for drills, drain a host node; return what a sample module returns.

    Whatever fails ends it: the outage host of the next drill is named only where all is well.
    """
    checks = deploy(sample)
    if all(check["passed"] for check in checks):
        checks += more()
    before = sample.instances()
    if drills and all(check["passed"] for check in checks):
        checks.append(drain(sample))
    after = sample.instances()
    outage_host = sample.busiest() if all(check["passed"] for check in checks) else None
    found = {"name": outage_host.name, "address": outage_host.address} if outage_host else {}
    return {"checks": checks, "left": before, "instances": after, "outage_host": found, "changed": True}


def moved(sample: Application[Any], outage_host: dict[str, Any]) -> dict[str, Any]:
    """Wait for the instances of the outage host; return what a sample module returns."""
    check = outage(sample, outage_host, sample.timeout)
    return {"checks": [check], "instances": sample.instances(), "changed": False}


@dataclass(frozen=True)
class Means:
    """How one engine does it: remove what is left, place the application, and what more to ask of it."""

    remove: Callable[[float], list[str]]
    place: Callable[[], Application[Any]]
    more: Callable[[Any], list[Check]] = lambda _application: []


def _placed(known: Means, timeout: float) -> Application[Any]:
    """The application where host nodes take it; on a busy cluster they may not for a moment. Raises SampleError."""
    found: list[Application[Any]] = []

    def probe() -> str | None:
        try:
            found.append(known.place())
        except SampleError as error:
            return str(error)
        return None

    await_(probe, timeout)
    return found[0]


def perform(given: dict[str, Any], means: Callable[[], Means], logs: str) -> dict[str, Any]:
    """Do what a sample module is given (ARGUMENTS); return what it returns. What fails is a failed check.

    `logs` says where to look then.
    """
    absent = given["state"] == "absent"
    try:
        known = means()
        if given["state"] != "moved":
            removed = known.remove(given["timeout"])
        if absent:
            return {"changed": bool(removed), "checks": [], "removed": removed}
        application = _placed(known, given["timeout"])
        if given["state"] == "moved":
            return moved(application, given["outage_host"])
        return present(application, given["drills"], functools.partial(known.more, application))
    except (ApiError, SampleError) as error:
        title = "The sample application is removed" if absent else "The sample application can be tried"
        return {"changed": True, "checks": [failure("sample", title, str(error), f"look at {logs}")]}
