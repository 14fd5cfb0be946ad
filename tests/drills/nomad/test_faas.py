# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions on real hosts: the isolation that is declared is the one that is measured; faults, events and their limits.

One manager and two host nodes are enough; all calls are put on the first, but for those that search the other one:
KEELSON_DRILLS_HOSTS="m1 w1 w2" tests/drills/run tests/drills/nomad/test_faas.py
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs
from lab import nomad
from lab.faas import (
    AGAIN,
    FAULTS,
    GREET,
    LEAK,
    SITE,
    TOKENS,
    Runtime,
    answers_while,
    function,
    measured,
    orders,
    orders_are_kept_once,
    row,
)
from lab.runs import ROOT
from lab.servers import Lab

DEPLOY = str(ROOT / "tests/drills/nomad/faas/deploy.yml")
# Where a call finds nothing to write to, so nothing can be found: its code, and what Nomad and the runtime keep.
CLOSED = {"working_directory", "allocation", "var_tmp", "runtime"}
SITE_PORT = 18088
OUT = {"egress": [f"{SITE}:{SITE_PORT}", "site.test", "manager.test", "metadata.test"]}
OUT |= {"services": {"SERVICE_SITE": f"site.test:{SITE_PORT}"}}


FUNCTIONS = [
    function("leak", LEAK),
    function("peer", LEAK),
    function("leak", LEAK, tenant="bank"),
    function("warm", LEAK, isolation="per_function", instances={"min": 0, "max": 2}),
    function("warm-peer", LEAK, isolation="per_function", instances={"min": 0, "max": 2}),
    function("faults", FAULTS, queue=["faults"], retries=1, dead_letter="faults", memory=128),
    function("crash", FAULTS, env={"START": "crash"}),
    function("mute", FAULTS, env={"START": "mute"}, timeout=3),
    function("one", LEAK, concurrency=1),
    function("out", LEAK, **OUT),
    function("warm-out", LEAK, isolation="per_function", **OUT),
    function(
        "shift", GREET, env={"WORD": "old"}, canary={"weight": 0, "env": {"WORD": "new"}}, isolation="per_function"
    ),
    function("full", FAULTS, tenant="tiny", queue=["fill"], concurrency=1),
    orders(),
    function("tick", "examples/functions/cron/tick.py", cron=["* * * * *"], http=[]),
]
VARIABLES: dict[str, Any] = {
    "cluster_components": ["faas_runtime"],
    "host_node_nomad_raw_exec": True,  # the class without guards
    "faas_tenants": [
        {"name": name, "pool": "web", "tokens": [hashlib.sha256(token.encode()).hexdigest()], "body": 100000}
        | ({"storage": 8} if name == "tiny" else {})
        for name, token in TOKENS.items()
    ],
    "faas_functions": FUNCTIONS,
    "faas_runtime_probes": "web",
}


