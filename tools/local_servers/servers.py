# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of servers: one network, one ssh key, and the containers on it; its files lie in `.demo/NAME`."""

from __future__ import annotations

import ipaddress
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from . import debian, published
from .programs import ROOT, Fault, asked, run, succeeds

LABEL, ADDRESS, FOLDER = "keelson", "keelson.address", "keelson.folder"
# The anonymous volumes keep overlay file systems from lying on one another.
VOLUMES = ("containerd", "docker", "kubelet", "etcd", "nomad")
# %h: one file of known hosts per address, so that servers made side by side do not write the same file.
SSH_CONFIG = """Host *
  User root
  IdentityFile "{folder}/id_ed25519"
  IdentitiesOnly yes
  UserKnownHostsFile "{folder}/known_hosts.d/%h"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
  LogLevel ERROR
"""


def placed(hosts: list[str], subnet: str) -> dict[str, str]:
    """The addresses of each HOST[=ADDRESS]; one without gets address 11 and on of each subnet, by its place."""
    pairs = (host.partition("=") for host in hosts)
    return {name: address or ",".join(numbered(subnet, 11 + n)) for n, (name, _, address) in enumerate(pairs)}


def numbered(subnet: str, number: int) -> list[str]:
    """The address of that number in each subnet; several have commas between."""
    return [str(ipaddress.ip_network(part)[number]) for part in subnet.split(",")]


def first(address: str) -> str:
    """Of a server's addresses the one by which it is reached."""
    return address.partition(",")[0]


def mac(address: str) -> str:
    """The MAC of a server: one made anew keeps it, so that no neighbour table sends its first packets nowhere."""
    return ":".join(["0a", "58", *(f"{octet:02x}" for octet in ipaddress.ip_address(first(address)).packed[-4:])])


def inventory(folder: Path, addresses: dict[str, str]) -> str:
    """An inventory of the servers."""
    lines = [
        f"    {name}: {{ansible_host: '{first(at)}', cluster_address: '{first(at)}'}}\n"
        for name, at in addresses.items()
    ]
    return (
        f"all:\n  vars: {{ansible_user: root, ansible_ssh_common_args: '-F {folder}/ssh_config'}}\n"
        f"  hosts:\n{''.join(lines)}"
    )


