# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Save the events of all tenants by JetStream's own snapshots, or bring them back: queues with the place of each function in them,
schedules, dead letters. Runs on a manager.
    snapshot.py save FOLDER
    snapshot.py restore FOLDER
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import nats.errors
from events import EventsFailed, Tenant

ACCESS = "/etc/keelson-faas/gateway.json"
CHUNK = 128 * 1024
PATIENCE = 30  # seconds for one part of a stream
STREAMS = ("SCHEDULES", "EVENTS", "DEAD")  # EVENTS takes over from SCHEDULES


async def save(tenant: Tenant, folder: Path) -> None:
    """Write each stream of a tenant. Raises EventsFailed, OSError."""
    assert tenant.link is not None  # noqa: S101 (connected before)
    for stream in (await tenant.api("STREAM.NAMES")).get("streams") or []:
        inbox = tenant.link.new_inbox()
        parts = await tenant.link.subscribe(inbox)
        order = {"deliver_subject": inbox, "chunk_size": CHUNK}
        told = await tenant.api(f"STREAM.SNAPSHOT.{stream}", order)
        with open(folder / f"{tenant.name}.{stream}.snapshot", "wb") as handle:
            while (part := await parts.next_msg(timeout=PATIENCE)).data:
                handle.write(part.data)
                if part.reply:  # the server sends so many parts before it waits for an answer
                    await part.respond(b"")
        status = (part.headers or {}).get("Status", "204")
        if status not in ("200", "204"):
            raise EventsFailed(f"{tenant.name}/{stream}: the snapshot ends with {status}")
        about = {"config": told["config"], "state": told["state"]}
        (folder / f"{tenant.name}.{stream}.json").write_text(json.dumps(about), encoding="utf-8")
        await parts.unsubscribe()


async def restore(tenant: Tenant, folder: Path, replicas: int) -> None:
    """Put each stream of a tenant on what was saved; what came since is gone. Raises EventsFailed, OSError."""
    assert tenant.link is not None  # noqa: S101
    present = (await tenant.api("STREAM.NAMES")).get("streams") or []
    for stream in (one for one in STREAMS if (folder / f"{tenant.name}.{one}.json").exists()):
        about = json.loads((folder / f"{tenant.name}.{stream}.json").read_text(encoding="utf-8"))
        about["config"]["num_replicas"] = replicas
        if stream in present:
            await tenant.api(f"STREAM.DELETE.{stream}")
        told = await tenant.api(f"STREAM.RESTORE.{stream}", about)
        with open(folder / f"{tenant.name}.{stream}.snapshot", "rb") as handle:
            while part := handle.read(CHUNK):
                await tenant.link.request(told["deliver_subject"], part, timeout=PATIENCE)
        answer = (await tenant.link.request(told["deliver_subject"], b"", timeout=PATIENCE)).data
        if error := (json.loads(answer) if answer else {}).get("error"):
            raise EventsFailed(f"{tenant.name}/{stream}: {error.get('description')}")


async def main(verb: str, folder: Path) -> None:
    """Do it for each tenant."""
    access: dict[str, Any] = json.loads(Path(ACCESS).read_text(encoding="utf-8"))["nats"]
    for name in access["passwords"]:
        tenant = Tenant(name, access, access["replicas"], 0)
        await asyncio.wait_for(tenant.connect(), PATIENCE)
        assert tenant.link is not None  # noqa: S101
        try:
            await (save(tenant, folder) if verb == "save" else restore(tenant, folder, access["replicas"]))
        finally:
            await tenant.link.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
    except (EventsFailed, OSError, asyncio.TimeoutError, nats.errors.Error) as error:
        sys.exit(f"the events cannot be {sys.argv[1]}d: {error or type(error).__name__}")