class Faas(Runtime):
    """The runtime, and Nomad below it."""

    def guards(self, guards: str) -> None:
        """Deploy the functions of the leak test with other guards."""
        declared = functions.read(VARIABLES["faas_tenants"], FUNCTIONS)
        code, programs = artifacts.read(declared), artifacts.programs()
        for one in declared.functions:
            if one.artifact.endswith("leak.py") and one.isolation == "per_request" and not one.destinations:
                job = nomad_jobs.job(one, declared.tenants[one.tenant], code[one.artifact], programs, guards)
                self.nomad("PUT", "/v1/jobs", {"Job": job})

    def nomad(self, method: str, path: str, body: Any = None) -> str:
        """Tell Nomad something, with the rights of the operator."""
        script = f"set -a; . /etc/keelson/{self.lab.name}/nomad.env; nomad operator api -X {method} '{path}'"
        return self.lab.ssh(self.manager, script, given=json.dumps(body or {}))

    def seen_by(self, token: str, path: str) -> str:
        """What Nomad shows to a token, which the manager's shell reads: its text, or a command that prints it."""
        script = f"set -a; . /etc/keelson/{self.lab.name}/nomad.env; NOMAD_TOKEN={token} nomad operator api -X GET '{path}' </dev/null"
        return self.lab.ssh(self.manager, script, check=False)

    def redeploy(self, name: str) -> None:
        """Deploy a function of the tenant shop once more, and await that no instance of before runs."""
        where = f"/v1/job/faas-{name}"
        job = nomad.ask(self.lab, f"{where}?namespace=faas-shop")
        self.nomad("PUT", "/v1/jobs", {"Job": {**job, "Meta": {**job["Meta"], "again": secrets.token_hex(4)}}})
        deadline = time.monotonic() + 120
        while True:
            known = nomad.ask(self.lab, f"{where}/allocations?namespace=faas-shop")
            before = [one for one in known if one["JobVersion"] <= job["Version"]]
            if all(one["ClientStatus"] not in ("running", "pending") for one in before):
                return
            assert time.monotonic() < deadline
            time.sleep(1)

    def only(self, *names: str) -> None:
        """Let calls come to these host nodes alone."""
        for node in nomad.ask(self.lab, "/v1/nodes"):
            state = "eligible" if node["Name"] in names else "ineligible"
            if node["SchedulingEligibility"] != state:
                self.nomad("POST", f"/v1/node/{node['ID']}/eligibility", {"Eligibility": state})

    def deploy(self, declared: list[dict[str, Any]] = FUNCTIONS) -> Any:
        """Bring the hosts to other functions, as `install` does."""
        return self.lab.play(DEPLOY, variables={**VARIABLES, "faas_functions": declared})

    def events(self, script: str) -> Any:
        """What a few lines with `tenant`, connected to JetStream as the gateway is, print as JSON."""
        program = (
            "import asyncio, json, sys; sys.path[:0] = ['/usr/local/lib/keelson-faas']\n"
            "from events import Tenant\n"
            "async def main():\n"
            "    access = json.load(open('/etc/keelson-faas/gateway.json'))['nats']\n"
            "    tenant = Tenant('shop', access, 1, 256)\n"
            "    await tenant.connect()\n"
            f"    print(json.dumps(await {script}))\n"
            "asyncio.run(main())\n"
        )
        return json.loads(
            self.lab.ssh(self.manager, "PYTHONPATH=/opt/keelson/nats-py/current python3 -B -", given=program)
        )


@pytest.fixture(scope="module")
def faas(lab: Lab) -> Iterator[Faas]:
    """A cluster with the function runtime."""
    lab.play("install", variables=VARIABLES).expect()
    found = Faas(lab)
    deadline = time.monotonic() + 120
    while (status := found.ask("/shop/leak", {"do": "search", "token": "x"})[0]) != 200:
        assert time.monotonic() < deadline, status
        time.sleep(2)
    found.only(lab.nodes[0].name)
    yield found


def test_a_call_of_per_request_shares_nothing(faas: Faas) -> None:
    """The declared level is the measured one."""
    found = measured(faas, "/shop/leak", (*AGAIN, "redeploy"))
    row("per_request", found)
    assert found == {"same function": set(), "other function": set(), "other tenant": set()}


def test_without_guards_the_leak_test_finds_the_token(faas: Faas) -> None:
    """A test that cannot fail is none: every place is found when nothing guards it."""
    try:
        faas.guards(nomad_jobs.NONE)
        found = measured(faas, "/shop/leak", tuple(one for one in AGAIN if one != "oom"))  # nothing limits its memory
        row("no guard (raw_exec)", found)
        everywhere = {
            "tmp",
            "var_tmp",
            "dev_shm",
            "home",
            "child_environment",
            "process",
            "abstract_socket",
            "tcp_port",
        }
        everywhere |= {"sysv_memory", "sysv_queue", "posix_memory", "posix_queue", "keyring", "runtime"}
        assert found["other tenant"] >= everywhere, everywhere - found["other tenant"]
        faas.guards(nomad_jobs.EXEC)
        found = measured(faas, "/shop/leak")
        row("Nomad's exec driver alone", found)
        assert found["same function"], "the sandbox of the launcher would be for nothing"
    finally:
        faas.guards(nomad_jobs.SANDBOX)
        faas.lab.ssh(
            faas.lab.nodes[0],
            "rm -rf /tmp/keelson-leak* /var/tmp/keelson-leak* /dev/shm/keelson-leak*",
            check=False,
        )


def test_per_function_shares_within_the_function_alone(faas: Faas) -> None:
    """One process answers all calls: they find each other's tokens; others do not."""
    found = measured(faas, "/shop/warm")
    row("per_function", found)
    assert found["same function"] >= {"global", "tmp", "process"}
    assert found["other function"] == found["other tenant"] == set()
    after = measured(faas, "/shop/warm", ("redeploy",))
    row("per_function, after a deployment", after)
    assert set().union(*after.values()) == set()