@dataclass(frozen=True)
class Servers:
    """The set of that name; `root` is the clone it belongs to."""

    name: str
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """Where the key, ssh's configuration, known hosts and the inventory lie."""
        return self.root / ".demo" / self.name

    def network(self, subnet: str) -> None:
        """Make the network, the key and ssh's configuration, unless they are there."""
        self._refuse_foreign()
        if not succeeds("podman", "network", "exists", self.name):
            labels = [f"--label={LABEL}={self.name}", f"--label={FOLDER}={self.folder}"]
            try:
                subnets = [f"--subnet={part}" for part in subnet.split(",")]
                run("podman", "network", "create", "--disable-dns", *subnets, *labels, self.name)
            except Fault as fault:
                raise Fault(f"network {self.name}: {fault}; a set of servers has a subnet of its own") from fault
        (self.folder / "known_hosts.d").mkdir(parents=True, exist_ok=True)
        key = self.folder / "id_ed25519"
        if not key.exists():
            for part in self.folder.glob(".key*"):
                part.unlink()
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", self.folder / ".key")
            (self.folder / ".key.pub").rename(self.folder / "id_ed25519.pub")
            (self.folder / ".key").rename(key)
        (self.folder / "ssh_config").write_text(SSH_CONFIG.format(folder=self.folder), encoding="utf-8")

    def up(self, hosts: list[str], subnet: str, image: Path | None = None) -> None:
        """Make the network and those servers that do not run at their addresses; write the inventory."""
        addresses = placed(hosts, subnet)
        self.network(subnet)
        (self.folder / "hosts.yml").write_text(inventory(self.folder, addresses), encoding="utf-8")
        for host, address in addresses.items():
            if not self._runs(host, address):
                self.server(host, address, image)
            print(f"hosts: {self.name}-{host} is up at {address}", flush=True)

    def server(self, host: str, address: str, image: Path | None = None) -> None:
        """Make one server anew and wait until it lets us in."""
        self._refuse_foreign()
        if not (self.folder / "id_ed25519").exists():
            make = f"tools/hosts network --name {self.name} --subnet CIDR"
            raise Fault(f"there is no network {self.name}; make it first: {make}")
        name = published.image(image) if image else debian.image(debian.PLAIN_SERVER, debian.BOOTS)
        self._remove(host)
        run(*self._start(host, address, name))
        self._await_boot(host)
        authorize = "umask 077; mkdir -p /root/.ssh; cat > /root/.ssh/authorized_keys"
        public = (self.folder / "id_ed25519.pub").read_text(encoding="utf-8")
        run("podman", "exec", "-i", f"{self.name}-{host}", "sh", "-c", authorize, given=public)
        key = run("podman", "exec", f"{self.name}-{host}", "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        reached = first(address)
        (self.folder / "known_hosts.d" / reached).write_text(f"{reached} {key}\n", encoding="utf-8")
        if not succeeds(*self.ssh(reached), "true"):
            raise Fault(f"{host} at {reached} does not let us in by ssh")

    def down(self, hosts: list[str]) -> None:
        """Remove these servers; all of them, the network and the files when none is named."""
        self._refuse_foreign()
        if hosts:
            for host in hosts:
                self._remove(host)
            return
        listed = run("podman", "ps", "-a", "--filter", f"label={LABEL}={self.name}", "--format", "{{.Names}}")
        for container in listed.split():
            self._remove(container.removeprefix(f"{self.name}-"))
        if succeeds("podman", "network", "exists", self.name):
            run("podman", "network", "rm", self.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ssh(self, host: str) -> list[str]:
        """The command that logs in to a server, by its name or address."""
        return ["ssh", "-F", str(self.folder / "ssh_config"), first(self.address(host)) or host]

    def address(self, host: str) -> str:
        """The addresses of a server; empty when there is none of that name."""
        return asked("podman", "inspect", "-f", f'{{{{index .Config.Labels "{ADDRESS}"}}}}', f"{self.name}-{host}")

    # --- parts ---

    def _refuse_foreign(self) -> None:
        owner = asked("podman", "network", "inspect", "-f", f'{{{{index .Labels "{FOLDER}"}}}}', self.name)
        if owner and Path(owner) != self.folder and Path(owner).exists():
            raise Fault(f"the servers {self.name} belong to {owner}: choose another name, and a subnet of its own")

    def _runs(self, host: str, address: str) -> bool:
        running = asked("podman", "inspect", "-f", "{{.State.Running}}", f"{self.name}-{host}") == "true"
        known = (self.folder / "known_hosts.d" / first(address)).exists()
        return running and known and self.address(host) == address

    def _start(self, host: str, address: str, image: str) -> list[str]:
        # Limits are this machine's own, since raising them may not be allowed; a private cgroup namespace lets the
        # server run containers itself.
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return [
            *["podman", "--runtime", "runc", "run", "-d", "--name", f"{self.name}-{host}", "--hostname", host],
            *[f"--label={LABEL}={self.name}", f"--label={ADDRESS}={address}"],
            *["--network", self.name, "--mac-address", mac(address)],
            *(f"--ip{'6' if ':' in one else ''}={one}" for one in address.split(",")),
            # What podman does for systemd, but that it mounts this machine's whole tree of it: servers would share that, and
            # one that stops would remove the groups of all others.
            *["--privileged", "--cgroupns=private", "--systemd=false", "--stop-signal=SIGRTMIN+3"],
            *(f"--tmpfs={path}:rw,exec,nosuid,nodev" for path in ("/run", "/run/lock", "/tmp", "/var/log/journal")),
            "--restart=always",  # a server that reboots comes back; one that podman stops or kills does not
            *["--ulimit", f"nofile={files}", "--ulimit", "nproc=32768:32768"],
            *(f"--volume=/var/lib/{volume}" for volume in VOLUMES),
            *[image, "/lib/systemd/systemd"],
        ]

    def _await_boot(self, host: str, tries: int = 100) -> None:
        inside, state = ("podman", "exec", f"{self.name}-{host}"), ""
        for _ in range(tries):  # right after the start there is nobody yet to ask
            state = asked(*inside, "timeout", "120", "systemctl", "is-system-running", "--wait")
            if state == "running":
                return
            if state == "degraded":
                failed = " ".join(run(*inside, "systemctl", "--failed", "--no-legend").split())
                raise Fault(f"{host} came up degraded: {failed}")
            time.sleep(0.2)
        raise Fault(f"{host} does not come up (systemd says: {state})")

    def _remove(self, host: str) -> None:
        address = self.address(host)
        if not address:
            return
        for socket in (Path.home() / ".ansible" / "cp").glob(f"{first(address)}-*"):
            # A connection of Ansible's to a server made anew would hang.
            if not succeeds("ssh", "-S", socket, "-O", "exit", "-"):
                socket.unlink(missing_ok=True)
        run("podman", "rm", "-f", "-v", "-t", "0", f"{self.name}-{host}")
        (self.folder / "known_hosts.d" / first(address)).unlink(missing_ok=True)
