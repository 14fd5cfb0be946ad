# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of hosts and of input: one clear message each, nothing changed and nothing lost, and the remedy works."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import digest_of
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from lab.servers import Lab, Server
from lab.state import assert_whole, store


def uninstall(lab: Lab) -> None:
    """Bare servers, but for the distribution's packages."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()


# --- disks -------------------------------------------------------------------------------------------------------

# Shrink /opt to what is in use as soon as an artifact is being unpacked there.
FILLER = r"""
import ctypes, glob, os
while not glob.glob("/opt/keelson/nomad/.new-*/nomad"):
    pass
libc = ctypes.CDLL(None, use_errno=True)
for size in range(1, 400):
    if libc.mount(b"tmpfs", b"/opt", b"tmpfs", 32, f"size={size}m".encode()) == 0:
        break
"""


def test_a_disk_too_small(lab: Lab) -> None:
    """Preflight sees it; told to ignore that, the placing sees it, and nothing is left half done."""
    uninstall(lab)
    host = lab.managers[1]
    lab.ssh(host, "mount -t tmpfs -o size=100m tmpfs /opt")
    try:
        refused = lab.play("install").expect(2)
        assert re.search(rf"error +{host.name} +/opt has \d+ MiB free", refused.output), refused.output[-3000:]
        tried = lab.play("install", "-e", '{"preflight_ignore": ["disk"]}').expect(2)
        assert re.search(r"/opt\S*: not enough space: needs \d+ bytes, has \d+", tried.words()), tried.output[-3000:]
        assert "nothing was changed" in tried.words()
        assert lab.ssh(host, "find /opt -type f ! -name .lock") == ""
    finally:
        lab.ssh(host, "umount /opt")
    lab.play("install").expect()
    assert_whole(lab)


def test_a_disk_that_fills_while_unpacking(lab: Lab) -> None:
    """There was room when it was asked for; then there is none."""
    uninstall(lab)
    host = lab.managers[1]
    lab.ssh(host, "mount -t tmpfs -o size=1g tmpfs /opt")
    try:
        lab.ssh(host, f"systemd-run --quiet --unit=filler python3 -c '{FILLER}'")
        tried = lab.play("install", "-e", '{"preflight_ignore": ["disk"]}').expect(2)
        assert re.search(r"/opt/keelson/nomad: not enough space", tried.words()), tried.output[-3000:]
        assert lab.ssh(host, "find /opt -type f ! -name .lock") == ""
        lab.ssh(host, "mount -o remount,size=2g /opt")
        lab.play("install", "-e", '{"preflight_ignore": ["disk"]}').expect()
        assert_whole(lab)
    finally:
        lab.ssh(host, "systemctl stop nomad; systemctl stop filler; umount --lazy /opt", check=False)
    lab.play("install").expect()
    assert_whole(lab)


# --- clocks and certificates -----------------------------------------------------------------------------------------


def test_a_wrong_clock(cluster: Lab) -> None:
    """A host an hour ahead. The servers share one clock, so this host's Python gets a fake one."""
    host = cluster.managers[2]
    folder = "/usr/local/lib/python3.11/dist-packages"
    fake = "import time; real = time.time; time.time = lambda: real() + 3600"
    cluster.ssh(host, f"mkdir -p {folder}; cat > {folder}/usercustomize.py", given=fake)
    try:
        refused = cluster.play("install").expect(2)
        assert re.search(rf"error +{host.name} +its clock is 3[56]\d\d s ahead of the", refused.output), refused.output[
            -3000:
        ]
        assert not refused.changed()
    finally:
        cluster.ssh(host, f"rm {folder}/usercustomize.py")
    assert not cluster.play("install").expect().changed()


def test_an_expired_certificate(cluster: Lab, tmp_path: Path) -> None:
    """Verification fails on it, an installation renews it without a restart, and then verification passes."""
    secrets = cluster.secrets()
    manager, node = cluster.managers[1], cluster.nodes[0]
    for host, role in ((manager, "server"), (node, "client")):
        names = [f"{role}.global.nomad", "localhost", "127.0.0.1", host.name, host.address]
        pair = pki.issue(pki.Pair(secrets["ca_certificate"], secrets["ca_key"]), pki.sort_names(host.name, names), 0)
        cluster.ssh(host, "cat > /etc/nomad.d/tls/cert.pem", given=pair.certificate)
        cluster.ssh(host, "cat > /etc/nomad.d/tls/key.pem", given=pair.key)
        cluster.ssh(host, "systemctl reload nomad")
    since = {host: cluster.ssh(host, "systemctl show nomad --property=MainPID") for host in (manager, node)}
    verify = ["verify", "-e", f"verify_report={tmp_path}", "-e", "verify_sample_application=false"]
    failed = cluster.play(*verify).expect(2)
    assert "expire" in failed.output, failed.output[-4000:]
    cluster.play("install").expect()
    assert_whole(cluster)
    assert {host: cluster.ssh(host, "systemctl show nomad --property=MainPID") for host in (manager, node)} == since
    cluster.play(*verify).expect()
    assert not cluster.play("install").expect().changed()