def test_another_host_has_nothing(faas: Faas) -> None:
    """A call, and then one of the same function on another host node."""
    first, other = [node.name for node in faas.lab.nodes if node.pool == "web"][:2]
    for path in ("/shop/leak", "/shop/warm"):
        token = secrets.token_hex(12)
        assert faas.plant(path, token)[0] == 200
        try:
            faas.only(other)
            if path == "/shop/warm":
                faas.redeploy("warm")
            assert faas.found(path, token) == set()
            last = path.rpartition("/")[2]
            hosts = {
                a["NodeName"] for a in nomad.ask(faas.lab, "/v1/allocations?namespace=faas-shop") if last in a["JobID"]
            }
            assert other in hosts or path == "/shop/leak", hosts
        finally:
            faas.only(first)
    faas.redeploy("warm")  # back to the host where the other tests look


def test_secrets_and_logs_are_the_functions_and_the_tenants_own(faas: Faas) -> None:
    """A secret that is not there is told; one that is, is read by its function alone; a tenant's token sees its tenant."""
    keeper = function("keeper", LEAK, secrets={"SERVICE_SECRET": "password"})
    faas.nomad("DELETE", "/v1/var/nomad/jobs/faas-keeper?namespace=faas-shop")  # of an earlier run
    told = faas.deploy([*FUNCTIONS, keeper]).expect(2).output
    assert "shop/keeper has no secret password for SERVICE_SECRET: nomad var put -namespace faas-shop" in told
    secret = secrets.token_hex(12)
    items = {"Namespace": "faas-shop", "Path": "nomad/jobs/faas-keeper", "Items": {"password": secret}}
    faas.nomad("PUT", "/v1/var/nomad/jobs/faas-keeper?namespace=faas-shop", items)
    faas.deploy([*FUNCTIONS, keeper]).expect()
    status, answer, _headers = faas.ask("/shop/keeper", {"do": "environment"})
    assert (status, answer["environment"].get("SERVICE_SECRET")) == (200, secret)

    def seen() -> set[str]:
        """The places where others find it, while its function runs."""
        other = threading.Thread(target=faas.plant, args=("/shop/keeper", "x", "wait"), kwargs={"seconds": "15"})
        other.start()
        time.sleep(4)
        found = (
            faas.found("/shop/peer", secret)
            | faas.found("/bank/leak", secret, "bank")
            | faas.found("/shop/warm", secret)
        )
        other.join()
        return found

    assert seen() == set()
    try:
        faas.guards(nomad_jobs.NONE)
        assert "child_environment" in seen()
    finally:
        faas.guards(nomad_jobs.SANDBOX)
    where = "/v1/var/nomad/jobs/faas-keeper?namespace=faas-shop"
    assert secret in faas.seen_by("$NOMAD_TOKEN", where)
    assert secret not in faas.seen_by("$(cat /etc/keelson-faas/token)", where)

    for policies, sees in ((["shop"], {"shop"}), (["shop", "bank"], {"shop", "bank"})):
        body = {"Name": "drill", "Type": "client", "Policies": [f"keelson-faas-tenant-{name}" for name in policies]}
        token = json.loads(faas.nomad("PUT", "/v1/acl/token", body))["SecretID"]
        jobs = {tenant: faas.seen_by(token, f"/v1/jobs?namespace=faas-{tenant}") for tenant in ("shop", "bank")}
        assert {tenant for tenant, shown in jobs.items() if "faas-leak" in shown} == sees
    faas.deploy().expect()


def test_what_a_call_writes_is_in_the_log_under_its_id(faas: Faas) -> None:
    """Nomad's own log of a call is gone with it."""
    number = f"drill-{secrets.token_hex(4)}"
    assert faas.ask("/shop/leak", {"do": "search", "token": "x"}, X_Request_Id=number)[0] == 200
    lines = faas.lab.ssh(faas.manager, f"journalctl -u keelson-faas-gateway -o cat --no-pager | grep {number}")
    assert any("POST / HTTP/1.1" in json.loads(line).get("output", "") for line in lines.splitlines()), lines


def reached(faas: Faas, path: str, targets: list[str]) -> set[str]:
    """Which of some addresses and ports a function reaches."""
    status, answer, _headers = faas.ask(path, {"do": "reach", "targets": " ".join(targets)})
    assert status == 200, answer
    return {target for target, came in answer["reached"].items() if came}


