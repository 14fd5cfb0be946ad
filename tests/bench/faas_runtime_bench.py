#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What functions cost: cold starts beside the bare program, warm calls beside the instance itself, a thousand functions deployed.

On another engine: KEELSON_DRILLS_ENGINE=kubernetes tests/bench/run faas_runtime. Fewer functions: KEELSON_BENCH_FUNCTIONS=100.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from figures import ROOT, Bench, Figure, Table

sys.path[:0] = [str(Path(__file__).parents[1]), str(ROOT / ".ansible/collections")]

from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts  # noqa: E402
from lab import nomad  # noqa: E402
from lab.servers import ENGINE, Lab, Server  # noqa: E402

CODE = ROOT / "examples/functions/http/greet.py"
DEPLOY = str(ROOT / "tests/drills/nomad/faas/deploy.yml")
TOKEN = "token-of-bench"  # noqa: S105
MANY = int(os.environ.get("KEELSON_BENCH_FUNCTIONS", "1000"))

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
    process = subprocess.Popen([sys.executable, "/srv/bench/greet.py"], env={**os.environ, "PORT": str(port)}, stderr=subprocess.DEVNULL)
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
# On a host node: a container of the image in which functions run, started by hand for each call.
CONTAINER = """
import json, subprocess, time, urllib.request
found = []
for port in range(9700, 9710):
    name = f"bench-{port}"
    given = ["--net-host", "--env", f"PORT={port}", "--mount", "type=bind,src=/srv/bench,dst=/code,options=rbind:ro"]
    begun = time.monotonic()
    process = subprocess.Popen(["ctr", "-n", "k8s.io", "run", "--rm", *given, IMAGE, name, "python3", "/code/greet.py"], stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
            break
        except OSError:
            time.sleep(0.005)
    else:
        raise SystemExit("the container ended")
    found.append(time.monotonic() - begun)
    subprocess.run(["ctr", "-n", "k8s.io", "task", "kill", "-s", "SIGKILL", name], check=True)
    process.wait()
print(json.dumps(found))
"""
MEMORY = "systemctl show -p MainPID --value {} | xargs -I% awk '/VmRSS/ {{print $2}}' /proc/%/status"


def function(name: str, **given: Any) -> dict[str, Any]:
    """A function of the bench."""
    code = {"artifact": str(CODE), "digest": artifacts.digest(CODE.read_bytes()), "command": ["python3", CODE.name]}
    return {"name": name, "tenant": "bench", **code, "http": [f"/{name}"], "concurrency": 50, **given}


class OnNomad:
    """What this bench asks of Nomad."""

    variables: dict[str, Any] = {}
    warm: dict[str, Any] = {"isolation": "per_function", "memory": 128, "pids": 128}
    per_request = True
    bare_name = "the bare program"

    def __init__(self, lab: Lab) -> None:
        self.lab, self.node = lab, lab.nodes[0]

    def functions(self, more: int = 0) -> list[dict[str, Any]]:
        """Those that are called, and as many more."""
        found = [function("warm", **self.warm, instances={"min": 1, "max": 1}), function("zero", **self.warm)]
        found.append(function("burst", **self.warm, instances={"min": 0, "max": 5}))
        found += [function("cold")] if self.per_request else []
        return found + [function(f"many-{number}", **self.warm) for number in range(more)]

    def bare(self) -> list[float]:
        """Seconds until what a function is answers, started by hand."""
        return sorted(json.loads(self.lab.ssh(self.node, "python3 -", given=BARE)))

    def direct(self, name: str) -> tuple[Server, str]:
        """From where an instance itself is called, and its address."""
        (found,) = nomad.ask(self.lab, f"/v1/service/faas-{name}?namespace=faas-bench")
        return self.lab.managers[0], f"{found['Address']}:{found['Port']}"

    def instances(self, name: str) -> int:
        """How many there are."""
        return len(nomad.ask(self.lab, f"/v1/service/faas-{name}?namespace=faas-bench"))

    def idle(self) -> list[list[Any]]:
        """MiB of what the runtime has on host nodes."""
        return [["egress proxy of a host node", resident(self.lab, self.node, "keelson-faas-egress")]]


