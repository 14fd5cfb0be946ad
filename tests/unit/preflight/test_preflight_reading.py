# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight reads from hosts and from the inventory."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.action.host_facts import traces
from ansible_collections.keelson.cluster.plugins.filter.addresses import address_families
from ansible_collections.keelson.cluster.plugins.module_utils.checks import sockets
from ansible_collections.keelson.cluster.plugins.module_utils.preflight import features, gather, netlink, occupants
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import (
    inventory,
    model,
    orphans,
    table,
    variables,
)


def test_sockets_with_their_processes() -> None:
    import socket

    with socket.socket() as tcp, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("::1", 0))
        found = {(s["protocol"], s["address"], s["port"]): s for s in sockets.listening()}
        mine = found["tcp", "127.0.0.1", tcp.getsockname()[1]]
        assert mine["pid"] == os.getpid()
        assert mine["executable"] == os.readlink("/proc/self/exe")
        assert ("udp", "::1", udp.getsockname()[1]) in found


def test_an_established_connection_is_not_listening() -> None:
    line = "  0: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 11 1"
    assert sockets.parse_table(f"head\n{line}\n", "tcp") == []
    listening = line.replace(" 01 ", " 0A ")
    found = [{"protocol": "tcp", "address": "127.0.0.1", "port": 8080, "inode": 11}]
    assert sockets.parse_table(f"head\n{listening}\n", "tcp") == found


def fake_proc(folder: Path) -> Path:
    """A /proc with process 7, kube-apiserver, that listens on port 6443."""
    fields = "0: 0100007F:192B 00000000:0000 0A 0:0 0:0 0 0 0 4711"
    (folder / "net").mkdir()
    (folder / "net/tcp").write_text(f"head\n{fields}\n")
    (folder / "7/fd").mkdir(parents=True)
    (folder / "7/comm").write_text("kube-apiserver\n")
    (folder / "7/exe").symlink_to("/usr/local/bin/kube-apiserver")
    (folder / "7/fd/3").symlink_to("socket:[4711]")
    return folder


def test_a_process_that_closes_files_meanwhile_keeps_its_sockets(tmp_path: Path) -> None:
    """As API servers do all the time: the link of a file that was just closed cannot be read."""
    proc = fake_proc(tmp_path)
    (proc / "7/fd/0").touch()
    assert sockets.listening(str(proc)) == [
        {
            "protocol": "tcp",
            "address": "127.0.0.1",
            "port": 6443,
            "pid": 7,
            "process": "kube-apiserver",
            "executable": "/usr/local/bin/kube-apiserver",
        }
    ]


def test_a_socket_opened_while_looking_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc, looks, owners = fake_proc(tmp_path), [], sockets.owners

    def late(folder: str) -> dict[int, dict[str, Any]]:
        looks.append(folder)
        return owners(folder) if len(looks) == 2 else {}

    monkeypatch.setattr(sockets, "owners", late)
    assert sockets.listening(str(proc))[0]["pid"] == 7 and len(looks) == 2
    monkeypatch.setattr(sockets, "owners", lambda folder: {})
    assert sockets.listening(str(proc))[0] == {
        **sockets.UNKNOWN,
        "protocol": "tcp",
        "address": "127.0.0.1",
        "port": 6443,
    }


def test_addresses_are_ip_addresses_without_loopback() -> None:
    found = gather.network()
    assert all(not ipaddress.ip_address(address).is_loopback for address in found["addresses"])
    for interface in found["interfaces"]:
        assert interface["mtu"] > 0 and all(ipaddress.ip_interface(entry) for entry in interface["addresses"])
    assert all(ipaddress.ip_network(route["network"]) and route["interface"] for route in found["routes"])


def test_interfaces_and_routes_are_those_that_ip_lists() -> None:
    def listed(*words: str) -> list[dict[str, Any]]:
        shown = subprocess.run(["ip", "-json", *words], capture_output=True, text=True, check=True).stdout
        return [entry for entry in json.loads(shown) if entry]

    links = {entry["ifname"]: entry["mtu"] for entry in listed("link") if entry["ifname"] != "lo"}
    assert {entry["name"]: entry["mtu"] for entry in netlink.interfaces()} == links
    routes = {
        ("0.0.0.0/0" if entry["dst"] == "default" else entry["dst"], entry["dev"]) for entry in listed("-4", "route")
    }
    assert {(r["network"], r["interface"]) for r in netlink.routes() if ":" not in r["network"]} == routes


