# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's drills and benches know of engine nomad."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import acl

from .servers import Lab, Server

UNIT = "nomad"
#: A change that is good for host nodes, and one that is not.
GOOD: dict[str, Any] = {"host_node_nomad_config": {"log_level": "DEBUG"}}
WRONG: dict[str, Any] = {"host_node_nomad_config": {"no_such_option": True}}
#: A change for which every manager is restarted.
MANAGERS: dict[str, Any] = {"cluster_manager_nomad_config": {"log_level": "DEBUG"}}
#: What tells a host node's families of addresses.
FAMILIES = (
    "grep -E 'preferred_address_family|bridge_network_subnet_ipv6' /etc/nomad.d/agent.json; cat /etc/docker/daemon.json"
)
#: Of the bench of an install: the plain script, tasks of one host, servers.
SCRIPT, TASKS, HOSTS = "install.sh", 25, ("m1", "m2", "m3", "w1", "w2", "b1")
#: Hosts of the bench of growth, and the most MiB of a server image.
SIZES, IMAGE_MIB = (5, 20, 50), 450.0

#: Of the bench of an upgrade: the plain script, and how long the API may be away, in seconds.
UPGRADE_SCRIPT, AWAY = "upgrade.sh", 0.0
#: In how many seconds the cluster is back when all hosts were off.
COLD_START = 120.0
#: Of the bench of a backup: what is much in a cluster's state, and its engine's own command.
MUCH = "100,000 variables"
SNAPSHOT = "set -a; . /etc/keelson/{cluster}/nomad.env; nomad operator snapshot save {file} </dev/null"

#: The versions of the drills of upgrades, what the bundle needs for them, and the task that changes a manager.
OLD, NEW = "1.10.5", "1.11.3"
VERSIONED = ("nomad",)
MANAGER_TASK = "Restart the manager with the new version"
#: The task after which a host node has joined.
JOIN_TASK = "Run the agent"

#: A package that applications run on, and which updates leave as it is.
HELD = ("docker.io",)

#: Where its secrets may lie on a host.
SECRET_PLACES = ("/etc/nomad.d/", "/var/lib/nomad/")
#: Tasks that hand over secrets, and at which module with some on one host the controller is killed: some read before they write.
SECRET_CUTS = [
    ("Secrets |", 2),
    ("Give the manager its certificate", 2),
    ("what is secret", 1),
    ("Nomad | Start the agent", 1),
    ("Give the host node its certificate", 2),
    ("Join | Run the agent", 1),
]


def secrets(payload: Mapping[str, Any]) -> dict[str, str]:
    """The secrets of a generation by their names."""
    return {name: payload[name] for name in ("ca_key", "gossip_key", "bootstrap_token")}


def host_key(lab: Lab, host: Server) -> str:
    """The private key of a host, '' where it has none yet."""
    return lab.ssh(host, "cat /etc/nomad.d/tls/key.pem 2>/dev/null", check=False)


def variables(_subnet: str) -> dict[str, Any]:
    """Variables of a cluster on servers of that network."""
    return {}


def ask(lab: Lab, path: str, manager: Server | None = None) -> Any:
    """The answer of the cluster's API to GET `path`, asked on a manager with the stored token.

    AssertionError when it gives none, as while a leader is elected.
    """
    script = f"set -a; . /etc/keelson/{lab.name}/nomad.env; nomad operator api -X GET '{path}' </dev/null"
    answer = lab.ssh(manager or lab.managers[0], script)
    try:
        return json.loads(answer)
    except ValueError as error:
        raise AssertionError(f"{path}: no JSON but {answer[:200]!r}") from error


def versions(lab: Lab) -> dict[str, str]:
    """By name, the version each member runs."""
    servers = {m["Name"].partition(".")[0]: m["Tags"]["build"] for m in ask(lab, "/v1/agent/members")["Members"]}
    return servers | {n["Name"]: n["Version"] for n in ask(lab, "/v1/nodes") if n["Status"] == "ready"}


def tokens(lab: Lab) -> list[dict[str, Any]]:
    """The management tokens; reading them proves that the stored one works."""
    return [token for token in ask(lab, "/v1/acl/tokens") if token["Type"] == "management"]