@pytest.mark.parametrize("path", ["/shop/leak", "/shop/warm"])
def test_a_function_reaches_nobody(faas: Faas, path: str) -> None:
    """Managers, hosts, a metadata service; the host itself by the bridge's address."""
    host, bridge = faas.lab.nodes[0].address, "172.26.128.1:22"
    targets = [f"{faas.manager.address}:4646", f"{faas.manager.address}:4222", f"{host}:22", f"{host}:4646"]
    assert reached(faas, path, [*targets, bridge, "169.254.169.254:80"]) == set()
    if path == "/shop/warm":
        # The guard is what keeps it in: without it the host is reached.
        faas.lab.ssh(faas.lab.nodes[0], "nft delete table inet keelson_faas")
        try:
            assert reached(faas, path, [bridge]) == {bridge}
        finally:
            faas.lab.ssh(faas.lab.nodes[0], "nft -f /etc/keelson-faas/guard.nft")


@pytest.fixture
def site(faas: Faas) -> Iterator[str]:
    """A server outside the cluster, and names that host nodes know: of it, of a manager, of a metadata service."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from the site")

    server = http.server.ThreadingHTTPServer((SITE, SITE_PORT), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    names = {"site.test": SITE, "manager.test": faas.manager.address, "metadata.test": "169.254.169.254"}
    lines = "".join(f"{address} {name}\n" for name, address in names.items())
    faas.lab.ssh(faas.lab.nodes[0], "cp /etc/hosts /root/hosts.before; cat >> /etc/hosts", given=lines)
    yield f"http://{SITE}:{SITE_PORT}/"
    faas.lab.ssh(faas.lab.nodes[0], "cat /root/hosts.before > /etc/hosts; rm /root/hosts.before")
    server.shutdown()
    server.server_close()


def fetched(faas: Faas, path: str, *urls: str) -> list[str]:
    """What a function gets from addresses by its way out."""
    status, answer, _headers = faas.ask(path, {"do": "fetch", "urls": " ".join(urls)})
    assert status == 200, answer
    return [answer["fetched"][url] for url in urls]


@pytest.mark.parametrize("path", ["/shop/out", "/shop/warm-out"])
def test_a_function_reaches_what_its_list_names_and_nothing_else(faas: Faas, site: str, path: str) -> None:
    """By network, by name, and as a service; no cluster host and no metadata service, however they are called."""
    node = faas.lab.nodes[0]
    named, service = f"http://site.test:{SITE_PORT}/", "http://127.0.0.1:15001/"
    assert fetched(faas, path, site, named, service) == ["from the site"] * 3
    closed = {
        f"http://{SITE}:22/": "its egress list does not have it",
        "http://other.test/": "its egress list does not have it",
        f"http://{faas.manager.address}:4646/": "its egress list does not have it",
        "http://manager.test:4646/": "is closed to functions",
        "http://metadata.test/": "169.254.169.254 is closed to functions",
        f"http://{node.address}:22/": "its egress list does not have it",
    }
    for text, reason in zip(fetched(faas, path, *closed), closed.values()):
        assert f"shop/{path.rpartition('/')[2]} may not reach" in text and reason in text, text
    # Directly, past the proxy, nothing is reached; and a function without a list has no proxy.
    assert reached(faas, path, [f"{SITE}:{SITE_PORT}", f"{faas.manager.address}:4646"]) == set()
    plain = fetched(faas, "/shop/warm" if "warm" in path else "/shop/leak", site)
    assert "from the site" not in plain[0], plain


def test_without_its_guards_the_way_out_leads_to_the_cluster(faas: Faas, site: str) -> None:
    """So it is the guards that close it: the list of what is closed, and beneath it the packet filter."""
    node, url = faas.lab.nodes[0], "http://manager.test:8480/x"  # the gateway, which answers whoever speaks HTTP to it
    opened = (
        "import json; path = '/etc/keelson-faas/egress.json'; told = json.load(open(path));"
        "told['closed'] = []; open(path, 'w').write(json.dumps(told))"
    )
    faas.lab.ssh(node, "cp -p /etc/keelson-faas/egress.json /root/; python3 -", given=opened)
    reload = "systemctl kill -s HUP keelson-faas-egress && sleep 1"
    try:
        faas.lab.ssh(node, reload)
        assert "manager.test:8480 does not answer" in fetched(faas, "/shop/out", url)[0]
        faas.lab.ssh(node, "nft delete table inet keelson_faas_egress")
        assert "closed to functions" not in (text := fetched(faas, "/shop/out", url)[0]) and "not answer" not in text, (
            text
        )
    finally:
        faas.lab.ssh(node, "cp -p /root/egress.json /etc/keelson-faas/ && rm /root/egress.json")
        faas.lab.ssh(node, f"nft -f /etc/keelson-faas/egress.nft; {reload}")
    assert "is closed to functions" in fetched(faas, "/shop/out", url)[0]


def test_instances_do_not_reach_each_other(faas: Faas) -> None:
    """Two functions on one bridge: each reaches itself alone."""
    leases = "cd /var/lib/cni/networks/faas; ls | grep '^[0-9]'"
    for path in ("/shop/warm", "/shop/warm-peer"):
        assert faas.ask(path, {"do": "search", "token": "x"})[0] == 200
    targets = [f"{address}:8080" for address in faas.lab.ssh(faas.lab.nodes[0], leases).split()]
    found = [reached(faas, path, targets) for path in ("/shop/warm", "/shop/warm-peer")]
    assert [len(own) for own in found] == [1, 1] and not found[0] & found[1], found
    faas.lab.ssh(faas.lab.nodes[0], "nft delete table inet keelson_faas")
    try:
        assert reached(faas, "/shop/warm", targets) >= found[0] | found[1]  # so it is the guard that parts them
    finally:
        faas.lab.ssh(faas.lab.nodes[0], "nft -f /etc/keelson-faas/guard.nft")


def test_who_may_call(faas: Faas) -> None:
    """Without a token nothing is told, another tenant's token opens nothing."""
    assert faas.ask("/shop/leak", {}, tenant="")[0] == 401
    assert faas.ask("/nowhere", {}, tenant="")[0] == 401
    assert faas.ask("/shop/leak", {}, tenant="a-wrong-one")[0] == 401
    assert faas.ask("/shop/leak", {}, tenant="bank")[0] == 403
    assert faas.ask("/nowhere", {})[0] == 403
    assert faas.ask("/events/faults", {}, tenant="bank")[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/shop/crash", b"", 502, "the function ended before it listened on PORT, ended with 1"),
        ("/shop/mute", b"", 504, "did not listen on PORT in time"),
        ("/shop/faults", b"never", 504, "the function did not answer in time"),
        ("/shop/faults", b"gigabyte", 502, "the answer is larger than 1048576 bytes"),
        ("/shop/leak", b'{"do": "plant", "token": "x", "then": "crash"}', 502, "was killed by SIGABRT"),
        ("/shop/leak", b'{"do": "plant", "token": "x", "then": "oom"}', 502, "killed"),
        ("/shop/leak", b"x" * 100001, 413, "a body may have 100000 bytes"),
        ("/shop/leak", b"x" * 20000, 413, "a per_request call may have 12288 bytes"),
    ],
)
def test_a_fault_is_one_clear_answer(faas: Faas, path: str, body: bytes, status: int, text: str) -> None:
    found, answer, headers = faas.ask(path, body, X_Request_Id="drill-1")
    assert (found, text in answer["error"], answer["request"]) == (status, True, "drill-1"), answer
    assert headers["X-Request-Id"] == "drill-1"


