# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of functions, each alone, as a pipeline tests it before it is deployed; and the launcher's own parts."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import objects as knative_objects
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs

ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def running(path: str) -> Iterator[str]:
    """An example with a port of its own."""
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        port = link.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples/functions" / path)], env={**os.environ, "PORT": str(port)}
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of an answer."""
    request = urllib.request.Request(url, body, {name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("folder", ["cron", "http", "queue"])
def test_an_example_passes_its_own_tests(folder: str) -> None:
    """As the pipeline runs them; none would pass too."""
    command = [sys.executable, "-m", "unittest"]
    done = subprocess.run(
        command, cwd=ROOT / "examples/functions" / folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and re.search(r"Ran [1-9]\d* test", done.stderr), done.stderr


@pytest.mark.parametrize(("path", "status"), [("cron/tick.py", 204), ("http/greet.py", 501), ("queue/order.py", 422)])
def test_an_example_listens_where_it_is_told_to(path: str, status: int) -> None:
    with running(path) as url:
        assert ask(url, b"", ce_id="a", ce_subject="tick")[0] == status


@pytest.mark.parametrize("engine", [nomad_jobs, knative_objects], ids=["nomad", "kubernetes"])
def test_the_demo_deploys_what_lies_here_on_each_engine(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    given = yaml.safe_load((ROOT / "examples/functions/demo.yml").read_text())
    assert len(artifacts.read(functions.read(given["faas_tenants"], given["faas_functions"], engine.refused))) == 3


def test_leak_finds_in_one_process_what_it_planted() -> None:
    token = os.urandom(8).hex()
    try:
        with running("leak/leak.py") as url:
            planted = json.loads(ask(url, json.dumps({"do": "plant", "token": token}).encode())[1])["planted"]
            found = json.loads(ask(url, json.dumps({"do": "search", "token": token}).encode())[1])["found"]
            assert planted["global"] == "planted" and found["global"] and found["tmp"] and found["process"], found
            missed = json.loads(ask(url, json.dumps({"do": "search", "token": "0" * 16}).encode())[1])["found"]
            assert not missed["global"] and not missed["process"]
    finally:
        for path in Path("/proc").glob("[0-9]*/cmdline"):  # the process it leaves behind has the token as its argument
            with contextlib.suppress(OSError):
                if token.encode() in path.read_bytes():
                    os.kill(int(path.parent.name), signal.SIGKILL)
        for folder in ("/tmp", "/var/tmp", "/dev/shm", os.environ.get("HOME", "/tmp"), "."):
            for path in Path(folder).glob("keelson-leak*"):
                path.unlink()


def launcher() -> Any:
    """The launcher as a module."""
    spec = importlib.util.spec_from_file_location("launcher", ROOT / "roles/faas_runtime/files/launcher.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judge(program: bytes, audit: int, number: int) -> int:
    """What a seccomp program says of a system call; a small interpreter of the instructions it uses."""
    steps = [program[at : at + 8] for at in range(0, len(program), 8)]
    at, kept = 0, 0
    while True:
        code, yes, no = int.from_bytes(steps[at][:2], sys.byteorder), steps[at][2], steps[at][3]
        value = int.from_bytes(steps[at][4:], sys.byteorder)
        if code == 0x06:
            return value
        if code == 0x20:
            kept, at = (number if value == 0 else audit), at + 1
        else:
            true = kept == value if code == 0x15 else kept >= value
            at += 1 + (yes if true else no)


def test_the_key_store_is_refused_and_nothing_else() -> None:
    module = launcher()
    audit, *numbers = module.KEYRINGS[os.uname().machine]
    program = module.keyrings_refused()
    assert {judge(program, audit, number) for number in numbers} == {module.REFUSED}
    assert {judge(program, audit, number) for number in range(1000) if number not in numbers} == {module.ALLOWED}
    assert judge(program, audit, 0x40000000 + numbers[0]) == module.REFUSED
    assert judge(program, audit ^ 1, 1) == module.KILLED


@pytest.mark.parametrize("text", [b"one\ntwo\n", b"x" * 10**6 + b"the end"])
def test_the_end_of_what_a_function_writes_is_kept(text: bytes) -> None:
    output = launcher().Output()
    if not (child := os.fork()):
        os.write(output.target, text)
        os._exit(0)
    os.close(output.target)
    output.start()
    os.waitpid(child, 0)
    output.join(5)
    assert output.text() == text[-16 * 1024 :].decode()


def test_an_answer_keeps_all_its_cookies() -> None:
    """The one header that comes several times and is not one line."""

    class Cookies(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            for cookie in ("a=1; Path=/", "b=2"):
                self.send_header("Set-Cookie", cookie)
            self.end_headers()

        def log_message(self, *_given: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cookies)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answer = launcher().ask({}, server.server_port, time.monotonic() + 30, 1000, os.getpid())
    server.shutdown()
    server.server_close()
    assert (answer["status"], answer["cookies"]) == (200, ["a=1; Path=/", "b=2"])
