# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own decisions: who may call what, how much at once, what an event looks like. Its libraries are stood in for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import json
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import BackupError
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime import backup
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import functions
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import gateway as told

from .test_faas_functions import function

FILES = Path(__file__).parents[3] / "roles/faas_runtime/files"
TENANTS = [
    {"name": name, "tokens": [hashlib.sha256(f"token-{name}".encode()).hexdigest()], "concurrency": 3}
    for name in ("shop", "bank")
]


def stand_in(name: str, **members: Any) -> types.ModuleType:
    """A module of that name."""
    found = types.ModuleType(name)
    vars(found).update(members)
    return found


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A gateway with two functions that nothing runs."""
    web = stand_in("aiohttp.web", Request=object, Response=object)
    errors = stand_in("nats.errors", Error=OSError, TimeoutError=TimeoutError)
    for module in (
        stand_in("aiohttp", web=web, ClientSession=object, ClientError=OSError, ClientConnectorError=OSError),
        web,
        stand_in("nats", errors=errors),
        errors,
        stand_in("nats.aio"),
        stand_in("nats.aio.client", Client=object),
        stand_in("nats.aio.msg", Msg=object),
    ):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for folder in ("gateway", "nomad"):
        monkeypatch.syspath_prepend(str(FILES / folder))
    declared = functions.read(
        TENANTS,
        [
            function(concurrency=2, queue=["orders"], canary={"weight": 10}),
            function(name="open", tenant="bank", http=["/greet/open", "/open"], public=True, concurrency=3),
        ],
    )
    (tmp_path / "functions.json").write_text(json.dumps(told.gateway(declared)))
    (tmp_path / "gateway.json").write_text(json.dumps({"nats": {}}))
    module = importlib.import_module("gateway")
    yield module.Gateway(str(tmp_path))
    for name in ("gateway", "calls", "events", "engine", "snapshot"):
        sys.modules.pop(name, None)


class Request:
    """What the gateway reads of a request."""

    def __init__(self, path: str, token: str = "") -> None:
        self.path = unquote(path.partition("?")[0])
        self.path_qs = path
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}


@pytest.mark.parametrize(
    ("path", "token", "found"),
    [
        ("/greet", "token-shop", ("greet", "/")),
        ("/greet/a?b=c", "token-shop", ("greet", "/a?b=c")),
        ("/greet/open/x", "", ("open", "/x")),
        ("/open", "token-shop", ("open", "/")),
        ("/greet", "", 401),
        ("/greeting", "", 401),
        ("/greet", "token-bank", 403),
        ("/nowhere", "token-bank", 403),
        ("/greet?b=/c", "token-shop", ("greet", "/?b=/c")),
        ("/gree%74/x", "token-shop", 403),  # what remains would be 74/x, which would lengthen the address
        ("/greet%2Fopen/x", "", 401),
        ("/open", "wrong", 401),
    ],
)
def test_who_calls_what(gateway: Any, path: str, token: str, found: Any) -> None:
    request = Request(path, token)
    try:
        target, rest = gateway.target(request, gateway.caller(request))
        assert (target["name"], rest) == found
    except sys.modules["gateway"].Refused as error:
        assert error.status == found


def test_a_function_and_a_tenant_have_so_many_calls_at_once(gateway: Any) -> None:
    greet, other = (
        gateway.functions[("shop", "greet")],
        {**gateway.functions[("shop", "greet")], "name": "other", "concurrency": 9},
    )
    refused = sys.modules["gateway"].Refused
    with gateway.room(greet), gateway.room(greet):
        with pytest.raises(refused, match="2 calls are at work for shop/greet"), gateway.room(greet):
            pass
        with gateway.room(other), pytest.raises(refused, match="3 calls are at work for shop$"), gateway.room(other):
            pass
    with gateway.room(greet):
        pass
    assert not any(gateway.at_once.values())


def test_a_canary_takes_its_share_and_the_same_call_has_the_same_version(gateway: Any) -> None:
    greet = gateway.functions[("shop", "greet")]
    chosen = [gateway.version(greet, f"call-{number}")["name"] for number in range(1000)]
    assert 60 < chosen.count("greet_canary") < 140
    assert chosen == [gateway.version(greet, f"call-{number}")["name"] for number in range(1000)]
    none, whole = {**greet, "weight": 0}, {**greet, "weight": 100}
    assert {gateway.version(none, f"call-{number}")["name"] for number in range(99)} == {"greet"}
    assert {gateway.version(whole, f"call-{number}")["name"] for number in range(99)} == {"greet_canary"}
    assert gateway.version(none, "x", "canary")["job"] == "faas-greet_canary"
    assert gateway.version(whole, "x", "stable") is whole
    with pytest.raises(sys.modules["gateway"].Refused, match="bank/open has no version canary"):
        gateway.version(gateway.functions[("bank", "open")], "x", "canary")
    with pytest.raises(sys.modules["gateway"].Refused, match="shop/greet has no version blue"):
        gateway.version(greet, "x", "blue")


def test_metrics_of_calls(gateway: Any) -> None:
    greet = gateway.functions[("shop", "greet")]
    gateway.metrics.note(greet, "http", 200, 0.02, True)
    gateway.metrics.note(greet, "http", 502, 2.0, False)
    text = gateway.metrics.text(gateway.at_once)
    assert 'keelson_faas_calls_total{tenant="shop",function="greet",trigger="http",status="502"} 1' in text
    assert 'keelson_faas_seconds_bucket{tenant="shop",function="greet",le="0.05"} 1' in text
    assert 'keelson_faas_seconds_bucket{tenant="shop",function="greet",le="+Inf"} 2' in text
    assert 'keelson_faas_cold_starts_total{tenant="shop",function="greet"} 1' in text


class Message:
    """A message of JetStream, at one of its deliveries."""

    def __init__(self, delivered: int = 1, **headers: str) -> None:
        sequence = types.SimpleNamespace(stream=7)
        self.metadata = types.SimpleNamespace(num_delivered=delivered, sequence=sequence)
        self.headers, self.subject, self.data = headers, "events.queue.orders", b"x"
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def note(**given: Any) -> None:
            self.done.append(f"{name} {given['delay']}" if given else name)

        return note


def delivered(gateway: Any, message: Message, *statuses: int) -> list[Any]:
    """What is done with a message whose function answers so, and what is buried."""
    tenant = sys.modules["events"].Tenant("shop", {}, 1, 8)
    answers, buried = list(statuses), []

    async def handle(*_given: Any) -> int:
        return answers.pop(0)

    async def publish(subject: str, _body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        given = {name.lower(): text for name, text in headers.items()}
        buried.append((subject, given["keelson-status"], given["keelson-attempts"], given["ce-id"]))
        return {}

    async def at_once(_seconds: float) -> None:
        return None

    tenant.publish = publish
    sys.modules["events"].asyncio = types.SimpleNamespace(**{**vars(asyncio), "sleep": at_once})
    asyncio.run(tenant._one({**gateway.functions[("shop", "greet")], "retries": 1}, message, handle))
    return [*message.done, *buried]


def test_an_event_is_acknowledged_tried_again_or_buried(gateway: Any) -> None:
    assert delivered(gateway, Message(), 204) == ["ack"]
    assert delivered(gateway, Message(), 502) == ["nak 1"]
    # A dead letter has the id of its event: given once more, a function that keeps things under it keeps nothing twice.
    assert delivered(gateway, Message(2), 502) == ["term", ("dead.greet", "502", "2", "shop.7")]
    assert delivered(gateway, Message(2, **{"Nats-Msg-Id": "k"}), 502)[1] == ("dead.greet", "502", "2", "k")
    assert delivered(gateway, Message(2, **{"Ce-Id": "a", "Nats-Msg-Id": "k"}), 502)[1][3] == "a"
    assert delivered(gateway, Message(), 429, 429, 200) == ["in_progress", "in_progress", "ack"]


def test_an_event_is_a_cloudevent_whose_id_stays(gateway: Any) -> None:
    event = sys.modules["events"].event
    first, again = event("shop", Message(1)), event("shop", Message(2))
    assert first["headers"] == again["headers"]
    assert (first["headers"]["ce-id"], first["headers"]["ce-subject"]) == ("shop.7", "orders")
    assert event("shop", Message(1, **{"Nats-Msg-Id": "k", "ce-type": "own"}))["headers"] == {
        "ce-specversion": "1.0", "ce-id": "k", "ce-source": "/keelson/shop/queue", "ce-type": "own", "ce-subject": "orders",
    }  # fmt: skip


def test_schedules_have_seconds_in_jetstream(gateway: Any) -> None:
    events = sys.modules["events"]
    assert (events.pattern("*/5 * * * *"), events.pattern("@daily")) == ("0 */5 * * * *", "@daily")
    text = base64.b64encode(b"NATS/1.0\r\nNats-Schedule: 0 * * * * *\r\n\r\n").decode()
    assert events.headers_of(text) == {"Nats-Schedule": "0 * * * * *"}


def test_why_a_call_left_no_answer(gateway: Any) -> None:
    why = sys.modules["engine"].why
    killed = {"Type": "Terminated", "Details": {"oom_killed": "true"}, "DisplayMessage": "OOM Killed"}
    assert "more than its memory" in why({"ClientStatus": "failed", "TaskStates": {"function": {"Events": [killed]}}})
    assert why({"ClientStatus": "lost", "TaskStates": None}) == "the function ended without an answer (lost: no event)"


class Agent:
    """Nomad, which shows an allocation in these states, one more at each look."""

    def __init__(self, states: list[str]) -> None:
        self.states, self.clock = states, 0.0

    async def ask(self, *_arguments: Any, **_query: Any) -> tuple[list[dict[str, str]], int]:
        """One look takes ten seconds."""
        self.clock += 10
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return ([{"ClientStatus": state}] if state else []), 1

    def monotonic(self) -> float:
        """The time."""
        return self.clock


@pytest.mark.parametrize(
    ("states", "status", "after"),
    [
        ([""], 429, 40),
        (["pending"], 504, 100),
        (["", "pending", "pending", "pending", "pending", "complete"], 0, 60),
        (["pending", "running"], 504, 60),
    ],
)
def test_a_host_without_room_is_not_one_that_is_slow(
    gateway: Any, monkeypatch: pytest.MonkeyPatch, states: list[str], status: int, after: int
) -> None:
    nomad = sys.modules["engine"]
    agent = Agent(states)
    monkeypatch.setattr(nomad.time, "monotonic", agent.monotonic)
    found = 0
    try:
        asyncio.run(nomad.Engine._await(agent, "job", {}, 20, {}))
    except nomad.CallFailed as error:
        found = error.status
    assert (found, agent.clock) == (status, after)


def stored(number: int, **headers: str) -> dict[str, Any]:
    """A message as JetStream shows it."""
    text = (
        "NATS/1.0\r\n" + "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    )
    return {
        "seq": number,
        "time": "2026-01-01T00:00:00Z",
        "hdrs": base64.b64encode(text.encode()).decode(),
        "data": "eA==",
    }


def test_a_dead_letter_goes_back_under_one_id_however_often_that_is_cut_off(gateway: Any) -> None:
    events = sys.modules["events"]
    tenant = events.Tenant("shop", {}, 1, 256)
    kept = {3: stored(3, Keelson_Subject="events.queue.orders", Keelson_Status="422", Keelson_Attempts="2", ce_id="a")}
    published: list[tuple[str, bytes, dict[str, str]]] = []

    async def api(subject: str, body: dict[str, Any]) -> dict[str, Any]:
        if subject == "STREAM.MSG.DELETE.DEAD":
            kept.pop(body["seq"])
            return {}
        found = [message for number, message in kept.items() if number >= body["seq"]]
        if not found or body["next_by_subj"] != "dead.orders":
            raise events.EventsFailed("JetStream: no message found")
        return {"message": found[0]}

    async def publish(subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        published.append((subject, body, headers))
        return {}

    tenant.api, tenant.publish = api, publish
    (letter,) = asyncio.run(tenant.dead("orders"))
    assert (letter["status"], letter["attempts"], letter["headers"]) == (422, 2, {"ce-id": "a"})
    assert asyncio.run(tenant.again("other")) == 0
    assert asyncio.run(tenant.again("orders")) == 1 and not kept
    assert published == [("events.queue.orders", b"x", {"ce-id": "a", "Nats-Msg-Id": "again.3"})]


def test_a_call_that_is_still_being_stopped_is_removed_when_it_has_ended(
    gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nomad = sys.modules["engine"]
    asked: list[str] = []

    class Agent(nomad.Engine):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.collecting: set[Any] = set()

        async def ask(self, method: str, path: str, *_body: Any, **_query: Any) -> tuple[Any, int]:
            asked.append(path)
            if path.endswith("/gc") and len(asked) < 4:
                raise nomad.CallFailed(503, "Nomad: 500 not terminal")
            return None, 0

    async def run() -> None:
        agent = Agent()
        await agent.forget("job", "a1", {})
        await asyncio.gather(*agent.collecting)

    real = asyncio.sleep
    monkeypatch.setattr(nomad.asyncio, "sleep", lambda _seconds: real(0))
    asyncio.run(run())
    assert asked == ["/v1/job/job", *["/v1/client/allocation/a1/gc"] * 3]


def test_metrics_tell_how_many_events_wait_and_are_dead(gateway: Any) -> None:
    events = sys.modules["events"]
    answers = {
        "CONSUMER.INFO.EVENTS.greet": {"num_pending": 7, "num_ack_pending": 2},
        "STREAM.INFO.DEAD": {"state": {"subjects": {"dead.greet": 3}}},
    }

    async def api(subject: str, _body: Any = None) -> dict[str, Any]:
        if subject not in answers:
            raise events.EventsFailed("JetStream does not answer")
        return answers[subject]

    tenant = events.Tenant("shop", {}, 1, 256)
    tenant.api, gateway.tenants["shop"] = api, tenant
    gateway.faults = {"bank": "JetStream: no quorum"}
    assert asyncio.run(gateway.depths()).splitlines() == [
        'keelson_faas_events_arranged{tenant="shop"} 1',
        'keelson_faas_events_arranged{tenant="bank"} 0',
        'keelson_faas_events_waiting{tenant="shop",function="greet"} 7',
        'keelson_faas_events_at_work{tenant="shop",function="greet"} 2',
        'keelson_faas_dead_letters{tenant="shop",name="greet"} 3',
    ]
    del answers["STREAM.INFO.DEAD"]
    assert "waiting" not in asyncio.run(gateway.depths())  # the other metrics are there without it


def test_an_event_waits_while_nomad_is_away(gateway: Any) -> None:
    failed, greet = sys.modules["calls"].CallFailed, gateway.functions[("shop", "greet")]
    event = {"headers": {"ce-id": "a"}}
    for given, found in ((503, 429), (429, 429), (504, 504)):

        async def perform(*_arguments: Any, given: int = given) -> Any:
            raise failed(given, "why")

        gateway.perform = perform
        assert asyncio.run(gateway.deliver(greet, event, "t")) == found


class Link:
    """JetStream's answers to requests, by their subject; what it was sent."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.sent = answers, []

    async def request(self, subject: str, body: bytes, **_given: Any) -> Any:
        """One request."""
        self.sent.append((subject, body))
        return types.SimpleNamespace(data=json.dumps(self.answers.get(subject, {})).encode())