@pytest.mark.parametrize(("order", "most"), [("forks", 32), ("disk", 16), ("sockets", 256)])
def test_what_a_function_takes_is_limited(faas: Faas, order: str, most: int) -> None:
    status, answer, _headers = faas.ask("/shop/faults", order.encode())
    assert status == 200 and 0 < int(answer) <= most, answer


def test_too_many_calls_at_once_are_told_when_to_come_again(faas: Faas) -> None:
    first = threading.Thread(target=faas.plant, args=("/shop/one", "x", "wait"), kwargs={"seconds": "4"})
    first.start()
    time.sleep(0.5)
    status, answer, headers = faas.ask("/shop/one", {"do": "search", "token": "x"})
    first.join()
    assert (status, headers["Retry-After"]) == (429, "1"), answer


def greeted(faas: Faas, times: int, **headers: str) -> list[str]:
    """With which words so many calls were answered."""
    answers = [faas.ask("/shop/shift?name=x", **headers) for _ in range(times)]
    assert {status for status, _answer, _headers in answers} == {200}, answers
    return [answer["greeting"].partition(",")[0] for _status, answer, _headers in answers]


def test_a_canary_is_deployed_tried_widened_promoted_and_taken_back(faas: Faas) -> None:
    """All by data: at 0 % its own tenant alone reaches it, by a header; then by weight; then it is the function."""
    assert set(greeted(faas, 20)) == {"old"}
    assert greeted(faas, 1, X_Keelson_Version="canary") == ["new"]
    assert faas.ask("/shop/leak", b"{}", X_Keelson_Version="canary")[0] == 404

    def deploy(**given: Any) -> None:
        faas.deploy([{**one, **given} if one["name"] == "shift" else one for one in FUNCTIONS]).expect()

    deploy(canary={"weight": 50, "env": {"WORD": "new"}})
    words = greeted(faas, 40)
    assert 8 <= words.count("new") <= 32, words
    key = {"Idempotency_Key": secrets.token_hex(8)}
    assert len(set(greeted(faas, 10, **key))) == 1  # the same call has the same version
    deploy(canary={"weight": 0, "env": {"WORD": "new"}})  # rolled back: nothing is deployed anew, so it is at once
    assert set(greeted(faas, 20)) == {"old"}
    promoted = [{key: v for key, v in one.items() if key != "canary"} for one in FUNCTIONS]
    promoted = [{**one, "env": {"WORD": "new"}} if one["name"] == "shift" else one for one in promoted]
    faas.deploy(promoted).expect()
    deadline = time.monotonic() + 60
    while set(greeted(faas, 10)) != {"new"}:  # instances are replaced one by one
        assert time.monotonic() < deadline
    jobs = {job["ID"] for job in nomad.ask(faas.lab, "/v1/jobs?namespace=faas-shop")}
    assert "faas-shift" in jobs and "faas-shift_canary" not in jobs
    faas.deploy().expect()


