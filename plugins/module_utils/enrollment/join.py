# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new host joins its cluster at its first boot, with nobody at a keyboard. Standard library only.

It reads its join document (JSON), asks one manager after the other to be let in, writes what it is answered, starts the units,
does what its engine does to join, and asks the managers until they see it as a member. It may be cut off anywhere and starts
again: its key and the answer are kept until it has joined.

An engine calls main with what it does on the host itself: python3 -m utils.ENGINE.joining_host
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..cluster.remote import whole
from ..host import atomic
from ..host import files as host_files
from ..host import units as service_units
from ..host.receipts import PATH, TREE, Entry, Receipts, missing_parents

DOCUMENT = "/etc/keelson/join.json"
FOLDER = "/var/lib/keelson/join"
STATE = "/var/lib/keelson/join.json"  # what came of it, for people and their monitoring
FIELDS = ("cluster", "engine", "pool", "managers", "ca", "token")
KEY, ANSWER = "key.pem", "enrollment.json"  # in that folder
FINAL = (400, 401, 403, 410)  # HTTP statuses that mean no for good, to a token or a request; all others may pass
PATIENCE = 30.0  # seconds for one request
PAUSE = 2.0  # seconds between two rounds of asking
ENTRY = {"state": "file", "content": None, "data": None, "target": None, "mode": None, "owner": "root", "group": "root"}


class Refused(Exception):
    """The host cannot join, and asking again would change nothing; the message says why and what to do."""


@dataclass(frozen=True)
class Document:
    """Whom to ask, and with what token. C(managers) are URLs; C(address) is '' where the host's own is found by asking."""

    cluster: str
    engine: str
    pool: str
    managers: tuple[str, ...]
    ca: str
    token: str
    address: str = ""
    name: str = ""


def read_document(path: str, fetch: Callable[[str], str]) -> Document:
    """Read a join document, or the one at the HTTPS address that it names as C(url).

    Raises Refused when it is wrong, OSError when it cannot be read now or is half written.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError as error:
        raise Refused(f"there is no {path}; issue a join document with the enroll playbook") from error
    if text.strip() and not text.lstrip().startswith(("{", "[")):
        raise Refused(f"{path} cannot be read as a join document; issue it anew with the enroll playbook")
    found = parse(path, text)
    if isinstance(found, dict) and set(found) == {"url"}:
        path = str(found["url"])
        place_of(path)
        found = parse(path, fetch(path))
    missing = [name for name in FIELDS if not found.get(name)] if isinstance(found, dict) else list(FIELDS)
    if missing:
        raise Refused(f"{path} lacks {', '.join(missing)}; issue it anew with the enroll playbook")
    known = {key: value for key, value in found.items() if key in Document.__dataclass_fields__}
    managers = known.pop("managers")
    wrong = [key for key, value in known.items() if not isinstance(value, str)]
    if wrong or not isinstance(managers, list):
        raise Refused(f"{path}: wrong type of {', '.join(wrong) or 'managers'}; issue it anew with the enroll playbook")
    for manager in managers:
        place_of(manager)
    try:
        ssl.create_default_context(cadata=known["ca"])
    except (TypeError, ValueError, ssl.SSLError) as error:
        raise Refused(f"{path}: ca is no certificate ({error}); issue it anew with the enroll playbook") from error
    return Document(**known, managers=tuple(managers))


def parse(path: str, text: str) -> Any:
    """Read JSON. Raises OSError when it is none, for it may be half written."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OSError(f"{path} is no whole join document ({error}); it is read again") from error


def place_of(url: Any) -> tuple[str, int, str]:
    """Host, port, and path with query of an HTTPS address. Raises Refused when it is none."""
    try:
        place = urllib.parse.urlsplit(url)
        if place.scheme != "https" or not place.hostname:
            raise ValueError("a join document, which holds a secret, is sent over HTTPS alone")
        return place.hostname, place.port or 443, f"{place.path or '/'}{'?' if place.query else ''}{place.query}"
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"{url!r} is no HTTPS address: {error}; correct it in the join document") from error


def fetch(url: str) -> str:
    """Read a text over HTTPS, trusting what the system trusts. Raises Refused, OSError."""
    host, port, path = place_of(url)
    link = http.client.HTTPSConnection(host, port, timeout=PATIENCE)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        text = whole(answer).decode()
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"{url}: {error}") from error
    finally:
        link.close()
    if answer.status != 200:
        message = f"{url} answers {answer.status} {answer.reason}"
        raise Refused(f"{message}; issue the document anew") if answer.status in FINAL else OSError(message)
    return text


def own_address(manager: str) -> str:
    """The address from which this host reaches a manager. Raises OSError."""
    host, port, _path = place_of(manager)
    with socket.create_connection((host, port), PATIENCE) as link:
        return str(link.getsockname()[0])


def host_name(given: str) -> str:
    """The name to join under: the given one, else the host's own, made unlike others' where it is a default."""
    name = given or socket.gethostname().split(".")[0].lower()
    if name in ("", "localhost", "debian", "host"):
        with open("/etc/machine-id", encoding="ascii") as file:
            name = f"{name or 'host'}-{file.read(8)}"
    return name


