# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of etcd as this manager sees them, through etcdctl. Standard library only."""

from __future__ import annotations

import json
import os
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..cluster.members import canonical
from ..cluster.remote import ApiError, bracketed
from ..host import programs

PKI = "/etc/kubernetes/pki/etcd"
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
UTIL = "/usr/local/bin/etcdutl"
COMMAND = (
    "/usr/local/bin/etcdctl",
    f"--cacert={PKI}/ca.crt",
    f"--cert={PKI}/healthcheck-client.crt",
    f"--key={PKI}/healthcheck-client.key",
    "--command-timeout=10s",
)


def loopback() -> str:
    """The loopback address at which this manager's etcd serves: kubeadm takes the one of its advertised address's family."""
    try:
        with open(MANIFEST, encoding="utf-8") as file:
            return "::1" if "https://[::1]:2379" in file.read() else "127.0.0.1"
    except FileNotFoundError:
        return "127.0.0.1"


def command() -> list[str]:
    """How etcdctl asks this manager's etcd."""
    return [COMMAND[0], f"--endpoints=https://{bracketed(loopback())}:2379", *COMMAND[1:]]


class EtcdError(ApiError):
    """etcd refused or did not answer; the message says what it said."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


@dataclass(frozen=True)
class Member:
    """One member. C(started) is False as long as nobody has come up under its name; a learner has no vote yet."""

    number: str
    name: str
    address: str
    started: bool
    learner: bool


def parse_members(answer: dict[str, Any]) -> list[Member]:
    """Read the answer of 'member list'; its numbers are decimal where the commands take hexadecimal ones."""
    return [
        Member(
            number=f"{int(entry['ID']):x}",
            name=str(entry.get("name", "")),
            address=canonical(urllib.parse.urlsplit(entry["peerURLs"][0]).hostname or ""),
            started=bool(entry.get("name")),
            learner=bool(entry.get("isLearner")),
        )
        for entry in answer.get("members", [])
    ]


def ask(*arguments: str, partly: bool = False) -> Any:
    """Run etcdctl and return its JSON, C(partly) also where it ends with an error. Raises EtcdError."""
    return json.loads(run([*command(), "--write-out=json"], *arguments, partly=partly) or "{}")


def run(program: Sequence[str], *arguments: str, partly: bool = False) -> str:
    """Run a program of etcd and return what it prints, C(partly) also where it ends with an error. Raises EtcdError."""
    done = programs.run([*program, *arguments])
    if done.returncode and not (partly and done.stdout):
        called = " ".join([os.path.basename(program[0]), *arguments[:3]])
        words = [line for line in done.stderr.splitlines() if line.strip()]
        raise EtcdError(f"'{called}': {words[-1] if words else 'no answer'}"[:600])
    return done.stdout


def leads() -> bool:
    """Whether this manager's member leads. Raises EtcdError."""
    status = ask("endpoint", "status")[0]["Status"]
    return bool(status["leader"] == status["header"]["member_id"])


def save(path: str) -> None:
    """Write a snapshot of all that is in etcd, however long that takes. Raises EtcdError."""
    run([*command(), "--command-timeout=4h"], "snapshot", "save", path)


def restore(snapshot: str, folder: str, name: str, address: str, token: str) -> None:
    """Make the data of a cluster's only member from a snapshot, for a cluster that knows no member of before.

    Its revisions are above all that were ever told, so whoever watches reads everything anew. Raises EtcdError.
    https://etcd.io/docs/v3.6/op-guide/recovery/
    """
    peer = f"https://{bracketed(address)}:2380"
    cluster = [
        f"--initial-cluster={name}={peer}",
        f"--initial-cluster-token={token}",
        f"--initial-advertise-peer-urls={peer}",
    ]
    revisions = ["--bump-revision=1000000000", "--mark-compacted"]
    run([UTIL], "snapshot", "restore", snapshot, f"--name={name}", f"--data-dir={folder}", *cluster, *revisions)


def members() -> list[Member]:
    """All members."""
    return parse_members(ask("member", "list"))


def half_made(found: Sequence[Member], address: str) -> list[Member]:
    """The members at C(address), whose manager is about to join: all of them are left from a join that was cut off."""
    return [member for member in found if member.address == canonical(address)]


def remove(member: Member) -> None:
    """Remove a member. Raises EtcdError, above all when the others would lose their quorum."""
    ask("member", "remove", member.number)


def healthy() -> set[str]:
    """The addresses of the members that answer and are well. Raises EtcdError when none answers."""
    found = ask("endpoint", "health", "--cluster", partly=True)
    return {canonical(urllib.parse.urlsplit(e["endpoint"]).hostname or "") for e in found if e.get("health")}


def leader() -> str:
    """The address of the member that leads, '' where nobody tells."""
    try:
        found = ask("endpoint", "status", "--cluster", partly=True)
    except (EtcdError, OSError):
        return ""
    leads = (e["Endpoint"] for e in found if e["Status"].get("leader") == e["Status"]["header"]["member_id"])
    return canonical(urllib.parse.urlsplit(next(leads, "")).hostname or "")


def refuse_restart(found: Sequence[Member], well: set[str], address: str) -> str | None:
    """Why the member at C(address) must not be restarted now, or None: the others must be well, and enough without it."""
    others = [member for member in found if member.address != canonical(address)]
    sick = [member.name or member.address for member in others if member.learner or member.address not in well]
    if sick:
        return f"etcd member {', '.join(sick)} is not well"
    if others and len(others) < len(found) // 2 + 1:
        return f"only {len(others)} of {len(found)} etcd members would remain"
    return None


def hand_over(address: str) -> None:
    """If the member at C(address), which is this manager's, leads, another one takes over. Raises EtcdError."""
    heirs = [member for member in members() if member.address != canonical(address) and not member.learner]
    if heirs and leader() == canonical(address):
        run(command(), "move-leader", heirs[0].number)


def sick() -> str:
    """Return what is wrong with the members, or ''."""
    try:
        found = members()
        learners = [member.name or member.address for member in found if member.learner or not member.started]
        if learners:
            return f"etcd member {', '.join(learners)} has not come up"
        well = healthy()
    except EtcdError as error:
        return str(error)
    silent = [member.name or member.address for member in found if member.address not in well]
    return f"etcd member {', '.join(silent)} does not answer or is not well" if silent else ""


def await_health(timeout: float) -> str:
    """Wait until all members are well; return what is still wrong, or ''."""
    end = time.monotonic() + timeout
    while True:
        fault = sick()
        if not fault or time.monotonic() > end:
            return fault
        time.sleep(0.5)