def test_a_tenant_whose_storage_is_full_is_told_to_come_again(gateway: Any) -> None:
    events = sys.modules["events"]
    tenant = events.Tenant("shop", {}, 1, 256)
    tenant.link = Link({"events.queue.a": {"error": {"err_code": 10077, "description": "maximum bytes exceeded"}}})
    with pytest.raises(events.EventsFull, match="the storage of shop has no room for more events") as caught:
        asyncio.run(tenant.publish("events.queue.a", b"x", {}))
    assert caught.value.status == 429
    tenant.link = Link({"events.queue.a": {"error": {"err_code": 10003, "description": "bad request"}}})
    with pytest.raises(events.EventsFailed, match="JetStream: bad request") as caught:
        asyncio.run(tenant.publish("events.queue.a", b"x", {}))
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"a": "one", "b": "two"}),
        ({"b": "one"}, {"a": "one", "b": "two"}),  # a gets what b still has
        ({"a": "one", "b": "two"}, {"a": "two", "b": "one"}),
        ({"a": "one", "b": "two", "c": "three"}, {"a": "two", "b": "three", "c": "one"}),
    ],
)
def test_a_queue_goes_from_one_function_to_another(gateway: Any, before: dict[str, str], after: dict[str, str]) -> None:
    tenant, refusals = jetstream(dict(before))
    asyncio.run(tenant._consumers([consumer(name, queue) for name, queue in after.items()], set(before)))
    assert tenant.kept == after and refusals() < 10


