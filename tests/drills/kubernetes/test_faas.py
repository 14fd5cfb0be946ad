# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions on Knative on real hosts: called, from zero, shut off from one another and from the rest of the cluster.

One manager and two host nodes are enough; all functions are put on the first one:
KEELSON_DRILLS_ENGINE=kubernetes KEELSON_DRILLS_HOSTS="m1 w1 w2" tests/drills/run tests/drills/kubernetes/test_faas.py
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime import isolation
from lab.faas import (
    AGAIN,
    FAULTS,
    GREET,
    LEAK,
    SITE,
    STORE_PORT,
    TOKENS,
    Runtime,
    Store,
    answers_while,
    function,
    measured,
    orders,
    orders_are_kept_once,
    row,
)
from lab.runs import ROOT
from lab.servers import Lab
from lab.waiting import wait

OWN = {"isolation": "per_function", "instances": {"min": 0, "max": 2}, "cpu": 20}
FUNCTIONS = [
    function("greet", GREET, **OWN),
    function("warm", LEAK, **OWN),
    function("warm-peer", LEAK, **OWN),
    function("leak", LEAK, tenant="bank", **OWN),
    function("faults", FAULTS, queue=["faults"], retries=1, dead_letter="faults", **{**OWN, "timeout": 5}),
    function("out", LEAK, egress=[f"{SITE}:{STORE_PORT}"], **OWN),
    function("wide", LEAK, egress=["0.0.0.0/0"], **OWN),
    orders(**OWN),
    function("tick", "examples/functions/cron/tick.py", cron=["* * * * *"], http=[], **OWN),
]
DEPLOY = str(ROOT / "tests/drills/nomad/faas/deploy.yml")
BROKEN = [function(name, FAULTS, env={"START": name}, **OWN) for name in ("crash", "mute")]
VARIABLES: dict[str, Any] = {
    "cluster_components": ["faas_runtime"],
    "faas_runtime_knative_config": {
        "config-autoscaler": {"stable-window": "20s", "scale-to-zero-grace-period": "10s"},
    },
    "faas_tenants": [
        {"name": name, "pool": "web", "tokens": [hashlib.sha256(TOKENS[name].encode()).hexdigest()], "body": 100000}
        for name in ("shop", "bank")
    ],
    "faas_functions": FUNCTIONS,
    "faas_runtime_probes": "web",
}
FUNCTION_PODS = "get pods -A -l serving.knative.dev/service"