def make_request(folder: str) -> str:
    """A certificate request (PEM) for the key in a folder, which is made where there is none. Raises CalledProcessError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    key = os.path.join(folder, KEY)
    if not os.path.exists(key) or not os.path.getsize(key):  # as a power cut leaves it
        command = [
            "openssl",
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            f"{key}.partial",
        ]
        with umask(0o077):
            subprocess.run(command, check=True, capture_output=True)
        with open(f"{key}.partial", "rb") as file:
            os.fsync(file.fileno())
        os.replace(f"{key}.partial", key)
    command = ["openssl", "req", "-new", "-key", key, "-subj", "/CN=host"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def umask(mask: int) -> Any:
    """Make files with this mask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def ask(
    manager: str, path: str, ca: str, body: dict[str, str], identity: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Ask one manager, as the host that has the files of C(identity). Raises Refused when it says no for good, OSError when it cannot answer now."""
    host, port, _path = place_of(manager)
    context = ssl.create_default_context(cadata=ca)
    if identity:
        context.load_cert_chain(*identity)
    link = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)
    try:
        link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = link.getresponse()
        answer: dict[str, Any] = json.loads(whole(reply))
        if not isinstance(answer, dict):
            raise ValueError("no JSON object")
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"{manager} answers nonsense ({error})") from error
    finally:
        link.close()
    if reply.status in FINAL:
        raise Refused(f"{manager} says: {answer.get('error')}")
    if reply.status != 200:
        raise OSError(f"{manager}: {answer.get('error')}")
    return answer


@dataclass(frozen=True)
class Asking:
    """One host's questions to the managers of its document, until a deadline (of the monotonic clock)."""

    document: Document
    request: str
    deadline: float
    say: Callable[[str], None]

    def until_answered(self, path: str, why: str) -> dict[str, Any]:
        """What a manager answers, asked in turn until one does. Raises Refused, OSError when none does in time."""
        while True:
            faults = []
            for manager in self.document.managers:
                try:
                    return ask(manager, path, self.document.ca, self.body(manager))
                except OSError as error:
                    faults.append(str(error) if manager in str(error) else f"{manager}: {error}")
            if time.monotonic() > self.deadline:
                raise OSError(f"{why}: {'; '.join(faults)}")
            self.say(f"{why}: {'; '.join(faults)}")
            time.sleep(PAUSE)

    def body(self, manager: str) -> dict[str, str]:
        """What a manager is told. Raises OSError when it cannot be reached."""
        return {
            "token": self.document.token,
            "name": host_name(self.document.name),
            "address": self.document.address or own_address(manager),
            "request": self.request,
        }


def enrollment(asking: Asking, folder: str) -> dict[str, Any]:
    """What a manager answers to this host, or what was answered before a cut. Raises Refused, OSError."""
    kept, number = os.path.join(folder, ANSWER), asking.document.token.partition(".")[0]
    with contextlib.suppress(FileNotFoundError, ValueError), open(kept, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
        if found.get("token") == number:
            return dict(found["answer"])
    answer = asking.until_answered("/v1/join", "no manager lets this host in")
    atomic.write(kept, json.dumps({"token": number, "answer": answer}))
    return answer


@dataclass(frozen=True)
class HostSide:
    """What an engine does with an answer on the new host: the files to write, by the host's own key too, and the join itself."""

    files: Callable[[dict[str, Any], str], list[dict[str, Any]]]
    join: Callable[[dict[str, Any], str], None]


def settle(answer: dict[str, Any], engine: HostSide, folder: str, component: str, cluster: str) -> None:
    """Write the files of an answer, start its units, and let the engine join. Raises FileError, OSError."""
    with open(os.path.join(folder, KEY), encoding="ascii") as file:
        key = file.read()
    entries = [{**ENTRY, "secret": False, **entry} for entry in engine.files(answer, key)]
    receipts = Receipts(component)
    own = (f"/etc/keelson/{cluster}", STATE, folder)
    receipts.record(
        entry for path in own for entry in (*missing_parents(path, receipts), Entry(PATH, path, None, TREE))
    )
    host_files.ensure_all(entries, False, [], receipts)
    for entry in answer["units"]:
        unit = service_units.Unit(**entry)
        state = service_units.read(unit)
        receipts.record([service_units.recorded(unit, state)])
        for step in service_units.plan(unit, state):
            fault = service_units.carry_out(unit, step)
            if fault:
                raise OSError(fault)
    engine.join(answer, key)


def report(state: str, message: str, path: str = STATE) -> None:
    """Say in the journal and in a file what came of it."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    atomic.write(path, json.dumps({"state": state, "message": message, "time": moment}), 0o644)


def drop(folder: str, *names: str) -> None:
    """Delete files that may be there."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))


def main(engine: str, host_side: HostSide, path: str = DOCUMENT, folder: str = FOLDER, patience: float = 600.0) -> int:
    """Join once; returns the exit code: 0 joined, 1 to be tried again, 2 refused."""
    try:
        document = read_document(path, fetch)
        if document.engine != engine:
            raise Refused(
                f"the cluster {document.cluster} runs {document.engine}, and this host is prepared for {engine}; "
                "start it from the other engine's image"
            )
        report("joining", f"joining pool {document.pool} of cluster {document.cluster}")
        deadline = time.monotonic() + patience
        asking = Asking(document, make_request(folder), deadline, lambda message: report("waiting", message))
        settle(enrollment(asking, folder), host_side, folder, engine, document.cluster)
        asking.until_answered("/v1/joined", "this host is no member yet")
    except Refused as error:
        # Out of the way, so that it is not tried for ever; a new document may come at any time.
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, f"{path}.refused")
        drop(folder, ANSWER)
        report("refused", str(error))
        return 2
    except (OSError, host_files.FileError, subprocess.SubprocessError) as error:
        # What was answered may be too old: the next try asks anew.
        drop(folder, ANSWER)
        report("waiting", f"not joined yet: {error}")
        return 1
    # The token is of no more use here, and neither is anything else of the join.
    drop(folder, ANSWER, KEY, path)
    report("joined", f"joined pool {document.pool} of cluster {document.cluster}")
    return 0