def test_a_consumer_that_jetstream_refuses_for_another_reason_is_told(gateway: Any) -> None:
    tenant, refusals = jetstream({}, down=True)
    with pytest.raises(sys.modules["events"].EventsFailed, match="no quorum"):
        asyncio.run(tenant._consumers([consumer("a", "one"), consumer("b", "two")], set()))
    tenant, refusals = jetstream({"a": "one", "b": "two"}, down=True)
    with pytest.raises(sys.modules["events"].EventsFailed, match="no quorum"):
        asyncio.run(tenant._consumers([consumer("a", "two"), consumer("b", "one")], {"a", "b"}))
    assert refusals() < 10


def test_what_cannot_be_arranged_of_one_function_holds_up_no_other(gateway: Any) -> None:
    """Also where that goes on: those that are served are not stopped each time."""
    events = sys.modules["events"]

    class Faulty(events.Tenant):  # type: ignore[name-defined, misc]
        async def connect(self) -> None:
            """At once."""

        async def arrange(self, _functions: Any) -> None:
            """Fails."""
            raise events.EventsFailed("JetStream: consumer refused")

        async def _pull(self, function: Any, _handle: Any) -> None:
            started.append((self.name, function["name"]))
            await asyncio.sleep(3600)

    started: list[tuple[str, str]] = []
    sys.modules["gateway"].Tenant = Faulty
    gateway.config["nats"] = {"replicas": 1}

    async def twice() -> None:
        for _ in range(2):
            await gateway.arrange()
            await asyncio.sleep(0)
        for tenant in gateway.tenants.values():
            tenant.stop()

    asyncio.run(twice())
    assert sorted(started) == [("bank", "open"), ("shop", "greet")]
    assert gateway.trouble == "shop: JetStream: consumer refused; bank: JetStream: consumer refused"


