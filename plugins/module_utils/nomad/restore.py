# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a Nomad manager on the state of a backup before its agent starts. Standard library only.

A data directory without the mark of the cluster's restore is from before it and is moved aside. On the manager that has the
backup's files, a server that listens on loopback alone takes the snapshot, so that no host node meets a cluster without its jobs;
then the manager is made the only peer of raft, and the others join it.
https://developer.hashicorp.com/nomad/docs/manage/outage-recovery
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from ..backup import restoring
from ..backup.restoring import marked, unused
from ..cluster.remote import ApiError, bracketed, wait_for
from ..host import programs
from .api import Api
from .backup import PATIENCE, SNAPSHOT
from .ports import HTTP, RPC

DATA = "/var/lib/nomad"
MARK = "keelson-restore"
TEMPORARY = "keelson-nomad-restore.service"
USER = "nomad"


@dataclass(frozen=True)
class Restore(restoring.Restore):
    """See the base. C(data) is the agent's data directory."""

    data: str = DATA

    @property
    def server(self) -> str:
        """What a server keeps."""
        return os.path.join(self.data, "server")

    @property
    def scratch(self) -> str:
        """Where the state is made before it takes its place."""
        return os.path.join(self.data, f"restore-{self.id}")

    def done(self) -> bool:
        """Whether the data directory is of this restore."""
        return marked(os.path.join(self.server, MARK), self.id)

    def make(self, timeout: float) -> None:
        """Make it so. Raises ApiError, OSError, subprocess's errors."""
        for unit in ("nomad.service", TEMPORARY):
            programs.run(["systemctl", "stop", unit])
        shutil.rmtree(self.scratch, ignore_errors=True)
        snapshot = os.path.join(self.folder, "nomad", SNAPSHOT)
        os.makedirs(os.path.join(self.scratch, "server"))
        if os.path.exists(snapshot):
            self._own(self.scratch)
            self._load(snapshot, timeout)
        with open(os.path.join(self.scratch, "server", MARK), "w", encoding="ascii") as file:
            file.write(self.id)
        self._own(self.scratch)
        if os.path.isdir(self.server):
            os.rename(self.server, unused(f"{self.server}.before-{self.id}"))
        os.rename(os.path.join(self.scratch, "server"), self.server)
        shutil.rmtree(self.scratch)

    def _load(self, snapshot: str, timeout: float) -> None:
        path = os.path.join(self.scratch, "agent.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self._agent(), file)
        self._own(path)
        agent = ["/usr/local/bin/nomad", "agent", f"-config={path}"]
        start = ["systemd-run", "--quiet", "--collect", f"--unit={TEMPORARY}", f"--uid={USER}", f"--gid={USER}"]
        programs.run([*start, "--property=KillSignal=SIGINT", "--property=SuccessExitStatus=1", *agent], check=True)
        try:
            tls = self._agent()["tls"]
            api = Api("127.0.0.1", HTTP, tls["ca_file"], tls["cert_file"], tls["key_file"], "", PATIENCE)
            self._put(api, snapshot, timeout)
        finally:
            programs.run(["systemctl", "stop", TEMPORARY])
        server = os.path.join(self.scratch, "server")
        with open(os.path.join(server, "node-id"), encoding="ascii") as file:
            number = file.read().strip()
        with open(os.path.join(server, "raft", "peers.json"), "w", encoding="utf-8") as file:
            json.dump([{"id": number, "address": f"{bracketed(self.address)}:{RPC}", "non_voter": False}], file)

    @staticmethod
    def _put(api: Api, snapshot: str, timeout: float) -> None:
        """Have the temporary server take the snapshot. Raises ApiError, OSError."""
        reason = wait_for(lambda: None if api.get("/v1/status/leader") else "it elects no leader", timeout)
        if reason:
            raise ApiError(
                0, f"the temporary server does not start in {timeout:g} s: {reason}; see journalctl -u {TEMPORARY}"
            )
        try:
            with open(snapshot, "rb") as file, api.answered("PUT", "/v1/operator/snapshot", file) as answer:
                if answer.status != 200:
                    raise ApiError(answer.status, answer.read().decode("utf-8", "replace").strip())
                answer.read()
        except http.client.HTTPException as error:
            raise ApiError(
                0, f"the temporary server gives no answer ({error}); see journalctl -u {TEMPORARY}"
            ) from error

    def _agent(self) -> dict[str, Any]:
        place = "/etc/nomad.d/tls"
        files = {"ca_file": f"{place}/ca.pem", "cert_file": f"{place}/cert.pem", "key_file": f"{place}/key.pem"}
        return {
            "name": self.name,
            "region": "global",
            "datacenter": self.cluster,
            "data_dir": self.scratch,
            "bind_addr": "127.0.0.1",
            "advertise": dict.fromkeys(("http", "rpc", "serf"), "127.0.0.1"),
            "disable_update_check": True,
            "server": {"enabled": True, "bootstrap_expect": 1},
            "acl": {"enabled": False},
            "tls": {"http": True, "rpc": True, "verify_server_hostname": True, "verify_https_client": True, **files},
            "consul": {"auto_advertise": False, "server_auto_join": False},
        }

    @staticmethod
    def _own(path: str) -> None:
        """Give all of it to the agent's account, and to nobody else."""
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(USER)
            for folder, _folders, files in os.walk(path) if os.path.isdir(path) else [(path, [], [])]:
                for entry in [folder, *(os.path.join(folder, name) for name in files)]:
                    os.chown(entry, account.pw_uid, account.pw_gid)
        os.chmod(path, 0o700)


FAULTS = (ApiError, OSError, subprocess.SubprocessError)
