# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of the tenants: JetStream keeps queues, schedules and dead letters; this hands them to functions.

Each tenant is an account of its own with three streams: EVENTS is a work queue (events.>) that refuses what has no room,
SCHEDULES has a message for each schedule (schedules.>) and its last tick (cron.>), which EVENTS takes over, and DEAD
(dead.>) has the dead letters.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

LOG = logging.getLogger("events")
# Together they stay below the server's max_payload (vars/main/events.yml) also with what a dead letter has besides.
LARGEST, LARGEST_HEADERS = 1024 * 1024, 32 * 1024
TOO_OLD = 7 * 24 * 3600
Handler = Callable[[dict[str, Any], dict[str, Any], str], Awaitable[int]]


FULL = (10023, 10047, 10077)  # JetStream's codes: resources of the account, its storage, size of a stream


class EventsFailed(Exception):
    """JetStream refused or did not answer; `status` is the HTTP status for the caller."""

    status = 503


class EventsFull(EventsFailed):
    """The tenant's storage has no room."""

    status = 429


class Tenant:
    """The events of one tenant."""

    def __init__(self, name: str, access: dict[str, Any], replicas: int, storage: int) -> None:
        self.name, self.access, self.replicas, self.storage = name, access, replicas, storage
        self.link: Client | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.served: list[dict[str, Any]] = []

    async def connect(self) -> None:
        """Connect, now or whenever a server answers."""
        context = ssl.create_default_context(cafile=self.access["ca_file"])
        context.load_cert_chain(self.access["cert_file"], self.access["key_file"])
        self.link = await nats.connect(
            servers=self.access["servers"],
            user=self.name,
            password=self.access["passwords"][self.name],
            tls=context,
            tls_handshake_first=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            allow_reconnect=True,
        )

    async def api(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request of JetStream's API. Raises EventsFailed."""
        try:
            if self.link is None:
                raise EventsFailed("not connected to JetStream")
            answer = await self.link.request(f"$JS.API.{subject}", json.dumps(body or {}).encode(), timeout=5)
        except (nats.errors.Error, asyncio.TimeoutError) as error:
            raise EventsFailed(f"JetStream does not answer: {type(error).__name__}") from error
        told: dict[str, Any] = json.loads(answer.data)
        if told.get("error"):
            raise EventsFailed(f"JetStream: {told['error'].get('description')}")
        return told

    async def _stream(self, config: dict[str, Any]) -> None:
        try:
            await self.api(f"STREAM.CREATE.{config['name']}", config)
        except EventsFailed:
            await self.api(f"STREAM.UPDATE.{config['name']}", config)

    async def arrange(self, functions: list[dict[str, Any]]) -> None:
        """Make streams, consumers and schedules what the functions need, and remove others. Raises EventsFailed."""
        common = {"storage": "file", "num_replicas": self.replicas}
        megabyte = 1024 * 1024
        ticks = {"max_msgs_per_subject": 1, "max_bytes": megabyte, "discard": "old", "allow_msg_schedules": True}
        await self._stream({**common, **ticks, "name": "SCHEDULES", "subjects": ["schedules.>", "cron.>"]})
        await self._stream(
            {
                **common,
                "name": "EVENTS",
                "subjects": ["events.>"],
                "retention": "workqueue",
                "discard": "new",
                "max_bytes": (self.storage * 3 // 4 - 1) * megabyte,
                "duplicate_window": 600 * 10**9,
                "sources": [{"name": "SCHEDULES", "subject_transforms": [{"src": "cron.>", "dest": "events.cron.>"}]}],
            }
        )
        dead = {"discard": "old", "max_bytes": self.storage // 4 * megabyte, "max_age": TOO_OLD * 10**9}
        await self._stream({**common, **dead, "name": "DEAD", "subjects": ["dead.>"]})
        names = set((await self.api("CONSUMER.NAMES.EVENTS")).get("consumers") or [])
        for name in names - {function["name"] for function in functions}:
            await self.api(f"CONSUMER.DELETE.EVENTS.{name}")
        await self._consumers(functions, names)
        await self._schedules(functions)

    async def _consumers(self, functions: list[dict[str, Any]], present: set[str]) -> None:
        """A consumer for each function. JetStream gives a queue to one alone: who gets another's waits until that one has let go of it."""
        waiting = list(functions)
        while waiting:
            refused = []
            for function in waiting:
                try:
                    await self._consumer(function)
                except EventsFailed as error:
                    refused.append((function, error))
            if len(refused) == len(waiting):
                # They wait for one another, such as two that swap their queues: one lets go, and its events are given again.
                held = sorted(function["name"] for function, _error in refused if function["name"] in present)
                if len(refused) == 1 or not held:
                    raise refused[0][1]
                await self.api(f"CONSUMER.DELETE.EVENTS.{held[0]}")
                present.discard(held[0])
            waiting = [function for function, _error in refused]

    async def _consumer(self, function: dict[str, Any]) -> None:
        config = {
            "durable_name": function["name"],
            "ack_policy": "explicit",
            "ack_wait": (function["timeout"] + 60) * 10**9,
            "max_deliver": -1,  # the gateway counts, so that no event is stranded where a gateway was stopped
            "max_ack_pending": function["concurrency"],
            "filter_subjects": subjects(function),
        }
        await self.api(f"CONSUMER.CREATE.EVENTS.{function['name']}", {"stream_name": "EVENTS", "config": config})

    async def _schedules(self, functions: list[dict[str, Any]]) -> None:
        desired = {
            f"schedules.{function['name']}.{at}": (pattern(cron), f"cron.{function['name']}")
            for function in functions
            for at, cron in enumerate(function["cron"])
        }
        info = await self.api("STREAM.INFO.SCHEDULES", {"subjects_filter": "schedules.>"})
        present = info["state"].get("subjects") or {}
        for subject in set(present) - set(desired):
            await self.api("STREAM.PURGE.SCHEDULES", {"filter": subject})
        for subject, (when, target) in desired.items():
            if subject in present:
                last = await self.api("STREAM.MSG.GET.SCHEDULES", {"last_by_subj": subject})
                if headers_of(last["message"].get("hdrs", "")).get("Nats-Schedule") == when:
                    continue
            await self.publish(subject, b"", {"Nats-Schedule": when, "Nats-Schedule-Target": target})

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """Keep an event; returns its number in the stream, and whether it was there already. Raises EventsFailed."""
        try:
            if self.link is None:
                raise EventsFailed("not connected to JetStream")
            answer = await self.link.request(subject, body, timeout=5, headers=headers)
        except (nats.errors.Error, asyncio.TimeoutError) as error:
            raise EventsFailed(f"JetStream does not answer: {type(error).__name__}") from error
        told: dict[str, Any] = json.loads(answer.data)
        if (error := told.get("error") or {}).get("err_code") in FULL:
            raise EventsFull(f"the storage of {self.name} has no room for more events ({error.get('description')})")
        if error:
            raise EventsFailed(f"JetStream: {error.get('description')}")
        return told

    async def depths(self, functions: list[dict[str, Any]]) -> list[str]:
        """Lines of metrics: events that wait or are at work, and dead letters. Raises EventsFailed."""
        lines = []
        for function in functions:
            told = await self.api(f"CONSUMER.INFO.EVENTS.{function['name']}")
            label = f'{{tenant="{self.name}",function="{function["name"]}"}}'
            lines.append(f"keelson_faas_events_waiting{label} {told['num_pending']}")
            lines.append(f"keelson_faas_events_at_work{label} {told['num_ack_pending']}")
        told = await self.api("STREAM.INFO.DEAD", {"subjects_filter": "dead.>"})
        for subject, count in (told["state"].get("subjects") or {}).items():
            name = subject.removeprefix("dead.")
            lines.append(f'keelson_faas_dead_letters{{tenant="{self.name}",name="{name}"}} {count}')
        return lines

    async def dead(self, name: str, most: int = 100) -> list[dict[str, Any]]:
        """The dead letters under a name, oldest first. Raises EventsFailed."""
        found: list[dict[str, Any]] = []
        number = 1
        while len(found) < most:
            try:
                told = await self.api("STREAM.MSG.GET.DEAD", {"seq": number, "next_by_subj": f"dead.{name}"})
            except EventsFailed as error:
                if "no message found" in str(error):
                    break
                raise
            found.append(letter(told["message"]))
            number = told["message"]["seq"] + 1
        return found

    async def again(self, name: str) -> int:
        """Give dead letters to their functions once more; returns how many. Raises EventsFailed."""
        letters = await self.dead(name)
        for one in letters:
            # Cut off between the two, it is given again under the same id, and kept once.
            headers = {**one["headers"], "Nats-Msg-Id": f"again.{one['number']}"}
            await self.publish(one["subject"], base64.b64decode(one["data_base64"]), headers)
            await self.api("STREAM.MSG.DELETE.DEAD", {"seq": one["number"]})
        return len(letters)

    def serve(self, functions: list[dict[str, Any]], handle: Handler) -> None:
        """Hand events to their functions until this is stopped; what is handed out already goes on as it is."""
        if self.tasks and functions == self.served:
            return
        self.stop()
        self.served = functions
        self.tasks = [asyncio.create_task(self._pull(function, handle)) for function in functions]

    def stop(self) -> None:
        """Hand out no more events; those at work go on."""
        for task in self.tasks:
            task.cancel()
        self.tasks = []

    async def _pull(self, function: dict[str, Any], handle: Handler) -> None:
        """Take as many events as the function may have at once."""
        room = asyncio.Semaphore(function["concurrency"])
        at_work: set[asyncio.Task[None]] = set()
        subscription = None
        while True:
            try:
                if subscription is None:
                    assert self.link is not None  # noqa: S101 (serve comes after connect)
                    subscription = await self.link.jetstream().pull_subscribe_bind(function["name"], "EVENTS")
                await room.acquire()
                try:
                    messages = await subscription.fetch(1, timeout=20)
                except BaseException:
                    room.release()
                    raise
                for message in messages:
                    task = asyncio.create_task(self._one(function, message, handle))
                    at_work.add(task)
                    task.add_done_callback(lambda done: (at_work.discard(done), room.release()))
            except (nats.errors.TimeoutError, asyncio.TimeoutError):
                continue
            except nats.errors.Error as error:
                LOG.warning("%s/%s: %s", self.name, function["name"], error)
                await asyncio.sleep(1)

    async def _one(self, function: dict[str, Any], message: Msg, handle: Handler) -> None:
        """Hand one event over, then acknowledge it, ask for it again later, or lay it among the dead letters."""
        data = message.metadata
        attempt, number = data.num_delivered or 1, data.sequence.stream
        token = f"{self.name}.{function['name']}.{number}"
        with contextlib.suppress(nats.errors.Error):
            while (status := await handle(function, event(self.name, message), token)) == 429:
                await message.in_progress()  # the function was not even tried: this is no attempt
                await asyncio.sleep(1)
            if status < 400:
                await message.ack()
            elif attempt <= function["retries"]:
                await message.nak(delay=min(60, 2 ** (attempt - 1)))
            else:
                await self._bury(function, message, status, attempt, token)

    async def _bury(self, function: dict[str, Any], message: Msg, status: int, attempt: int, token: str) -> None:
        headers = {name: text for name, text in (message.headers or {}).items() if not name.startswith("Nats-")}
        if "ce-id" not in {name.lower() for name in headers}:
            headers["ce-id"] = identity(self.name, message)  # given to the function once more, it is the same event
        headers |= {"Nats-Msg-Id": token, "Keelson-Status": str(status), "Keelson-Attempts": str(attempt)}
        headers["Keelson-Subject"] = message.subject
        try:
            await self.publish(f"dead.{function['dead_letter'] or function['name']}", message.data, headers)
            await message.term()
        except EventsFailed as error:
            LOG.warning("%s/%s: a dead letter is tried again: %s", self.name, function["name"], error)
            await message.nak(delay=30)


def size_fault(body: bytes, headers: dict[str, str]) -> str:
    """Why an event is too large, '' where it is not: the server would end the connection, and with it those of all other events."""
    if len(body) > LARGEST:
        return f"an event may have {LARGEST} bytes"
    if sum(len(name) + len(text) + 4 for name, text in headers.items()) > LARGEST_HEADERS:
        return f"the headers of an event may have {LARGEST_HEADERS} bytes"
    return ""


def subjects(function: dict[str, Any]) -> list[str]:
    """Where the events of a function are: its queues, its schedules, and calls that wait for no answer."""
    name = function["name"]
    return [f"events.cron.{name}", f"events.call.{name}", *(f"events.queue.{one}" for one in function["queue"])]


def pattern(cron: str) -> str:
    """A schedule of five fields as JetStream has it, with seconds."""
    return cron if cron.startswith("@") else f"0 {cron}"


def headers_of(encoded: str) -> dict[str, str]:
    """The headers of a stored message."""
    lines = base64.b64decode(encoded).decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return {key: value.strip() for key, colon, value in pairs if colon}


def letter(message: dict[str, Any]) -> dict[str, Any]:
    """A dead letter as its tenant sees it."""
    headers = headers_of(message.get("hdrs", ""))
    return {
        "number": message["seq"],
        "time": message["time"],
        "subject": headers.pop("Keelson-Subject", ""),
        "status": int(headers.pop("Keelson-Status", 0)),
        "attempts": int(headers.pop("Keelson-Attempts", 0)),
        "headers": {name: text for name, text in headers.items() if not name.startswith("Nats-")},
        "data_base64": message.get("data", ""),
    }


def identity(tenant: str, message: Msg) -> str:
    """The id of an event: that under which it is kept once, or its place in the stream."""
    return (message.headers or {}).get("Nats-Msg-Id") or f"{tenant}.{message.metadata.sequence.stream}"


def event(tenant: str, message: Msg) -> dict[str, Any]:
    """A message as a CloudEvent in binary mode; its id is the same at each attempt."""
    headers = {name: text for name, text in (message.headers or {}).items() if not name.startswith("Nats-")}
    given = {name.lower() for name in headers}
    kind, _dot, subject = message.subject.removeprefix("events.").partition(".")
    ours = {
        "ce-specversion": "1.0",
        "ce-id": identity(tenant, message),
        "ce-source": f"/keelson/{tenant}/{kind}",
        "ce-type": f"keelson.{kind}",
        "ce-subject": subject,
    }
    headers |= {name: text for name, text in ours.items() if name not in given}
    return {"method": "POST", "path": "/", "headers": headers, "body": message.data}