def consumer(name: str, queue: str) -> dict[str, Any]:
    """A function with a queue."""
    return {"name": name, "queue": [queue], "timeout": 1, "concurrency": 1}


def jetstream(kept: dict[str, str], down: bool = False) -> tuple[Any, Any]:
    """A tenant whose JetStream gives each queue to one consumer, and how often it refused."""
    events = sys.modules["events"]
    tenant, refused = events.Tenant("shop", {}, 1, 256), []

    async def api(subject: str, body: Any = None) -> dict[str, Any]:
        _consumer, verb, _stream, name = subject.split(".")
        queue = body["config"]["filter_subjects"][-1].rpartition(".")[2] if body else ""
        if down or queue in [one for other, one in kept.items() if other != name]:
            refused.append(subject)
            raise events.EventsFailed("JetStream: no quorum" if down else "JetStream: filtered consumer not unique")
        kept.pop(name, None)
        if verb == "CREATE":
            kept[name] = queue
        return {}

    tenant.api, tenant.kept = api, kept
    return tenant, lambda: len(refused)


def test_an_event_is_not_larger_than_the_server_takes(gateway: Any) -> None:
    """It would end the connection of the tenant, and each repetition would again."""
    fault = sys.modules["events"].size_fault
    given = yaml.safe_load((FILES.parent / "vars/main/events.yml").read_text())["__faas_runtime_nats"]["max_payload"]
    limits = sys.modules["events"].LARGEST + sys.modules["events"].LARGEST_HEADERS
    assert limits + 4096 < given
    assert fault(b"x" * 1024 * 1024, {"ce-id": "a"}) == ""
    assert fault(b"x" * (1024 * 1024 + 1), {}) == "an event may have 1048576 bytes"
    assert fault(b"", {"ce-a": "x" * 40000}) == "the headers of an event may have 32768 bytes"


