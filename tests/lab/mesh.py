# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls through sidecars of the example shop, counted."""

from __future__ import annotations

import contextlib
import json
import shlex
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from .runs import ROOT, run
from .servers import Lab, Server

SHOP = ROOT / "examples/apps/shop"
#: Runs on a server: calls URL COUNT times, or for SECONDS, over THREADS connections; prints status and version of each, counted.
CALLS = """
import collections, http.client, json, os, sys, threading, time, urllib.parse
url, count, seconds, threads = urllib.parse.urlsplit(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
method, keep = sys.argv[5], sys.argv[6] == "keep"
found, times, good, lock = collections.Counter(), [], [], threading.Lock()
end = time.monotonic() + seconds
def call(link):
    path = url.path + ("?" + url.query if url.query else "")
    link.request(method, path)
    reply = link.getresponse()
    text = reply.read().decode()
    version = json.loads(text)["version"] if text.startswith("{") else text[:60]
    return f"{reply.status} {version}"
def run(share):
    link = None
    mine, took = collections.Counter(), []
    while share > 0 and time.monotonic() < end and not os.path.exists("/tmp/mesh-stop"):
        share -= 1
        start = time.monotonic()
        try:
            link = link or http.client.HTTPConnection(url.hostname, url.port, timeout=30)
            mine[call(link)] += 1
            good.append(time.monotonic())
        except Exception as error:
            mine[f"failed {type(error).__name__}: {error}"] += 1
            link = None
        if not keep and link:
            link.close()
            link = None
        took.append(time.monotonic() - start)
    with lock:
        found.update(mine)
        times.extend(took)
workers = [threading.Thread(target=run, args=(-(-count // threads),)) for _ in range(threads)]
[w.start() for w in workers]
[w.join() for w in workers]
times.sort()
gaps = [b - a for a, b in zip(good, good[1:])] or [0]
print(json.dumps({"found": found, "longest": times[-1], "gap": max(gaps)}))
"""


class Calls(dict[str, int]):
    """How often each answer came, as C(STATUS VERSION); C(longest) is seconds of the slowest call, C(seconds) of all.

    C(gap) is the longest time between two answers.
    """

    longest = 0.0
    gap = 0.0
    seconds = 0.0

    @property
    def statuses(self) -> Counter[str]:
        """The same by status alone."""
        found: Counter[str] = Counter()
        for answer, count in self.items():
            found[answer.split()[0]] += count
        return found


class Mesh:
    """The shop on a lab's servers w1 and w2."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.w1, self.w2 = lab.nodes[:2]
        self.plain: dict[str, Any] = yaml.safe_load((SHOP / "services.yml").read_text())

    def variables(self) -> dict[str, Any]:
        """The example's variables, to be changed."""
        return json.loads(json.dumps({"mesh_telemetry": {"access_log": "errors"}, **self.plain}))  # type: ignore[no-any-return]

    def apply(self, variables: dict[str, Any], *arguments: str) -> float:
        """Bring variables to the hosts; returns the seconds of the run."""
        return self.lab.play("mesh", *arguments, variables=variables).expect().seconds

    def calls(
        self,
        host: Server,
        account: str,
        url: str,
        count: int = 1,
        threads: int = 1,
        seconds: float = 120,
        method: str = "GET",
        keep: bool = True,
    ) -> Calls:
        """What came of calls that an account of a server makes."""
        words = [url, str(count), str(seconds), str(threads), method, "keep" if keep else "new"]
        command = f"setpriv --reuid {account} --regid {account} --clear-groups python3 - {shlex.join(words)}"
        start = time.monotonic()
        answer = json.loads(self.lab.ssh(host, command, given=CALLS))
        found = Calls(answer["found"])
        found.longest, found.gap, found.seconds = answer["longest"], answer["gap"], time.monotonic() - start
        return found

    @contextlib.contextmanager
    def load(self, keep: bool = True, threads: int = 4) -> Iterator[Calls]:
        """Calls of front to orders in the background until the block is left, and 2 s more; then all are counted."""
        found = Calls()

        def run() -> None:
            url = "http://127.0.0.1:18081/orders"
            done = self.calls(self.w1, "front", url, 10**6, threads, 280, keep=keep)
            found.update(done)
            found.gap = done.gap

        thread = threading.Thread(target=run)
        self.lab.ssh(self.w1, "rm -f /tmp/mesh-stop")
        thread.start()
        time.sleep(1)
        try:
            yield found
            time.sleep(2)
        finally:
            self.lab.ssh(self.w1, "touch /tmp/mesh-stop")
            thread.join()
            self.lab.ssh(self.w1, "rm -f /tmp/mesh-stop")

    def has(self, host: Server, path: str, text: str, mode: str = "0644") -> None:
        """Have a file on a server."""
        self.lab.ssh(host, f"umask 077; cat > {path}; chmod {mode} {path}", given=text)

    def stats(self, host: Server, sidecar: str, pattern: str) -> dict[str, int]:
        """Counters of a sidecar."""
        command = f"curl -s --unix-socket /run/mesh-sidecar/{sidecar}/admin.sock 'http://admin/stats?filter={pattern}'"
        lines = self.lab.ssh(host, command).splitlines()
        return {name: int(value) for name, _colon, value in (line.partition(": ") for line in lines) if value.isdigit()}

    def told(self, host: Server, options: str) -> list[dict[str, Any]]:
        """What module mesh_status tells of a server's sidecars."""
        command = ["ansible", host.name, "-i", str(self.lab.inventory(self.variables())), "-o", "-b"]
        command += ["-m", "keelson.cluster.mesh_status", "-a", options]
        output = run(command, self.lab.folder / "told.jsonl", {}).expect().output
        found: list[dict[str, Any]] = json.loads(output.partition("=> ")[2])["sidecars"]
        return found

    def log(self, host: Server, sidecar: str, count: int = 20) -> list[dict[str, Any]]:
        """The last calls in the journal of a sidecar."""
        text = self.lab.ssh(host, f"journalctl -u mesh-sidecar@{sidecar} -o cat -n {count} --no-pager")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def until(question: Any, seconds: float, pause: float = 0.2) -> float:
    """Wait until the answer is true; returns the seconds it took. AssertionError when it takes longer."""
    start = time.monotonic()
    while not question():
        assert time.monotonic() - start < seconds, "it took too long"
        time.sleep(pause)
    return time.monotonic() - start
