# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only way out of a function's sandbox: connections to what the function's own list names.

Functions have no route. One with a list has the socket of this proxy in its tree, and is known by the account of the process
that connects, which the kernel tells. It speaks HTTP: CONNECT HOST:PORT, and requests with a whole address. A name is looked up
only where the list has it, so that look-ups tell nobody anything, and the address that was judged is the one connected to.
    egress.py /etc/keelson-faas/egress.json
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import pwd
import re
import signal
import socket
import struct
import sys
from collections import Counter
from typing import Any

HEAD, CONNECT, IDLE = 10, 10, 900  # seconds: until a request is there, until a connection is, without a byte
MOST = 256  # connections of one function at once


class Refused(Exception):
    """A connection that is not made."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def own(address: str) -> bool:
    """Whether an address is one of this host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as link, contextlib.suppress(OSError):
        link.bind((address, 0))
        return True
    return False


class Policy:
    """Who may connect where."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.closed = [ipaddress.ip_network(one) for one in given["closed"]]
        self.functions: dict[int, dict[str, Any]] = {}
        for account, function in given["functions"].items():
            with contextlib.suppress(KeyError):  # the account of a function that is being removed
                self.functions[pwd.getpwnam(account).pw_uid] = function

    def open(self, address: str) -> bool:
        """Whether any function may reach an address."""
        found = ipaddress.ip_address(address)
        found = getattr(found, "ipv4_mapped", None) or found
        return not any(found in network for network in self.closed) and not own(str(found))

    async def addresses(self, function: dict[str, Any], host: str, port: int) -> list[str]:
        """The addresses of a host that a function may connect to. Raises Refused."""
        rules = [rule for rule in function["egress"] if rule["port"] in (0, port)]
        refusal = Refused(403, f"{function['function']} may not reach {host}:{port}: its egress list does not have it")
        try:
            found = [str(ipaddress.ip_address(host))]
            networks = [ipaddress.ip_network(rule["network"]) for rule in rules if "network" in rule]
            if not any(ipaddress.ip_address(host) in network for network in networks):
                raise refusal
        except ValueError:
            if not any(named(rule.get("name", ""), host) for rule in rules):
                raise refusal from None
            found = await looked_up(host, port)
        if not (opened := [address for address in found if self.open(address)]):
            raise Refused(
                403, f"{function['function']} may not reach {host}:{port}: {', '.join(found)} is closed to functions"
            )
        return opened


def named(pattern: str, host: str) -> bool:
    """Whether a rule's name is this host; *.NAME stands for all below NAME."""
    host = host.lower().rstrip(".")
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


async def looked_up(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises Refused."""
    try:
        told = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(502, f"the name {host} cannot be looked up: {error.strerror}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in told))


def asked(head: bytes) -> tuple[str, int, bytes]:
    """Host and port of a request, and what is to be sent there first. Raises Refused."""
    line, _end, rest = head.partition(b"\r\n")
    match = re.fullmatch(r"CONNECT (\[[0-9a-fA-F:.]+\]|[^:/ ]+):(\d{1,5}) HTTP/1\.[01]", line.decode("latin-1"))
    if match:
        return match[1].strip("[]"), int(match[2]), b""
    match = re.fullmatch(
        r"([A-Z]+) http://(\[[0-9a-fA-F:.]+\]|[^:/ ]+)(?::(\d{1,5}))?(/[^ ]*)? HTTP/1\.[01]", line.decode("latin-1")
    )
    if not match:
        raise Refused(400, "a request to this proxy is CONNECT HOST:PORT, or has a whole http:// address")
    # The connection ends with its answer: whatever is asked next is judged anew.
    kept = [one for one in rest.split(b"\r\n") if not re.match(rb"(proxy-|connection:)", one, re.IGNORECASE) and one]
    first = b"\r\n".join([f"{match[1]} {match[4] or '/'} HTTP/1.1".encode(), *kept, b"Connection: close", b"", b""])
    return match[2].strip("[]"), int(match[3] or 80), first


async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, until its end."""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        while part := await asyncio.wait_for(reader.read(65536), IDLE):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.close()


class Proxy:
    """All connections."""

    def __init__(self, path: str) -> None:
        self.path, self.at_once = path, Counter[int]()
        self.read()

    def read(self) -> None:
        """Read the configuration; one that cannot be read changes nothing."""
        with open(self.path, encoding="utf-8") as handle:
            self.config = json.load(handle)
        self.policy = Policy(self.config)

    def reload(self) -> None:
        """The same while this runs."""
        try:
            self.read()
        except (OSError, ValueError, KeyError) as error:
            print(f"{self.path} is not read: {error}", flush=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        user = struct.unpack("3i", credentials)[1]
        self.at_once[user] += 1
        try:
            await self.connect(user, reader, writer)
        except Refused as error:
            print(json.dumps({"user": user, "status": error.status, "reason": str(error)}), flush=True)
            body = f"{error}\n".encode()
            writer.write(
                f"HTTP/1.1 {error.status} {error}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + body
            )
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.at_once[user] -= 1
            writer.close()

    async def connect(self, user: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Judge a request, then connect the two ends. Raises Refused."""
        function = self.policy.functions.get(user)
        if function is None:
            raise Refused(403, "no function with an egress list has this account")
        if self.at_once[user] > MOST:
            raise Refused(429, f"{function['function']} has {MOST} connections already")
        host, port, first = asked(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD))
        for address in await self.policy.addresses(function, host, port):
            try:
                there = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT)
                break
            except (OSError, asyncio.TimeoutError):
                continue
        else:
            raise Refused(502, f"{host}:{port} does not answer")
        if first:
            there[1].write(first)
        else:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        try:
            await asyncio.gather(relayed(reader, there[1]), relayed(there[0], writer))
        finally:
            there[1].close()

    async def run(self) -> None:
        """Serve until SIGTERM."""
        path = self.config["listen"]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        server = await asyncio.start_unix_server(self.serve, path)
        os.chmod(path, 0o666)  # noqa: S103 (whoever connects is known by the account)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()
        server.close()


if __name__ == "__main__":
    asyncio.run(Proxy(sys.argv[1]).run())