class Call(Request):
    """A request with a body."""

    method = "POST"
    content_length = 1

    @property
    def content(self) -> Any:
        """Its body, in one part."""

        async def parts(_size: int) -> Any:
            yield b"x"

        return types.SimpleNamespace(iter_chunked=parts)


def answered(gateway: Any, path: str, **engine: Any) -> tuple[int, dict[str, Any], Any]:
    """Status, body and headers of what the gateway answers to a call of shop."""
    sys.modules["aiohttp"].web.Response = types.SimpleNamespace  # type: ignore[attr-defined]
    gateway.engine = types.SimpleNamespace(OWN=("knative-",), **engine)
    found = asyncio.run(gateway.handle(Call(path, "token-shop")))
    return found.status, json.loads(found.body), found.headers


def test_an_event_before_jetstream_is_connected_is_to_come_again(gateway: Any) -> None:
    status, told, headers = answered(gateway, "/events/orders")
    assert (status, told["error"], headers["Retry-After"]) == (503, "not connected to JetStream", "1")


def test_a_fault_of_the_gateway_is_told_with_the_id_of_the_request(gateway: Any) -> None:
    async def call(*_given: Any) -> Any:
        raise KeyError("x")

    status, told, headers = answered(gateway, "/greet", call=call)
    assert status == 500 and told["error"].startswith("a fault of the gateway (KeyError)")
    assert told["request"] == headers["X-Request-Id"]
    assert not gateway.at_once[("shop", "greet")]


