# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of preflight is found, with the host, the message and the remedy; a fit cluster has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.preflight import gather
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import faults, network
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.faults import judge
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster, Fault, Host
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.orphans import orphans
from preflight_world import NOW, cluster, file_system, host, with_facts, with_host


def listener(port: int, **changes: Any) -> dict[str, Any]:
    """A socket held by a program that is not ours."""
    found = {"port": port, "protocol": "tcp", "address": "0.0.0.0", "pid": 9, "process": "nginx"}
    return {**found, "executable": "/usr/sbin/nginx", **changes}


def drop(fit: Cluster, *names: str) -> Cluster:
    """Take hosts out of the inventory."""
    return replace(fit, hosts=tuple(h for h in fit.hosts if h.name not in names))


MEMBERS = [
    {"name": "m1", "address": "10.0.0.11", "part": "manager", "id": "", "status": "alive"},
    {"name": "old", "address": "10.0.0.99", "part": "node", "id": "abc", "status": "ready"},
]
BUSY = {"docker": {"running": True, "configured": True, "containers": 3}}
OTHER = Host(name="x1", cluster="other", part="node", address="10.9.9.9", connect="10.0.0.21:22")

# rule, what is put in, host it is found on, words of the fault and its remedy
CASES: list[tuple[str, Callable[[Cluster], Cluster], str, tuple[str, ...]]] = [
    (
        "unreachable",
        lambda c: with_host(c, "w1", facts=None, failure="timed out"),
        "w1",
        ("timed out", "--limit '!w1'"),
    ),
    *(
        ("unreachable", lambda c, said=said: with_host(c, "w1", facts=None, failure=said), "w1", words)
        for said, words in (
            ("Task failed: Missing sudo password", ("sudo asks for a password", "--ask-become-pass")),
            ("sudo: a password is required", ("sudo asks for a password",)),
            ("Incorrect sudo password", ("sudo asks for a password",)),
            ("sudo: sorry, you must have a tty to run sudo", ("requiretty", "/etc/sudoers")),
            ("deploy is not in the sudoers file.", ("may not use sudo",)),
            ("/bin/sh: 1: sudo: not found", ("sudo is missing", "cluster_become")),
            ("/bin/sh: 1: /usr/bin/python3: not found", ("Python is missing", "install python3")),
            ("The module interpreter '/usr/bin/python3' was not found.", ("Python is missing",)),
            ("ansible-core requires a minimum of Python version 3.8. Current version: 3.6.8", ("too old",)),
            ("SyntaxError: future feature annotations is not defined", ("too old",)),
            (
                "mkdir: cannot create directory '/root/.ansible': Read-only file system",
                ("is read-only", "ansible_remote_tmp"),
            ),
            ("write error: No space left on device", ("is full",)),
            ("Host key verification failed.", ("host key", "known_hosts")),
            ("root@10.0.0.21: Permission denied (publickey).", ("does not let", "ansible_user")),
        )
    ),
    (
        "room",
        lambda c: with_facts(
            c, "w1", file_systems={"/opt": file_system(free_mib=5200), "/var/lib": file_system(free_mib=5200)}
        ),
        "w1",
        ("/opt and /var/lib, on one file system, have 5200 MiB free, installing a node needs 500 + 5000",),
    ),
    (
        "file_systems",
        lambda c: with_facts(c, "w1", file_systems={"/usr": file_system(read_only=True)}),
        "w1",
        ("/usr is read-only", "remount,rw"),
    ),
    (
        "file_systems",
        lambda c: with_facts(c, "w1", file_systems={"/opt": file_system(noexec=True)}),
        "w1",
        ("/opt is mounted noexec", "/etc/fstab"),
    ),
    (
        "file_systems",
        lambda c: with_facts(c, "w1", file_systems={"/tmp": file_system(noexec=True)}),
        "w1",
        ("/tmp is mounted noexec", "TempDir"),
    ),
    (
        "unreachable",
        lambda c: with_host(
            with_facts(c, "m1", members=MEMBERS), "w1", facts=None, failure="timed out", unreachable=True
        ),
        "w1",
        ("timed out", "this run leaves it out", "remove_hosts=w1"),
    ),
    (
        "unreachable",
        lambda c: with_host(
            with_host(with_facts(c, "m1", members=MEMBERS), "m2", facts=None, failure="gone", unreachable=True),
            "m3",
            facts=None,
            failure="timed out",
            unreachable=True,
        ),
        "m3",
        ("timed out", "--limit '!m3'"),
    ),
    (
        "registries",
        lambda c: with_host(
            c, "w1", variables={"host_node_registries": {"quay.io": {"mirrors": [{"url": "https://m"}]}}}
        ),
        "w1",
        ("quay.io has mirrors: Docker has them for docker.io alone", "host_node_registries"),
    ),
    (
        "labels",
        lambda c: with_host(c, "w1", variables={"host_node_labels": {"ssd": True}}),
        "w1",
        ("host_node_labels: ssd is of type bool, and labels are texts", "put it in quotes"),
    ),
    (
        "labels",
        lambda c: with_host(c, "w1", variables={"host_node_labels": {"my team": "x"}}),
        "w1",
        ("host_node_labels: 'my team' is no label", "constraints name it as"),
    ),
    (
        "labels",
        lambda c: with_host(c, "w1", variables={"host_node_labels": {"team": "a\nb"}}),
        "w1",
        ("host_node_labels: team is 'a\\nb'", "control characters"),
    ),
    ("not_root", lambda c: with_facts(c, "w1", root=False), "w1", ("without root", "cluster_become")),
    ("parts", lambda c: with_host(c, "w1", part="worker"), "w1", ("cluster_part is 'worker'", "manager, node")),
    ("managers", lambda c: drop(c, "m3"), "", ("2 cluster managers", "1 or 3")),
    ("managers", lambda c: drop(c, "m1", "m2", "m3"), "", ("no cluster manager", "1, 3 or 5")),
    ("system", lambda c: with_facts(c, "m2", os_id="centos", os_version="7"), "m2", ("runs centos 7", "use debian 12")),
    ("system", lambda c: with_facts(c, "m2", os_version="11"), "m2", ("runs debian 11", "use debian 12")),
    ("system", lambda c: with_facts(c, "m2", architecture="riscv64"), "m2", ("riscv64", "x86_64 or aarch64")),
    (
        "duplicates",
        lambda c: with_facts(c, "w2", machine_id=f"{21:032x}"),
        "w1",
        ("same machine-id as w2", "machine-id"),
    ),
    ("duplicates", lambda c: with_facts(c, "w2", hostname="host-21"), "w2", ("same hostname as w1", "hostnamectl")),
    ("duplicates", lambda c: with_host(c, "w2", address="10.0.0.21"), "w2", ("same address as w1", "cluster_address")),
    ("duplicates", lambda c: with_host(c, "w2", connect="10.0.0.21:22"), "w1", ("connection as w2", "ansible_host")),
    ("claimed_twice", lambda c: replace(c, others=(OTHER,)), "w1", ("claimed by cluster other", "one of the two")),
    (
        "claimed_twice",
        lambda c: replace(
            with_host(c, "w1", groups=("product", "product_nodes", "other", "other_nodes")),
            others=(replace(OTHER, connect="10.0.0.99:22"),),
        ),
        "w1",
        ("claimed by cluster other", "one of the two"),
    ),
    (
        "claimed_twice",
        lambda c: with_host(
            with_host(c, "w1", groups=("product", "product_nodes", "other", "other_nodes")),
            "m1",
            groups=("product", "product_managers", "other", "other_managers"),
        ),
        "w1",
        ("claimed by cluster other", "one of the two"),
    ),
    ("clock", lambda c: with_facts(c, "m1", time=NOW + 60), "m1", ("60 s ahead", "time service")),
    ("clock", lambda c: with_facts(c, "m1", time=NOW - 7), "m1", ("7 s behind", "time service")),
    (
        "ports",
        lambda c: with_facts(c, "m1", listeners=[listener(4647)]),
        "m1",
        ("4647/tcp", "nginx (pid 9", "stop that"),
    ),
    (
        "ports",
        lambda c: with_facts(c, "w1", listeners=[listener(4646, address="10.0.0.21")]),
        "w1",
        ("4646/tcp", "HTTPS API"),
    ),
    ("addresses", lambda c: with_host(c, "w1", address="web"), "w1", ("'web'", "no IP address")),
    (
        "addresses",
        lambda c: with_host(c, "w1", address="192.0.2.1"),
        "w1",
        ("none of the cluster's networks", "10.0.0.0"),
    ),
    ("addresses", lambda c: with_facts(c, "w1", addresses=["10.0.0.77"]), "w1", ("not an address of this host", ".77")),
    ("room", lambda c: with_facts(c, "m1", memory_mib=400), "m1", ("400 MiB of memory", "needs 900")),
    (
        "room",
        lambda c: with_facts(c, "w1", file_systems={"/var/lib": file_system(free_mib=10)}),
        "w1",
        ("/var/lib has 10 MiB", "needs 5000"),
    ),
    (
        "features",
        lambda c: with_facts(c, "w1", features={**(c.hosts[3].facts or {})["features"], "overlay": "not permitted"}),
        "w1",
        ("overlay does not work here: not permitted", "boot a kernel"),
    ),
    (
        "features",
        lambda c: with_facts(c, "m1", features={"systemd": "no"}),
        "m1",
        ("systemd does not work", "boots with systemd"),
    ),
    (
        "foreign_runtime",
        lambda c: with_facts(c, "w1", runtimes=BUSY),
        "w1",
        ("docker is in use here (3 containers",),
    ),
    (
        "firewall_managers",
        lambda c: with_facts(c, "m1", firewalls=["firewalld"]),
        "m1",
        ("firewalld manages the packet filter", "4646/tcp", "4648/udp"),
    ),
    (
        "foreign_cluster",
        lambda c: with_facts(c, "w1", clusters=[{"component": "nomad", "name": "old", "evidence": "/etc/nomad.d"}]),
        "w1",
        ("member of the nomad cluster old", "/etc/nomad.d", "remove it there"),
    ),
    (
        "foreign_cluster",
        lambda c: with_facts(
            c, "w1", clusters=[{"component": "kubernetes", "name": "", "evidence": "process kubelet"}]
        ),
        "w1",
        ("a kubernetes cluster", "kubelet"),
    ),
    ("orphaned", lambda c: with_facts(c, "m1", members=MEMBERS), "old", ("10.0.0.99", "inventory does not know")),
    (
        "replaced",
        lambda c: with_facts(c, "m1", members=[{**MEMBERS[1], "name": "w1"}]),
        "w1",
        ("made at 10.0.0.99", "the inventory says 10.0.0.21", "cluster_remove_orphans"),
    ),
    (
        "removal",
        lambda c: with_host(
            with_facts(c, "m1", members=[*MEMBERS, {**MEMBERS[1], "name": "older"}]),
            "m1",
            variables={"cluster_remove_orphans": True},
        ),
        "",
        ("2 nodes", "old, older", "cluster_remove_max=2"),
    ),
]