def test_a_call_that_is_repeated_after_the_gateway_was_killed_is_not_made_twice(faas: Faas) -> None:
    key = {"Idempotency_Key": secrets.token_hex(8)}
    order = {"do": "plant", "token": "x", "then": "wait", "seconds": "15"}

    def broken_off() -> None:
        with pytest.raises(OSError):
            faas.ask("/shop/leak", order, **key)

    first = threading.Thread(target=broken_off)
    first.start()
    time.sleep(4)
    faas.lab.ssh(faas.manager, "systemctl kill -s KILL keelson-faas-gateway")
    first.join()
    deadline, status = time.monotonic() + 60, 0
    while status != 200:
        assert time.monotonic() < deadline
        try:
            status = faas.ask("/shop/leak", order, **key)[0]
        except OSError:
            time.sleep(1)
        jobs = [job["ID"] for job in nomad.ask(faas.lab, "/v1/jobs?namespace=faas-shop&prefix=faas-leak/dispatch")]
        assert len(jobs) <= 1, jobs


def test_events_outlive_a_killed_server_of_jetstream(faas: Faas) -> None:
    before, keys = counted(faas, "DEAD", "dead.faults"), [f"{secrets.token_hex(6)}-{at}" for at in range(6)]
    for at, key in enumerate(keys):
        if at == 3:
            faas.lab.ssh(faas.manager, "systemctl kill -s KILL keelson-nats")
        deadline = time.monotonic() + 60
        while faas.ask("/events/faults", b"poison", Idempotency_Key=key)[0] != 202:
            assert time.monotonic() < deadline
            time.sleep(1)
    deadline = time.monotonic() + 240
    while counted(faas, "DEAD", "dead.faults") < before + len(keys) or counted(faas, "EVENTS", "events.queue.faults"):
        assert time.monotonic() < deadline
        time.sleep(3)
    ids = [
        letter["headers"].get("ce-id") or letter["headers"].get("Ce-Id")
        for letter in faas.ask("/dead/faults")[1]["letters"]
    ]
    assert counted(faas, "DEAD", "dead.faults") == before + len(keys), ids


def test_a_tenant_whose_storage_is_full_is_told_so(faas: Faas) -> None:
    """Its own events alone are refused."""
    for _ in range(200):
        status, answer, headers = faas.ask("/events/fill", b"x" * 99000, tenant="tiny")
        if status != 202:
            break
    assert (status, headers["Retry-After"]) == (429, "1") and "the storage of tiny has no room" in answer["error"], (
        answer
    )
    assert faas.ask("/events/faults", b"fine")[0] == 202


def test_events_are_saved_and_brought_back(faas: Faas) -> None:
    """What backup and restore do: dead letters and the schedules are there again."""
    command = "PYTHONPATH=/opt/keelson/nats-py/current python3 -s -B /usr/local/lib/keelson-faas/snapshot.py"
    kept = counted(faas, "DEAD", "dead.faults")
    assert kept
    faas.lab.ssh(faas.manager, f"rm -rf /root/saved && mkdir /root/saved && {command} save /root/saved")
    faas.events("tenant.api('STREAM.PURGE.DEAD', {})")
    faas.events("tenant.api('STREAM.PURGE.SCHEDULES', {})")
    assert counted(faas, "DEAD", "dead.faults") == 0
    faas.lab.ssh(faas.manager, f"{command} restore /root/saved && rm -rf /root/saved")
    assert counted(faas, "DEAD", "dead.faults") == kept
    assert counted(faas, "SCHEDULES", "schedules.tick.0") == 1
    assert faas.ask("/events/faults", b"fine", Idempotency_Key=secrets.token_hex(8))[0] == 202
    deadline = time.monotonic() + 120
    while counted(faas, "EVENTS", "events.queue.faults"):
        assert time.monotonic() < deadline
        time.sleep(2)