@pytest.mark.parametrize(("given", "found"), [(101, 502), (999, 502), (204, 204), (500, 500)])
def test_a_status_that_is_none_of_an_answer_is_no_answer(gateway: Any, given: int, found: int) -> None:
    async def call(*_given: Any) -> Any:
        return sys.modules["calls"].Answer(given, {}, b"{}", True, "")

    status, told, _headers = answered(gateway, "/greet", call=call)
    assert (status, "status" in told.get("error", "")) == (found, found == 502)


def test_no_tenant_waits_for_another_one(gateway: Any) -> None:
    events, at_once = sys.modules["events"], []

    class Slow(events.Tenant):  # type: ignore[name-defined, misc]
        async def connect(self) -> None:
            at_once.append(self.name)
            await asyncio.sleep(0.01)
            assert len(at_once) == 2
            raise OSError("no server")

    sys.modules["gateway"].Tenant = Slow
    gateway.config["nats"] = {"replicas": 1}
    asyncio.run(gateway.arrange())
    assert gateway.faults == {"shop": "no server", "bank": "no server"}


def test_headers_of_the_engine_go_neither_way(gateway: Any) -> None:
    gateway.engine = types.SimpleNamespace(OWN=("knative-", "x-envoy-"))
    given = {"Knative-Serving-Revision": "a", "X-Envoy-Upstream-Service-Time": "3", "Host": "h", "ce-id": "5"}
    assert gateway.handed_on(given, sys.modules["gateway"].HOP) == {"ce-id": "5"}