def test_a_runtime_in_use_is_refused_adopted_or_ours() -> None:
    busy = with_facts(cluster(), "w1", runtimes=BUSY)
    (fault,) = judge(busy)
    assert (fault.host, fault.kind, fault.level) == ("w1", "runtime", "error") and "3 containers" in fault.text
    assert "host_node_adopt_runtime: true" in fault.remedy
    (fault,) = judge(with_host(busy, "w1", variables={"host_node_adopt_runtime": "yes"}))
    assert fault.level == "warning" and "stay" in fault.remedy
    assert judge(with_facts(busy, "w1", receipts=["nomad"])) == []
    assert len(judge(with_facts(busy, "w1", receipts=["mesh"]))) == 1
    assert judge(with_facts(cluster(), "m1", runtimes=BUSY)) == []  # managers of Nomad run no containers
    idle = {"docker": {"running": True, "configured": False, "containers": 0}}
    assert judge(with_facts(cluster(), "w1", runtimes=idle)) == []
    kubernetes = replace(cluster(), engine=components.engine("kubernetes"))
    variables = {"host_node_adopt_runtime": True}
    of_kubernetes = with_host(
        with_facts(kubernetes, "m1", runtimes={"containerd": BUSY["docker"]}), "m1", variables=variables
    )
    found = [fault for fault in judge(of_kubernetes) if fault.kind == "runtime"]
    assert [(fault.host, fault.level) for fault in found] == [("m1", "error")]