class Knative(Runtime):
    """The runtime, and Kubernetes below it."""

    def kubectl(self, command: str, check: bool = True, given: str = "") -> str:
        """What kubectl prints on the manager."""
        line = f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl {command}"
        return self.lab.ssh(self.manager, line, check=check, given=given)

    def pods(self, chosen: str) -> list[dict[str, Any]]:
        """Pods that are not ending."""
        found = json.loads(self.kubectl(f"get pods {chosen} -o json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def redeploy(self, name: str) -> None:
        """A new revision, and nothing of the one before."""
        where = f"-n faas-shop -l serving.knative.dev/service=faas-{name}"
        before = {pod["metadata"]["name"] for pod in self.pods(where)}
        patch = {"spec": {"template": {"metadata": {"annotations": {"again": secrets.token_hex(4)}}}}}
        self.kubectl(f"-n faas-shop patch ksvc faas-{name} --type=merge -p '{json.dumps(patch)}'")
        self.kubectl(f"-n faas-shop wait ksvc faas-{name} --for=condition=Ready --timeout=120s")
        wait("the old revision is gone", lambda: not before & {p["metadata"]["name"] for p in self.pods(where)}, 120)

    def on_one_host(self) -> None:
        """Put all functions on the first host node."""
        self.kubectl(f"cordon {self.lab.nodes[1].name}")
        for tenant in ("shop", "bank"):
            self.kubectl(f"-n faas-{tenant} delete pods --all")

    def ready(self, name: str, tenant: str = "shop") -> None:
        """Await a function."""
        self.kubectl(f"-n faas-{tenant} wait ksvc faas-{name} --for=condition=Ready --timeout=240s")


@pytest.fixture(scope="module")
def faas(lab: Lab) -> Iterator[Knative]:
    """A cluster with the function runtime; what can run on the second host node has been there."""
    lab.play("install", variables=VARIABLES).expect()
    found = Knative(lab)
    for entry in FUNCTIONS:
        found.ready(entry["name"], entry["tenant"])
    found.on_one_host()
    yield found
    found.kubectl(f"uncordon {lab.nodes[1].name}", check=False)


def test_a_second_run_changes_nothing_and_every_check_passes(faas: Knative) -> None:
    """Also of the runtime itself, which writes into its own objects."""
    faas.kubectl(f"uncordon {faas.lab.nodes[1].name}")
    again = faas.lab.play("install", variables=VARIABLES).expect()
    assert not again.changed(), again.changed()
    faas.lab.play("verify", variables=VARIABLES).expect()
    faas.on_one_host()


def test_who_may_call(faas: Knative) -> None:
    """The gateway asks for a token of the tenant."""
    assert faas.ask("/shop/greet?name=Ada")[0] == 200
    assert faas.ask("/shop/greet", tenant="")[0] == 401
    assert faas.ask("/shop/greet", tenant="wrong")[0] == 401
    assert faas.ask("/shop/greet", tenant="bank")[0] == 403


def test_a_caller_names_no_function_past_its_token(faas: Knative) -> None:
    """What Knative's own programs find a revision by is not taken from callers, also where the function has no instance yet."""
    where = "-n faas-shop -l serving.knative.dev/service=faas-greet"
    wait("no instance", lambda: not faas.pods(where), 180)
    other = {"Knative_Serving_Namespace": "faas-bank", "Knative_Serving_Revision": "faas-leak-00001"}
    status, answer, _headers = faas.ask("/shop/greet?name=Ada", **other, Host="faas-leak.faas-bank.svc.cluster.local")
    assert (status, answer["greeting"]) == (200, "Hello, Ada"), answer
    assert faas.ask("/shop/greet", K_Network_Probe="queue")[1]["greeting"].startswith("Hello")


def test_a_tenant_sees_its_own_functions_alone(faas: Knative) -> None:
    """Whoever is bound to the tenant's role: its logs, no secret, nothing of another tenant."""
    faas.kubectl("-n faas-shop create rolebinding drill --role=functions --user=ada")

    def may(what: str, tenant: str) -> bool:
        return faas.kubectl(f"auth can-i get {what} -n faas-{tenant} --as=ada", check=False).strip() == "yes"

    try:
        assert may("pods --subresource=log", "shop") and may("ksvc", "shop")
        assert not any(may(what, "shop") for what in ("secrets", "configmaps"))
        assert not any(may(what, "bank") for what in ("pods", "pods --subresource=log", "ksvc"))
    finally:
        faas.kubectl("-n faas-shop delete rolebinding drill")


def test_from_zero_and_back(faas: Knative) -> None:
    """A function that nobody calls has no instance; the first call makes one."""
    where = "-n faas-shop -l serving.knative.dev/service=faas-greet"
    assert faas.ask("/shop/greet")[0] == 200
    wait("no instance", lambda: not faas.pods(where), 180)
    started = time.monotonic()
    assert faas.ask("/shop/greet")[0] == 200
    cold = time.monotonic() - started
    times = []
    for _call in range(20):
        started = time.monotonic()
        assert faas.ask("/shop/greet")[0] == 200
        times.append(time.monotonic() - started)
    print(f"\nfrom zero {cold:.2f} s, then {sorted(times)[10] * 1000:.1f} ms a call (p50)")
    assert cold < 30


def test_an_instance_shares_with_its_own_function_alone(faas: Knative) -> None:
    """The declared level, per_function, is the measured one."""
    found = measured(faas, "/shop/warm", AGAIN)
    row("per_function on Kubernetes", found)
    assert found["same function"] >= {"global", "tmp", "process"}
    assert found["other function"] == found["other tenant"] == set()
    after = measured(faas, "/shop/warm", ("redeploy",))
    row("per_function on Kubernetes, after a deployment", after)
    assert set().union(*after.values()) == set()


def test_without_what_shuts_pods_off_the_search_finds_the_token(faas: Knative) -> None:
    """Two pods that share their host's network, processes, IPC and folders: the proof that the search finds what is there."""
    image = faas.kubectl("-n faas-shop get ksvc faas-warm -o jsonpath={.spec.template.spec.containers[0].image}")
    node, code = faas.lab.nodes[0], (ROOT / LEAK).read_text()
    folders = {"tmp": "/tmp", "shm": "/dev/shm"}
    made: list[dict[str, Any]] = [
        {
            "kind": "Namespace",
            "metadata": {"name": "open", "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
        },
        {"kind": "ConfigMap", "metadata": {"name": "open", "namespace": "open"}, "data": {"leak.py": code}},
        *(
            {
                "kind": "Pod",
                "metadata": {"name": f"open-{port}", "namespace": "open"},
                "spec": {
                    **{"nodeName": node.name, "hostNetwork": True, "hostPID": True, "hostIPC": True},
                    "containers": [
                        {
                            **{"name": "leak", "image": image, "command": ["python3", "/code/leak.py"]},
                            "env": [{"name": "PORT", "value": str(port)}, {"name": "HOME", "value": "/tmp"}],
                            "securityContext": {"runAsUser": 65532},
                            "volumeMounts": [
                                {"name": "code", "mountPath": "/code"},
                                *({"name": name, "mountPath": path} for name, path in folders.items()),
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "code", "configMap": {"name": "open"}},
                        *({"name": name, "hostPath": {"path": path}} for name, path in folders.items()),
                    ],
                },
            }
            for port in (18701, 18702)
        ),
    ]

    def ask(path: str, _tenant: str, order: Mapping[str, str]) -> tuple[int, Any]:
        given = json.dumps(order).encode()
        program = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1{path}', {given!r}, 60).read().decode())"
        return 200, json.loads(faas.lab.ssh(node, "python3 -", given=program))

    faas.kubectl("apply -f -", given="\n---\n".join(json.dumps({"apiVersion": "v1", **one}) for one in made))
    try:
        faas.kubectl("-n open wait pod --all --for=condition=Ready --timeout=120s")
        wait("both listen", lambda: isolation.found(ask, ":18702/", "", secrets.token_hex(12)) == set(), 60)
        found = isolation.measured(ask, ":18701/", {"other function": (":18702/", "")}, ("sequence",))
    finally:
        faas.kubectl("delete namespace open")
    row("two pods that share what their host has", found)
    assert found["other function"] >= {"tmp", "dev_shm", "process", "abstract_socket", "tcp_port", "sysv_memory"}


def targets(faas: Knative) -> dict[str, str]:
    """What a pod might try, by name."""
    assert faas.ask("/shop/warm-peer", {"do": "search", "token": "x"})[0] == 200
    node, space = faas.lab.nodes[0].address, "-n {} get svc {} -o jsonpath={{.spec.clusterIP}}"
    kourier = faas.kubectl(space.format("kourier-system", "kourier-internal"))
    (gateway, *_more) = faas.pods("-n kourier-system -l app=3scale-kourier-gateway")
    (activator, *_more) = faas.pods("-n knative-serving -l app=activator")
    (peer, *_more) = faas.pods("-n faas-shop -l serving.knative.dev/service=faas-warm-peer")
    return {
        "kourier": f"{kourier}:80",
        "kourier's pod": f"{gateway['status']['podIP']}:8081",
        "activator": f"{activator['status']['podIP']}:8012",
        "another function": f"{peer['status']['podIP']}:8012",
        "another function's port": f"{peer['status']['podIP']}:8080",
        "api": f"{faas.kubectl(space.format('default', 'kubernetes'))}:443",
        "host": f"{node}:22",
        "manager": f"{faas.manager.address}:8480",
        "metadata": "169.254.169.254:80",
    }


def test_a_function_reaches_nobody(faas: Knative) -> None:
    """Neither the runtime, nor another function, nor hosts; without the policies it would."""
    known = targets(faas)

    def reached() -> set[str]:
        status, answer, _headers = faas.ask("/shop/warm", {"do": "reach", "targets": " ".join(known.values())})
        assert status == 200, answer
        return {name for name, target in known.items() if answer["reached"][target]}

    assert reached() == set()
    for space, name in (("faas-shop", "functions"), ("kourier-system", "kourier"), ("knative-serving", "activator")):
        faas.kubectl(f"-n {space} delete networkpolicy {name}")
    try:
        wait("the guards are gone", lambda: reached() >= {"kourier", "activator", "another function", "api"}, 30)
    finally:
        faas.lab.play("install", variables=VARIABLES).expect()
        faas.kubectl(f"cordon {faas.lab.nodes[1].name}")
    wait("the guards are back", lambda: reached() == set(), 30)


def test_a_function_reaches_what_it_lists_alone(faas: Knative) -> None:
    """One address and port, or every network: what is of the cluster stays closed in it, and metadata."""
    known = {name: where for name, where in targets(faas).items() if name != "another function's port"}
    site = {"listed": f"{SITE}:{STORE_PORT}", "other port": f"{SITE}:{STORE_PORT + 1}"}
    order = {"do": "reach", "targets": " ".join([*known.values(), *site.values()])}
    with Store(), socket.create_server((SITE, STORE_PORT + 1)):
        for name, reached in (("warm", set()), ("out", {"listed"}), ("wide", {"listed", "other port"})):
            faas.found(f"/shop/{name}", "x")  # it has an instance: its start would count towards its timeout
            status, answer, _headers = faas.ask(f"/shop/{name}", order)
            assert status == 200, answer
            assert {key for key, where in {**known, **site}.items() if answer["reached"][where]} == reached, name


def test_another_pod_of_the_cluster_calls_no_function(faas: Knative) -> None:
    """Kourier asks for no token: it is for the managers alone."""
    image = faas.kubectl("-n faas-shop get ksvc faas-greet -o jsonpath={.spec.template.spec.containers[0].image}")
    known = {name: where for name, where in targets(faas).items() if name not in ("api", "host", "manager", "metadata")}
    program = (
        "import socket\n"
        f"for where in {sorted(known.values())!r}:\n"
        "    host, _colon, port = where.rpartition(':')\n"
        "    try:\n"
        "        socket.create_connection((host, int(port)), 3).close(); print(where)\n"
        "    except OSError: pass\n"
        "print('tried')\n"
    )
    run = f"-n default run drill --image={image} --restart=Never --rm -i --quiet --command -- python3 -"
    assert faas.kubectl(run, given=program).split() == ["tried"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"never", (504,), "the function did not answer in time"),
        (b"gigabyte", (502,), "the answer is larger than 1048576 bytes"),
        (b"x" * 100001, (413,), ""),
    ],
)
def test_a_fault_is_one_clear_answer(faas: Knative, body: bytes, status: tuple[int, ...], text: str) -> None:
    """And the next call is answered."""
    found, answer, _headers = faas.ask("/shop/faults", body, X_Request_Id="drill-1")
    assert found in status and text in str(answer), (found, answer)
    wait("it answers again", lambda: faas.ask("/shop/faults", b"fine")[0] == 200, 60)


def test_what_a_function_takes_is_limited(faas: Knative) -> None:
    """Its disk, and its memory, to which processes and what lies in /tmp count; others go on."""
    assert 0 < int(faas.ask("/shop/faults", b"disk")[1]) <= 16
    assert faas.ask("/shop/faults", b"sockets")[0] in (200, 502, 503, 504)
    status, answer, _headers = faas.ask("/shop/faults", b"forks")
    assert status in (200, 502, 503, 504), answer
    assert faas.ask("/shop/greet")[0] == 200
    wait("it answers again", lambda: faas.ask("/shop/faults", b"fine")[0] == 200, 120)


def letters(faas: Knative) -> dict[int, dict[str, Any]]:
    """The dead letters of the function of faults, by their numbers."""
    return {letter["number"]: letter for letter in faas.ask("/dead/faults")[1]["letters"]}


def test_a_poison_event_ends_among_the_dead_letters_and_an_event_is_kept_once(faas: Knative) -> None:
    """The events are the same programs as on the other engine; here Knative runs what they call, from zero too."""
    before, key = letters(faas), secrets.token_hex(8)
    first = faas.ask("/events/faults", b"poison", Idempotency_Key=key)
    assert (first[0], first[1]["duplicate"]) == (202, False), first
    assert faas.ask("/events/faults", b"poison", Idempotency_Key=key)[1]["duplicate"] is True
    wait("the dead letter", lambda: letters(faas) != before, 120)
    letter = letters(faas)[max(letters(faas))]
    assert (letter["status"], letter["attempts"], letter["data_base64"]) == (422, 2, "cG9pc29u")
    assert letter["headers"]["ce-id"] == key
    assert faas.ask("/dead/faults", tenant="bank")[0] == 404


def test_events_outlive_a_killed_gateway_and_a_killed_server_of_jetstream(faas: Knative) -> None:
    """Those that were taken, and those that are sent again because nobody took them: each is kept once."""
    before, keys = set(letters(faas)), [f"{secrets.token_hex(6)}-{at}" for at in range(6)]

    def taken(key: str) -> bool:
        try:
            return faas.ask("/events/faults", b"poison", Idempotency_Key=key)[0] == 202
        except OSError:
            return False

    for at, key in enumerate(keys):
        if unit := {2: "keelson-faas-gateway", 4: "keelson-nats"}.get(at):
            faas.lab.ssh(faas.manager, f"systemctl kill -s KILL {unit}")
        wait(f"event {at} is taken", lambda key=key: taken(key), 90)  # type: ignore[misc]

    def dead() -> list[str]:
        return sorted(one["headers"]["ce-id"] for number, one in letters(faas).items() if number not in before)

    wait("every event is a dead letter", lambda: len(dead()) >= len(keys), 240)
    assert dead() == sorted(keys)


def test_an_event_that_comes_twice_is_in_the_store_once(faas: Knative) -> None:
    """The store is a data service that the function names; the event's key makes two attempts one order."""
    orders_are_kept_once(faas)


def test_a_schedule_ticks(faas: Knative) -> None:
    """Once a minute."""
    read = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8481/metrics').read().decode())"
    line = 'keelson_faas_calls_total{tenant="shop",function="tick",trigger="event",status="204"}'
    wait("a tick", lambda: line in faas.lab.ssh(faas.manager, "python3 -", given=read), 180)


def test_what_restarts_loses_no_answer(faas: Knative) -> None:
    """As an upgrade of the runtime does it: the gateway, then each of Knative's programs."""

    def restart() -> None:
        faas.lab.ssh(faas.manager, "sleep 1; systemctl restart keelson-faas-gateway")
        for space in ("knative-serving", "kourier-system"):
            faas.kubectl(f"-n {space} rollout restart deployment")
            faas.kubectl(f"-n {space} rollout status deployment --timeout=240s")

    faas.kubectl(f"uncordon {faas.lab.nodes[1].name}")
    try:
        found = answers_while(faas, ["/shop/warm", "/shop/warm-peer"], restart)
    finally:
        faas.kubectl(f"cordon {faas.lab.nodes[1].name}")
    assert {status for statuses in found.values() for status in statuses} == {200}, found


def test_a_drain_loses_no_answer(faas: Knative) -> None:
    """Calls of two seconds each, while the host node of their instance, Kourier's and the activator's is drained."""
    first, second = (node.name for node in faas.lab.nodes[:2])
    assert faas.ask("/shop/warm", {"do": "search", "token": "x"})[0] == 200
    faas.kubectl(f"uncordon {second}")
    drain = ("-e", f"drain_hosts={first}")
    try:
        found = answers_while(
            faas,
            ["/shop/warm", "/shop/warm-peer"],
            lambda: faas.lab.play("drain", *drain, variables=VARIABLES).expect(),
        )
    finally:
        faas.lab.play("drain", *drain, "-e", "drain_state=ready", variables=VARIABLES).expect()
        faas.kubectl(f"cordon {second}")
    assert {status for statuses in found.values() for status in statuses} == {200}, found


def test_a_function_that_does_not_start_is_told_and_others_go_on(faas: Knative) -> None:
    """By a call, and by verify."""
    declared = {**VARIABLES, "faas_functions": [*FUNCTIONS, *BROKEN]}
    faas.lab.play("install", variables=declared).expect()
    for name in ("crash", "mute"):
        status, answer, _headers = faas.ask(f"/shop/{name}", {})
        assert status == 502 and f"describe ksvc faas-{name}" in answer["error"], (status, answer)
    assert faas.ask("/shop/greet")[0] == 200
    told = faas.lab.play("verify", "-e", "verify_sample_application=false", variables=declared).expect(2).output
    assert "shop/crash is not ready" in " ".join(told.split())


def test_a_secret_is_read_by_its_function_alone_and_one_that_is_not_there_is_told(faas: Knative) -> None:
    """What is told is the command that makes it."""
    word, given = secrets.token_hex(12), {"secrets": {"PASSWORD": "word"}}
    declared = {**VARIABLES, "faas_functions": [*FUNCTIONS, function("vault", LEAK, **given, **OWN)]}
    told = " ".join(faas.lab.play(DEPLOY, variables=declared).expect(2).output.split())
    command = "kubectl -n faas-shop create secret generic faas-vault --from-literal=word="
    assert f"faas-shop/faas-vault has no secret word for PASSWORD: {command}" in told, told
    faas.kubectl(command.removeprefix("kubectl ") + word)
    faas.lab.play(DEPLOY, variables=declared).expect()
    faas.ready("vault")
    assert faas.ask("/shop/vault", {"do": "environment"})[1]["environment"]["PASSWORD"] == word
    assert faas.found("/shop/warm", word) == faas.found("/bank/leak", word, "bank") == set()


def test_what_is_not_declared_any_more_is_gone(faas: Knative) -> None:
    """A function with its code; a tenant with its namespace."""
    kept = {
        **VARIABLES,
        "faas_functions": FUNCTIONS[:1],
        "faas_tenants": VARIABLES["faas_tenants"][:1],
        "faas_runtime_probes": "",
    }
    faas.lab.play("install", variables=kept).expect()
    assert faas.kubectl("get ksvc -A -o name").split() == ["service.serving.knative.dev/faas-greet"]
    wait("the namespace is gone", lambda: "faas-bank" not in faas.kubectl("get ns -o name"), 120)


def test_what_does_not_run_here_is_refused_before_anything_is_changed(faas: Knative) -> None:
    """One line for each member."""
    wrong = [function("leak", LEAK), function("out", LEAK, egress=["api.example.com"], **OWN)]
    told = faas.lab.play("preflight", variables={**VARIABLES, "faas_functions": wrong}).expect(2).output
    lines = " ".join(told.split())
    assert "(faas_functions[0].isolation): shop/leak: per_request is not held here" in lines
    assert "(faas_functions[1].egress): shop/out: a name is not held here" in lines


def test_it_is_taken_away_alone_and_the_cluster_goes_on(faas: Knative) -> None:
    """What others made of Knative's types stops it; then nothing is left of it, and other applications have not been touched."""
    lab, alone = faas.lab, ("-e", "uninstall_component=faas_runtime", "-e", f"uninstall_confirm={faas.lab.name}")
    faas.kubectl(f"uncordon {lab.nodes[1].name}")
    image = faas.kubectl("-n faas-shop get ksvc faas-greet -o jsonpath={.spec.template.spec.containers[0].image}")
    foreign = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    }
    faas.kubectl("apply -f -", given=json.dumps(foreign))
    refused = lab.play("uninstall", *alone, variables=VARIABLES).expect(2).output
    assert "services default/theirs would go with Knative" in " ".join(refused.split())
    faas.kubectl("-n faas-shop get ksvc faas-greet")
    faas.kubectl("-n default delete ksvc theirs")
    faas.kubectl("delete deployment stays --ignore-not-found")  # of a run before
    faas.kubectl(f"create deployment stays --image={image} -- python3 -m http.server")
    faas.kubectl("wait deployment stays --for=condition=Available --timeout=120s")
    lab.play("uninstall", *alone, variables=VARIABLES).expect()
    left = "get crd,validatingwebhookconfigurations,mutatingwebhookconfigurations,ns,clusterroles,clusterrolebindings -o name"
    words = ("knative", "kourier", "faas-")
    assert [name for name in faas.kubectl(left).split() if any(word in name for word in words)] == []
    look = "ls -d /etc/keelson-faas /var/lib/faas /opt/keelson/knative* 2>/dev/null; ctr -n k8s.io images ls -q | grep -E 'knative|faas-python'; true"
    for host in lab.hosts:
        assert lab.ssh(host, look) == "", host
    faas.kubectl("wait deployment stays --for=condition=Available --timeout=60s")
    assert not lab.play("uninstall", *alone, variables=VARIABLES).expect().changed()
    lab.play("install", variables={**VARIABLES, "cluster_components": []}).expect()
