# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leak test: one call leaves a token wherever it can, others search for it; what they find is compared with what is declared.

The function is examples/functions/leak/leak.py. Standard library only.
"""

from __future__ import annotations

import functools
import hashlib
import json
import secrets
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..checks.model import Check, Verdict, answer

FOLDER = "/etc/keelson-faas"
TENANTS = ("keelson-probe-one", "keelson-probe-two")
NAMES = {"per_request": "request", "per_function": "function"}  # of the probes of an isolation
SCENARIOS = ("sequence", "overlap", "timeout", "oom", "crash")
AGAIN = (429, 502, 503, 504)  # an instance that was killed takes the calls of that moment with it
SHARED = {
    "global",
    "tmp",
    "process",
}  # what calls of one instance find of each other, or the search finds nothing at all
Ask = Callable[[str, str, Mapping[str, str]], tuple[int, Any]]  # path, tenant, order: status and answer
Searchers = Mapping[str, tuple[str, str]]  # who searches: path and tenant


def found(ask: Ask, path: str, tenant: str, token: str, seconds: float = 90) -> set[str]:
    """The places where a call finds a token. Raises RuntimeError where it does not answer in time."""
    deadline = time.monotonic() + seconds
    while True:
        status, told = ask(path, tenant, {"do": "search", "token": token})
        if status == 200:
            return {place for place, seen in told["found"].items() if seen}
        if status not in AGAIN or time.monotonic() > deadline:
            raise RuntimeError(f"{path} answers {status}: {told}")
        time.sleep(1)


def _found(ask: Ask, token: str, searcher: tuple[str, str]) -> set[str]:
    return found(ask, *searcher, token)


def measured(
    ask: Ask,
    planter: str,
    searchers: Searchers,
    scenarios: Sequence[str] = SCENARIOS,
    then: Callable[[str], None] = lambda _scenario: None,
) -> dict[str, set[str]]:
    """By searcher, the places in which any scenario shows a token that a call to C(planter), of the first tenant, left.

    C(then) is called with the scenario after the token is planted, such as to deploy the function again.
    """
    seen: dict[str, set[str]] = {name: set() for name in searchers}
    tenant = next(iter(searchers.values()))[1]
    for scenario in scenarios:
        token = secrets.token_hex(12)
        order = {"do": "plant", "token": token, "then": {"overlap": "wait", "timeout": "hang"}.get(scenario, scenario)}
        call = threading.Thread(target=ask, args=(planter, tenant, {**order, "seconds": "15"}))
        call.start()
        if scenario == "overlap":
            time.sleep(3)
        else:
            call.join()
            then(scenario)
        # While the other call runs all search at once; afterwards one by one, as who takes a message of a queue puts it back.
        with ThreadPoolExecutor(len(searchers) if scenario == "overlap" else 1) as pool:
            results = list(pool.map(functools.partial(_found, ask, token), searchers.values()))
            for name, places in zip(searchers, results):
                seen[name] |= places
        call.join()
    return seen


def told(seen: Mapping[str, set[str]]) -> str:
    """What was found, by who searched."""
    return "; ".join(f"{name}: {', '.join(sorted(places)) or 'nothing'}" for name, places in seen.items())


def judge(isolation: str, seen: Mapping[str, set[str]]) -> Verdict:
    """Compare what was found with what is declared. The first searcher is the same function."""
    own, *others = seen.values()
    held = not any(others) and (own >= SHARED if isolation == "per_function" else not own)
    lacking = "" if held or any(others) or isolation != "per_function" else ", so the search itself does not work"
    return Verdict(held, told(seen) + lacking)


def token(password: str) -> str:
    """The token of a tenant of probes: made from its password for events, which it does not tell."""
    return hashlib.sha256(f"probe {password}".encode()).hexdigest()


def gateway(given: Mapping[str, Any]) -> Ask:
    """How this manager's gateway is asked, by its configuration."""
    listen = given["listen"]
    host = f"[{listen['address']}]" if ":" in listen["address"] else listen["address"]
    context = ssl.create_default_context(cafile=listen["ca_file"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    bearers = {name: f"Bearer {token(given['nats']['passwords'][name])}" for name in TENANTS}

    def ask(path: str, tenant: str, order: Mapping[str, str]) -> tuple[int, Any]:
        url, body = f"https://{host}:{listen['port']}{path}", json.dumps(order).encode()
        request = urllib.request.Request(url, body, {"Authorization": bearers[tenant]})
        try:
            with opener.open(request, timeout=200) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, error.read(500).decode("utf-8", "replace")

    return ask


def checks(folder: str = FOLDER, connect: Callable[[Mapping[str, Any]], Ask] = gateway) -> list[Check]:
    """A check for each isolation of which there are probes."""
    try:
        with open(f"{folder}/functions.json", encoding="utf-8") as handle:
            functions = json.load(handle)["functions"]
    except FileNotFoundError:  # the check of the gateway tells that
        return []
    declared = sorted({one["isolation"] for one in functions if one["tenant"] == TENANTS[0]})
    if not declared:
        return []
    with open(f"{folder}/gateway.json", encoding="utf-8") as handle:
        ask = connect(json.load(handle))

    def question(isolation: str) -> Verdict:
        first, second = TENANTS
        own, peer, other = (path(*one) for one in ((first, isolation), (first, isolation, "peer"), (second, isolation)))
        searchers = {"same function": (own, first), "other function": (peer, first), "other tenant": (other, second)}
        return judge(isolation, measured(ask, own, searchers))

    title, remedy = (
        "A call finds nothing that its isolation keeps from it",
        "use no functions here; report what is told",
    )
    return [
        answer("isolation", title, isolation, remedy, functools.partial(question, isolation)) for isolation in declared
    ]


def path(tenant: str, isolation: str, more: str = "") -> str:
    """The path of a probe."""
    return f"/{tenant}/{name(isolation, more)}"


def name(isolation: str, more: str = "") -> str:
    """The name of a probe."""
    return f"{more}{more and '-'}{NAMES[isolation]}"