def test_docker_runs_its_containers_in_the_containerd_that_kubernetes_would_take_over() -> None:
    kubernetes = replace(cluster(), engine=components.engine("kubernetes"))
    found = [fault for fault in judge(with_facts(kubernetes, "w1", runtimes=BUSY)) if fault.kind == "runtime"]
    assert [(fault.host, fault.level) for fault in found] == [("w1", "error")]
    assert "docker is in use here (3 containers" in found[0].text and "take another server" in found[0].remedy
    ours = with_facts(kubernetes, "w1", runtimes=BUSY, receipts=["kubernetes"])
    assert [fault for fault in judge(ours) if fault.kind == "runtime"] == []


def test_a_fit_cluster_has_no_fault() -> None:
    assert faults.judge(cluster()) == []


@pytest.mark.parametrize(("rule", "spoil", "where", "words"), CASES)
def test_fault(rule: str, spoil: Callable[[Cluster], Cluster], where: str, words: tuple[str, ...]) -> None:
    found = [fault for fault in getattr(faults, rule)(spoil(cluster())) if fault.host == where]
    assert found, f"{rule} found nothing on {where or 'the cluster'}"
    assert any(all(word in f"{fault.text} | {fault.remedy}" for word in words) for fault in found), found


def test_groups_of_a_site_are_no_cluster() -> None:
    own = with_host(cluster(), "w1", groups=("product", "product_nodes", "web", "web_nodes"))
    assert list(faults.claimed_twice(own)) == []


