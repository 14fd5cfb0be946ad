# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that loses all its managers comes back from a backup, and its applications never stop."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import age
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from lab.nomad import ask
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait

STORE = "/srv/backups"
JOB = """
job "sleeper" {
  namespace   = "team-a"
  datacenters = ["*"]
  node_pool   = "all"
  group "g" {
    count = 2
    task "s" {
      driver = "exec"
      config {
        command = "/bin/sleep"
        args    = ["86400"]
      }
      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
"""
SEED = f"""
set -eu; . /root/nomad.sh
nomad namespace apply team-a >/dev/null
nomad var put -force -namespace team-a secret/db password=hunter2 >/dev/null
echo 'namespace "team-a" {{ policy = "read" }}' | nomad acl policy apply reader - >/dev/null
nomad acl token create -policy=reader -type=client -json
cat > /root/job.hcl <<'END'
{JOB}
END
nomad job run -detach /root/job.hcl >/dev/null
"""


def bech32(prefix: str, raw: bytes) -> str:
    """As age writes keys."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    values = [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]
    head = [*(ord(sign) >> 5 for sign in prefix), 0, *(ord(sign) & 31 for sign in prefix)]
    check = age._checksum([*head, *values, *[0] * 6]) ^ 1
    return f"{prefix}1{''.join(age._SIGNS[value] for value in [*values, *(check >> 5 * (5 - at) & 31 for at in range(6))])}"


class Backups:
    """A lab whose managers keep backups in a directory of their own, which the drill brings to the controller."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        private = X25519PrivateKey.generate()
        self.identity = folder / "backup.key"
        self.identity.write_text(bech32("age-secret-key-", private.private_bytes_raw()).upper() + "\n")
        recipient = bech32("age", private.public_key().public_bytes_raw())
        backup = {"recipients": [recipient], "target": {"directory": STORE}, "keep": 2}
        self.variables = {"cluster_components": ["backup"], "cluster_backup": backup}

    def prepare(self) -> None:
        """Make the store and an environment for the nomad command on every manager."""
        script = f"mkdir -p {STORE}; echo 'set -a; . /etc/keelson/{self.lab.name}/nomad.env; set +a' > /root/nomad.sh"
        for manager in self.lab.managers:
            self.lab.ssh(manager, script)

    def play(self, playbook: str, *arguments: str, cut: str = "") -> Any:
        """Run a playbook with the variables of the backups."""
        return self.lab.play(playbook, *arguments, variables=self.variables, cut=cut)

    def fetch(self) -> Path:
        """Bring the newest backup of the first manager to the controller; returns the sealed file."""
        manager = self.lab.managers[0]
        name = self.lab.ssh(manager, f"ls {STORE}/*.json | tail -n 1").strip().rpartition("/")[2].removesuffix(".json")
        for ending in (".json", ".tar.age"):
            text = self.lab.ssh(manager, f"base64 {STORE}/{name}{ending}")
            (self.folder / f"{name}{ending}").write_bytes(base64.b64decode(text))
        return self.folder / f"{name}.tar.age"

    def restore(self, sealed: Path, *more: str, cut: str = "") -> Any:
        """Run the restore."""
        return self.play(
            "restore", "-e", f"restore_identity={self.identity}", "-e", f"restore_file={sealed}", *more, cut=cut
        )


def processes(lab: Lab) -> dict[str, list[str]]:
    """The processes of the application by host node."""
    return {node.name: lab.ssh(node, "pgrep -f '^/bin/sleep 86400'", check=False).split() for node in lab.nodes}


def test_all_managers_are_lost(cluster: Lab, tmp_path: Path) -> None:
    """Their disks are wiped; variables, tokens and jobs are there again, and the application's processes are the same."""
    lab, backups = cluster, Backups(cluster, tmp_path)
    backups.prepare()
    backups.play("install").expect()
    token = json.loads(lab.ssh(lab.managers[0], "bash -s", given=SEED))["SecretID"]
    wait("the application", lambda: sum(map(len, processes(lab).values())) == 2, 120)
    backups.play("backup").expect()
    sealed, before = backups.fetch(), processes(lab)

    # One that is well is refused, as is a file that was cut off; nothing is changed by either.
    refused = backups.restore(sealed).expect(2)
    assert f"To go on, add -e restore_confirm={lab.name}" in refused.output
    assert not refused.changed()
    cut = tmp_path / "cut" / sealed.name
    cut.parent.mkdir()
    cut.write_bytes(sealed.read_bytes()[:-100])
    cut.with_name(sealed.name.replace(".tar.age", ".json")).write_bytes(
        sealed.with_name(sealed.name.replace(".tar.age", ".json")).read_bytes()
    )
    assert (
        "it is truncated or another file" in backups.restore(cut, "-e", f"restore_confirm={lab.name}").expect(2).output
    )

    lab.make(*lab.managers)
    backups.prepare()
    # The run is killed when the backup lies on a manager, and done again.
    backups.restore(sealed, cut="Load | Put the manager on the state of the backup")
    backups.restore(sealed).expect()
    assert_whole(lab)
    assert processes(lab) == before, "an application was stopped"
    read = f". /root/nomad.sh; nomad var get -namespace team-a -out json secret/db; NOMAD_TOKEN={token} nomad job status -namespace team-a"
    shown = lab.ssh(lab.managers[1], read)
    assert "hunter2" in shown
    assert "sleeper" in shown
    assert not lab.ssh(lab.managers[0], f"ls -d /etc/keelson/{lab.name}/restore", check=False)
    assert not backups.play("install").expect().changed()


@pytest.mark.parametrize("off", ["m3"])
def test_a_manager_of_before_the_restore_comes_back(cluster: Lab, tmp_path: Path, off: str) -> None:
    """It was off while the others were put back: it finds nobody, and the next installation lets it join anew."""
    lab, backups = cluster, Backups(cluster, tmp_path)
    backups.prepare()
    backups.play("install").expect()
    backups.play("backup").expect()
    sealed = backups.fetch()
    old = next(manager for manager in lab.managers if manager.name == off)
    lab.podman("stop", old, "-t", "1")
    lab.disconnect()
    confirmed = ("-e", f"restore_confirm={lab.name}", "--limit", f"!{off}")
    backups.restore(sealed, *confirmed).expect()
    lab.podman("start", old)
    lab.disconnect()
    wait("its agent", lambda: lab.ssh(old, "systemctl is-active nomad", check=False).strip() == "active", 60)
    voters = ask(lab, "/v1/operator/raft/configuration?stale=true")["Servers"]
    assert old.address not in {server["Address"].rpartition(":")[0] for server in voters if server["Voter"]}
    backups.play("install").expect()
    assert_whole(lab, stores=False)
