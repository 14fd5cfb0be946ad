# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench: what a sidecar costs beside an Envoy that is configured by hand, and how long a change takes.

All of it runs on loopback: Debian's wrk calls a service through two sidecars, through two bare Envoys with the same mutual
TLS, and without either.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures import ROOT, Bench, Figure, Table

sys.path[:0] = [str(ROOT / ".ansible/collections"), str(ROOT / "tests")]
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate  # noqa: E402
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import leaf, validate  # noqa: E402
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import (  # noqa: E402
    bootstrap,  # noqa: E402
    model,
    rules,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import render  # noqa: E402
from lab.envoys import Envoys, program  # noqa: E402

BACKEND, BIND, BARE_IN, BARE_OUT = 24080, 24081, 24082, 24083
ROUNDS, SECONDS, CONNECTIONS = 15, 2, 8
SIZES = (2, 20, 200)


def variables(size: int, weight: int = 100) -> dict[str, Any]:
    """A mesh of so many services, of which front calls orders; the rest has ten to a host."""
    orders = {
        "name": "orders",
        "port": BACKEND,
        "mesh_port": 24090,
        "run_as": "orders",
        "runs": [{"hosts": ["b"], "version": "v1"}, {"hosts": ["c"], "version": "v2"}],
        "splits": [{"subset": "v1", "weight": weight}, {"subset": "v2", "weight": 100 - weight}],
        "allow": [{"from": "front", "methods": ["GET"], "paths": ["/*"]}],
    }
    front = {
        "name": "front",
        "port": 24070,
        "mesh_port": 24071,
        "run_as": "front",
        "runs": [{"hosts": ["a"]}],
        "upstreams": [{"name": "orders", "bind": BIND}],
    }
    others = [
        {
            "name": f"s{number}",
            "port": 20000 + number,
            "run_as": f"s{number}",
            "runs": [{"hosts": [f"h{number // 10}"]}],
            "upstreams": [{"name": "orders", "bind": 21000 + number}],
        }
        for number in range(size - 2)
    ]
    if others:
        orders["allow"].append({"from": "*"})  # type: ignore[attr-defined]
    return {"mesh_services": [front, orders, *others]}


def read(given: dict[str, Any]) -> model.Mesh:
    """The mesh that variables describe; its hosts are addresses of loopback."""
    hosts = [model.Host(name, f"127.0.41.{number + 1}") for number, name in enumerate("abc")]
    hosts += [model.Host(f"h{number}", f"127.0.42.{number + 1}") for number in range(20)]
    return rules.check(model.read(given, hosts, "bench"))


def static(listener: dict[str, Any], clusters: list[dict[str, Any]]) -> dict[str, Any]:
    """A configuration by hand."""
    return {"static_resources": {"listeners": [{"name": "in", **listener}], "clusters": clusters}}


def manager(route: dict[str, Any]) -> list[dict[str, Any]]:
    """HTTP and one route, nothing else."""
    router = {"name": "router", "typed_config": {"@type": f"{bootstrap.EXTENSION}.filters.http.router.v3.Router"}}
    hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **route}]}]
    config = {
        "@type": bootstrap.HCM,
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [router],
    }
    return [{"name": "http", "typed_config": config}]


