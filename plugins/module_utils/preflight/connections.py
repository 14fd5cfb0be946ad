# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open ports for a moment, and connect to those of other hosts. Standard library only.

A process of its own holds the ports without any rights. It ends when it is told to, or after a time of its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PROCESS = "keelson-probe"  # in /proc/PID/comm
PID_FILE = "/run/keelson/probe.pid"
QUESTION, NOBODY = b"keelson.cluster preflight", 65534
TIMEOUT, TRIES, AT_ONCE = 3.0, 3, 64
OPENED, TAKEN = "opened", "taken"
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def _socket(address: str, protocol: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, _KINDS[protocol])


def listen(address: str, ports: Iterable[Mapping[str, Any]]) -> tuple[list[socket.socket], dict[str, str]]:
    """Open ports ({port, protocol}); return the sockets, and OPENED or TAKEN by PORT/PROTOCOL. What cannot be opened for
    another reason is left out."""
    sockets, states = [], {}
    for entry in ports:
        link, name = _socket(address, entry["protocol"]), f"{entry['port']}/{entry['protocol']}"
        try:
            if entry["protocol"] == "tcp":
                link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind((address, entry["port"]))
            if entry["protocol"] == "tcp":
                link.listen(128)
        except OSError as error:
            link.close()
            if error.errno == errno.EADDRINUSE:
                states[name] = TAKEN
            continue
        link.setblocking(False)
        sockets.append(link)
        states[name] = OPENED
    return sockets, states


def serve(sockets: Sequence[socket.socket], seconds: float) -> None:
    """Let clients connect, and answer the one question by UDP, until the time is over."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as waiting:
        for link in sockets:
            waiting.register(link, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for key, _events in waiting.select(left):
                link = sockets[[known.fileno() for known in sockets].index(key.fd)]
                with contextlib.suppress(OSError):
                    if link.type == socket.SOCK_STREAM:
                        link.accept()[0].close()
                    else:
                        text, client = link.recvfrom(len(QUESTION) + 1)
                        if text == QUESTION:
                            link.sendto(text, client)


def open_ports(address: str, ports: Iterable[Mapping[str, Any]], seconds: float) -> dict[str, str]:
    """Open them in a process of its own; return what is said of each."""
    close_ports()
    sockets, states = listen(address, ports)
    if not sockets:
        return states
    os.makedirs(os.path.dirname(PID_FILE), exist_ok=True)
    child = os.fork()
    if child:
        os.waitpid(child, 0)  # it has ended: its child is init's
    else:
        try:
            _detach()
            serve(sockets, seconds)
        finally:
            os._exit(0)
    for link in sockets:
        link.close()
    return states


def _detach() -> None:
    os.setsid()
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(PROCESS)
    child = os.fork()
    if child:
        with open(PID_FILE, "w", encoding="ascii") as file:
            file.write(str(child))
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def close_ports(patience: float = 3.0) -> bool:
    """End the process that holds ports; tell whether there was one."""
    try:
        with open(PID_FILE, encoding="ascii") as file:
            number = int(file.read())
    except (OSError, ValueError):
        return False
    found = _is_ours(number)
    deadline = time.monotonic() + patience
    with contextlib.suppress(OSError):
        while _is_ours(number) and time.monotonic() < deadline:
            os.kill(number, signal.SIGTERM)
            time.sleep(0.02)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(PID_FILE)
    return found


def _is_ours(number: int) -> bool:
    try:
        with open(f"/proc/{number}/comm", encoding="ascii") as file:
            return file.read().strip() == PROCESS
    except OSError:
        return False


def fault(target: Mapping[str, Any], timeout: float = TIMEOUT) -> str:
    """Say why C(target) ({address, port, protocol}) is not reached, or nothing."""
    try:
        with _socket(target["address"], target["protocol"]) as link:
            link.settimeout(timeout if target["protocol"] == "tcp" else timeout / TRIES)
            link.connect((target["address"], target["port"]))
            if target["protocol"] == "udp":
                _ask(link)
    except socket.timeout:
        return f"no answer in {timeout:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _ask(link: socket.socket) -> None:
    """Ask by UDP, which may lose something."""
    for number in range(TRIES):
        link.send(QUESTION)
        try:
            if link.recv(len(QUESTION) + 1) == QUESTION:
                return
        except socket.timeout:
            if number == TRIES - 1:
                raise


def faults(targets: Sequence[Mapping[str, Any]], timeout: float = TIMEOUT) -> list[dict[str, Any]]:
    """Connect to all targets; return those that are not reached, with C(error). A busy host gets a second try."""
    found = [dict(target) for target in targets]
    for _try in range(2):
        if found:
            with ThreadPoolExecutor(min(AT_ONCE, len(found))) as pool:
                errors = pool.map(lambda target: fault(target, timeout), found)
                found = [{**target, "error": error} for target, error in zip(found, errors) if error]
    return found
