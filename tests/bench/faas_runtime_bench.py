#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What functions cost: cold starts beside the bare program, warm calls beside the instance itself, a thousand functions deployed."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from figures import ROOT, Bench, Figure, Table

sys.path[:0] = [str(Path(__file__).parents[1]), str(ROOT / ".ansible/collections")]

from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts  # noqa: E402
from lab import nomad  # noqa: E402
from lab.servers import Lab  # noqa: E402

CODE = ROOT / "examples/functions/http/greet.py"
DEPLOY = str(ROOT / "tests/drills/nomad/faas/deploy.yml")
TOKEN = "token-of-bench"  # noqa: S105
MANY = 1000

# On a manager: calls of an address, so many at once, each of them over a connection that is kept. Prints the seconds of each.
LOAD = """
import http.client, json, ssl, sys, threading, time
order = json.loads(sys.argv[1])
found, lock = [], threading.Lock()
def work():
    context = ssl.create_default_context(cafile="/etc/keelson-faas/tls/ca.pem")
    tls = {"context": context} if order["tls"] else {}
    link = (http.client.HTTPSConnection if order["tls"] else http.client.HTTPConnection)(order["host"], order["port"], timeout=120, **tls)
    for _ in range(order["calls"] // order["at_once"]):
        begun = time.monotonic()
        link.request("GET", order["path"], headers={"Authorization": "Bearer " + order["token"]})
        answer = link.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        with lock:
            found.append(time.monotonic() - begun)
threads = [threading.Thread(target=work) for _ in range(order["at_once"])]
begun = time.monotonic()
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(found) == order["calls"] // order["at_once"] * order["at_once"], len(found)
print(json.dumps([time.monotonic() - begun, found]))
"""
# On a host node: the program itself, started by hand for each call.
BARE = """
import json, os, subprocess, sys, time, urllib.request
found = []
for port in range(9700, 9720):
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "/root/greet.py"], env={**os.environ, "PORT": str(port)}, stderr=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
            break
        except OSError:
            time.sleep(0.005)
    found.append(time.monotonic() - begun)
    process.kill()
print(json.dumps(found))
"""
MEMORY = "systemctl show -p MainPID --value {} | xargs -I% awk '/VmRSS/ {{print $2}}' /proc/%/status"


def function(name: str, **given: Any) -> dict[str, Any]:
    """A function of the bench."""
    code = {"artifact": str(CODE), "digest": artifacts.digest(CODE.read_bytes()), "command": ["python3", CODE.name]}
    return {"name": name, "tenant": "bench", **code, "http": [f"/{name}"], "concurrency": 50, **given}


WARM = {"isolation": "per_function", "memory": 128, "pids": 128}
FUNCTIONS = [function("cold"), function("warm", **WARM, instances={"min": 1, "max": 1}), function("zero", **WARM)]


def variables(functions: list[dict[str, Any]]) -> dict[str, Any]:
    """Of a cluster with these functions."""
    tokens = [hashlib.sha256(TOKEN.encode()).hexdigest()]
    tenant = {"name": "bench", "pool": "web", "tokens": tokens, "concurrency": 100}
    return {"cluster_components": ["faas_runtime"], "faas_tenants": [tenant], "faas_functions": functions}