def bare(authority: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The service itself, and two Envoys with mutual TLS between them."""
    key = certificate.make_key()
    chain = authority["intermediate"]
    signed = leaf.sign(
        certificate.make_request(key), "spiffe://bench.mesh/ns/x/svc/x", chain, authority["intermediate_key"], 60
    )
    tls = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [
            {"certificate_chain": {"inline_string": signed + chain}, "private_key": {"inline_string": key}}
        ],
        "validation_context": {"trusted_ca": {"inline_string": "".join(authority["roots"])}},
    }
    kinds = f"{bootstrap.EXTENSION}.transport_sockets.tls.v3"
    server = {"@type": f"{kinds}.DownstreamTlsContext", "require_client_certificate": True, "common_tls_context": tls}
    client = {"@type": f"{kinds}.UpstreamTlsContext", "common_tls_context": tls}

    def cluster(port: int, **more: Any) -> list[dict[str, Any]]:
        to = bootstrap.assignment("to", [("127.0.0.1", port)])
        return [{"name": "to", "type": "STATIC", "connect_timeout": "1s", "load_assignment": to, **more}]

    def listener(port: int, chain: dict[str, Any]) -> dict[str, Any]:
        return {"address": bootstrap.socket_address("127.0.0.1", port), "filter_chains": [chain]}

    answer = manager({"direct_response": {"status": 200, "body": {"inline_string": "ok"}}})
    onward = manager({"route": {"cluster": "to"}})
    return {
        "backend": static(listener(BACKEND, {"filters": answer}), []),
        "in": static(
            listener(BARE_IN, {"filters": onward, "transport_socket": {"name": "tls", "typed_config": server}}),
            cluster(BACKEND),
        ),
        "out": static(
            listener(BARE_OUT, {"filters": onward}),
            cluster(BARE_IN, transport_socket={"name": "tls", "typed_config": client}),
        ),
    }


@contextlib.contextmanager
def running(envoys: Envoys, configurations: dict[str, dict[str, Any]]) -> Iterator[dict[str, int]]:
    """Envoys with configurations by hand; gives their process IDs."""
    processes: list[subprocess.Popen[bytes]] = []
    for name, configuration in configurations.items():
        path = envoys.folder / f"{name}.json"
        path.write_text(json.dumps(configuration))
        command = [str(envoys.binary), "-c", str(path), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
        processes.append(subprocess.Popen(command))
    try:
        yield {name: process.pid for name, process in zip(configurations, processes)}
    finally:
        for process in processes:
            process.kill()
            process.wait()


def load(port: int, seconds: float = SECONDS) -> dict[str, float]:
    """What wrk measured: p50 and p99 in ms, requests a second, and the calls that were not answered with 200."""
    url = f"http://127.0.0.1:{port}/"
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}", "--latency", url]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}

    def percent(number: int) -> float:
        value, unit = re.search(rf"{number}%\s+([0-9.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
        return float(value) * scale[unit]

    lost = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    lost += sum(int(n) for line in re.findall(r"Socket errors: (.*)", text) for n in re.findall(r"\d+", line))
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1))  # type: ignore[union-attr]
    calls = int(re.search(r"(\d+) requests in", text).group(1))  # type: ignore[union-attr]
    return {"p50": percent(50), "p99": percent(99), "rate": rate, "lost": lost, "calls": calls}


def used(pids: list[int]) -> float:
    """CPU milliseconds of processes until now."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(found[11]) + int(found[12]) for found in fields) * 1000 / os.sysconf("SC_CLK_TCK")


def ready(port: int) -> None:
    """Wait until calls are answered."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.CalledProcessError, AttributeError):
            if load(port, 1)["lost"] == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing answers at {port}")


def latency(bench: Bench, proxies: dict[str, list[int]]) -> None:
    """Through sidecars, through bare Envoys and without either, in turn; C(proxies) are the processes on each way."""
    ports = {"direct": BACKEND, "bare Envoy": BARE_OUT, "sidecars": BIND}
    for port in ports.values():
        ready(port)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ports}
    for _round in range(ROUNDS):
        for name, port in ports.items():
            before = used(proxies[name])
            measured = load(port)
            found[name].append({**measured, "cpu": (used(proxies[name]) - before) / measured["calls"]})

    def ratio(key: str) -> float:
        """Of sidecars and bare Envoys round by round, so that what else the machine does meets both."""
        return statistics.median(a[key] / b[key] for a, b in zip(found["sidecars"], found["bare Envoy"]))

    bench.figures += [
        Figure("p50 of a call, sidecars ÷ bare Envoy with the same TLS", ratio("p50"), 1.2),
        Figure("p99 of a call, sidecars ÷ bare Envoy with the same TLS", ratio("p99"), 1.2),
        Figure("calls a second, bare Envoy with the same TLS ÷ sidecars", 1 / ratio("rate"), 1.2),
        Figure("CPU of both proxies for a call, sidecars ÷ bare Envoy", ratio("cpu"), 1.2),
    ]
    keys = ("p50", "p99", "rate", "cpu")
    rows = [[name, *(statistics.median(one[key] for one in rounds) for key in keys)] for name, rounds in found.items()]
    title = f"HTTP/1.1 keep-alive over {CONNECTIONS} connections, median of {ROUNDS} rounds in turn; an Envoy has one thread"
    bench.tables.append(
        Table(title, ["way", "p50, ms", "p99, ms", "calls a second", "CPU of the proxies, ms a call"], rows)
    )


def memory(bench: Bench, envoys: Envoys) -> None:
    """Of each sidecar after that load."""
    rows = []
    for (_host, name), process in envoys.running.items():
        status = Path(f"/proc/{process.pid}/status").read_text()
        rows.append([name, int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024])  # type: ignore[union-attr]
    bench.figures.append(Figure("memory of a sidecar after the load", max(mib for _name, mib in rows), 100, "MiB"))
    bench.tables.append(Table("Resident memory", ["sidecar", "MiB"], rows))


def change(envoys: Envoys, given: dict[str, Any]) -> list[float]:
    """CPU to read and render the mesh, CPU of the Envoy that judges the files of front, until they are in use, and all of it."""
    start, own, judging = time.monotonic(), time.process_time(), children()
    mesh = read(given)
    files = render.sidecar(mesh, mesh.services["default/front"], "a")
    own = time.process_time() - own
    fault = validate.fault(files, str(envoys.binary))
    assert not fault, fault
    written = time.monotonic()
    envoys.write("a", "default_front", files)
    envoys.settled("a", "default_front")
    end = time.monotonic()
    return [own, children() - judging, end - written, end - start]


def children() -> float:
    """CPU seconds of the programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def changes(bench: Bench, envoys: Envoys) -> None:
    """A split is changed while calls go on, in meshes of several sizes."""
    rows, lost = [], 0.0
    for size in SIZES:
        found: list[dict[str, float]] = []
        thread = threading.Thread(target=lambda found=found: found.append(load(BIND, 25)))
        thread.start()
        taken = [change(envoys, variables(size, weight)) for weight in (90, 80, 70, 60, 50, 40)]
        thread.join()
        lost += found[0]["lost"]
        rows.append([size, *(statistics.median(column) for column in zip(*taken))])
    bench.figures += [
        Figure(f"from a change to its effect, {SIZES[-1]} services", rows[-1][-1], 2.0, "s"),
        Figure(
            f"judged and in use on the host, {SIZES[-1]} services ÷ {SIZES[0]}",
            sum(rows[-1][2:4]) / sum(rows[0][2:4]),
            1.5,
        ),
        Figure("calls lost in all these changes", lost, 0),
    ]
    head = ["services", "read and render, CPU s", "judged by Envoy, CPU s", "in use, s", "together, s"]
    bench.tables.append(Table("A change of a split (no run of Ansible is in it), medians of 6", head, rows))


def renewals(bench: Bench, authority: dict[str, Any], count: int = 100) -> None:
    """CPU of the issuer and of hosts together for leaves, by openssl as they do it."""
    before = children()
    for number in range(count):
        request = certificate.make_request(certificate.make_key())
        identity = f"spiffe://bench.mesh/ns/x/svc/s{number}"
        leaf.sign(request, identity, authority["intermediate"], authority["intermediate_key"], 60)
    cpu = children() - before
    bench.figures.append(Figure("CPU of 1,000 renewed leaves, key, request and signature", cpu * 1000 / count, 60, "s"))


def main() -> int:
    """Measure, publish, and say whether the promises are kept."""
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    bench = Bench("mesh", "Mesh without a control plane")
    with tempfile.TemporaryDirectory(prefix="ks-mesh-", dir="/tmp") as folder:
        envoys = Envoys(Path(folder), program())
        mesh = read(variables(SIZES[0]))
        try:
            for host in ("a", "b", "c"):
                envoys.start(mesh, host)
            with running(envoys, bare(envoys.authority)) as pids:
                sidecars = [envoys.running[key].pid for key in (("a", "default_front"), ("b", "default_orders"))]
                latency(bench, {"direct": [], "bare Envoy": [pids["in"], pids["out"]], "sidecars": sidecars})
                memory(bench, envoys)
                changes(bench, envoys)
            renewals(bench, envoys.authority)
        finally:
            envoys.stop()
    bench.notes.append("Not measured: gRPC, and the time of an installation on hosts beside a script.")
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
