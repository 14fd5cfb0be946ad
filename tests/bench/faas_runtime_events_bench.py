#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand events, while a host node and a replica of the queue are killed: none lost, and what is delivered twice is kept once.

On another engine: KEELSON_DRILLS_ENGINE=kubernetes tests/bench/run faas_runtime_events. Fewer: KEELSON_BENCH_EVENTS=1000.
"""

from __future__ import annotations

import hashlib
import http.client
import http.server
import itertools
import json
import os
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figures import ROOT, Bench, Figure, Table

sys.path[:0] = [str(Path(__file__).parents[1]), str(ROOT / ".ansible/collections")]

from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts  # noqa: E402
from lab.servers import ENGINE, SUBNET, Lab  # noqa: E402

MANY = int(os.environ.get("KEELSON_BENCH_EVENTS", "10000"))
CODE = Path(__file__).parent / "faas_runtime/keep.py"
STORE = (f"{SUBNET.rpartition('.')[0]}.1", 18089)  # this machine, as the servers see it
TOKEN = "token-of-bench"  # noqa: S105
PATIENCE = 1800  # seconds until every event is kept


class Store:
    """Keeps keys, on this machine, and counts how often each comes."""

    def __init__(self, address: tuple[str, int] = STORE) -> None:
        self.seen: Counter[str] = Counter()
        seen, lock = self.seen, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                with lock:
                    seen[self.path] += 1
                    status = 201 if seen[self.path] == 1 else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_given: Any) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(address, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()


def publish(
    keys: list[str], gateways: list[str], context: ssl.SSLContext, port: int = 8480, threads: int = 8
) -> tuple[int, int]:
    """Give events to the gateways, each until one has kept it; how often one was tried again, and told to be there already."""
    again, known = itertools.count(), itertools.count()
    todo, turn = iter(list(keys)), itertools.cycle(gateways)
    lock = threading.Lock()

    def work() -> None:
        link: http.client.HTTPSConnection | None = None
        while True:
            with lock:
                key = next(todo, None)
            if key is None:
                return
            while True:
                try:
                    if link is None:
                        with lock:
                            host = next(turn)
                        link = http.client.HTTPSConnection(host, port, timeout=30, context=context)
                    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key}
                    link.request("POST", "/events/keep", b"{}", headers)
                    answer = link.getresponse()
                    told = json.loads(answer.read())
                    if answer.status == 202:
                        if told["duplicate"]:
                            next(known)
                        break
                    assert answer.status in (429, 503), (answer.status, told)
                except (OSError, http.client.HTTPException):
                    if link:
                        link.close()
                    link = None
                next(again)
                time.sleep(0.5)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return next(again), next(known)


def await_kept(store: Store, count: int, seconds: float = PATIENCE) -> float:
    """Seconds until the store has as many keys, or as long as nothing comes any more."""
    begun = time.monotonic()
    while len(store.seen) < count and time.monotonic() < begun + seconds:
        time.sleep(0.2)
    return time.monotonic() - begun


def variables() -> dict[str, Any]:
    """Of a cluster with the function."""
    function = {
        "name": "keep",
        "tenant": "bench",
        "artifact": str(CODE),
        "digest": artifacts.digest(CODE.read_bytes()),
        "command": ["python3", CODE.name],
        "isolation": "per_function",
        "queue": ["keep"],
        "services": {"STORE": f"{STORE[0]}:{STORE[1]}"},
        "concurrency": 10,
        "instances": {"min": 2, "max": 4},
        "memory": 128,
        "retries": 100,
    }
    tokens = [hashlib.sha256(TOKEN.encode()).hexdigest()]
    tenant = {"name": "bench", "pool": "web", "tokens": tokens, "concurrency": 100}
    return {"cluster_components": ["faas_runtime"], "faas_tenants": [tenant], "faas_functions": [function]}


def measure(bench: Bench, store: Store, send: Callable[[list[str]], tuple[int, int]], kill: Callable[[], None]) -> None:
    """A quiet tenth first, as the measure; then the rest, with the faults in its middle."""
    keys = [f"bench-{number}" for number in range(MANY)]
    quiet, rest = keys[: MANY // 10], keys[MANY // 10 :]
    begun = time.monotonic()
    send(quiet)
    await_kept(store, len(quiet))
    alone = len(quiet) / (time.monotonic() - begun)
    _again, known = send(quiet[-100:])
    begun = time.monotonic()
    again, _none = send(rest[: len(rest) // 2])
    kill()
    more, _none = send(rest[len(rest) // 2 :])
    waited = await_kept(store, MANY)
    faulty = len(rest) / (time.monotonic() - begun)
    kept = {key.lstrip("/") for key in store.seen}
    twice = sum(store.seen.values()) - len(store.seen)
    head = [
        "events",
        "a second",
        "a second, with the faults",
        "ratio",
        "s until the last",
        "sent again",
        "delivered twice",
    ]
    row = [MANY, round(alone, 1), round(faulty, 1), round(faulty / alone, 3), round(waited, 1), again + more, twice]
    title = "Events while a host node and a replica of the queue are killed in their middle:"
    bench.tables.append(Table(title, head, [row]))
    bench.figures += [
        Figure("events lost", len(set(keys) - kept), 0),
        Figure("events that nobody sent, or kept twice under one key", len(kept - set(keys)), 0),
        Figure("of 100 sent once more with their keys: taken as new", min(100, len(quiet)) - known, 0),
    ]


def main() -> int:
    """Measure with three managers and two host nodes, and publish."""
    note = "Three managers and two host nodes on one machine, which sends the events and keeps them, too."
    bench = Bench(f"faas_events_{ENGINE}", f"Functions on {ENGINE}: events", notes=[note])
    lab = Lab(hosts=("m1", "m2", "m3", "w1", "w2"))
    lab.make()
    store = None
    try:
        store = Store()
        lab.play("install", variables=variables()).expect()
        ca = lab.ssh(lab.managers[0], "cat /etc/keelson-faas/tls/ca.pem")
        context = ssl.create_default_context(cadata=ca)
        gateways = [manager.address for manager in lab.managers]

        def kill() -> None:
            """A host node for good, and a server of the queue, which systemd brings back."""
            lab.podman("kill", lab.nodes[0])
            lab.ssh(lab.managers[1], "systemctl kill -s KILL keelson-nats")

        measure(bench, store, lambda keys: publish(keys, gateways, context), kill)
    finally:
        if store:
            store.close()
        lab.destroy()
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
