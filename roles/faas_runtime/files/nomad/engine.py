# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway asks of Nomad: dispatch, await and clean up a call; find and scale the instances of a function."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import time
from typing import Any
from urllib.parse import quote

import aiohttp
from calls import Answer, CallFailed

LARGEST_PAYLOAD = 16 * 1024  # Nomad's own limit of what a dispatched job is given
ROOM, START, END = (
    30,
    90,
    15,
)  # seconds until a host node has room for a call, until it has started it, and beyond its timeout
FINAL = ("complete", "failed", "lost")


class Engine:
    """A client of one agent's API."""

    HELD = 0  # seconds that it holds a call which is handed to an instance
    KEPT = True  # connections to instances
    OWN: tuple[str, ...] = ()  # beginnings of headers that it would read itself

    def __init__(self, access: dict[str, str]) -> None:
        context = ssl.create_default_context(cafile=access["ca_file"])
        context.load_cert_chain(access["cert_file"], access["key_file"])
        with open(access["token_file"], encoding="ascii") as handle:
            headers = {"X-Nomad-Token": handle.read().strip()}
        self.collecting: set[asyncio.Task[None]] = set()
        self.session = aiohttp.ClientSession(
            access["address"],
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=70),
        )

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[Any, int]:
        """Send one request; returns the JSON and the index of Nomad's state. Raises CallFailed."""
        try:
            parameters = {key: str(value) for key, value in query.items()}
            async with self.session.request(method, path, json=body, params=parameters) as answer:
                text = await answer.text()
                if answer.status >= 400:
                    raise CallFailed(
                        429 if answer.status == 429 else 503, f"Nomad: {answer.status} {text.strip()[:200]}"
                    )
                return json.loads(text) if text else None, int(answer.headers.get("X-Nomad-Index", 0))
        except (OSError, ValueError, asyncio.TimeoutError, aiohttp.ClientError) as error:
            raise CallFailed(503, f"Nomad does not answer: {type(error).__name__}") from error

    async def call(self, function: dict[str, Any], request: dict[str, Any], token: str) -> Answer:
        """Run a call of a `per_request` function as an allocation of its own. Raises CallFailed.

        The same token again, after this gateway or another was stopped, finds the same allocation.
        """
        payload = json.dumps({**request, "body": base64.b64encode(request["body"]).decode()}).encode()
        if len(payload) > LARGEST_PAYLOAD:
            raise CallFailed(413, f"a per_request call may have {LARGEST_PAYLOAD * 3 // 4} bytes with its headers")
        where = {"namespace": function["namespace"]}
        body = {"Payload": base64.b64encode(payload).decode()}
        path = f"/v1/job/{function['job']}/dispatch"
        dispatched, _index = await self.ask("PUT", path, body, idempotency_token=token, **where)
        job = dispatched["DispatchedJobID"]
        found: dict[str, Any] = {}
        try:
            await self._await(job, where, function["timeout"], found)
            return await self._answer(found, function)
        finally:
            await asyncio.shield(self.forget(job, found.get("ID", ""), where))

    async def _await(self, job: str, where: dict[str, str], seconds: float, found: dict[str, Any]) -> None:
        """Await the end of a dispatched job; C(found) gets its allocation. Raises CallFailed."""
        asked, index, started = time.monotonic(), 0, 0.0
        while True:
            path = f"/v1/job/{quote(job, safe='')}/allocations"
            allocations, index = await self.ask("GET", path, index=index, wait="5s", **where)
            if allocations:
                found.update(allocations[0])
                if found["ClientStatus"] in FINAL:
                    return
                if found["ClientStatus"] == "running" and not started:
                    started = time.monotonic()
            if started and time.monotonic() > started + seconds + END:
                raise CallFailed(504, "the function did not end in time")
            if not allocations and time.monotonic() > asked + ROOM:
                raise CallFailed(429, "no host node has room for the call")
            if not started and time.monotonic() > asked + START:
                raise CallFailed(504, "the host node did not start the call in time")

    async def _answer(self, found: dict[str, Any], function: dict[str, Any]) -> Answer:
        """What the launcher kept of the function's answer. Raises CallFailed."""
        path = f"/v1/client/fs/cat/{found['ID']}"
        largest = function["answer"] * 4 // 3 + 2 * 65536
        query = {"path": "alloc/data/answer.json", "namespace": function["namespace"]}
        try:
            async with self.session.get(path, params=query) as answer:
                text = await answer.content.read(largest) if answer.status == 200 else b""
                while len(text) < largest and (part := await answer.content.read(largest - len(text))):
                    text += part
                told = json.loads(text) if answer.status == 200 else {"status": 502, "error": why(found)}
        except (OSError, ValueError, asyncio.TimeoutError, aiohttp.ClientError) as error:
            raise CallFailed(502, f"the answer cannot be read: {type(error).__name__}") from error
        if told.get("error"):
            raise CallFailed(int(told["status"]), str(told["error"]), told.get("output", ""))
        body, output = base64.b64decode(told["body"]), told.get("output", "")
        cookies = tuple(told.get("cookies", ()))
        return Answer(int(told["status"]), told["headers"], body, True, found["ID"], output, cookies)

    async def forget(self, job: str, allocation: str, where: dict[str, str]) -> None:
        """Remove a call with all that it left on its host."""
        with contextlib.suppress(CallFailed):
            await self.ask("DELETE", f"/v1/job/{quote(job, safe='')}", purge="true", **where)
        if allocation:
            try:
                await self.ask("PUT", f"/v1/client/allocation/{allocation}/gc", **where)
            except CallFailed:  # it has not ended yet
                task = asyncio.create_task(self._collect(allocation, where))
                self.collecting.add(task)
                task.add_done_callback(self.collecting.discard)

    async def _collect(self, allocation: str, where: dict[str, str]) -> None:
        """Remove a call that is being stopped from its host, as soon as it has ended."""
        for _second in range(30):
            await asyncio.sleep(1)
            with contextlib.suppress(CallFailed):
                await self.ask("PUT", f"/v1/client/allocation/{allocation}/gc", **where)
                return

    async def sweep(self, namespaces: set[str], older: float = 300) -> int:
        """Remove the calls of gateways that were stopped in the middle: ended, and older than `older` seconds."""
        count = 0
        for namespace in namespaces:
            jobs, _index = await self.ask("GET", "/v1/jobs", namespace=namespace)
            for job in jobs or []:
                if job.get("ParentID") and job["Status"] == "dead" and job["SubmitTime"] / 1e9 < time.time() - older:
                    await self.forget(job["ID"], "", {"namespace": namespace})
                    count += 1
        return count

    def headers(self, function: dict[str, Any]) -> dict[str, str]:
        """What a call needs to find its function: nothing, as an instance is of one function."""
        return {}

    def check(self, function: dict[str, Any], status: int, headers: Any, body: bytes) -> None:
        """Whether an answer is one of the function: every one is, as nothing stands between."""

    async def instances(self, function: dict[str, Any]) -> list[str]:
        """Where the running instances of a `per_function` function listen."""
        found, _index = await self.ask("GET", f"/v1/service/{function['service']}", namespace=function["namespace"])
        hosts = [f"[{one['Address']}]" if ":" in one["Address"] else one["Address"] for one in found or []]
        return [f"http://{host}:{one['Port']}" for host, one in zip(hosts, found or [])]

    async def scale(self, function: dict[str, Any], count: int, down: bool = False) -> None:
        """Set the number of instances: never lower unless asked. While a deployment is at work Nomad refuses, and that is all."""
        where = {"namespace": function["namespace"]}
        path = f"/v1/job/{function['job']}/scale"
        found, _index = await self.ask("GET", path, **where)
        present = found["TaskGroups"]["function"]["Desired"]
        if present == count or (present > count and not down):
            return
        body = {"Count": count, "Target": {"Group": "function"}, "Message": "keelson gateway"}
        with contextlib.suppress(CallFailed):
            await self.ask("PUT", path, body, **where)


def why(found: dict[str, Any]) -> str:
    """Why an allocation left no answer, from its events."""
    events = [event for task in (found.get("TaskStates") or {}).values() for event in task.get("Events") or []]
    if any(event.get("Details", {}).get("oom_killed") == "true" for event in events):
        return "the function was killed: it used more than its memory"
    told = next(
        (event["DisplayMessage"] for event in reversed(events) if event["Type"] != "Not Restarting"), "no event"
    )
    return f"the function ended without an answer ({found['ClientStatus']}: {told})"
