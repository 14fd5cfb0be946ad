# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main process of a function's task: starts the function in a sandbox and, for `per_request`, hands it one request.

Nomad's exec driver gives the task a root, PID and IPC namespaces, a cgroup and an account of its own. The sandbox closes what
that leaves open: no network but loopback, the whole tree read-only but for tmpfs of a limited size, a limit of processes, no
capabilities, no kernel keyring. It needs no rights, as it is a user namespace. A function with an egress list has a relay
beside it, outside the sandbox, to the proxy of the host. When this process ends, Nomad kills the cgroup.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import platform
import resource
import runpy
import signal
import socket
import struct
import sys
import tarfile
import threading
import time
from typing import Any, NoReturn

TREE, SHARED = os.environ.get("NOMAD_TASK_DIR", "/local"), os.environ.get("NOMAD_ALLOC_DIR", "/alloc")
WORK = "/tmp"  # noqa: S108 (a tmpfs of the invocation's own)
WRITABLE = ("/tmp", "/dev/shm")  # noqa: S108
HIDDEN = ("/alloc", "/secrets")  # the answer, and the socket of Nomad's API
LIBC = ctypes.CDLL(None, use_errno=True)
MOST_OUTPUT = 16 * 1024
WAY_OUT, FIRST_SERVICE = 3128, 15001  # ports of the function's own loopback address
NEW_USER, NEW_MOUNTS, NEW_IPC, NEW_NET = 0x10000000, 0x00020000, 0x08000000, 0x40000000
SET_FLAGS, INTERFACE_UP = 0x8914, 1
NO_SUID, NO_DEV, REC, PRIVATE = 2, 4, 0x4000, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, ATTR_RDONLY = 442, -100, 0x8000, 1
NO_DUMP, NO_NEW_PRIVS, SET_SECCOMP, FILTER = 4, 38, 22, 2
# (machine's audit name, add_key, request_key, keyctl); the kernel's keys are the account's, not the namespace's.
KEYRINGS = {"x86_64": (0xC000003E, 248, 249, 250), "aarch64": (0xC00000B7, 217, 218, 219)}
REFUSED = 0x00050000 | 1  # SECCOMP_RET_ERRNO, EPERM
ALLOWED = 0x7FFF0000
KILLED = 0x80000000