def test_a_neighbour_is_found_by_its_address_and_a_free_address_is_not() -> None:
    ways = [route for route in netlink.routes() if route["protocol"] == 2 and ":" not in route["network"]]
    for way in ways[:1]:
        free = str(list(ipaddress.ip_network(way["network"]))[-3])
        assert netlink.neighbour(free, wait=0.2) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("state", ["stale", "reachable"])
def test_a_machine_that_had_the_address_before_is_no_neighbour(state: str) -> None:
    """As the virtual address of a cluster that was just uninstalled: the kernel knows its holder for a minute more."""
    network = [
        "ip link add v0 type veth peer name v1",
        "ip addr add 10.9.9.1/24 dev v0",
        "ip link set v0 up && ip link set v1 up",
        f"ip neigh add 10.9.9.100 lladdr 0a:58:0a:09:09:64 nud {state} dev v0",
    ]
    ask = f"import sys; sys.path[:0] = {sys.path!r}; from {netlink.__name__} import neighbour; print(neighbour('10.9.9.100', 0.3))"
    command = ["unshare", "--net", "sh", "-ec", "\n".join([*network, 'exec "$0" -c "$1"']), sys.executable, ask]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize(
    ("resolv", "behind", "servers"),
    [
        ("# none\n", None, []),
        ("nameserver 10.0.0.1\nnameserver fd00::1 # two\n", None, ["10.0.0.1", "fd00::1"]),
        ("nameserver 127.0.0.53\n", "nameserver 10.0.0.2\n", ["10.0.0.2"]),
        ("nameserver 127.0.0.53\n", None, ["127.0.0.53"]),
        ("nameserver 127.0.0.1\n", "nameserver 10.0.0.2\n", ["127.0.0.1"]),
    ],
)
def test_name_servers_are_those_that_containers_get(
    tmp_path: Path, resolv: str, behind: str | None, servers: list[str]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text(resolv)
    if behind is not None:
        (tmp_path / "run/systemd/resolve").mkdir(parents=True)
        (tmp_path / "run/systemd/resolve/resolv.conf").write_text(behind)
    assert gather.resolvers(str(tmp_path)) == servers


def test_every_feature_that_profiles_ask_for_is_tried() -> None:
    parts = [part for component in components.known().values() for part in component.parts.values()]
    desired = {name for part in parts for name in part.requirements.features}
    assert desired <= set(gather.probes())


def test_probes_leave_nothing_behind() -> None:
    before = os.listdir("/mnt")
    found = features.try_all()
    assert set(found) == set(features.PROBES)
    assert os.listdir("/mnt") == before
    assert not [name for name in os.listdir("/sys/class/net") if name.startswith("keelson-")]
    assert f" {features._SCRATCH} " not in Path("/proc/self/mounts").read_text()


def test_a_feature_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(features, "PROBES", {"vxlan": fail, "veth": lambda: None})
    assert features.run_probes() == {"vxlan": "[Errno 95] Operation not supported", "veth": ""}


def test_gather_is_whole() -> None:
    found = gather.gather(["/opt", "/var/lib/does/not/exist"], traces([]))
    assert (
        found["memory_mib"] > 0
        and found["cores"] > 0
        and found["file_systems"]["/var/lib/does/not/exist"]["free_mib"] > 0
    )
    assert isinstance(found["time"], float)


@pytest.mark.parametrize(
    ("files", "running", "found"),
    [
        ({}, {}, []),
        ({"etc/nomad.d/agent.json": '{"datacenter": "product"}'}, {}, [("nomad", "product")]),
        ({"etc/nomad.d/agent.json": "broken"}, {}, [("nomad", "")]),
        ({"etc/nomad.d/nomad.hcl": "x"}, {}, [("nomad", "")]),
        ({"etc/nomad.d/README": "x"}, {}, []),
        ({"etc/nomad.d/gossip.json": "{}", "etc/keelson/product/x": ""}, {}, [("nomad", "product")]),
        ({}, {"nomad": "/usr/bin/nomad"}, [("nomad", "")]),
        ({"etc/kubernetes/kubelet.conf": "x"}, {}, [("kubernetes", "")]),
        ({"etc/kubernetes/kubelet.conf": "x", "etc/keelson/product/x": ""}, {}, [("kubernetes", "product")]),
        ({}, {"k3s-agent": ""}, [("kubernetes", "")]),
    ],
)
def test_clusters_on_a_host(
    tmp_path: Path, files: dict[str, str], running: dict[str, str], found: list[tuple[str, str]]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [(c["component"], c["name"]) for c in gather.clusters(str(tmp_path), running, traces([]))] == found


def test_programs_of_containers_are_not_this_hosts(tmp_path: Path) -> None:
    for pid, space in {"self": "pid:[1]", "7": "pid:[1]", "8": "pid:[2]"}.items():
        (tmp_path / pid / "ns").mkdir(parents=True)
        (tmp_path / pid / "ns" / "pid").symlink_to(space)
    (tmp_path / "8" / "comm").write_text("kubelet\n")
    (tmp_path / "7" / "comm").write_text("nomad\n")
    (tmp_path / "7" / "exe").symlink_to("/usr/bin/nomad")
    assert gather.processes({"nomad", "kubelet"}, str(tmp_path)) == {"nomad": "/usr/bin/nomad"}


SPECS: dict[str, dict[str, Any]] = {
    "host_node_swap": {"type": "str", "choices": ["keep", "off"]},
    "host_node_reserved": {"type": "dict"},
    "host_node_timeout": {"type": "int"},
    "cluster_lease_wait": {"type": "int", "minimum": 0},
    "host_node_volumes": {"type": "list", "elements": "dict", "options": {"name": {"type": "str"}}},
}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cluster_lables", {}, ("unknown variable cluster_lables", "did you mean cluster_labels?")),
        ("cluster_labels", 7, ("cluster_labels is of type int, dict is needed",)),
        ("cluster_labels", "a=b", ("is of type str, dict is needed",)),
        ("cluster_pool", ["web"], ("is of type list, str is needed",)),
        ("host_node_timeout", "soon", ("host_node_timeout is of type str, int is needed",)),
        ("host_node_swap", "no", ("host_node_swap", "keep, off")),
        ("host_node_volumes", [{"nmae": "x"}], ("host_node_volumes", "nmae")),
        ("cluster_drain_deadline", 0, ("cluster_drain_deadline: 0 is less than 1",)),
        ("cluster_drain_deadline", -1, ("cluster_drain_deadline: -1 is less than 1",)),
        ("cluster_max_unavailable", "0%", ("cluster_max_unavailable: '0%' is neither a number",)),
        ("cluster_max_unavailable", "two", ("cluster_max_unavailable: 'two' is neither a number",)),
    ],
)
def test_wrong_variables(name: str, value: Any, words: tuple[str, ...]) -> None:
    found = list(variables.check("w1", {name: value}, SPECS, ("cluster_", "host_node_")))
    assert len(found) == 1
    assert all(word in f"{found[0].text} {found[0].remedy}" for word in words), found


