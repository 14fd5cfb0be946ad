# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on a Nomad cluster while something is done to it: an application that gets requests, and a batch job."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.sample import SECOND, job
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

from . import inside, nomad
from .requests import Requests
from .servers import Lab
from .waiting import wait

ONCE, ASKER = "ends-once", "asks-from-inside"
INSTANCES = '{{ range nomadService "keelson-sample" }}http://{{ .Address }}:{{ .Port }}/ {{ end }}'


def submit(lab: Lab, description: dict[str, Any]) -> None:
    """Register a job."""
    script = f"set -a; . /etc/keelson/{lab.name}/nomad.env; nomad operator api -X POST /v1/jobs"
    lab.ssh(lab.managers[0], script, given=json.dumps({"Job": description}))


def running(lab: Lab) -> int:
    """How many instances of the sample application run."""
    found = nomad.ask(lab, "/v1/job/keelson-sample/allocations")
    return sum(entry["ClientStatus"] == "running" and entry["DesiredStatus"] == "run" for entry in found)


def remove(lab: Lab, name: str) -> None:
    """Remove a job."""
    script = f"set -a; . /etc/keelson/{lab.name}/nomad.env; nomad job stop -purge -detach {name} </dev/null"
    lab.ssh(lab.managers[0], script, check=False)


def begin_once(lab: Lab, seconds: int) -> None:
    """Begin a batch job that runs once for so long."""
    task = {
        "Name": "sleep",
        "Driver": "exec",
        "Config": {"command": "/bin/sleep", "args": [str(seconds)]},
        "Resources": {"CPU": 20, "MemoryMB": 32},
        "LogConfig": {"MaxFiles": 1, "MaxFileSizeMB": 2},
    }
    group = {"Name": "one", "Count": 1, "Tasks": [task], "EphemeralDisk": {"SizeMB": 10}}
    submit(
        lab,
        {"ID": ONCE, "Name": ONCE, "Type": "batch", "Datacenters": ["*"], "NodePool": "web", "TaskGroups": [group]},
    )
    wait("the batch job", lambda: bool(nomad.ask(lab, f"/v1/job/{ONCE}/allocations")), 30)


def ended_once(lab: Lab) -> bool:
    """Whether the batch job ran to its end, and that one time; it is removed."""
    ended = [run["ClientStatus"] for run in nomad.ask(lab, f"/v1/job/{ONCE}/allocations")]
    remove(lab, ONCE)
    return ended == ["complete"]


def asker() -> dict[str, Any]:
    """A system job that asks the instances of the sample application from every host node, as service discovery has them."""
    task = {
        "Name": "ask",
        "Driver": "exec",
        "Config": {"command": "/usr/bin/python3", "args": ["-c", inside.ASK, "/local/counts.json", "/local/instances"]},
        "Templates": [{"EmbeddedTmpl": INSTANCES, "DestPath": "local/instances", "ChangeMode": "noop"}],
        "Resources": {"CPU": 50, "MemoryMB": 64},
        "LogConfig": {"MaxFiles": 1, "MaxFileSizeMB": 2},
    }
    group = {"Name": "one", "Tasks": [task], "EphemeralDisk": {"SizeMB": 10}}
    return {
        "ID": ASKER,
        "Name": ASKER,
        "Type": "system",
        "Datacenters": ["*"],
        "NodePool": "all",
        "TaskGroups": [group],
    }


def apis_of(lab: Lab) -> list[Api]:
    """How this machine, as a client with a certificate of its own, reaches the API of each manager."""
    secrets = lab.secrets()
    pair = pki.issue(pki.Pair(secrets["ca_certificate"], secrets["ca_key"]), pki.sort_names("client", ["localhost"]), 1)
    files = {"ca": secrets["ca_certificate"], "cert": pair.certificate, "key": pair.key}
    for name, text in files.items():
        (lab.folder / f"client-{name}.pem").write_text(text)
    paths = [str(lab.folder / f"client-{name}.pem") for name in files]
    return [Api(manager.address, 4646, *paths, secrets["bootstrap_token"]) for manager in lab.managers]


def endpoint(lab: Lab) -> Callable[[], bool]:
    """What tells whether the API answers through any manager that lives, which takes a leader."""
    apis = apis_of(lab)

    def one() -> bool:
        for api in apis:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if api.exchange("GET", "/v1/nodes")[0] == 200:
                    return True
        return False

    def asked() -> bool:
        nonlocal apis
        if one():
            return True
        with contextlib.suppress(AssertionError):  # the secrets may be others by now
            apis = apis_of(lab)
        return one()

    return asked


def answers(address: str) -> bool:
    """Whether an instance answers."""
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=1) as answer:
        return bool(answer.status == 200)
    return False


@dataclass
class Load(Requests):
    """Requests to the instances that service discovery has, from outside, until the end."""

    lab: Lab
    service: str = "keelson-sample"
    space: str = "default"
    known: list[str] = field(default_factory=list)

    def discover(self) -> None:
        """Do as a load balancer: learn of each change at once from whichever manager answers, and use an instance once it is well."""
        apis, index = apis_of(self.lab), "0"
        while not self.over.is_set():
            for api in apis:
                with (
                    contextlib.suppress(OSError, http.client.HTTPException, ValueError),
                    api.answered(
                        "GET", f"/v1/service/{self.service}?namespace={self.space}&index={index}&wait=1s"
                    ) as reply,
                ):
                    found = [f"http://{entry['Address']}:{entry['Port']}/" for entry in json.loads(reply.read())]
                    index = reply.headers["X-Nomad-Index"]
                    self.known = [address for address in found if address in self.known]
                    self.known += [address for address in found if address not in self.known and answers(address)]
                    break
            else:
                self.over.wait(0.2)
                with contextlib.suppress(AssertionError):  # the secrets may be others by now
                    apis = apis_of(self.lab)

    def ask(self) -> None:
        """Ask every known instance in turn, one request every 20 ms."""
        while not self.over.is_set():
            for address in list(self.known):
                self.request(address)
            time.sleep(0.01)


@contextlib.contextmanager
def load(lab: Lab) -> Iterator[Load]:
    """The sample application at three instances in pool web, with requests all the time."""
    lab.play("tests/drills/sample_image.yml").expect()
    application = job("web", sample_image(lab), 3, "1")
    application["TaskGroups"][0]["ShutdownDelay"] = 6 * SECOND  # clients learn of its end before
    submit(lab, application)
    try:
        with asked(Load(lab), 3) as asking:
            yield asking
    finally:
        remove(lab, "keelson-sample")


@contextlib.contextmanager
def asked(asking: Load, instances: int) -> Iterator[Load]:
    """Requests all the time to the instances of an application that runs."""
    threads = [threading.Thread(target=work, daemon=True) for work in (asking.discover, asking.ask)]
    for thread in threads:
        thread.start()
    try:
        wait(f"{instances} instances", lambda: len(asking.known) == instances, 90)
        yield asking
    finally:
        asking.over.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def from_inside(lab: Lab) -> Iterator[Requests]:
    """Requests to the sample application from every host node, counted at the end."""
    counts = "/var/lib/nomad/alloc/*/ask/local/counts.json"
    for host in lab.nodes:
        lab.ssh(host, f"rm -f {counts}")  # of a job before
    submit(lab, asker())
    try:
        with inside.counted(lab, counts) as asking:
            yield asking
    finally:
        remove(lab, ASKER)


def sample_image(lab: Lab) -> str:
    """The name of the sample application's image on the host nodes."""
    return lab.ssh(lab.nodes[0], "docker images --format '{{.Repository}}:{{.Tag}}' | grep sample").split()[0]