class Calls:
    """Calls from the manager, whom instances answer directly too."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.manager = lab, lab.managers[0]

    def measure(self, path: str, calls: int, at_once: int, direct: str = "") -> tuple[float, list[float]]:
        """Seconds of all calls together, and of each, sorted."""
        host, _colon, port = (direct or f"{self.manager.address}:8480").rpartition(":")
        order = {"host": host, "port": int(port), "path": path, "calls": calls, "at_once": at_once, "tls": not direct}
        text = json.dumps({**order, "token": TOKEN})
        whole, found = json.loads(self.lab.ssh(self.manager, f"python3 - '{text}'", given=LOAD))
        return float(whole), sorted(found)


def p(found: list[float], share: float) -> float:
    """A percentile, in milliseconds."""
    return found[min(len(found) - 1, int(len(found) * share))] * 1000


def row(label: str, ours: list[float], bare: list[float]) -> list[Any]:
    """Ours beside the other, and the ratio of the medians."""
    ratio = statistics.median(ours) / statistics.median(bare)
    return [label, p(ours, 0.5), p(ours, 0.99), p(bare, 0.5), p(bare, 0.99), round(ratio, 2)]


def calls(bench: Bench, lab: Lab) -> None:
    """Cold and warm calls, a burst, and what all takes when nobody calls."""
    at, node = Calls(lab), lab.nodes[0]
    lab.ssh(node, "cat > /root/greet.py", given=CODE.read_text())
    bare = sorted(json.loads(lab.ssh(node, "python3 -", given=BARE)))
    at.measure("/cold", 2, 1)
    head = ["calls", "p50 ms", "p99 ms", "p50 ms without", "p99 ms without", "ratio of p50"]
    rows = [row("per_request, beside a start of the bare program", at.measure("/cold", 20, 1)[1], bare)]
    zero = at.measure("/zero", 1, 1)[1]
    rows.append(row("per_function, the first call from zero instances", zero, bare))
    instances = nomad.ask(lab, "/v1/service/faas-warm?namespace=faas-bench")
    direct = f"{instances[0]['Address']}:{instances[0]['Port']}"
    at.measure("/warm", 50, 1)
    through = {}
    for at_once, count in ((1, 300), (10, 1000), (50, 2000)):
        (ours_whole, ours), (bare_whole, alone) = (
            at.measure("/warm", count, at_once),
            at.measure("/", count, at_once, direct),
        )
        rows.append(row(f"per_function, {at_once} at once, beside the instance itself", ours, alone))
        through[at_once] = [at_once, count / ours_whole, count / bare_whole, round(bare_whole / ours_whole, 3)]
    bench.tables.append(Table("Calls, beside what they would take without the runtime:", head, rows))
    heads = ["at once", "calls a second", "of the instance itself", "ratio"]
    bench.tables.append(Table("Throughput of one instance:", heads, list(through.values())))
    burst = at.measure("/cold", 50, 50)
    units = [("gateway", lab.managers[0], "keelson-faas-gateway"), ("events", lab.managers[0], "keelson-nats")]
    units.append(("egress proxy of a host node", node, "keelson-faas-egress"))
    idle = [[label, int(lab.ssh(host, MEMORY.format(unit))) / 1024] for label, host, unit in units]
    idle.append(["50 calls of per_request at once, from none: seconds until all are answered", burst[0]])
    bench.tables.append(Table("Memory in MiB when nobody calls, and a burst:", ["", ""], idle))


def many(bench: Bench, lab: Lab) -> None:
    """A thousand functions, deployed and looked at once more."""
    declared = [*FUNCTIONS, *(function(f"many-{number}", **WARM) for number in range(MANY))]
    begun = time.monotonic()
    lab.play(DEPLOY, variables=variables(declared)).expect()
    first = time.monotonic() - begun
    begun = time.monotonic()
    again = lab.play(DEPLOY, variables=variables(declared)).expect()
    second = time.monotonic() - begun
    assert not again.changed(), again.changed()
    title = f"{MANY} functions, seconds:"
    bench.tables.append(Table(title, ["deployed", "second run, which changes nothing"], [[first, second]]))
    bench.figures.append(Figure(f"{MANY} functions: second run ÷ first", second / first, 0.2))


def main() -> int:
    """Measure on one manager and one host node, and publish."""
    bench = Bench("faas", "Functions", notes=["One manager and one host node on the machine that calls them, too."])
    lab = Lab(hosts=("m1", "w1"))
    lab.make()
    try:
        lab.play("install", variables=variables(FUNCTIONS)).expect()
        calls(bench, lab)
        many(bench, lab)
    finally:
        lab.destroy()
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