def test_every_rule_has_a_case() -> None:
    desired = {rule.__name__ for rule in faults.RULES if rule not in network.RULES}  # those have a file of their own
    assert desired == {case[0] for case in CASES}


def test_all_faults_at_once_errors_first() -> None:
    bad = with_facts(with_facts(drop(cluster(), "m3"), "w1", memory_mib=1), "m1", members=MEMBERS)
    found = faults.judge(bad)
    assert [(f.host, f.kind) for f in found if f.level == "error"] == [("", "managers"), ("w1", "memory")]
    assert {f.kind for f in found if f.level == "warning"} == {"orphan"}


def test_ignored_kinds_only_warn() -> None:
    found = faults.judge(with_facts(cluster(), "w1", memory_mib=1), ignore=frozenset({"memory"}))
    assert [(f.kind, f.level) for f in found] == [("memory", "warning")]


def test_what_all_hosts_share_is_said_once() -> None:
    shared = [Fault(h.name, "variable", "unknown variable x", "remedy") for h in cluster().hosts]
    assert [f.host for f in faults.judge(cluster(), shared)] == [""]
    assert len(faults.judge(cluster(), shared[:2])) == 2


def test_our_own_services_may_hold_their_ports() -> None:
    ours = [listener(4646, executable="/opt/keelson/nomad/1.11.3/nomad", process="nomad")]
    assert faults.judge(with_facts(cluster(), "m1", listeners=ours)) == []