def test_what_a_call_writes_is_logged_under_its_id(gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    gateway.log_output(gateway.functions[("shop", "greet")], "r1", "one\ntwo\n")
    told = [json.loads(record.message) for record in caplog.records]
    assert [(line["request"], line["tenant"], line["output"]) for line in told] == [
        ("r1", "shop", "one"),
        ("r1", "shop", "two"),
    ]


def test_systemd_is_told_when_calls_are_taken(gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that went on before would leave callers without a gateway."""
    ready = sys.modules["gateway"].ready
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        ready()
        assert link.recv(64) == b"READY=1"


class Parts:
    """The parts of a snapshot as JetStream sends them."""

    def __init__(self, parts: list[bytes], status: str) -> None:
        self.parts, self.status, self.answered = parts, status, 0

    async def next_msg(self, timeout: float) -> Any:
        """The next one."""

        async def respond(_body: bytes) -> None:
            self.answered += 1

        data = self.parts.pop(0)
        reply = "answer" if len(self.parts) > 1 else ""  # the last one asks for no answer
        return types.SimpleNamespace(data=data, reply=reply, headers={"Status": self.status}, respond=respond)

    async def unsubscribe(self) -> None:
        """The end."""


def saved(gateway: Any, folder: Path, status: str = "204") -> Any:
    """Save the one stream of a tenant."""
    snapshot = importlib.import_module("snapshot")
    streams = {"$JS.API.STREAM.NAMES": {"streams": ["EVENTS"]}}
    tenant = sys.modules["events"].Tenant("shop", {}, 3, 256)
    tenant.link = Link(
        {**streams, "$JS.API.STREAM.SNAPSHOT.EVENTS": {"config": {"num_replicas": 3}, "state": {"messages": 2}}}
    )
    parts = Parts([b"a" * 9, b"b", b""], status)

    async def subscribe(_inbox: str) -> Parts:
        return parts

    tenant.link.new_inbox, tenant.link.subscribe = (lambda: "inbox"), subscribe
    asyncio.run(snapshot.save(tenant, folder))
    assert parts.answered == 1
    return snapshot


def test_a_stream_that_was_saved_is_put_back_in_the_place_of_what_is_there(gateway: Any, tmp_path: Path) -> None:
    snapshot = saved(gateway, tmp_path)
    tenant = sys.modules["events"].Tenant("shop", {}, 1, 256)
    answers: dict[str, Any] = {"$JS.API.STREAM.NAMES": {"streams": ["EVENTS"]}}
    answers |= {"$JS.API.STREAM.RESTORE.EVENTS": {"deliver_subject": "into"}}
    tenant.link = Link(answers)
    asyncio.run(snapshot.restore(tenant, tmp_path, 1))
    order = json.dumps({"config": {"num_replicas": 1}, "state": {"messages": 2}}).encode()
    assert tenant.link.sent[1:] == [
        ("$JS.API.STREAM.DELETE.EVENTS", b"{}"),
        ("$JS.API.STREAM.RESTORE.EVENTS", order),
        ("into", b"a" * 9 + b"b"),
        ("into", b""),
    ]
    answers["into"] = {"error": {"description": "no space"}}
    with pytest.raises(sys.modules["events"].EventsFailed, match="shop/EVENTS: no space"):
        asyncio.run(snapshot.restore(tenant, tmp_path, 1))


def test_a_snapshot_that_is_broken_off_is_no_backup(gateway: Any, tmp_path: Path) -> None:
    with pytest.raises(sys.modules["events"].EventsFailed, match="shop/EVENTS: the snapshot ends with 408"):
        saved(gateway, tmp_path, "408")


def test_a_backup_whose_program_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "snapshot.py"
    monkeypatch.setattr(backup, "PROGRAM", str(program))
    program.write_text("import sys; open(sys.argv[2] + '/x', 'w').write(sys.argv[1])")
    backup.save("product", str(tmp_path))
    assert (tmp_path / "x").read_text() == "save"
    program.write_text("import sys; sys.exit('the events cannot be saved: no leader')")
    with pytest.raises(BackupError, match="^the events cannot be saved: no leader$"):
        backup.save("product", str(tmp_path))