def assert_whole(lab: Lab) -> None:
    """Managers healthy, one bootstrap, every host node ready in its pool with its drivers."""
    health = ask(lab, "/v1/operator/autopilot/health")
    assert health["Healthy"], health
    voters = {
        entry["Address"].rpartition(":")[0].strip("[]")
        for entry in health["Servers"]
        if entry["Voter"] and entry["Healthy"]
    }
    assert voters == {manager.address for manager in lab.managers}, health

    assert [token["Name"] for token in tokens(lab)] == [acl.name_of(lab.number("management_token"))]

    nodes = {
        entry["Name"]: (entry["Status"], entry["NodePool"], entry["SchedulingEligibility"], _drivers(entry))
        for entry in ask(lab, "/v1/nodes")
        if entry["Status"] != "down"
    }
    assert nodes == {host.name: ("ready", host.pool, "eligible", {"docker", "exec"}) for host in lab.nodes}


def ready(lab: Lab) -> dict[str, str]:
    """Pools of the host nodes that take work, by name."""
    return {n["Name"]: n["NodePool"] for n in ask(lab, "/v1/nodes") if n["Status"] == "ready"}


def drained(lab: Lab) -> list[str]:
    """The host nodes that take no work."""
    return [n["Name"] for n in ask(lab, "/v1/nodes") if n["SchedulingEligibility"] != "eligible"]


def addresses(lab: Lab) -> dict[str, str]:
    """By name, where members are that live."""
    managers = {
        m["Name"].partition(".")[0]: m["Addr"]
        for m in ask(lab, "/v1/agent/members")["Members"]
        if m["Status"] == "alive"
    }
    return managers | {n["Name"]: n["Address"] for n in ask(lab, "/v1/nodes") if n["Status"] == "ready"}


def application(lab: Lab, name: str) -> tuple[str, int] | None:
    """The release that an application's job names, and how many instances of it run; None where there is none."""
    found = [job for job in ask(lab, "/v1/jobs") if job["ID"] == name]
    if not found:
        return None
    job = ask(lab, f"/v1/job/{name}")
    live = [a for a in ask(lab, f"/v1/job/{name}/allocations") if a["ClientStatus"] == "running"]
    release = job["TaskGroups"][0]["Tasks"][0]["Env"]["RELEASE"]
    return release, sum(a["JobVersion"] == job["Version"] and a["DesiredStatus"] == "run" for a in live)


def published(lab: Lab, name: str) -> list[str]:
    """Where the instances of an application answer, as URLs."""
    return [f"http://{bracketed(e['Address'])}:{e['Port']}" for e in ask(lab, f"/v1/service/{name}")]


FILL = """
import http.client, os, ssl, threading
host, port = os.environ["NOMAD_ADDR"].removeprefix("https://").rsplit(":", 1)
context = ssl.create_default_context(cafile=os.environ["NOMAD_CACERT"])
context.check_hostname = False
context.load_cert_chain(os.environ["NOMAD_CLIENT_CERT"], os.environ["NOMAD_CLIENT_KEY"])
def put(begin):
    link = http.client.HTTPSConnection(host.strip("[]"), int(port), context=context)
    for number in range(begin, 100000, 16):
        body = '{"Namespace": "default", "Path": "bench/%d", "Items": {"value": "%s"}}' % (number, os.urandom(100).hex())
        link.request("PUT", "/v1/var/bench/%d" % number, body, {"X-Nomad-Token": os.environ["NOMAD_TOKEN"]})
        answer = link.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
threads = [threading.Thread(target=put, args=(begin,)) for begin in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def fill(lab: Lab) -> None:
    """Make a large state."""
    environment = f"set -a; . /etc/keelson/{lab.name}/nomad.env"
    lab.ssh(lab.managers[0], f"{environment}; python3 -", given=FILL, timeout=3000)


def forget(lab: Lab, names: set[str]) -> None:
    """Let the cluster forget host nodes that are gone."""
    script = f"set -a; . /etc/keelson/{lab.name}/nomad.env; nomad operator api -X POST /v1/node/%s/purge </dev/null"
    for node in ask(lab, "/v1/nodes"):
        if node["Name"] in names:
            lab.ssh(lab.managers[0], script % node["ID"])


def _drivers(entry: dict[str, Any]) -> set[str]:
    return {name for name, driver in entry["Drivers"].items() if driver["Healthy"]}