def test_a_member_s_services_hold_their_ports_from_within_containers() -> None:
    held = listener(4646, process="nomad", executable="/usr/local/bin/nomad")
    member = [{"component": "nomad", "name": "product", "evidence": "/etc/nomad.d/agent.json"}]
    assert not list(faults.ports(with_facts(cluster(), "m1", listeners=[held], clusters=member)))
    assert list(faults.ports(with_facts(cluster(), "m1", listeners=[held])))
    assert list(faults.ports(with_facts(cluster(), "m1", listeners=[{**held, "process": "nginx"}], clusters=member)))


def test_somebody_elses_port_on_another_address_is_no_fault() -> None:
    assert faults.judge(with_facts(cluster(), "m1", listeners=[listener(4646, address="192.0.2.5")])) == []


def test_a_member_of_this_cluster_needs_no_room_for_an_installation() -> None:
    member = [{"component": "nomad", "name": "product", "evidence": "/etc/nomad.d/agent.json"}]
    assert (
        faults.judge(with_facts(cluster(), "w1", clusters=member, file_systems={"/var/lib": file_system(free_mib=10)}))
        == []
    )


def test_a_slow_answer_is_no_skew() -> None:
    slow = {"before": NOW - 8, "after": NOW + 8}
    assert faults.judge(with_facts(cluster(), "w1", time=NOW + 7, clock=slow)) == []


def test_a_busy_machine_makes_no_clock_wrong() -> None:
    busy = cluster()
    # One said its time long before its answer came, the others at once.
    busy = with_facts(busy, "w1", time=NOW - 9, clock={"before": NOW - 9.5, "after": NOW + 0.5})
    busy = with_facts(busy, "w2", time=NOW + 3, clock={"before": NOW - 9.5, "after": NOW + 3.2})
    assert faults.judge(busy) == []
    assert [f.host for f in faults.judge(with_facts(busy, "w1", time=NOW - 13))] == ["w1"]


def test_a_wrong_controller_accuses_no_host() -> None:
    late = cluster()
    for name in ("m1", "m2", "m3", "w1", "w2"):
        late = with_facts(late, name, time=NOW + 900)
    found = faults.judge(late)
    assert [(f.host, f.kind, f.level) for f in found] == [("", "clock", "warning")]
    assert "controller's clock is 900 s behind" in found[0].text


def test_hosts_outside_the_limit_are_no_faults() -> None:
    assert faults.judge(with_host(cluster(), "m1", facts=None)) == []


def test_orphans_of_the_first_manager_that_answers() -> None:
    silent = with_facts(cluster(), "m1", members_error="HTTP 500")
    assert [o["name"] for o in orphans(with_facts(silent, "m2", members=MEMBERS))] == ["old"]
    assert orphans(silent) == []


def test_a_host_more_makes_no_fault() -> None:
    grown = replace(cluster(), hosts=(*cluster().hosts, host("w3", 23, "node")))
    assert faults.judge(grown) == []


@pytest.mark.parametrize(
    ("program", "receipts", "refused"),
    [
        ("/opt/keelson/envoy/1.36.4/envoy", [], False),  # that of another provider of the mesh
        ("/opt/keelson/envoy/1.36.4/envoy", ["mesh_envoy"], True),  # which the host is not to have any more
        ("/usr/bin/envoy", [], True),
    ],
)
def test_a_program_that_several_components_run_is_no_sign_of_each(
    tmp_path: Path, program: str, receipts: list[str], refused: bool
) -> None:
    seen = gather.clusters(
        str(tmp_path), {"envoy": program}, [{"component": "mesh_envoy", "files": [], "processes": ["envoy"]}]
    )
    changed = with_facts(cluster(), "w1", clusters=seen, receipts=receipts)
    assert bool(list(faults.foreign_cluster(changed))) == refused
