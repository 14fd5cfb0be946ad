# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function that leaks on purpose: one call plants a token wherever it can, another call searches for it.

The body of a call is JSON: {"do": "plant" or "search", "token": TEXT, "then": "answer", "wait", "hang", "crash" or "oom"}, or
{"do": "reach", "targets": "ADDRESS:PORT ..."}, or {"do": "fetch", "urls": "http://... ..."} by the proxy that the environment names,
or {"do": "environment"}.
The answer names each place with what came of it. tests/drills/nomad/test_faas.py compares it with the declared isolation.
"""

from __future__ import annotations

import _posixshmem
import ctypes
import glob
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIBC = ctypes.CDLL(None, use_errno=True)
PORT, KEY, SIZE, QUEUE = 47474, 0x4B45454C, 256, b"/keelson-leak"
ADD_KEY, KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(platform.machine(), (248, 250))
KEPT: list[str] = []
FOLDERS = {
    "tmp": "/tmp",
    "var_tmp": "/var/tmp",
    "dev_shm": "/dev/shm",
    "home": os.environ.get("HOME", "/"),
    "working_directory": os.getcwd(),
    "allocation": os.environ.get("NOMAD_ALLOC_DIR", "/alloc"),
}
# A process of its own session: its environment and arguments have the token, an abstract socket and a port give it.
HOLDER = f"""
import os, socket, sys, threading, time
token = sys.argv[1]
def serve(kind, where):
    try:
        link = socket.socket(kind); link.bind(where); link.listen()
        while True:
            peer, _ = link.accept(); peer.sendall(token.encode()); peer.close()
    except OSError as error:
        print(error, file=sys.stderr)
for kind, where in ((socket.AF_UNIX, chr(0) + "keelson-leak"), (socket.AF_INET, ("0.0.0.0", {PORT}))):
    threading.Thread(target=serve, args=(kind, where), daemon=True).start()
time.sleep(600)
"""


def checked(result: int) -> int:
    """The result of a call of libc. Raises OSError."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def sysv(token: bytes | None) -> bytes:
    """Write or read a System V shared memory segment."""
    segment = checked(LIBC.shmget(KEY, SIZE, 0o666 | (0o1000 if token else 0)))
    LIBC.shmat.restype = ctypes.c_void_p
    address = LIBC.shmat(segment, None, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError("shmat")
    if token:
        ctypes.memmove(address, token, len(token))
    return ctypes.string_at(address, SIZE)


def sysv_message(token: bytes | None) -> bytes:
    """Send or take a message of a System V queue."""

    class Message(ctypes.Structure):
        _fields_ = [("kind", ctypes.c_long), ("text", ctypes.c_char * SIZE)]

    queue = checked(LIBC.msgget(KEY, 0o666 | (0o1000 if token else 0)))
    found = Message(1, token or b"")
    if token:
        while LIBC.msgrcv(queue, ctypes.byref(Message()), SIZE, 0, os.O_NONBLOCK) >= 0:
            pass  # what an earlier call left would come first
    else:
        checked(LIBC.msgrcv(queue, ctypes.byref(found), SIZE, 0, os.O_NONBLOCK))
    checked(LIBC.msgsnd(queue, ctypes.byref(found), SIZE, os.O_NONBLOCK))
    return found.text


def posix_memory(token: bytes | None) -> bytes:
    """Write or read a POSIX shared memory object."""
    with open(
        _posixshmem.shm_open("/keelson-leak", os.O_RDWR | (os.O_CREAT if token else 0), 0o666), "r+b", 0
    ) as segment:
        if token:
            segment.write(token)
        segment.seek(0)
        return segment.read(SIZE)


def message(token: bytes | None) -> bytes:
    """Send or take a message of a POSIX queue."""

    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_long) for name in ("flags", "maxmsg", "msgsize", "curmsgs", "a", "b", "c", "d")]

    if token:
        LIBC.mq_unlink(QUEUE)  # what an earlier call left would come first
    desired = Attributes(0, 4, SIZE, 0)
    queue = checked(
        LIBC.mq_open(QUEUE, os.O_RDWR | os.O_NONBLOCK | (os.O_CREAT if token else 0), 0o666, ctypes.byref(desired))
    )
    if token:
        checked(LIBC.mq_send(queue, token, len(token), 0))
        return token
    room = ctypes.create_string_buffer(SIZE)
    checked(LIBC.mq_receive(queue, room, SIZE, None))
    checked(LIBC.mq_send(queue, room.raw, SIZE, 0))
    return room.raw


def keyring(token: bytes | None) -> bytes:
    """Add or search a key of the account's keyring."""
    if token:
        checked(LIBC.syscall(ADD_KEY, b"user", b"keelson-leak", token, len(token), -4))
        return token
    checked(LIBC.syscall(KEYCTL, 8, -4, -1))  # linked into the thread's own keyring, its keys can be read
    key = checked(LIBC.syscall(KEYCTL, 10, -4, b"user", b"keelson-leak", 0))
    room = ctypes.create_string_buffer(SIZE)
    checked(LIBC.syscall(KEYCTL, 11, key, room, SIZE))
    return room.raw


