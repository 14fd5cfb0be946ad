# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway of the function runtime: HTTPS in, a dispatch or a proxied call to a function, its answer out.

It keeps nothing: queues, schedules and retries are JetStream's, placement and clean-up the engine's (engine.py). Any number may run.
    gateway.py /etc/keelson-faas
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import signal
import socket
import ssl
import sys
import time
import uuid
from collections import Counter
from typing import Any

import aiohttp
from aiohttp import web
from calls import Answer, CallFailed
from engine import START, Engine
from events import EventsFailed, Tenant, size_fault

LOG = logging.getLogger("gateway")
HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "host",
    "authorization",
    "content-length",
}
VERSION = "X-Keelson-Version"
BUCKETS = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30)
IDLE = 60.0  # seconds without a call after which a function has its smallest number of instances


class Refused(Exception):
    """A call that is not made."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Metrics:
    """Counters in the text form that Prometheus reads."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, str, int]] = Counter()
        self.cold: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()
        self.buckets: Counter[tuple[str, str, float]] = Counter()

    def note(self, function: dict[str, Any], trigger: str, status: int, seconds: float, cold: bool) -> None:
        """Count one call."""
        name = (function["tenant"], function["name"])
        self.calls[(*name, trigger, status)] += 1
        self.seconds[name] += seconds  # type: ignore[assignment]
        self.cold[name] += cold
        for bound in BUCKETS:
            self.buckets[(*name, bound)] += seconds <= bound

    def text(self, at_once: Counter[tuple[str, str]]) -> str:
        """All of them."""
        lines = [
            f'keelson_faas_calls_total{{tenant="{t}",function="{f}",trigger="{g}",status="{s}"}} {n}'
            for (t, f, g, s), n in self.calls.items()
        ]
        totals: Counter[tuple[str, str]] = Counter()
        for (tenant, function, _trigger, _status), count in self.calls.items():
            totals[(tenant, function)] += count
        for (t, f), n in self.cold.items():
            lines.append(f'keelson_faas_cold_starts_total{{tenant="{t}",function="{f}"}} {n}')
        for (t, f, bound), n in self.buckets.items():
            lines.append(f'keelson_faas_seconds_bucket{{tenant="{t}",function="{f}",le="{bound}"}} {n}')
        for (t, f), n in totals.items():
            lines.append(f'keelson_faas_seconds_bucket{{tenant="{t}",function="{f}",le="+Inf"}} {n}')
            lines.append(f'keelson_faas_seconds_count{{tenant="{t}",function="{f}"}} {n}')
            lines.append(f'keelson_faas_seconds_sum{{tenant="{t}",function="{f}"}} {self.seconds[(t, f)]:.6f}')
        lines += [f'keelson_faas_concurrency{{tenant="{t}",function="{f}"}} {n}' for (t, f), n in at_once.items()]
        return "\n".join(lines) + "\n"