def test_right_variables_and_those_of_others() -> None:
    fine = {"cluster_labels": {"a": 1}, "host_node_timeout": "90", "host_node_swap": "off", "my_variable": 1}
    fine.update(cluster_drain_deadline=1, cluster_max_unavailable="10%", cluster_lease_wait=0)
    assert list(variables.check("w1", fine, SPECS, ("cluster_", "host_node_"))) == []


def test_a_value_that_cannot_be_templated() -> None:
    class Broken(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise ValueError("'vlan' is undefined")

    found = list(variables.check("w1", Broken(cluster_pool=""), {}, ("cluster_",)))
    assert "cluster_pool cannot be read: 'vlan' is undefined" in found[0].text


def test_specs_of_the_roles_are_found() -> None:
    root = str(Path(__file__).parents[3])
    specs = variable_types.roles()
    assert specs["host_node_swap"] == {"type": "str", "choices": ["keep", "off"]}
    assert {"cluster_", "host_node_", "cluster_manager_"} <= set(variables.prefixes(root))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, {}),
        ({"a": "10.0.0.0/24"}, {"a": "10.0.0.0/24"}),
        (["10.0.0.0/24"], {"10.0.0.0/24": "10.0.0.0/24"}),
        ([{"name": "a", "cidr": "10.0.0.1/24"}], {"a": "10.0.0.0/24"}),
        ({"a": {"cidr_block": "10.0.0.0/24"}}, {"a": "10.0.0.0/24"}),
    ],
)
def test_networks(value: Any, found: dict[str, str]) -> None:
    assert model.networks(value) == found


@pytest.mark.parametrize("value", [7, ["10.0.0.0/33"], {"a": "vlan"}, {"a": {"id": 1}}])
def test_networks_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="cluster_networks"):
        model.networks(value)


@pytest.mark.parametrize(
    ("addresses", "value", "found"),
    [
        (["10.0.0.1", "10.0.0.2"], None, [4]),
        (["fd00::1"], ["10.0.0.0/24", "fd00:0:0:0:0:0:0:0/64"], [6, 4]),
        (["10.0.0.1"], {"a": {"cidr": "fd00::/64"}}, [4, 6]),
        (["ADDRESS.placeholder", ""], None, []),
    ],
)
def test_the_families_of_a_cluster(addresses: list[str], value: Any, found: list[int]) -> None:
    assert address_families(addresses, value) == found


