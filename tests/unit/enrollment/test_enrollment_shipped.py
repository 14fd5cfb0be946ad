# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs run on hosts, where there is no Ansible: with the files that the roles ship and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.shipped_code import shipped_code
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from ansible_collections.keelson.cluster.plugins.plugin_utils.shipped import MODULE_UTILS

ROLES = Path(__file__).parents[3] / "roles"


def ship(names: list[str], folder: Path) -> None:
    """Put the files where the roles put them."""
    for entry in shipped_code(names, str(folder)):
        if entry.get("state") == "directory":
            Path(entry["path"]).mkdir(parents=True, exist_ok=True)
        else:
            Path(entry["path"]).write_text(entry["content"])


def listed(path: str, name: str, engine: str = "") -> list[str]:
    """The entry points that the variables of a role name."""
    found = yaml.safe_load((ROLES / path).read_text())[name]
    return [entry.replace("{{ cluster_engine }}", engine) for entry in found]


ENGINES = ("nomad", "kubernetes")
SERVICE = "cluster_manager/vars/main/enrollment.yml"
FIRST_BOOT = "host_node/vars/main/first_boot.yml"
APPROVE = "cluster_manager/vars/main/kubernetes_approve.yml"


def run(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Python on a host: isolated from what is installed here."""
    environment = {"PATH": os.environ["PATH"], **options.pop("env", {})}
    command = [sys.executable, "-S", "-B", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_enrollment_service_serves(tmp_path: Path, engine: str) -> None:
    ship(listed(SERVICE, "__cluster_manager_enrollment_code", engine), tmp_path / "enrollment_service")
    ca = pki.make_ca("product")
    pair = pki.issue(ca, pki.sort_names("m1", ["127.0.0.1"]), 1)
    (tmp_path / "ca.pem").write_text(ca.certificate)
    (tmp_path / "cert.pem").write_text(pair.certificate)
    (tmp_path / "key.pem").write_text(pair.key)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        arguments = ("product", "127.0.0.1", "0", *(str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")))
        enrollment_service = run(
            tmp_path / "enrollment_service",
            "-m",
            f"utils.{engine}.enrollment",
            *arguments,
            env={"NOTIFY_SOCKET": str(tmp_path / "notify")},
        )
        try:
            assert systemd.recv(64) == b"READY=1"
        finally:
            enrollment_service.kill()
            said = enrollment_service.communicate()[1]
    assert said == ""


@pytest.mark.parametrize(
    ("role", "variable", "engine", "modules"),
    [
        ("cluster_manager/vars/main/renewal.yml", "__cluster_manager_renewal_code", "", ("enrollment.renew",)),
        ("host_node/vars/main/renewal.yml", "__host_node_renewal_code", "", ("enrollment.renew",)),
        (APPROVE, "__cluster_manager_approve_code", "kubernetes", ("kubernetes.approve",)),
        *((FIRST_BOOT, "__host_node_first_boot_code", engine, (f"{engine}.joining_host",)) for engine in ENGINES),
    ],
)
def test_nothing_is_missing(tmp_path: Path, role: str, variable: str, engine: str, modules: tuple[str, ...]) -> None:
    ship(listed(role, variable, engine), tmp_path)
    program = run(tmp_path, "-c", "; ".join(f"import utils.{module}" for module in modules))
    assert program.communicate()[1] == "" and program.returncode == 0


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(AnsibleFilterError, match="no such file of module_utils.*nothing.py"):
        shipped_code(["nothing.py"], "/usr/local/lib/keelson/x")
    entries = shipped_code(["nomad/api.py"], "/usr/local/lib/keelson/x")
    assert [entry["path"] for entry in entries] == [
        "/usr/local/lib/keelson",
        "/usr/local/lib/keelson/x",
        "/usr/local/lib/keelson/x/utils",
        "/usr/local/lib/keelson/x/utils/cluster",
        "/usr/local/lib/keelson/x/utils/nomad",
        "/usr/local/lib/keelson/x/utils/cluster/agent_api.py",
        "/usr/local/lib/keelson/x/utils/cluster/remote.py",
        "/usr/local/lib/keelson/x/utils/nomad/api.py",
        "/usr/local/lib/keelson/x/utils/nomad/ports.py",
    ]
    assert entries[-2]["content"] == (MODULE_UTILS / "nomad/api.py").read_text()


def test_what_a_role_writes_of_an_address_can_be_put_in_later(tmp_path: Path) -> None:
    """Where a role changed the text of the address that stands in for a new host's, the managers would not find it."""
    said = {"that": "'ADDRESS.placeholder' in __host_node_nomad_interface"}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"cluster_address": "ADDRESS.placeholder"},
        "vars_files": [str(ROLES / "host_node/vars/main/nomad.yml")],
        "tasks": [{"ansible.builtin.assert": said}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROLES.parent / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROLES.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