class Gateway:
    """All of it; the configuration can change while it runs."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.metrics = Metrics()
        self.at_once: Counter[tuple[str, str]] = Counter()  # by tenant and function; '' counts the tenant
        self.turn: Counter[str] = Counter()
        self.used: dict[tuple[str, str], float] = {}
        self.tenants: dict[str, Tenant] = {}
        self.trouble = ""
        self.faults: dict[str, str] = {}  # why events of a tenant cannot be arranged
        self.read()

    def read(self) -> None:
        """Read the configuration."""
        self.config: dict[str, Any] = {}
        for name in ("gateway.json", "functions.json"):
            with open(f"{self.path}/{name}", encoding="utf-8") as handle:
                self.config |= json.load(handle)
        self.functions: dict[tuple[str, str], dict[str, Any]] = {
            (f["tenant"], f["name"]): f for f in self.config["functions"]
        }
        paths = [(path.rstrip("/"), f) for f in self.functions.values() for path in f["http"]]
        self.paths = sorted(paths, key=lambda pair: -len(pair[0]))
        self.queues = {(f["tenant"], q): f for f in self.functions.values() for q in f["queue"]}
        self.tokens = {token: name for name, tenant in self.config["tenants"].items() for token in tenant["tokens"]}

    # --- who calls what ---------------------------------------------------------------------------------------------

    def caller(self, request: web.Request) -> str:
        """The tenant whose token the request has, '' without one. Raises Refused for a wrong one."""
        kind, _space, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            return ""
        given = hashlib.sha256(token.strip().encode()).hexdigest()
        found = [tenant for known, tenant in self.tokens.items() if hmac.compare_digest(known, given)]
        if kind.lower() != "bearer" or not found:
            raise Refused(401, "the token is unknown")
        return found[0]

    def target(self, request: web.Request, tenant: str) -> tuple[dict[str, Any], str]:
        """The function of a path, and what remains of the path. Raises Refused."""
        # As it was sent: a path spelled with percent signs is another one, and what remains of it always begins with / or ?.
        sent, mark, query = request.path_qs.partition("?")
        for path, function in self.paths:
            if sent == path or sent.startswith(f"{path}/"):
                if function["public"] or function["tenant"] == tenant:
                    return function, (sent[len(path) :] or "/") + mark + query
                break
        raise Refused(403 if tenant else 401, "no function here for this caller" if tenant else "a token is needed")

    def version(self, function: dict[str, Any], token: str, asked: str = "") -> dict[str, Any]:
        """The version that takes a call: the canary its share by weight, the same one each time for the same call. Raises Refused."""
        canary = self.functions.get((function["tenant"], function["canary"]))
        if asked not in ("", "stable", "canary") or (asked == "canary" and canary is None):
            raise Refused(404, f"{function['tenant']}/{function['name']} has no version {asked}")
        if canary is None or asked == "stable":
            return function
        share = int(hashlib.sha256(token.encode()).hexdigest()[:8], 16) % 100
        return canary if asked or share < function["weight"] else function

    @contextlib.contextmanager
    def room(self, function: dict[str, Any]) -> Any:
        """A place among the calls at once. Raises Refused where there is none."""
        name, whole = (function["tenant"], function["name"]), (function["tenant"], "")
        own = function["concurrency"] * (function["max"] if function["isolation"] == "per_function" else 1)
        for key, most in ((whole, self.config["tenants"][function["tenant"]]["concurrency"]), (name, own)):
            if self.at_once[key] >= most:
                raise Refused(429, f"{most} calls are at work for {'/'.join(part for part in key if part)}")
        self.at_once.update((name, whole))
        self.used[name] = time.monotonic()
        try:
            yield
        finally:
            self.at_once.subtract((name, whole))
            self.used[name] = time.monotonic()

    # --- calls ------------------------------------------------------------------------------------------------------

    async def perform(self, function: dict[str, Any], request: dict[str, Any], token: str) -> Answer:
        """Run one call by the function's isolation. Raises Refused and CallFailed."""
        with self.room(function):
            if function["isolation"] == "per_request":
                answer = await self.engine.call(function, request, token)
            else:
                answer = await self.proxy(function, request)
        if not 200 <= answer.status < 600:
            raise CallFailed(502, f"the function answered with the status {answer.status}", answer.output)
        return answer

    async def proxy(self, function: dict[str, Any], request: dict[str, Any]) -> Answer:
        """Hand a call to an instance of a `per_function` function; start one where there is none. Raises CallFailed."""
        deadline, cold = time.monotonic() + START, False
        while True:
            instances = await self.engine.instances(function)
            name = (function["tenant"], function["name"])
            desired = max(1, min(function["max"], -(-self.at_once[name] // function["concurrency"])))
            cold = cold or not instances
            if len(instances) < desired:
                await self.engine.scale(function, desired)
            if instances:
                self.turn[function["job"]] += 1
                chosen = instances[self.turn[function["job"]] % len(instances)]
                limit = aiohttp.ClientTimeout(total=function["timeout"] + self.engine.HELD, sock_connect=2)
                try:
                    address = chosen + request["path"]
                    async with self.direct.request(
                        request["method"],
                        address,
                        data=request["body"],
                        headers={**request["headers"], **self.engine.headers(function)},
                        timeout=limit,
                        allow_redirects=False,
                        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                    ) as answer:
                        body = await answer.content.read(function["answer"] + 1)
                        while len(body) <= function["answer"] and (part := await answer.content.read(65536)):
                            body += part
                        if len(body) > function["answer"]:
                            raise CallFailed(502, f"the answer is larger than {function['answer']} bytes")
                        self.engine.check(function, answer.status, answer.headers, body)
                        cookies = tuple(answer.headers.getall("Set-Cookie", ()))
                        return Answer(answer.status, dict(answer.headers), body, cold, chosen, cookies=cookies)
                except aiohttp.ClientConnectorError:
                    pass  # it is not there yet, or not any more: nothing was sent
                except asyncio.TimeoutError as error:
                    raise CallFailed(504, "the function did not answer in time") from error
                except aiohttp.ClientError as error:
                    raise CallFailed(502, f"the function broke off its answer ({type(error).__name__})") from error
            if time.monotonic() > deadline:
                raise CallFailed(429, "no instance of the function came up in time")
            await asyncio.sleep(0.1)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request of outside."""
        started, function = time.monotonic(), None
        given = request.headers.get("X-Request-Id", "")
        number = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex
        headers, cold, reason = {"X-Request-Id": number}, False, ""
        status, body, instance, output = 500, b"", "", ""
        cookies: tuple[str, ...] = ()
        try:
            tenant = self.caller(request)
            if request.path.startswith("/events/"):
                return await self.keep(request, tenant, headers)
            if request.path.startswith("/dead/"):
                return await self.letters(request, tenant, headers)
            function, rest = self.target(request, tenant)
            key = request.headers.get("Idempotency-Key", number)
            token = hashlib.sha256(f"{tenant} {request.path} {key}".encode()).hexdigest()
            asked = request.headers.get(VERSION, "") if tenant == function["tenant"] else ""
            function = self.version(function, token, asked)
            headers |= {VERSION: function["version"] or "stable"} if asked or function["version"] else {}
            content = await self.body(request, function["tenant"])
            passed = self.handed_on(request.headers, HOP)
            passed["X-Request-Id"] = number
            if function["contract"] == "cloudevents/v1" and "ce-id" not in {key.lower() for key in passed}:
                passed |= {
                    "ce-specversion": "1.0",
                    "ce-id": number,
                    "ce-source": request.path,
                    "ce-type": "keelson.http",
                }
            call = {"method": request.method, "path": rest, "headers": passed, "body": content}
            answer = await self.perform(function, call, token)
            status, body, cold, instance = answer.status, answer.body, answer.cold, answer.instance
            output, cookies = answer.output, answer.cookies
            headers |= self.handed_on(answer.headers, HOP | {"server", "date", "set-cookie"})
        except (Refused, CallFailed, EventsFailed) as error:
            status = error.status
            output = getattr(error, "output", "")
            reason, body = str(error), json.dumps({"error": str(error), "request": number}).encode()
            headers["Content-Type"] = "application/json"
            headers |= {"Retry-After": "1"} if status in (429, 503) else {}
            headers |= {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        except Exception as error:
            LOG.exception("a fault of the gateway in the call %s", number)
            reason = f"a fault of the gateway ({type(error).__name__}); its log has this request's id"
            body = json.dumps({"error": reason, "request": number}).encode()
            headers["Content-Type"] = "application/json"
        if function:
            seconds = time.monotonic() - started
            self.metrics.note(function, "http", status, seconds, cold)
            self.log(function, "http", number, status, seconds, instance, reason)
            self.log_output(function, number, output)
        response = web.Response(status=status, body=body, headers=headers)
        for cookie in cookies:
            response.headers.add("Set-Cookie", cookie)
        return response

    def handed_on(self, headers: Any, own: set[str]) -> dict[str, str]:
        """Headers of a call or an answer without those of a connection, and of the engine."""
        kept = {key: text for key, text in headers.items() if key.lower() not in own}
        return {key: text for key, text in kept.items() if not key.lower().startswith(self.engine.OWN)}

    def log(
        self,
        function: dict[str, Any],
        trigger: str,
        number: str,
        status: int,
        seconds: float,
        instance: str,
        reason: str,
    ) -> None:
        """One line for one call: its id leads from the caller to the instance."""
        told = {"request": number, "tenant": function["tenant"], "function": function["name"], "trigger": trigger}
        told |= {"status": status, "seconds": round(seconds, 4), "instance": instance}  # type: ignore[dict-item]
        LOG.info(json.dumps(told | ({"reason": reason} if reason else {})))

    def log_output(self, function: dict[str, Any], number: str, output: str) -> None:
        """What a call wrote, a line for each of its lines, with the call's id: nothing else keeps it."""
        told = {"request": number, "tenant": function["tenant"], "function": function["name"]}
        for line in output.splitlines():
            LOG.info(json.dumps({**told, "output": line}))

    async def body(self, request: web.Request, tenant: str) -> bytes:
        """The body of a request. Raises Refused where it is too large."""
        most, content = self.config["tenants"][tenant]["body"], b""
        if (request.content_length or 0) > most:
            raise Refused(413, f"a body may have {most} bytes")
        async for part in request.content.iter_chunked(65536):
            content += part
            if len(content) > most:
                raise Refused(413, f"a body may have {most} bytes")
        return content

    async def keep(self, request: web.Request, tenant: str, headers: dict[str, str]) -> web.Response:
        """POST /events/SUBJECT: keep an event for the function of that queue."""
        subject = request.path.removeprefix("/events/")
        if not tenant:
            raise Refused(401, "a token is needed")
        if request.method != "POST" or (tenant, subject) not in self.queues:
            raise Refused(404, f"{tenant} has no queue {subject}")
        passed = {key: value for key, value in request.headers.items() if key.lower().startswith("ce-")}
        passed |= {"Content-Type": request.headers.get("Content-Type", "application/octet-stream")}
        key = request.headers.get("Idempotency-Key") or request.headers.get("ce-id") or headers["X-Request-Id"]
        passed["Nats-Msg-Id"] = key
        content = await self.body(request, tenant)
        if too_large := size_fault(content, passed):
            raise Refused(413, too_large)
        kept = await self.events_of(tenant).publish(f"events.queue.{subject}", content, passed)
        told = {"id": key, "sequence": kept["seq"], "duplicate": kept.get("duplicate", False)}
        return web.json_response(told, status=202, headers=headers)

    def events_of(self, tenant: str) -> Tenant:
        """The events of a tenant. Raises EventsFailed until it is connected."""
        if tenant not in self.tenants:
            raise EventsFailed("not connected to JetStream")
        return self.tenants[tenant]

    async def letters(self, request: web.Request, tenant: str, headers: dict[str, str]) -> web.Response:
        """GET /dead/NAME: the dead letters under a name; POST: give them to their functions once more."""
        name = request.path.removeprefix("/dead/")
        if not tenant:
            raise Refused(401, "a token is needed")
        mine = {f["dead_letter"] or f["name"] for (owner, _name), f in self.functions.items() if owner == tenant}
        if request.method not in ("GET", "POST") or name not in mine:
            raise Refused(404, f"{tenant} has no dead letters {name}")
        events = self.events_of(tenant)
        found = {"letters": await events.dead(name)} if request.method == "GET" else {"again": await events.again(name)}
        return web.json_response(found, headers=headers)

    async def deliver(self, function: dict[str, Any], event: dict[str, Any], token: str) -> int:
        """Hand an event to its function; returns the status, 429 when it is to wait: no attempt is lost while the engine is away."""
        started, instance, reason, cold, output = time.monotonic(), "", "", False, ""
        function = self.version(function, token)
        try:
            answer = await self.perform(function, event, token)
            status, instance, cold, output = answer.status, answer.instance, answer.cold, answer.output
        except (Refused, CallFailed) as error:
            output = getattr(error, "output", "")
            status, reason = 429 if error.status == 503 else error.status, str(error)
        seconds = time.monotonic() - started
        if status != 429:
            self.metrics.note(function, "event", status, seconds, cold)
            number = event["headers"].get("ce-id", token)
            self.log(function, "event", number, status, seconds, instance, reason)
            self.log_output(function, number, output)
        return status

    # --- its life ---------------------------------------------------------------------------------------------------

    async def arrange(self) -> None:
        """Connect the tenants, and hand out their events; try again where JetStream is not there."""
        for name in set(self.tenants) - set(self.config["tenants"]):
            self.tenants.pop(name).stop()
        names = list(self.config["tenants"])
        faults = await asyncio.gather(*map(self.arrange_one, names))
        self.faults = {name: fault for name, fault in zip(names, faults) if fault}
        self.trouble = "; ".join(f"{name}: {fault}" for name, fault in self.faults.items())
        LOG.info(
            json.dumps({"arranged": sorted(self.tenants), "functions": len(self.functions), "trouble": self.trouble})
        )

    async def arrange_one(self, name: str) -> str:
        """One tenant; returns what is wrong. None waits for another one, whose servers may be away."""
        access, storage = self.config["nats"], self.config["tenants"][name]["storage"]
        mine = [f for (owner, _name), f in self.functions.items() if owner == name and not f["version"]]
        try:
            if name not in self.tenants:
                made = Tenant(name, access, access["replicas"], storage)
                await asyncio.wait_for(made.connect(), 10)
                self.tenants[name] = made
            try:
                await self.tenants[name].arrange(mine)
            finally:  # what cannot be arranged of one function holds up no other
                self.tenants[name].serve(mine, self.deliver)
        except Exception as error:  # whatever the client raises: the other tenants go on
            return str(error) or type(error).__name__
        return ""

    async def keep_arranged(self) -> None:
        """Arrange again after a change or while something is missing; remove what other gateways left."""
        changed = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, changed.set)
        await self.arrange()
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), 5 if self.trouble else 60)
            if changed.is_set():
                changed.clear()
                try:
                    self.read()
                except (OSError, ValueError, KeyError) as error:
                    LOG.error("%s is not read: %s", self.path, error)
                await self.arrange()
            elif self.trouble:
                await self.arrange()
            await self.rest()

    async def rest(self) -> None:
        """Give up instances that nobody used for a while, and calls that nobody waits for."""
        with contextlib.suppress(CallFailed):
            await self.engine.sweep({function["namespace"] for function in self.functions.values()})
            for name, function in self.functions.items():
                idle = time.monotonic() - self.used.get(name, time.monotonic())
                if function["isolation"] == "per_function" and idle > IDLE and not self.at_once[name]:
                    await self.engine.scale(function, function["min"], down=True)
                    del self.used[name]

    async def depths(self) -> str:
        """Metrics of the events, of the tenants whose events can be reached."""
        lines = [
            f'keelson_faas_events_arranged{{tenant="{name}"}} {int(name not in self.faults)}'
            for name in self.config["tenants"]
        ]
        for name, tenant in self.tenants.items():
            fed = [f for (owner, _name), f in self.functions.items() if owner == name and (f["queue"] or f["cron"])]
            with contextlib.suppress(EventsFailed):
                lines += await tenant.depths(fed)
        return "".join(f"{line}\n" for line in lines)

    async def inside(self, request: web.Request) -> web.Response:
        """What the host itself may ask: metrics and health."""
        if request.path == "/metrics":
            return web.Response(text=self.metrics.text(self.at_once) + await self.depths())
        told = {"trouble": self.trouble, "functions": len(self.functions), "tenants": sorted(self.tenants)}
        return web.json_response(told, status=503 if self.trouble else 200)

    async def run(self) -> None:
        """Serve until SIGTERM; calls at work are finished then."""
        self.engine = Engine(self.config["engine"])
        connector = aiohttp.TCPConnector(limit=0, force_close=not self.engine.KEPT)
        self.direct = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        listen = self.config["listen"]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(listen["cert_file"], listen["key_file"])
        outside, inside = (
            web.ServerRunner(web.Server(self.handle, access_log=None)),
            web.ServerRunner(web.Server(self.inside, access_log=None)),
        )
        for runner, address, port, tls in (
            (outside, listen["address"], listen["port"], context),
            (inside, "127.0.0.1", listen["metrics_port"], None),
        ):
            await runner.setup()
            await web.TCPSite(runner, address, port, ssl_context=tls, shutdown_timeout=60).start()
        ready()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        keeper = asyncio.create_task(self.keep_arranged())
        await ended.wait()
        keeper.cancel()
        for tenant in self.tenants.values():
            tenant.stop()
        await outside.cleanup()
        while any(self.at_once.values()):
            await asyncio.sleep(0.1)


def ready() -> None:
    """Tell systemd that calls are taken from now on: whoever restarts gateways goes on to the next one then."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(b"READY=1", path.replace("@", "\0", 1) if path.startswith("@") else path)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    asyncio.run(Gateway(sys.argv[1]).run())
