# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function's end of the way out: ports of its own loopback address, each handed to the proxy of the host.

The launcher runs it beside the function. It decides nothing: the proxy knows the function by its account.
"""

from __future__ import annotations

import contextlib
import socket
import threading

PROXY = "/egress/socket"


def listening(ports: list[int]) -> list[socket.socket]:
    """Sockets on ports of the loopback address. Raises OSError."""
    found = []
    for port in ports:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind(("127.0.0.1", port))
        link.listen(64)
        found.append(link)
    return found


def handed_on(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes, until its end."""
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


def connect(peer: socket.socket, target: str) -> None:
    """Connect a client with the proxy or, where there is a target, with that target through the proxy."""
    with peer, socket.socket(socket.AF_UNIX) as proxy, contextlib.suppress(OSError):
        proxy.connect(PROXY)
        if target:
            proxy.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                if not (part := proxy.recv(1)):
                    return
                answer += part
            if answer.split(b" ", 2)[1] != b"200":
                print(f"egress: {answer.decode('utf-8', 'replace').splitlines()[0]}", flush=True)
                return
        threading.Thread(target=handed_on, args=(peer, proxy), daemon=True).start()
        handed_on(proxy, peer)


def accept(link: socket.socket, target: str) -> None:
    """Serve one port."""
    while True:
        peer, _address = link.accept()
        threading.Thread(target=connect, args=(peer, target), daemon=True).start()


def serve(links: list[socket.socket], targets: list[str]) -> None:
    """Serve all ports, for ever."""
    for link, target in zip(links[1:], targets[1:]):
        threading.Thread(target=accept, args=(link, target), daemon=True).start()
    accept(links[0], targets[0])
