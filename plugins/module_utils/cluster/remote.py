# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the clients of all engines' management APIs share: how a refusal is told, and waiting. Standard library only."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

MOST = 4 << 20  # bytes of an answer


class ApiError(Exception):
    """The API refused a request (C(status) is the HTTP status) or did not answer (C(status) is 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message}" if status else message)
        self.status = status
        self.message = message


def bracketed(address: str) -> str:
    """An address or name as it stands in a URL or before a port."""
    return f"[{address}]" if ":" in address else address


def whole(reply: http.client.HTTPResponse) -> bytes:
    """What a manager or a store has answered to a program of a host. Raises ValueError when it is larger than any such answer."""
    body = reply.read(MOST + 1)
    if len(body) > MOST:
        raise ValueError(f"the answer is larger than {MOST} bytes")
    return body


def answers(address: str, port: int, timeout: float = 3.0) -> bool:
    """Tell whether something takes connections there; C(timeout) is in seconds."""
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True


def probe(ports: Mapping[str, Sequence[int]], seconds: float) -> dict[str, bool]:
    """Tell by address whether any of its ports took a connection within C(seconds), tried again and again."""
    end = time.monotonic() + seconds

    def look(address: str) -> bool:
        while not any(answers(address, port, 1.0) for port in ports[address]):
            if time.monotonic() >= end:
                return False
            time.sleep(0.5)
        return True

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return dict(zip(ports, pool.map(look, ports)))


def wait_for(
    probe: Callable[[], str | None],
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    interval: float = 0.25,
) -> str | None:
    """Repeat C(probe) until it returns None (reached) or C(timeout) seconds are over; then its last reason."""
    end = clock() + timeout
    while True:
        try:
            reason = probe()
        except ApiError as error:
            reason = str(error)
        if reason is None or clock() >= end:
            return reason
        sleep(interval)


@contextlib.contextmanager
def meanwhile(step: Callable[[], bool], interval: float) -> Iterator[None]:
    """Beside the block, repeat C(step) every C(interval) seconds until it returns true or the block is over."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(interval) and not step():
            pass

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