def hold(token: str) -> None:
    """Leave a process behind."""
    command = [sys.executable, "-I", "-c", HOLDER, token]
    subprocess.Popen(command, env={"TOKEN": token}, start_new_session=True, stdout=subprocess.DEVNULL)
    time.sleep(0.2)


def put(folder: str, token: str) -> None:
    """Leave a file behind."""
    with open(f"{folder}/keelson-leak-{os.getpid()}", "w", encoding="utf-8") as handle:
        handle.write(token)


def plant(token: str) -> dict[str, str]:
    """Leave the token everywhere; returns what came of each place."""
    raw = token.encode()
    places: dict[str, Callable[[], object]] = {
        **{name: lambda folder=folder: put(folder, token) for name, folder in FOLDERS.items()},  # type: ignore[misc]
        "global": lambda: KEPT.append(token),
        "process": lambda: hold(token),
        "sysv_memory": lambda: sysv(raw),
        "sysv_queue": lambda: sysv_message(raw),
        "posix_memory": lambda: posix_memory(raw),
        "posix_queue": lambda: message(raw),
        "keyring": lambda: keyring(raw),
    }
    return {name: attempt(place) for name, place in places.items()}


def attempt(place: Callable[[], object]) -> str:
    """Try one place."""
    try:
        place()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "planted"


def files(pattern: str) -> bytes:
    """What lies in files of our name in folders."""
    found = b""
    for path in glob.glob(f"{pattern}/keelson-leak-*", recursive=True):
        with open(path, "rb") as handle:
            found += handle.read()
    return found


def processes(name: str) -> bytes:
    """A file of /proc of every process that may be read."""
    found = b""
    for path in glob.glob(f"/proc/[0-9]*/{name}"):
        if path.split("/")[2] != str(os.getpid()):
            try:
                with open(path, "rb") as handle:
                    found += handle.read()
            except OSError:
                continue
    return found


def received(kind: int, where: object) -> bytes:
    """What a socket sends."""
    with socket.socket(kind) as link:
        link.settimeout(1)
        link.connect(where)
        return link.recv(SIZE)


def runtime() -> bytes:
    """What the container runtime and Nomad keep of others, where it can be read."""
    found = b""
    for folder in ("/var/lib/nomad/alloc", "/var/lib/docker", "/run/containerd", "/var/lib/alloc_mounts"):
        found += files(f"{folder}/**")
    for path in ("/var/run/docker.sock", "/run/containerd/containerd.sock"):
        if os.access(path, os.W_OK):
            found += b"socket of the runtime"
    return found


def search(token: str) -> dict[str, bool]:
    """Look for the token everywhere."""
    places: dict[str, Callable[[], bytes]] = {
        **{name: lambda folder=folder: files(folder) for name, folder in FOLDERS.items()},  # type: ignore[misc]
        "global": lambda: " ".join(KEPT).encode(),
        "child_environment": lambda: processes("environ"),
        "process": lambda: processes("cmdline"),
        "abstract_socket": lambda: received(socket.AF_UNIX, "\0keelson-leak"),
        "tcp_port": lambda: received(socket.AF_INET, ("127.0.0.1", PORT)),
        "sysv_memory": lambda: sysv(None),
        "sysv_queue": lambda: sysv_message(None),
        "posix_memory": lambda: posix_memory(None),
        "posix_queue": lambda: message(None),
        "keyring": lambda: keyring(None),
        "runtime": runtime,
    }
    found = {}
    for name, place in places.items():
        try:
            text = place()
        except Exception:
            text = b""
        found[name] = token.encode() in text or text.startswith(b"socket of")
    return found


def reach(targets: str) -> dict[str, bool]:
    """Which of some ADDRESS:PORT a connection reaches."""
    found = {}
    for target in targets.split():
        address, _colon, port = target.rpartition(":")
        try:
            socket.create_connection((address, int(port)), 1).close()
            found[target] = True
        except OSError:
            found[target] = False
    return found


def fetch(urls: str) -> dict[str, str]:
    """What comes of some addresses."""
    found = {}
    for url in urls.split():
        try:
            with urllib.request.urlopen(url, timeout=15) as answer:
                found[url] = answer.read(SIZE).decode()
        except urllib.error.HTTPError as error:
            found[url] = error.read(SIZE).decode()
        except OSError as error:
            found[url] = str(error)
    return found


def work(order: dict[str, str]) -> dict[str, object]:
    """Do what a call asks."""
    if order["do"] == "reach":
        return {"reached": reach(order["targets"])}
    if order["do"] == "fetch":
        return {"fetched": fetch(order["urls"])}
    if order["do"] == "environment":
        return {"environment": dict(os.environ)}
    token, then = order["token"], order.get("then", "answer")
    done: dict[str, object] = {"uid": os.getuid()}
    done |= {"planted": plant(token)} if order["do"] == "plant" else {"found": search(token)}
    if then == "hang":
        time.sleep(3600)
    if then == "crash":
        os.abort()
    while then == "oom":
        KEPT.append("x" * 2**24)
    if then == "wait":
        time.sleep(float(order.get("seconds", "5")))
    return done


class Handler(BaseHTTPRequestHandler):
    """One call."""

    def do_POST(self) -> None:
        """Answer it."""
        body = json.dumps(work(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