# --- secrets and access control ----------------------------------------------------------------------------------------


def test_managers_with_different_authorities(cluster: Lab) -> None:
    """Nobody guesses which of two is right."""
    host, path = cluster.managers[1], f"/etc/keelson/{cluster.name}/secrets/000001.json"
    right = cluster.ssh(host, f"cat {path}")
    ca = pki.make_ca("unauthorized")
    payload = {**json.loads(right)["payload"], "ca_certificate": ca.certificate, "ca_key": ca.key}
    wrong = {"generation": 1, "digest": digest_of(1, payload), "payload": payload}
    cluster.ssh(host, f"cat > {path}", given=json.dumps(wrong))
    try:
        refused = cluster.play("install").expect(2)
        mine = pki.fingerprint(cluster.secrets()["ca_certificate"])
        said = refused.words()
        assert "The managers hold different secrets under generation 1" in said, refused.output[-3000:]
        assert f"m1 has a CA with the fingerprint {mine}, m2 has a CA with" in said
        assert pki.fingerprint(ca.certificate) in said and not refused.changed()
        assert json.loads(cluster.ssh(host, f"cat {path}")) == wrong
    finally:
        cluster.ssh(host, f"cat > {path}", given=right)
    assert not cluster.play("install").expect().changed()


def test_somebody_else_bootstrapped(lab: Lab) -> None:
    """The stored token is not made to rule by force, and stays where it is."""
    uninstall(lab)
    run = lab.play("install", cut="Start the agent")
    assert run.cut
    manager, kept = lab.managers[0], store(lab)
    script = f"set -a; . /etc/keelson/{lab.name}/nomad.env; NOMAD_TOKEN=; "
    script += "for i in $(seq 60); do nomad acl bootstrap && exit; sleep 1; done; exit 1"
    lab.ssh(manager, script)
    refused = lab.play("install").expect(2)
    assert "The ACL system of kd was bootstrapped by somebody else" in refused.words().replace(lab.name, "kd")
    assert "/etc/keelson/" in refused.words() and "reset the bootstrap" in refused.words()
    assert store(lab) == kept
    uninstall(lab)
    lab.play("install").expect()
    assert_whole(lab)


def test_the_vault_password(cluster: Lab, tmp_path: Path) -> None:
    """Missing, wrong, right."""
    kept, file = store(cluster), tmp_path / "secrets.vault"
    variables = {"cluster_secrets_store": {"file": str(file)}}
    for name in ("right", "wrong"):
        (tmp_path / name).write_text(f"{name}\n")

    missing = cluster.play("install", variables=variables).expect(2)
    assert f"names {file}, but this run has no vault password" in missing.words() and not file.exists()
    cluster.play("install", "--vault-password-file", str(tmp_path / "right"), variables=variables).expect()
    sealed = file.read_bytes()
    assert sealed.startswith(b"$ANSIBLE_VAULT;")
    wrong = cluster.play("install", "--vault-password-file", str(tmp_path / "wrong"), variables=variables).expect(2)
    assert f"{file} cannot be decrypted" in wrong.words()
    again = cluster.play("install", "--vault-password-file", str(tmp_path / "right"), variables=variables).expect()
    assert not missing.changed() and not wrong.changed() and not again.changed()
    assert file.read_bytes() == sealed and store(cluster) == kept


# --- variables and inventories -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"cluster_manager_timout": 5},
            "unknown variable cluster_manager_timout did you mean cluster_manager_timeout?",
        ),
        ({"host_node_swap": "maybe"}, "host_node_swap"),
        ({"cluster_manager_nomad_config": "text"}, "cluster_manager_nomad_config is of type str, dict is needed"),
        ({"cluster_manager_timeout": "soon"}, "cluster_manager_timeout is of type str, int is needed"),
    ],
)
def test_variables_that_are_wrong(cluster: Lab, variables: dict[str, Any], message: str) -> None:
    refused = cluster.play("install", variables=variables).expect(2)
    table = [line for line in refused.output.splitlines() if line.startswith("error")]
    name = next(iter(variables))
    assert table and any(name in line for line in table), refused.output[-3000:]
    assert all(word in refused.words() for word in message.split()) and not refused.changed()


def test_two_clusters_that_claim_one_server(cluster: Lab, tmp_path: Path) -> None:
    host: Server = cluster.nodes[0]
    unauthorized = {"ansible_host": host.address, "cluster_address": host.address}
    shared = {"cluster_name": "other", "cluster_engine": "nomad", "cluster_part": "manager"}
    groups = {"other_managers": {"vars": shared, "hosts": {"claimed": unauthorized}}}
    inventory = {"all": {"children": {"clusters": {"children": {"other": {"children": groups}}}}}}
    (tmp_path / "other.yml").write_text(yaml.safe_dump(inventory))
    refused = cluster.play("install", "-i", str(tmp_path / "other.yml"), "-e", f"cluster={cluster.name}").expect(2)
    assert re.search(rf"error +{host.name} +is claimed by cluster other too", refused.output), refused.output[-3000:]
    assert not refused.changed()