HOSTVARS: dict[str, dict[str, Any]] = {
    "a1": {"cluster_name": "a", "cluster_engine": "nomad", "cluster_part": "manager", "cluster_address": "10.0.0.1"},
    "b1": {"cluster_name": "b", "cluster_engine": "nomad"},
    "lost": {},
}


@pytest.mark.parametrize(
    ("hosts", "message"),
    [(["a1", "b1"], "clusters a, b; choose one"), (["a1", "lost"], "without cluster_name: lost"), ([], "no host")],
)
def test_a_run_that_is_not_about_one_cluster(hosts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inventory.chosen(HOSTVARS, hosts)


def test_a_misspelt_cluster() -> None:
    with pytest.raises(ValueError, match=r"no hosts in a cluster 'prodct'; it has a, b"):
        inventory.choose("prodct", {"clusters": ["a1", "b1"]}, HOSTVARS)
    assert inventory.choose("a", {"a": ["a1"]}, HOSTVARS) == "a"
    with pytest.raises(ValueError, match="no hosts in a cluster 'web'; it has a, b"):
        inventory.choose("web", {"web": ["a1"]}, HOSTVARS)


def test_a_cluster_is_read_with_what_each_host_answered() -> None:
    answered = {"ansible_facts": {"keelson": {"x": 1}}}
    known = {
        "a1": {**HOSTVARS["a1"], "reg": answered, **answered},
        "a2": {**HOSTVARS["a1"], "reg": {"unreachable": True, "msg": "Task failed: no route"}},
        "a3": HOSTVARS["a1"],
        "b1": HOSTVARS["b1"],
    }
    found = inventory.read_cluster(known, ["a1", "a2"], "reg")
    assert [(h.name, h.facts, h.failure) for h in found.hosts] == [
        ("a1", {"x": 1}, ""),
        ("a2", None, "no route"),
        ("a3", None, ""),
    ]
    assert [h.name for h in found.others] == ["b1"]


def test_managers_outside_the_run_tell_the_members() -> None:
    members = [{"name": "a3", "part": "manager"}]
    silent = {"item": "a2", "unreachable": True}
    told = {"item": "a3", "ansible_facts": {"keelson": {"members": members}}}
    known = {"a1": {**HOSTVARS["a1"], inventory.LEFT_OUT: {"results": [silent, told]}}, "a3": HOSTVARS["a1"]}
    assert orphans.listed(inventory.read_cluster(known, ["a1"], "reg")) == ("a3", members)
    known["a1"][inventory.LEFT_OUT] = {"results": [silent]}
    assert orphans.listed(inventory.read_cluster(known, ["a1"], "reg")) == ("", [])


def test_engines() -> None:
    known = {"a1": {**HOSTVARS["a1"], "cluster_engine": "nomda"}}
    with pytest.raises(components.ComponentError, match="'nomda': this collection has no such engine"):
        inventory.read_cluster(known, ["a1"], "reg")
    with pytest.raises(components.ComponentError, match="lower-case"):
        components.load("../evil")
    with pytest.raises(ValueError, match="cluster a has no cluster_engine"):
        inventory.read_cluster({"a1": {"cluster_name": "a"}}, ["a1"], "reg")


def test_the_table_is_plain_and_wraps() -> None:
    text = table.faults_table([model.Fault("evil\x1b[31m", "port", "word " * 40, "remedy\nit")])
    assert "\x1b" not in text and "remedy it" in text
    assert max(map(len, text.splitlines())) <= 125


def test_what_others_run_on_a_host(tmp_path: Path) -> None:
    assert occupants.runtimes(set(), str(tmp_path))["docker"] == {
        "running": False,
        "configured": False,
        "containers": 0,
    }
    for path in (
        "var/lib/docker/containers/a1",
        "run/containerd/io.containerd.runtime.v2.task/moby/a1",
        "run/containerd/io.containerd.runtime.v2.task/default/b1",
        "etc/docker/daemon.json",
        "etc/ufw",
    ):
        (tmp_path / path).mkdir(parents=True)
    found = occupants.runtimes({"dockerd"}, str(tmp_path))
    assert found["docker"] == {"running": True, "configured": True, "containers": 1}
    assert found["containerd"] == {"running": False, "configured": False, "containers": 1}
    assert occupants.firewalls({"sshd"}, str(tmp_path)) == []
    (tmp_path / "etc/ufw/ufw.conf").write_text("# x\nENABLED=yes\n")
    assert occupants.firewalls({"firewalld"}, str(tmp_path)) == ["firewalld", "ufw"]
    assert occupants.programs() - {""}
