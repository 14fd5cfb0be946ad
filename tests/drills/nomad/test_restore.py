# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that loses all its managers comes back from a backup, and its applications never stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lab.backup import Backups, other_managers
from lab.nomad import ask
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait

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
VOLUME = """
name      = "kept"
type      = "host"
plugin_id = "mkdir"
node_pool = "all"
namespace = "team-a"
capability {
  access_mode     = "single-node-writer"
  attachment_mode = "file-system"
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
cat > /root/volume.hcl <<'END'
{VOLUME}
END
nomad operator api '/v1/volumes?type=host&namespace=team-a' </dev/null | grep -q kept || nomad volume create -detach /root/volume.hcl >/dev/null
"""


def prepare(backups: Backups) -> None:
    """Make the stores, and on every manager an environment for the nomad command."""
    backups.prepare()
    for manager in backups.lab.managers:
        name = backups.lab.name
        backups.lab.ssh(manager, f"echo 'set -a; . /etc/keelson/{name}/nomad.env; set +a' > /root/nomad.sh")


def volumes(lab: Lab) -> dict[str, tuple[str, str]]:
    """By the id of a registered host volume, its name and state."""
    return {v["ID"]: (v["Name"], v["State"]) for v in ask(lab, "/v1/volumes?type=host&namespace=team-a")}


def processes(lab: Lab) -> dict[str, list[str]]:
    """The processes of the application by host node."""
    return {node.name: lab.ssh(node, "pgrep -f '^/bin/sleep 86400'", check=False).split() for node in lab.nodes}


def seed(lab: Lab) -> str:
    """Make what is to be there again, and wait for it; returns the secret of a token."""
    token = json.loads(lab.ssh(lab.managers[0], "bash -s", given=SEED))["SecretID"]
    wait("the application", lambda: sum(map(len, processes(lab).values())) == 2, 120)
    wait("the volume", lambda: [kept for _name, kept in volumes(lab).values()] == ["ready"], 60)
    return str(token)


def taken(lab: Lab, folder: Path) -> tuple[Backups, Path, Callable[[], None]]:
    """A backup of what is to be there again, its file, and what asserts that it is.

    Then variables are read, the token works, the volume is registered, and the application was never stopped.
    """
    backups = Backups(lab, folder)
    prepare(backups)
    backups.play("install").expect()
    token = seed(lab)
    backups.take().expect()
    before, registered = processes(lab), volumes(lab)
    read = f". /root/nomad.sh; nomad var get -namespace team-a -out json secret/db; NOMAD_TOKEN={token} nomad job status -namespace team-a"

    def restored() -> None:
        wait("a whole cluster", lambda: assert_whole(lab, stores=False) is None, 120)
        assert processes(lab) == before, "an application was stopped"
        shown = lab.ssh(lab.managers[1], read)
        assert "hunter2" in shown and "sleeper" in shown, shown
        assert volumes(lab) == registered

    return backups, backups.fetch(), restored


def test_all_managers_are_lost(cluster: Lab, tmp_path: Path) -> None:
    """Their disks are wiped; variables, tokens and jobs are there again, and the application's processes are the same."""
    lab = cluster
    backups, sealed, assert_restored = taken(lab, tmp_path)

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
    prepare(backups)
    # The run is killed when the backup lies on a manager, and done again.
    backups.restore(sealed, cut="Load | Put the manager on the state of the backup")
    backups.restore(sealed).expect()
    assert_whole(lab)
    assert_restored()
    assert not lab.ssh(lab.managers[0], f"ls -d /etc/keelson/{lab.name}/restore", check=False)
    assert not backups.play("install").expect().changed()


def test_two_of_three_managers_are_lost_and_then_all_for_others(cluster: Lab, tmp_path: Path) -> None:
    """First two are made anew beside one that has lost its quorum; then three at other addresses, and host nodes find them."""
    lab = cluster
    backups, sealed, assert_restored = taken(lab, tmp_path)

    lab.make(*lab.managers[1:])
    prepare(backups)
    done = backups.restore(sealed).expect()
    print(f"restored after the loss of two managers: {done.seconds:.0f} s", flush=True)
    assert_restored()
    assert not backups.play("install").expect().changed()

    with other_managers(lab):
        prepare(backups)
        done = backups.restore(sealed).expect()
        print(f"restored on other managers: {done.seconds:.0f} s", flush=True)
        assert_restored()
        assert not backups.play("install").expect().changed()


@pytest.mark.parametrize("off", ["m3"])
def test_a_manager_of_before_the_restore_comes_back(cluster: Lab, tmp_path: Path, off: str) -> None:
    """It was off while the others were put back: it finds nobody, and the next installation lets it join anew."""
    lab, backups = cluster, Backups(cluster, tmp_path)
    prepare(backups)
    backups.play("install").expect()
    backups.take().expect()
    sealed = backups.fetch()
    old = next(manager for manager in lab.managers if manager.name == off)
    lab.podman("stop", old, "-t", "1")
    lab.disconnect()
    told = backups.restore(sealed, "-e", f"restore_confirm={lab.name}").expect().words()
    assert f"{off} does not answer and is left out" in told, told[-3000:]
    lab.generations += 1
    lab.podman("start", old)
    lab.disconnect()
    wait("its agent", lambda: lab.ssh(old, "systemctl is-active nomad", check=False).strip() == "active", 60)
    voters = ask(lab, "/v1/operator/raft/configuration?stale=true")["Servers"]
    assert old.address not in {server["Address"].rpartition(":")[0] for server in voters if server["Voter"]}
    backups.play("install").expect()
    assert_whole(lab, stores=False)
