# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime as its callers see it, and the leak test: the same on every engine."""

from __future__ import annotations

import http.server
import json
import secrets
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime import isolation
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts

from .runs import ROOT
from .servers import SUBNET, Lab
from .waiting import wait

TOKENS = {name: f"token-of-{name}" for name in ("shop", "bank", "tiny")}
SITE = f"{SUBNET.rpartition('.')[0]}.1"  # this machine, as the servers see it
STORE_PORT = 18089
FAULTS = "tests/drills/faas/faults.py"
GREET, LEAK = "examples/functions/http/greet.py", "examples/functions/leak/leak.py"
AGAIN = isolation.SCENARIOS


def function(name: str, artifact: str, **given: Any) -> dict[str, Any]:
    """A function of the drill."""
    return {
        "name": name,
        "tenant": "shop",
        "artifact": str(ROOT / artifact),
        "digest": artifacts.digest((ROOT / artifact).read_bytes()),
        "command": ["python3", Path(artifact).name],
        "http": [f"/{given.get('tenant', 'shop')}/{name}"],
        "timeout": 20,
        "memory": 96,
        **given,
    }


def orders(**given: Any) -> dict[str, Any]:
    """The example's function of a queue, with a store."""
    store = {"STORE": f"{SITE}:{STORE_PORT}"}
    return function("order", "examples/functions/queue/order.py", queue=["orders"], http=[], services=store, **given)


class Runtime:
    """The runtime of a cluster."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.manager = lab, lab.managers[0]
        self.context = ssl.create_default_context(cadata=lab.ssh(self.manager, "cat /etc/keelson-faas/tls/ca.pem"))

    def redeploy(self, name: str) -> None:
        """Deploy a function of the tenant shop once more, and await that no instance of before runs."""
        raise NotImplementedError

    def ask(
        self, path: str, body: Any = None, tenant: str = "shop", **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body and headers of an answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        given |= {"Authorization": f"Bearer {TOKENS.get(tenant, tenant)}"} if tenant else {}
        request = urllib.request.Request(f"https://{self.manager.address}:8480{path}", data, given)
        try:
            with urllib.request.urlopen(request, timeout=120, context=self.context) as answer:
                return answer.status, loaded(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, loaded(error.read()), error.headers

    def order(self, path: str, tenant: str, order: Mapping[str, str]) -> tuple[int, Any]:
        """Status and body, as the leak test asks."""
        return self.ask(path, dict(order), tenant)[:2]

    def plant(self, path: str, token: str, then: str = "answer", **more: str) -> tuple[int, Any]:
        """Leave a token behind."""
        return self.ask(path, {"do": "plant", "token": token, "then": then, **more})[:2]

    def found(self, path: str, token: str, tenant: str = "shop") -> set[str]:
        """The places where a call finds a token."""
        return isolation.found(self.order, path, tenant, token)


def loaded(text: bytes) -> Any:
    """JSON, or the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")


def measured(faas: Runtime, planter: str, scenarios: tuple[str, ...] = isolation.SCENARIOS) -> dict[str, set[str]]:
    """By searcher, the places in which any scenario shows a token that `planter` left."""
    peer = "/shop/warm-peer" if planter == "/shop/warm" else "/shop/peer"
    searchers = {"same function": (planter, "shop"), "other function": (peer, "shop")}
    searchers["other tenant"] = ("/bank/leak", "bank")

    def then(scenario: str) -> None:
        if scenario == "redeploy":
            faas.redeploy(planter.rpartition("/")[2])

    return isolation.measured(faas.order, planter, searchers, scenarios, then)


def answers_while(faas: Runtime, paths: Sequence[str], act: Callable[[], object]) -> dict[str, list[int]]:
    """The statuses of calls of two seconds each, made one after the other to each path while something is done, and a few after it; 0 for a broken one."""
    found: dict[str, list[int]] = {path: [] for path in paths}
    done = threading.Event()

    def call(path: str) -> None:
        left = 3
        while left:
            left -= done.is_set()
            order = {"do": "search", "token": "x", "then": "wait", "seconds": "2"}
            try:
                found[path].append(faas.ask(path, order)[0])
            except urllib.error.URLError:
                time.sleep(0.1)  # the call was not sent: a client with several gateways would ask the next one
            except OSError:
                found[path].append(0)

    threads = [threading.Thread(target=call, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        act()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return found


class Store(http.server.ThreadingHTTPServer):
    """A data service outside the cluster: it keeps what is put, and tells at first of each key that it has not."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.puts = 0
        super().__init__((SITE, STORE_PORT), Put)

    def __enter__(self) -> Store:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()


class Put(http.server.BaseHTTPRequestHandler):
    """One call of the store."""

    server: Store

    def do_PUT(self) -> None:
        """Keep it, whatever is told."""
        first = self.path not in self.server.kept
        self.server.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.puts += 1
        self.send_response(500 if first else 201)
        self.end_headers()


def orders_are_kept_once(faas: Runtime, count: int = 5) -> None:
    """Events of the example's queue reach the store that its function names; each is tried again, and kept once under its key."""
    with Store() as store:
        keys = [f"{secrets.token_hex(6)}-{at}" for at in range(count)]
        for at, key in enumerate(keys):
            status, answer, _headers = faas.ask("/events/orders", {"number": at}, Idempotency_Key=key)
            assert status == 202, answer
        wait("every order is taken", lambda: store.puts >= 2 * count, 180)
        assert set(store.kept) == {f"/orders/{key}" for key in keys}


def row(label: str, found: Mapping[str, set[str]]) -> None:
    """A row of the table in docs/functions.md."""
    print(f"\n| {label} | " + " | ".join(", ".join(sorted(places)) or "nothing" for places in found.values()) + " |")