class OnKubernetes(OnNomad):
    """What this bench asks of Kubernetes, where a thousand functions are deployed without an instance each."""

    variables = {
        "faas_runtime_knative_config": {"config-autoscaler": {"allow-zero-initial-scale": "true", "initial-scale": "0"}}
    }
    warm = {"isolation": "per_function", "memory": 128}
    per_request = False
    bare_name = "the bare container"

    def kubectl(self, command: str) -> Any:
        """What kubectl prints on the manager, as JSON."""
        return json.loads(
            self.lab.ssh(self.lab.managers[0], f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl {command}")
        )

    def bare(self) -> list[float]:
        """Seconds until the container of a function answers, started by hand."""
        spec = self.kubectl("-n faas-bench get ksvc faas-warm -o json")["spec"]["template"]["spec"]
        program = f"IMAGE = {spec['containers'][0]['image']!r}\n{CONTAINER}"
        return sorted(json.loads(self.lab.ssh(self.node, "python3 -", given=program)))

    def _pods(self, name: str) -> list[dict[str, Any]]:
        found = self.kubectl(f"-n faas-bench get pods -l serving.knative.dev/service=faas-{name} -o json")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def direct(self, name: str) -> tuple[Server, str]:
        """From where an instance itself is called, and its address: its host alone, past Knative's proxy."""
        (pod,) = self._pods(name)
        return self.node, f"{pod['status']['podIP']}:8080"

    def instances(self, name: str) -> int:
        """How many there are."""
        return len(self._pods(name))

    def idle(self) -> list[list[Any]]:
        """MiB of Knative and Kourier."""
        pods = self.kubectl(f"get --raw /api/v1/nodes/{self.node.name}/proxy/stats/summary")["pods"]
        spaces = ("knative-serving", "kourier-system")
        own = [pod for pod in pods if pod["podRef"]["namespace"] in spaces]
        return [["pods of Knative and Kourier", sum(pod["memory"]["workingSetBytes"] for pod in own) / 1024**2]]


DRIVERS = {"nomad": OnNomad, "kubernetes": OnKubernetes}


def resident(lab: Lab, host: Server, unit: str) -> float:
    """MiB of a unit's main process."""
    return int(lab.ssh(host, MEMORY.format(unit))) / 1024


def variables(functions: list[dict[str, Any]]) -> dict[str, Any]:
    """Of a cluster with these functions."""
    tokens = [hashlib.sha256(TOKEN.encode()).hexdigest()]
    tenant = {"name": "bench", "pool": "web", "tokens": tokens, "concurrency": 100}
    own = DRIVERS[ENGINE].variables
    return {"cluster_components": ["faas_runtime"], "faas_tenants": [tenant], "faas_functions": functions, **own}


class Calls:
    """Calls from the manager, whom instances answer directly too."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.manager = lab, lab.managers[0]

    def measure(
        self, path: str, calls: int, at_once: int, direct: str = "", host: Server | None = None
    ) -> tuple[float, list[float]]:
        """Seconds of all calls together, and of each, sorted; made by the manager unless a host is named."""
        address, _colon, port = (direct or f"{self.manager.address}:8480").rpartition(":")
        order = {
            "host": address,
            "port": int(port),
            "path": path,
            "calls": calls,
            "at_once": at_once,
            "tls": not direct,
        }
        text = json.dumps({**order, "token": TOKEN})
        whole, found = json.loads(self.lab.ssh(host or self.manager, f"python3 - '{text}'", given=LOAD))
        return float(whole), sorted(found)


def p(found: list[float], share: float) -> float:
    """A percentile, in milliseconds."""
    return found[min(len(found) - 1, int(len(found) * share))] * 1000


def row(label: str, ours: list[float], bare: list[float]) -> list[Any]:
    """Ours beside the other, and the ratio of the medians."""
    ratio = statistics.median(ours) / statistics.median(bare)
    return [label, p(ours, 0.5), p(ours, 0.99), p(bare, 0.5), p(bare, 0.99), round(ratio, 2)]


def emptied(driver: OnNomad, name: str) -> float:
    """Seconds until no instance is left."""
    begun = time.monotonic()
    while driver.instances(name):
        assert time.monotonic() < begun + 600, f"{name} does not go to zero"
        time.sleep(0.5)
    return time.monotonic() - begun


def calls(bench: Bench, lab: Lab, driver: OnNomad) -> None:
    """Cold and warm calls, to zero and back, a burst, and what all takes when nobody calls."""
    at, node = Calls(lab), lab.nodes[0]
    lab.ssh(node, "mkdir -p /srv/bench && cat > /srv/bench/greet.py", given=CODE.read_text())
    at.measure("/warm", 50, 1)
    bare = driver.bare()
    head = ["calls", "p50 ms", "p99 ms", "p50 ms without", "p99 ms without", "ratio of p50"]
    rows = []
    if driver.per_request:
        at.measure("/cold", 2, 1)
        rows.append(row(f"per_request, beside a start of {driver.bare_name}", at.measure("/cold", 20, 1)[1], bare))
    first, gone = [], []
    for _round in range(5):
        gone.append(emptied(driver, "zero"))
        first += at.measure("/zero", 1, 1)[1]
    label = f"per_function, the first call from zero, beside a start of {driver.bare_name}"
    rows.append(row(label, sorted(first), bare))
    host, direct = driver.direct("warm")
    through = {}
    for at_once, count in ((1, 300), (10, 1000), (50, 2000)):
        ours_whole, ours = at.measure("/warm", count, at_once)
        bare_whole, alone = at.measure("/", count, at_once, direct, host)
        rows.append(row(f"per_function, {at_once} at once, beside the instance itself", ours, alone))
        through[at_once] = [at_once, count / ours_whole, count / bare_whole, round(bare_whole / ours_whole, 3)]
    bench.tables.append(Table("Calls, beside what they would take without the runtime:", head, rows))
    heads = ["at once", "calls a second", "of the instance itself", "ratio"]
    bench.tables.append(Table("Throughput of one instance:", heads, list(through.values())))
    emptied(driver, "burst")
    bursts = [["per_function, up to 5 instances", at.measure("/burst", 50, 50)[0]]]
    if driver.per_request:
        bursts.append(["per_request", at.measure("/cold", 50, 50)[0]])
    bench.tables.append(Table("50 calls at once, from none, seconds until all are answered:", ["", "s"], bursts))
    title = "To zero after a call, and the first call after it:"
    back = [[statistics.median(gone[1:]), statistics.median(first)]]
    bench.tables.append(Table(title, ["s until no instance is left", "s of the first call"], back))
    for name in ("zero", "burst"):
        emptied(driver, name)
    units = (("gateway", "keelson-faas-gateway"), ("events", "keelson-nats"))
    idle = [[label, resident(lab, lab.managers[0], unit)] for label, unit in units] + driver.idle()
    bench.tables.append(Table("Memory in MiB when nobody calls:", ["", "MiB"], idle))


def many(bench: Bench, lab: Lab, driver: OnNomad) -> None:
    """A thousand functions, deployed and looked at once more."""
    declared = driver.functions(MANY)
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
    note = "One manager and one host node on the machine that calls them, too."
    bench = Bench(f"faas_{ENGINE}", f"Functions on {ENGINE}", notes=[note])
    lab = Lab(hosts=("m1", "w1"))
    lab.make()
    try:
        driver = DRIVERS[ENGINE](lab)
        lab.play("install", variables=variables(driver.functions())).expect()
        calls(bench, lab, driver)
        many(bench, lab, driver)
    finally:
        lab.destroy()
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
