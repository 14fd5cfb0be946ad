# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of local servers with an inventory of one cluster on them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from local_servers.servers import numbered

from .runs import ROOT, Run, run

# Each clone has servers of its own: what another one left, or runs at this moment, is never in the way.
_CLONE = hashlib.sha256(str(ROOT).encode()).digest()
# Of one family or, with a comma between, of both: the first one is that of cluster_address.
SUBNET = os.environ.get("KEELSON_DRILLS_SUBNET", f"10.89.{128 + _CLONE[0] % 112}.0/24")
SUBNET6 = f"fd89:{_CLONE[0]:x}:{_CLONE[1]:x}::/64"
# For drills that make servers of their own while those of all others are there.
OWN_SUBNET = f"10.90.{128 + _CLONE[0] % 112}.0/24"
#: For local stacks of two environments, whose blocks have three vlans each.
OWN_BLOCKS = tuple(f"10.{second}.{_CLONE[0] // 8 * 8}.0/21" for second in (91, 92))
NAME = os.environ.get("KEELSON_DRILLS_NAME", f"kd{_CLONE[1:3].hex()}")
ENGINE = os.environ.get("KEELSON_DRILLS_ENGINE", "nomad")
# A smaller set, such as "m1 w1", is enough for drills of host nodes.
HOSTS = tuple(os.environ.get("KEELSON_DRILLS_HOSTS", "m1 m2 m3 w1 w2 b1").split())


@dataclass(frozen=True)
class Server:
    """One server; `pool` is empty for a manager, `other` its address of the other family."""

    name: str
    address: str
    pool: str = ""
    other: str = ""


def server(name: str, subnet: str = SUBNET) -> Server:
    """The server of that name: m1, m2 … are managers, w… are of pool web, b… of pool batch, u… of pool burst."""
    first = {"m": 10, "w": 20, "b": 30, "u": 40}[name[0]]
    address, *other = numbered(subnet, first + int(name[1:]))
    return Server(name, address, {"m": "", "w": "web", "b": "batch", "u": "burst"}[name[0]], "".join(other))


def driver(engine: str) -> ModuleType:
    """What of the lab knows an engine: the module of its name."""
    return importlib.import_module(f".{engine}", __package__)


