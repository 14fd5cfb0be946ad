# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talk to instances of an application: single requests, and a steady load that counts what fails. Standard library only."""

from __future__ import annotations

import collections
import http.client
import json
import threading
import time
from types import TracebackType
from typing import Any, Callable

from .model import Verdict

Instance = dict[str, Any]  # {id, host, address, port}


def fetch(address: str, port: int, path: str, timeout: float = 3.0) -> tuple[int, bytes]:
    """GET a path; return status and body, raise OSError or HTTPException when there is no whole answer."""
    link = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        link.request("GET", path)
        response = link.getresponse()
        return response.status, response.read()
    finally:
        link.close()


def answers(instances: list[Instance]) -> Verdict:
    """Judge that each instance answers, as itself: /data and the page name its id and host."""
    seen = []
    for instance in instances:
        where = f"{instance['address']}:{instance['port']}"
        status, body = fetch(instance["address"], instance["port"], "/data")
        if status != 200:
            return Verdict(False, f"{where} answered HTTP {status}")
        data = json.loads(body)
        if (data["instance"], data["host"]) != (instance["id"], instance["host"]):
            return Verdict(False, f"{where} is {data['instance']} on {data['host']}, not {instance['id']}")
        status, page = fetch(instance["address"], instance["port"], "/")
        if status != 200 or instance["id"].encode() not in page:
            return Verdict(False, f"{where}: the page answered HTTP {status} and does not name the instance")
        seen.append(f"{instance['host']} {where} (release {data['release']}, {data['requests']} requests)")
    return Verdict(bool(seen), "; ".join(seen) or "there are no instances")


class Load:
    """A small load balancer under load: it finds instances, sends requests to those found healthy, counts failures.

    As any balancer does, it takes an instance in after one good health answer, and never repeats a failed request.
    Use it as a context manager; `discover` returns the instances that are registered now.
    """

    def __init__(self, discover: Callable[[], list[Instance]], workers: int = 2, pause: float = 0.02) -> None:
        """Prepare; `pause` is the time between two requests of one worker, in seconds."""
        self.discover = discover
        self.pause = pause
        self.sent = 0
        self.failures: collections.Counter[str] = collections.Counter()
        self._rotation: list[Instance] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        targets = [self._refresh, *[self._work] * workers]
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]

    def __enter__(self) -> Load:
        """Start when there is an instance to ask."""
        self._look()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop and wait for requests under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def _look(self) -> None:
        known = {instance["id"] for instance in self._rotation}
        found = self.discover()
        self._rotation = [i for i in found if i["id"] in known or self._healthy(i)]

    def _healthy(self, instance: Instance) -> bool:
        try:
            return fetch(instance["address"], instance["port"], "/healthz", 1.0)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _refresh(self) -> None:
        while not self._stop.wait(0.2):
            try:
                self._look()
            except Exception as error:  # discovery that fails is a failure an application would see
                self._count(f"discovery: {error}")

    def _work(self) -> None:
        turn = 0
        while not self._stop.is_set():
            rotation, turn = self._rotation, turn + 1
            if not rotation:
                self._count("no healthy instance")
            else:
                instance = rotation[turn % len(rotation)]
                try:
                    status, _body = fetch(instance["address"], instance["port"], "/data")
                    self._count("" if status == 200 else f"{instance['host']}: HTTP {status}")
                except (OSError, http.client.HTTPException) as error:
                    self._count(f"{instance['host']}: {error or type(error).__name__}")
            time.sleep(self.pause)

    def _count(self, failure: str) -> None:
        with self._lock:
            self.sent += 1
            if failure:
                self.failures[failure] += 1

    def verdict(self) -> Verdict:
        """Judge that requests were sent and none failed."""
        failed = sum(self.failures.values())
        detail = "".join(f"; {count}× {text}" for text, count in self.failures.most_common(3))
        return Verdict(self.sent > 0 and not failed, f"{self.sent} requests, {failed} failed{detail}")