def libc(name: str, *arguments: Any) -> None:
    """Call a function of libc. Raises OSError."""
    if getattr(LIBC, name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def keyrings_refused() -> bytes:
    """A seccomp program that refuses the system calls of the kernel's key store."""
    audit, *numbers = KEYRINGS[platform.machine()]
    steps = [(0x20, 0, 0, 4), (0x15, 1, 0, audit), (0x06, 0, 0, KILLED), (0x20, 0, 0, 0)]
    steps += [(0x35, len(numbers), 0, 0x40000000)]  # the x32 numbers
    steps += [(0x15, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(0x06, 0, 0, ALLOWED), (0x06, 0, 0, REFUSED)]
    # A jump's target counts from the step after it: x32 and each number lead to the last step.
    last = len(steps) - 1
    steps = [
        (code, last - at - 1 if code in (0x35, 0x15) and at > 1 else yes, no, value)
        for at, (code, yes, no, value) in enumerate(steps)
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def separate(kinds: int) -> None:
    """Enter a user namespace of this account alone, with namespaces of more kinds. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    libc("unshare", NEW_USER | kinds)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as handle:
            handle.write(text)
    if kinds & NEW_NET:
        with socket.socket() as link:
            fcntl.ioctl(link, SET_FLAGS, struct.pack("16sh", b"lo", INTERFACE_UP))


def sandbox(limits: dict[str, int]) -> None:
    """Leave the process nothing to keep anything in. Raises OSError."""
    libc("unshare", NEW_MOUNTS | NEW_IPC)
    libc("mount", None, b"/", None, REC | PRIVATE, None)
    attributes = struct.pack("=QQQQ", ATTR_RDONLY, 0, 0, 0)
    libc("syscall", MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, attributes, len(attributes))
    libc("mount", b"mqueue", b"/dev/mqueue", b"mqueue", NO_SUID | NO_DEV, None)
    for path in WRITABLE:
        options = f"size={limits['disk']}m,nr_inodes=4096,mode=1777".encode()
        libc("mount", b"tmpfs", path.encode(), b"tmpfs", NO_SUID | NO_DEV, options)
    for path in HIDDEN:
        libc("mount", b"tmpfs", path.encode(), b"tmpfs", NO_SUID | NO_DEV, b"size=4k,mode=0555")
    resource.setrlimit(resource.RLIMIT_NPROC, (limits["pids"], limits["pids"]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits["files"], limits["files"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc("prctl", NO_NEW_PRIVS, 1, 0, 0, 0)
    program = keyrings_refused()
    kept = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(kept))
    libc("prctl", SET_SECCOMP, FILTER, header, 0, 0)


def start(function: dict[str, Any], port: int, ways: dict[str, str]) -> NoReturn:
    """Become the function: its program in the sandbox, which listens on PORT."""
    named = {name: os.environ[name] for name in (*function["environment"], "PATH") if name in os.environ}
    environment = {**ways, **named}
    environment |= {"PORT": str(port), "HOME": WORK, "TMPDIR": WORK, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {
        "K_SERVICE": function["name"],
        "K_REVISION": function["digest"],
        "K_CONFIGURATION": function["name"],
    }
    environment["CODE"] = f"{TREE}/code"
    if function["sandbox"]:
        sandbox(function["limits"])
    os.chdir(f"{TREE}/code")
    # Capabilities of the namespace end here: the account is not its root.
    os.execvpe(function["command"][0], function["command"], environment)  # noqa: S606


def way_out(function: dict[str, Any]) -> dict[str, str]:
    """Let a process beside the function hand its connections to the host's proxy; returns the variables that say where."""
    proxy = f"http://127.0.0.1:{WAY_OUT}"
    names = dict(zip(sorted(function["services"]), range(FIRST_SERVICE, 65536)))
    relay = runpy.run_path(f"{TREE}/relay.py")
    links = relay["listening"]([WAY_OUT, *names.values()])
    if not (child := os.fork()):
        if os.fork():
            os._exit(0)  # the relay is no child of what becomes the function
        relay["serve"](links, ["", *(function["services"][name] for name in names)])
    os.waitpid(child, 0)
    for link in links:
        link.close()
    found = {name: proxy for one in ("http_proxy", "https_proxy") for name in (one, one.upper())}
    found |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    return found | {name: f"127.0.0.1:{port}" for name, port in names.items()}


class Failed(Exception):
    """The function gave no answer; `status` is the gateway's."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def ask(request: dict[str, Any], port: int, deadline: float, largest: int, child: int) -> dict[str, Any]:
    """Send the request as soon as the function listens. Raises Failed."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                raise Failed(502, f"the function ended before it listened on PORT, {ended(status)}") from None
            if time.monotonic() > deadline:
                raise Failed(504, "the function did not listen on PORT in time") from None
            time.sleep(0.002)
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=max(0.01, deadline - time.monotonic()))
    try:
        body = base64.b64decode(request.get("body", ""))
        link.request(request.get("method", "POST"), request.get("path", "/"), body, request.get("headers", {}))
        answer = link.getresponse()
        content = b""
        while len(content) <= largest and (part := answer.read1(65536)):
            content += part
            if time.monotonic() > deadline:
                raise Failed(504, "the function did not answer in time")
        if len(content) > largest:
            raise Failed(502, f"the answer is larger than {largest} bytes")
        return {
            "status": answer.status,
            "headers": dict(answer.getheaders()),
            "cookies": answer.headers.get_all("Set-Cookie") or [],
            "body": base64.b64encode(content).decode(),
        }
    except TimeoutError as error:
        raise Failed(504, "the function did not answer in time") from error
    except (OSError, http.client.HTTPException) as error:
        time.sleep(0.05)  # what was killed has a status by then
        found, status = os.waitpid(child, os.WNOHANG)
        how = f", it {ended(status)}" if found else ""
        raise Failed(502, f"the function broke off its answer ({type(error).__name__}){how}") from error
    finally:
        link.close()


def ended(status: int) -> str:
    """How a process ended."""
    code = os.waitstatus_to_exitcode(status)
    return f"ended with {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


class Output(threading.Thread):
    """What the function writes: all of it is taken, the end of it is kept, and no disk is filled."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.source, self.target = os.pipe()
        self.kept = b""

    def run(self) -> None:
        """Take it, until its end."""
        while part := os.read(self.source, 65536):
            self.kept = (self.kept + part)[-MOST_OUTPUT:]

    def text(self) -> str:
        """What there is of it."""
        self.join(0.05)  # a process that the function left behind keeps the other end open
        return self.kept.decode("utf-8", "replace")


def serve_one(function: dict[str, Any], ways: dict[str, str]) -> None:
    """Start the function, hand it the event of this allocation, and keep its answer where the gateway reads it."""
    deadline = time.monotonic() + function["limits"]["timeout"]
    with open(f"{TREE}/event.json", encoding="utf-8") as handle:
        request = json.load(handle)
    port = 8080
    output = Output()
    child = os.fork()
    if not child:
        try:
            os.dup2(output.target, 1)
            os.dup2(output.target, 2)
            start(function, port, ways)
        except BaseException as error:  # whatever it is, the parent's code must not run twice
            print(f"launcher: the function cannot be started: {error}", file=sys.stderr, flush=True)
            os._exit(70)
    os.close(output.target)
    output.start()
    started = time.monotonic()
    try:
        answer = ask(request, port, deadline, function["limits"]["answer"], child)
    except Failed as error:
        answer = {"status": error.status, "headers": {}, "error": str(error)}
    answer["seconds"] = round(time.monotonic() - started, 4)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)  # the call has ended, and so has its output
    answer["output"] = output.text()
    with open(f"{SHARED}/data/answer.json.part", "w", encoding="utf-8") as handle:
        json.dump(answer, handle)
    os.rename(f"{SHARED}/data/answer.json.part", f"{SHARED}/data/answer.json")


def main() -> None:
    """Read what to start, and start it."""
    with open(f"{TREE}/function.json", encoding="utf-8") as handle:
        function = json.load(handle)
    os.umask(0o077)
    if function["sandbox"]:
        separate(NEW_NET if function["isolation"] == "per_request" else 0)
    libc("prctl", NO_DUMP, 0, 0, 0, 0)  # the function, of the same account, must not trace this process
    if function["archive"]:
        with tarfile.open(f"{TREE}/code.tar.gz") as archive:
            archive.extractall(f"{TREE}/code")  # noqa: S202 (its own folder, its own account)
    ways = way_out(function) if function["egress"] else {}
    if function["isolation"] == "per_request":
        serve_one(function, ways)
    else:
        start(function, int(os.environ["NOMAD_PORT_http"]), ways)  # noqa: SIM112


if __name__ == "__main__":
    main()