class Lab:
    """Servers of one cluster. Inventory, logs and ssh's shared connections lie in `.demo/<name>`."""

    def __init__(
        self, name: str = NAME, hosts: Sequence[str] = HOSTS, engine: str = ENGINE, subnet: str = SUBNET
    ) -> None:
        """Describe the servers; nothing is made yet."""
        self.name = name
        self.engine = engine
        self.subnet = subnet
        self.generations = 1  # of secrets; a rotation makes more
        self.hosts = [server(host, subnet) for host in hosts]
        self.folder = ROOT / ".demo" / name
        self.connections = self.folder / "cp"

    @property
    def driver(self) -> ModuleType:
        """What of the lab knows the engine: the module of its name."""
        return driver(self.engine)

    @property
    def work(self) -> ModuleType:
        """What puts work on a cluster of the engine: the module of its name and C(load)."""
        return driver(f"{self.engine}_load")

    @property
    def managers(self) -> list[Server]:
        """The cluster managers."""
        return [host for host in self.hosts if not host.pool]

    @property
    def nodes(self) -> list[Server]:
        """The host nodes."""
        return [host for host in self.hosts if host.pool]

    # --- servers ---

    def make(self, *hosts: Server, image: Path | None = None) -> None:
        """Make these servers anew, all of the lab when none is named; plain ones, or of a published server image."""
        self.disconnect()
        self.generations = self.generations if hosts else 1
        self._hosts("network", "--subnet", self.subnet)
        of = ["--image", str(image)] if image else []

        def one(host: Server) -> None:
            self._hosts("server", *of, f"{host.name}={','.join(filter(None, (host.address, host.other)))}")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, hosts or self.hosts))

    def exist(self) -> bool:
        """Whether all servers are there and answer."""
        names = [f"{self.name}-{host.name}" for host in self.hosts]
        found = subprocess.run(["podman", "container", "inspect", *names], capture_output=True, check=False)
        return found.returncode == 0 and all(self.ssh(host, "echo up", check=False) for host in self.hosts)

    def destroy(self, *hosts: Server) -> None:
        """Destroy these servers, all of the lab and its network when none is named."""
        self.disconnect()
        self._hosts("down", *(host.name for host in hosts))

    @contextlib.contextmanager
    def off(self, host: Server) -> Iterator[None]:
        """The server is off meanwhile, as after a power cut."""
        self.podman("stop", host, "-t", "0")
        self.disconnect()
        try:
            yield
        finally:
            self.podman("start", host)
            self.disconnect()

    def disconnect(self) -> None:
        """Close the shared connections: one to a server that was made anew would hang."""
        for socket in self.connections.glob("*") if self.connections.is_dir() else ():
            subprocess.run(["ssh", "-S", str(socket), "-O", "exit", "-"], capture_output=True, check=False)
            socket.unlink(missing_ok=True)

    def _hosts(self, verb: str, *arguments: str) -> None:
        command = [str(ROOT / "tools" / "hosts"), verb, "--name", self.name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

    def podman(self, verb: str, host: Server, *arguments: str) -> None:
        """`podman VERB` on the container that is the server."""
        subprocess.run(["podman", verb, *arguments, f"{self.name}-{host.name}"], capture_output=True, check=True)

    def cpu(self) -> float:
        """CPU seconds that all servers together have used since they were made."""
        names = [f"{self.name}-{host.name}" for host in self.hosts]
        command = ["podman", "stats", "--no-stream", "--format", "{{.CPUNano}}", *names]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return sum(int(line) for line in shown.split()) / 1e9

    def ssh(self, host: Server, command: str, check: bool = True, given: str = "", timeout: float = 300) -> str:
        """What `command` prints on the server, `given` on its input; AssertionError when it fails and `check` is on."""
        self.connections.mkdir(parents=True, exist_ok=True)
        options = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-S", str(self.connections / "lab-%C")]
        done = subprocess.run(
            ["ssh", "-F", str(self.folder / "ssh_config"), *options, host.address, command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, f"{host.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    # --- runs ---

    def inventory(self, variables: Mapping[str, Any] | None = None) -> Path:
        """Write the inventory the stacks plugin would make, with more cluster variables; returns its path."""
        shared = {
            "ansible_user": "root",
            "ansible_ssh_common_args": f"-F {self.folder / 'ssh_config'}",
            "cluster_name": self.name,
            "cluster_engine": self.engine,
            "cluster_environment": "test",
            "cluster_networks": self.subnet.split(","),
            **self.driver.variables(self.subnet),
            **(variables or {}),
        }
        pools = {
            f"{self.name}_pool_{pool}": {
                "vars": {"cluster_pool": pool, "cluster_labels": {"tier": pool}},
                "hosts": {host.name: _variables(host) for host in self.nodes if host.pool == pool},
            }
            for pool in ("web", "batch", "burst")  # the last one has no host, unless a drill adds some
        }
        parts = {
            f"{self.name}_managers": {
                "vars": {"cluster_part": "manager"},
                "hosts": {host.name: _variables(host) for host in self.managers},
            },
            f"{self.name}_nodes": {"vars": {"cluster_part": "node"}, "children": pools},
        }
        cluster = {self.name: {"vars": shared, "children": parts}}
        path = self.folder / "inventory.yml"
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"all": {"children": {"clusters": {"children": cluster}}}}, sort_keys=False))
        return path

    def play(
        self,
        playbook: str,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        cut: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """Run one of the collection's playbooks, or a file, on the cluster; `cut` as the observer's LAB_CUT."""
        name = playbook if playbook.endswith(".yml") else f"keelson.cluster.{playbook}"
        command = ["ansible-playbook", "-i", str(self.inventory(variables)), name, *arguments]
        added = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.connections), **(environment or {})}
        return run(command, self.folder / "run.jsonl", {**added, "LAB_CUT": cut} if cut else added)

    def secrets(self) -> dict[str, Any]:
        """The newest secrets in the first manager's store."""
        kept = self.ssh(self.managers[0], f"ls /etc/keelson/{self.name}/secrets/*.json | tail -n 1 | xargs cat")
        payload: dict[str, Any] = json.loads(kept)["payload"]
        return payload

    def number(self, name: str) -> int:
        """The number of a secret: one, and one more each time that it was replaced."""
        return int(self.secrets().get("rotations", {}).get(name, {"number": 1})["number"])


def _variables(host: Server) -> dict[str, str]:
    return {"ansible_host": host.address, "cluster_address": host.address}
