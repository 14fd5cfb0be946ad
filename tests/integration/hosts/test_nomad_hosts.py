# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host of a Nomad cluster looks like from inside."""

from __future__ import annotations

import pytest
from testinfra.host import Host

NOMAD_PORTS = {4646, 4647, 4648}


def listeners(host: Host) -> dict[int, set[str]]:
    """Ports on which a host listens, each with its addresses."""
    found: dict[int, set[str]] = {}
    for line in host.check_output("ss -Hlntu").splitlines():
        address, _colon, port = line.split()[4].rpartition(":")
        found.setdefault(int(port), set()).add(address)
    return found


def status(host: Host) -> dict[str, str]:
    """/proc's word on the running agent."""
    text = host.check_output("cat /proc/$(systemctl show -P MainPID nomad)/status")
    return {key: value.strip() for key, _colon, value in (line.partition(":") for line in text.splitlines())}


def test_manager_listens_on_its_cluster_address_only(manager: Host) -> None:
    """Three ports, one address."""
    found = {port: addresses for port, addresses in listeners(manager).items() if port in NOMAD_PORTS}
    assert found == {port: {manager.variables["cluster_address"]} for port in NOMAD_PORTS}


def test_node_listens_for_the_api_only(node: Host) -> None:
    """A host node has no raft and no gossip."""
    found = {port: addresses for port, addresses in listeners(node).items() if port in NOMAD_PORTS}
    assert found == {4646: {node.variables["cluster_address"]}}


@pytest.mark.parametrize("path", ["", "/secrets"])
def test_secret_store_is_roots_alone(manager: Host, path: str) -> None:
    """0700 all the way down, 0600 for every file."""
    folder = manager.file(f"/etc/keelson/{manager.variables['cluster_name']}{path}")
    assert (folder.user, folder.mode) == ("root", 0o700)
    assert manager.check_output(f"find {folder.path} -type f ! -perm 600 -o ! -user root") == ""


def test_node_holds_no_cluster_secret(node: Host, secrets: list[str]) -> None:
    """The CA's key, the gossip key and the tokens stay on the managers."""
    assert node.run("find /etc/keelson -mindepth 1 -type d").stdout == ""
    assert leaks(node, "find /etc /opt /root /var/log /var/lib/nomad -xdev -type f -size -4M", secrets) == ""


def test_secrets_are_in_no_file_for_others(member: Host, secrets: list[str]) -> None:
    """No file that everybody may read has a secret in it."""
    readable = "find /etc /opt /root /tmp /var /run -xdev -type f -perm /004 -size -4M"
    assert leaks(member, readable, secrets) == ""


@pytest.mark.parametrize("source", ["cat /proc/[0-9]*/cmdline", "journalctl --no-pager -o cat"])
def test_secrets_are_not_in_arguments_or_journal(member: Host, secrets: list[str], source: str) -> None:
    """Neither the process list nor the logs show them."""
    assert member.run(f"{source} 2>/dev/null | tr '\\0' '\\n' | grep -cE '{pattern(secrets)}'").stdout.strip() == "0"


def test_search_would_find_a_secret(manager: Host, secrets: list[str]) -> None:
    """The search works: in the store, which only root reads, it finds every secret."""
    for secret in secrets:
        assert leaks(manager, "find /etc/keelson -type f", [secret]) != ""


def leaks(host: Host, find: str, secrets: list[str]) -> str:
    """Names of the files among those `find` lists that hold one of the secrets."""
    return host.run(f"{find} -print0 | xargs -0 -r grep -lsE '{pattern(secrets)}'").stdout


def pattern(secrets: list[str]) -> str:
    """A regular expression for the secrets in which they are not spelt out, so that a search does not find itself."""
    return "|".join(f"[{secret[0]}]" + secret[1:].replace("+", "[+]") for secret in secrets)


def test_manager_runs_sandboxed(manager: Host) -> None:
    """No root, no capability, no way to get one, a filter on system calls."""
    running = status(manager)
    assert running["Uid"].split()[0] != "0"
    assert int(running["CapEff"], 16) == int(running["CapBnd"], 16) == 0
    assert (running["NoNewPrivs"], running["Seccomp"]) == ("1", "2")


def test_configuration_is_not_for_others(member: Host) -> None:
    """Configuration and keys: nothing for others but certificates."""
    assert member.file("/etc/nomad.d").mode & 0o007 == 0
    assert member.check_output("find /etc/nomad.d -type f -perm /007 ! -name '*.pem'") == ""
    key = member.file("/etc/nomad.d/tls/key.pem")
    assert key.mode & 0o007 == 0
    assert member.file("/var/lib/nomad").mode & 0o006 == 0


def test_certificate_speaks_for_this_host(member: Host) -> None:
    """Every host has a certificate of its own, issued by the cluster's CA, and its key belongs to it."""
    tls = "/etc/nomad.d/tls"
    member.check_output(f"openssl verify -CAfile {tls}/ca.pem {tls}/cert.pem")
    names = member.check_output(f"openssl x509 -in {tls}/cert.pem -noout -ext subjectAltName")
    part = "server" if member.variables["cluster_part"] == "manager" else "client"
    assert f"DNS:{part}.global.nomad" in names
    assert f"IP Address:{member.variables['cluster_address']}" in names
    public = member.check_output(f"openssl x509 -in {tls}/cert.pem -noout -pubkey")
    assert public == member.check_output(f"openssl pkey -in {tls}/key.pem -pubout")


def test_program_is_linked_to_its_version(member: Host) -> None:
    """Versions lie side by side, one link chooses."""
    program = member.check_output("readlink -f /usr/local/bin/nomad")
    version = program.split("/")[-2]
    assert program == f"/opt/keelson/nomad/{version}/nomad"
    assert f"v{version}" in member.check_output("nomad version")


def test_agent_starts_with_the_system(member: Host) -> None:
    """Running now, and after the next boot."""
    assert member.service("nomad").is_running
    assert member.service("nomad").is_enabled


def test_node_is_prepared_for_containers(node: Host) -> None:
    """Docker runs, CNI plugins are there, swap is off."""
    assert node.service("docker").is_running
    assert node.file("/usr/lib/cni/bridge").exists
    assert node.check_output("swapon --noheadings") == ""
