# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect where: the proxy of a host node and a function's own end of it, both at work."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import http.server
import importlib.util
import json
import os
import pwd
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import egress

FILES = Path(__file__).parents[3] / "roles/faas_runtime/files"


def module(name: str) -> Any:
    """A program of the role as a module."""
    spec = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


class Site(http.server.BaseHTTPRequestHandler):
    """What lies outside."""

    def do_GET(self) -> None:
        """Tell what was asked."""
        body = json.dumps({"path": self.path, "connection": self.headers.get("Connection")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given: Any) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[int]:
    """The port of a server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


class Way:
    """A proxy, and the function's end of it."""

    def __init__(self, folder: Path, rules: list[str], closed: list[str], services: list[str], account: str) -> None:
        self.proxy, relay = module("egress"), module("relay")
        self.proxy.own = lambda _address: False  # the site is on this host
        names = {"site.example.com": ["127.0.0.1"], "closed.example.com": ["169.254.169.254"]}
        self.asked: list[str] = []

        async def looked_up(host: str, _port: int) -> list[str]:
            self.asked.append(host)
            return names[host]

        self.proxy.looked_up = looked_up
        told = {"function": "shop/greet", "egress": [egress.parse(rule) for rule in rules]}
        config = {"closed": closed, "functions": {account: told}, "listen": str(folder / "socket")}
        (folder / "egress.json").write_text(json.dumps(config))
        self.running = self.proxy.Proxy(str(folder / "egress.json"))
        self.loop = asyncio.new_event_loop()
        server = self.loop.run_until_complete(asyncio.start_unix_server(self.running.serve, str(folder / "socket")))
        self.server = server
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        relay.PROXY = str(folder / "socket")
        links = relay.listening([0] * (1 + len(services)))
        self.ports = [link.getsockname()[1] for link in links]
        threading.Thread(target=relay.serve, args=(links, ["", *services]), daemon=True).start()

    def ask(self, url: str) -> tuple[int, str]:
        """An HTTP request with a whole address."""
        link = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)
        link.request("GET", url, headers={"Connection": "keep-alive", "Proxy-Authorization": "x"})
        answer = link.getresponse()
        return answer.status, answer.read().decode()

    def tunnel(self, host: str, port: int) -> str:
        """What a tunnel brings: a site's answer or why there is none."""
        link = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)
        link.set_tunnel(host, port)
        try:
            link.request("GET", "/in")
            return link.getresponse().read().decode()
        except OSError as error:
            return str(error)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Any]:
    """Make one."""
    made: list[Way] = []

    def make(
        rules: list[str], closed: list[str] | None = None, services: list[str] | None = None, account: str = ""
    ) -> Way:
        mine = account or pwd.getpwuid(os.getuid()).pw_name
        made.append(Way(tmp_path, rules, closed or [], services or [], mine))
        return made[-1]

    yield make
    for one in made:
        one.loop.call_soon_threadsafe(one.loop.stop)


def test_what_the_list_names_is_reached(way: Any, site: int) -> None:
    out = way([f"127.0.0.0/8:{site}", "site.example.com"], services=[f"site.example.com:{site}"])
    status, text = out.ask(f"http://127.0.0.1:{site}/a?b=c")
    assert (status, json.loads(text)) == (200, {"path": "/a?b=c", "connection": "close"})
    assert json.loads(out.tunnel("site.example.com", site))["path"] == "/in"
    with socket.create_connection(("127.0.0.1", out.ports[1]), 5) as link:  # a service: plain bytes
        link.sendall(b"GET /db HTTP/1.0\r\n\r\n")
        assert b'"/db"' in link.makefile("rb").read()


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ("http://127.0.0.1:1/", 403, "shop/greet may not reach 127.0.0.1:1: its egress list does not have it"),
        ("http://other.example.com/", 403, "may not reach other.example.com:80: its egress list does not have it"),
        ("http://closed.example.com/", 403, "closed.example.com:80: 169.254.169.254 is closed to functions"),
        ("http://10.0.0.9/", 403, "10.0.0.9:80: 10.0.0.9 is closed to functions"),
        ("http://[::ffff:10.0.0.9]/", 403, "its egress list does not have it"),
        ("/plain", 400, "CONNECT HOST:PORT"),
    ],
)
def test_what_it_does_not_name_or_is_closed_is_refused(way: Any, url: str, status: int, text: str) -> None:
    out = way(["127.0.0.0/8:9", "closed.example.com", "10.0.0.0/8"], ["10.0.0.9", "169.254.0.0/16"])
    found, told = out.ask(url)
    assert (found, text in told) == (status, True), told
    assert "other.example.com" not in out.asked  # a look-up of what the list does not have would tell somebody


def test_a_tunnel_is_told_why(way: Any) -> None:
    assert "403 shop/greet may not reach a.example.com:443" in way(["b.example.com"]).tunnel("a.example.com", 443)


def test_an_account_without_a_list_reaches_nothing(way: Any, site: int) -> None:
    assert way(["127.0.0.0/8"], account="nobody").ask(f"http://127.0.0.1:{site}/")[0] == 403


def test_a_host_that_does_not_answer(way: Any) -> None:
    assert way(["127.0.0.0/8"]).ask("http://127.0.0.1:1/") == (502, "127.0.0.1:1 does not answer\n")


def test_the_host_itself_is_closed() -> None:
    policy = module("egress").Policy({"closed": [], "functions": {}})
    assert not policy.open("127.0.0.1") and policy.open("192.0.2.1")


def test_a_configuration_that_cannot_be_read_changes_nothing(way: Any, site: int, tmp_path: Path) -> None:
    out = way(["127.0.0.0/8"])
    (tmp_path / "egress.json").write_text("{")
    out.running.reload()
    assert out.ask(f"http://127.0.0.1:{site}/")[0] == 200
    (tmp_path / "egress.json").write_text(json.dumps({"closed": [], "functions": {}, "listen": "x"}))
    out.running.reload()
    assert out.ask(f"http://127.0.0.1:{site}/")[0] == 403


@pytest.mark.parametrize(
    ("pattern", "host", "found"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "A.B.Example.com.", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("example.com", "a.example.com", False),
        ("", "a", False),
    ],
)
def test_names(pattern: str, host: str, found: bool) -> None:
    assert module("egress").named(pattern, host) is found


@pytest.mark.parametrize("entry", ["fd00::/8", "[fd00::1]:443", "10.0.0.7", "db", "*.example.com:443"])
def test_entries(entry: str) -> None:
    assert egress.destination(entry) == ""
    with contextlib.suppress(ValueError):
        assert not egress.closed_to(entry, ["10.0.0.1", "10.0.0.8/32"])