def test_a_poison_event_ends_among_the_dead_letters_and_an_event_is_kept_once(faas: Faas) -> None:
    before, key = counted(faas, "DEAD", "dead.faults"), f"drill-{os.getpid()}-{int(time.time())}"
    status, answer, _headers = faas.ask("/events/faults", b"poison", Idempotency_Key=key)
    assert (status, answer["duplicate"]) == (202, False)
    assert faas.ask("/events/faults", b"poison", Idempotency_Key=key)[1]["duplicate"] is True
    deadline = time.monotonic() + 90
    while counted(faas, "DEAD", "dead.faults") == before or counted(faas, "EVENTS", "events.queue.faults"):
        assert time.monotonic() < deadline
        time.sleep(2)
    dead = faas.events("tenant.api('STREAM.MSG.GET.DEAD', {'last_by_subj': 'dead.faults'})")["message"]
    assert dead["data"] == "cG9pc29u"  # poison
    assert f'keelson_faas_dead_letters{{tenant="shop",name="faults"}} {before + 1}' in metrics(faas)
    # Its tenant sees it, and can give it to the function once more; no other tenant can.
    assert faas.ask("/dead/faults", b"", tenant="bank")[0] == faas.ask("/dead/nothing", b"")[0] == 404
    assert faas.ask("/dead/faults", b"", tenant="")[0] == 401
    seen = faas.ask("/dead/faults")[1]["letters"][-1]
    assert (seen["status"], seen["attempts"], seen["data_base64"]) == (422, 2, "cG9pc29u"), seen
    assert (seen["subject"], seen["number"]) == ("events.queue.faults", dead["seq"])
    assert faas.ask("/dead/faults", b"")[1] == {"again": before + 1}
    deadline = time.monotonic() + 120
    while counted(faas, "DEAD", "dead.faults") <= before or counted(faas, "EVENTS", "events.queue.faults"):
        assert time.monotonic() < deadline
        time.sleep(2)
    assert faas.ask("/dead/faults")[1]["letters"][-1]["number"] > seen["number"]


def test_an_event_outlives_a_killed_gateway(faas: Faas) -> None:
    """Killed in the middle of a call: the event is given again, and the call is not made twice."""
    before = counted(faas, "DEAD", "dead.faults")
    assert faas.ask("/events/faults", b"fine", Idempotency_Key=secrets.token_hex(8))[0] == 202
    time.sleep(0.3)
    faas.lab.ssh(faas.manager, "systemctl kill -s KILL keelson-faas-gateway")
    deadline = time.monotonic() + 150
    while counted(faas, "EVENTS", "events.queue.faults"):
        assert time.monotonic() < deadline
        time.sleep(2)
    assert counted(faas, "DEAD", "dead.faults") == before


def counted(faas: Faas, stream: str, subject: str) -> int:
    """How many events a stream has under a subject."""
    told = faas.events(f"tenant.api('STREAM.INFO.{stream}', {{'subjects_filter': '{subject}'}})")
    return int((told["state"].get("subjects") or {}).get(subject, 0))


def metrics(faas: Faas) -> str:
    """What Prometheus reads on the manager."""
    program = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8481/metrics').read().decode())"
    return faas.lab.ssh(faas.manager, "python3 -", given=program)


def test_an_event_that_comes_twice_is_in_the_store_once(faas: Faas) -> None:
    """The store is a data service that the function names; the event's key makes two attempts one order."""
    orders_are_kept_once(faas)


def test_a_gateway_that_is_restarted_ends_its_calls(faas: Faas) -> None:
    """As an upgrade of the runtime does it, one gateway after the other."""
    restart = lambda: faas.lab.ssh(faas.manager, "sleep 1; systemctl restart keelson-faas-gateway")  # noqa: E731
    found = answers_while(faas, ["/shop/leak", "/shop/warm"], restart)
    assert {status for statuses in found.values() for status in statuses} == {200}, found


def test_a_drain_loses_no_answer(faas: Faas) -> None:
    """Calls of both isolations, of two seconds each, while their host node is drained: each is answered."""
    first, other = [node.name for node in faas.lab.nodes if node.pool == "web"][:2]
    assert faas.ask("/shop/warm", {"do": "search", "token": "x"})[0] == 200
    faas.only(first, other)
    drain = ("-e", f"drain_hosts={first}")
    try:
        found = answers_while(
            faas,
            ["/shop/leak", "/shop/warm"],
            lambda: faas.lab.play("drain", *drain, variables=VARIABLES).expect(),
        )
    finally:
        faas.lab.play("drain", *drain, "-e", "drain_state=ready", variables=VARIABLES).expect()
        faas.only(first)
    assert {status for statuses in found.values() for status in statuses} == {200}, found
    faas.redeploy("warm")  # back to the host where the other tests look


def test_a_schedule_ticks(faas: Faas) -> None:
    deadline = time.monotonic() + 130
    while 'keelson_faas_calls_total{tenant="shop",function="tick",trigger="event",status="204"}' not in metrics(faas):
        assert time.monotonic() < deadline
        time.sleep(3)


def test_nothing_of_calls_is_left(faas: Faas) -> None:
    """A call is removed from Nomad and from its host."""
    jobs = nomad.ask(faas.lab, "/v1/jobs?namespace=*&prefix=faas-")
    assert [job["ID"] for job in jobs if job.get("ParentID") and job["Status"] == "dead"] == []
    deadline = time.monotonic() + 60
    while True:
        known = nomad.ask(faas.lab, "/v1/allocations?namespace=*")
        kept = {
            one["ID"] for one in known if one["JobType"] == "service" or one["ClientStatus"] in ("pending", "running")
        }
        left = set(faas.lab.ssh(faas.lab.nodes[0], "ls /var/lib/nomad/alloc").split()) - kept
        if not left:
            break
        assert time.monotonic() < deadline, left
        time.sleep(3)


def test_a_second_run_changes_nothing_and_verify_is_content(faas: Faas) -> None:
    faas.only(*(node.name for node in faas.lab.nodes))
    again = faas.lab.play("install", variables=VARIABLES).expect()
    assert not again.changed()
    report = faas.lab.folder / "report"
    options = ("-e", f"verify_report={report}", "-e", "verify_sample_application=false")
    faas.lab.play("verify", *options, variables=VARIABLES)
    checks = json.loads((report / "report.json").read_text())["checks"]
    failed = [check for check in checks if not check["passed"]]
    # The class without guards is a driver that the benchmark of the engine refuses.
    assert {check["evidence"].partition(" of ")[0] for check in failed} <= {
        "4.1 plugin.1.raw_exec.0.config.0.enabled"
    }, failed


def test_it_is_taken_away_alone_and_the_cluster_goes_on(faas: Faas) -> None:
    """Its jobs, namespaces, policies and files go; agents run on; and it can come back."""
    alone = ("-e", "uninstall_component=faas_runtime", "-e", f"uninstall_confirm={faas.lab.name}")
    faas.lab.play("uninstall", *alone, variables=VARIABLES).expect()
    for path in ("/v1/jobs?namespace=*", "/v1/namespaces", "/v1/acl/policies"):
        assert "faas" not in json.dumps(nomad.ask(faas.lab, path)), path
    for host in faas.lab.hosts:
        assert faas.lab.ssh(host, f"{LOOK} systemctl is-active nomad").split() == ["active"], host
    assert not faas.lab.play("uninstall", *alone, variables=VARIABLES).expect().changed()
    faas.lab.play("install", variables={**VARIABLES, "cluster_components": []}).expect()
    faas.lab.play("install", variables=VARIABLES).expect()


LOOK = "ls -d /etc/keelson-faas /var/lib/faas /var/lib/faas-egress /usr/local/lib/keelson-faas /opt/cni/config/faas.conflist 2>/dev/null; "
LOOK += "grep -E '^(fn-|faas)' /etc/passwd; nft list tables | grep keelson_faas; systemctl list-unit-files | grep -E 'keelson-(faas|nats)';"


def test_uninstall_leaves_nothing(faas: Faas) -> None:
    faas.lab.play("uninstall", "-e", f"uninstall_confirm={faas.lab.name}", variables=VARIABLES).expect()
    for host in faas.lab.hosts:
        assert faas.lab.ssh(host, f"{LOOK} systemctl list-unit-files | grep keelson-; true") == "", host
