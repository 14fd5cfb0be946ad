# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written for, and read from, kubeadm, etcdctl, kubectl, containerd and the kernel."""

from __future__ import annotations

import datetime
import getpass
import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

try:
    import tomllib
except ImportError:  # Python 3.10 and older
    tomllib = None  # type: ignore[assignment]
from ansible_collections.keelson.cluster.plugins.filter.kubernetes_node_specs import kubernetes_node_specs
from ansible_collections.keelson.cluster.plugins.filter.registry_files import registry_files
from ansible_collections.keelson.cluster.plugins.filter.toml import documents
from ansible_collections.keelson.cluster.plugins.module_utils.host.files import exposed
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    etcd,
    kernel,
    kubeadm,
    manifests,
    membership,
    nodes,
    tokens,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.endpoint import endpoint, join
from ansible_collections.keelson.cluster.plugins.plugin_utils import toml
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes import secrets

ROOT = Path(__file__).parents[3]

# --- TOML ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(tomllib is None, reason="this Python has no tomllib")
@pytest.mark.parametrize(
    "data",
    [
        {"version": 3, "a": True, "b": 1.5, "list": ["x", "y"], "empty": []},
        {"plugins": {"io.containerd.cri.v1.runtime": {"cni": {"bin_dirs": ["/usr/lib/cni"]}, "on": False}}},
        {"host": {"https://mirror.example.com:5000": {"header": {"authorization": ["Basic eDp5"]}}}},
        {"odd": 'quote " backslash \\ tab \t line \n delete \x7f é 😀', "table": {}},
        {"after": {"inner": {"x": 1}, "own": 2}},
    ],
)
def test_toml_is_read_back_as_it_was(data: dict[str, Any]) -> None:
    assert tomllib.loads(toml.dumps(data)) == data


def test_toml_has_no_null() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml.dumps({"x": None})


@pytest.mark.skipif(tomllib is None, reason="this Python has no tomllib")
def test_mirrors_with_a_ca_and_credentials() -> None:
    mirror = {"url": "https://mirror.example.com:5000", "ca": "PEM", "username": "x", "password": "y"}
    files = {entry["path"]: entry for entry in registry_files({"docker.io": {"mirrors": [mirror]}})}
    assert files["/etc/containerd/certs.d/docker.io/ca-0.pem"]["content"] == "PEM"
    hosts = files["/etc/containerd/certs.d/docker.io/hosts.toml"]
    assert hosts["secret"] and hosts["mode"] == "0600"
    found = tomllib.loads(hosts["content"])
    assert found["server"] == "https://registry-1.docker.io"
    assert found["host"][mirror["url"]]["header"] == {"Authorization": ["Basic eDp5"]}
    alone = registry_files({"r.example.com": {"upstream": False, "mirrors": [{"url": "https://m.example.com"}]}})
    assert tomllib.loads(alone[-1]["content"])["server"] == "https://m.example.com"
    assert registry_files({}) == []


@pytest.mark.skipif(tomllib is None, reason="this Python has no tomllib")
def test_a_registry_s_own_login_and_a_mirror_with_a_path() -> None:
    mirror = {"url": "https://m.example.com/v2/hub", "override_path": True}
    given = {"r.example.com": {"username": "x", "password": "y", "ca": "PEM", "mirrors": [mirror]}}
    text = next(entry["content"] for entry in registry_files(given) if entry["path"].endswith("hosts.toml"))
    assert tomllib.loads(text)["host"] == {
        "https://m.example.com/v2/hub": {"capabilities": ["pull", "resolve"], "override_path": True},
        "https://r.example.com": {
            "capabilities": ["pull", "resolve"],
            "ca": "/etc/containerd/certs.d/r.example.com/ca-1.pem",
            "header": {"Authorization": ["Basic eDp5"]},
        },
    }


@pytest.mark.parametrize("settings", [{}, {"mirrors": [{"username": "x"}]}])
def test_a_registry_without_a_mirror_s_address(settings: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="host_node_registries: .*docker.io has no"):
        registry_files({"docker.io": settings})


# --- endpoints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "vip", "desired"),
    [
        ("https://api.example.com", "", "api.example.com:6443"),
        ("https://api.example.com:443/x", "", "api.example.com:443"),
        ("10.0.0.5:8443", "10.0.0.9", "10.0.0.5:8443"),
        ("", "10.0.0.9", "10.0.0.9:6443"),
        ("fd00::5", "", "[fd00::5]:6443"),
        ("[fd00::5]:443", "", "[fd00::5]:443"),
        ("", "fd00::9", "[fd00::9]:6443"),
    ],
)
def test_the_endpoint(given: str, vip: str, desired: str) -> None:
    assert join(*endpoint(given, vip)) == desired


@pytest.mark.parametrize("given", ["two words", "http://x y", "name:port", "x:123456"])
def test_what_is_no_endpoint(given: str) -> None:
    with pytest.raises(ValueError, match="is none"):
        endpoint(given)


# --- membership ------------------------------------------------------------------------------------------------------

MANAGER = [
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/manifests/kube-apiserver.yaml",
    "var/lib/etcd/member",
]


@pytest.mark.parametrize(
    ("part", "files", "done", "desired"),
    [
        ("node", [], False, membership.ABSENT),
        ("node", [], True, membership.ABSENT),  # somebody has reset it
        ("node", ["etc/kubernetes/bootstrap-kubelet.conf"], False, membership.INCOMPLETE),
        ("node", MANAGER[:1], False, membership.INCOMPLETE),
        ("node", MANAGER[:1], True, membership.JOINED),
        ("manager", MANAGER, True, membership.JOINED),
        ("manager", MANAGER, False, membership.INCOMPLETE),
        ("manager", MANAGER[:3], True, membership.INCOMPLETE),
        ("manager", MANAGER[3:], False, membership.INCOMPLETE),
    ],
)
def test_how_far_a_host_is_a_member(part: str, files: list[str], done: bool, desired: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert membership.by_files(part, membership.Note("join", done), str(tmp_path)) == desired


def test_the_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert membership.read_note("product", str(tmp_path)) == membership.Note()
    membership.write_note("product", membership.Note("init", True), str(tmp_path))
    assert membership.read_note("product", str(tmp_path)) == membership.Note("init", True)
    # install closes what others may read below this directory: anything more open would change in each run
    assert exposed(f"{tmp_path}/etc/keelson/product/**", getpass.getuser()) == {}
    (tmp_path / "etc/keelson/product/kubernetes.json").write_text("{")
    assert membership.read_note("product", str(tmp_path)) == membership.Note()


def test_what_a_cluster_was_made_with_is_read(tmp_path: Path) -> None:
    assert membership.fixed(str(tmp_path)) == {}
    (tmp_path / "etc/kubernetes/manifests").mkdir(parents=True)
    controller = "    - kube-controller-manager\n    - --cluster-cidr=10.244.0.0/16\n    - --cluster-name=product\n"
    (tmp_path / "etc/kubernetes/manifests/kube-controller-manager.yaml").write_text(controller)
    (tmp_path / "etc/kubernetes/manifests/kube-apiserver.yaml").write_text(
        "    - --service-cluster-ip-range=10.96.0.0/16\n"
    )
    (tmp_path / "etc/kubernetes/admin.conf").write_text("    server: https://10.0.0.100:6443\n  name: product\n")
    assert membership.fixed(str(tmp_path)) == {
        "pod_subnet": "10.244.0.0/16",
        "service_subnet": "10.96.0.0/16",
        "endpoint": "10.0.0.100:6443",
    }


def test_the_digest_of_files_shows_each_change(tmp_path: Path) -> None:
    paths = ["/a", "/b"]
    seen = {membership.digest(paths, root=str(tmp_path)), membership.digest(paths, "more", str(tmp_path))}
    (tmp_path / "a").write_text("x")
    seen.add(membership.digest(paths, root=str(tmp_path)))
    (tmp_path / "a").rename(tmp_path / "b")
    seen.add(membership.digest(paths, root=str(tmp_path)))
    assert len(seen) == 4 and membership.digest(paths, root=str(tmp_path)) in seen


def test_leftovers(tmp_path: Path) -> None:
    assert membership.leftovers(str(tmp_path)) == []
    for name in (
        "var/lib/etcd/member",
        "etc/cni/net.d/05-cilium.conflist",
        "etc/cni/net.d/10-calico.conflist",
        "etc/cni/net.d/87-podman-bridge.conflist",
        "etc/cni/net.d/cni.lock",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert membership.leftovers(str(tmp_path)) == ["/var/lib/etcd/member", "/etc/cni/net.d/05-cilium.conflist"]


def test_a_kernel_s_release() -> None:
    assert kernel.release("6.1.0-13-amd64") == (6, 1)
    assert kernel.release("5.10.0") < kernel.PROXY_KERNEL < kernel.release("10.0")


# --- kubeadm, etcdctl, kubectl ---------------------------------------------------------------------------------------


def test_of_kubeadm_s_words_the_errors_remain() -> None:
    text = "W1122 advice\n[ERROR Swap]: swap is on\nerror: error execution phase preflight\nTo see the stack trace\n"
    assert kubeadm.last_words(text) == "[ERROR Swap]: swap is on | error: error execution phase preflight"
    assert kubeadm.last_words("one\ntwo\n") == "one | two"


def test_etcd_s_members_and_the_half_made_one() -> None:
    answer = {
        "members": [
            {"ID": 10501334649042878790, "name": "m1", "peerURLs": ["https://10.0.0.11:2380"]},
            {"ID": 255, "peerURLs": ["https://10.0.0.12:2380"], "isLearner": True},
        ]
    }
    first, second = etcd.parse_members(answer)
    assert first == etcd.Member("91bc3c398fb3c146", "m1", "10.0.0.11", True, False)
    assert second == etcd.Member("ff", "", "10.0.0.12", False, True)
    assert etcd.half_made([first, second], "10.0.0.12") == [second]


MANIFEST = """# a comment
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: calico-node
---
kind: ClusterRole
metadata:
  labels:
    name: wrong
  name: calico-node
---
# only a comment
---
kind: DaemonSet
metadata:
  name: calico-node
"""


def test_of_a_manifest_some_kinds_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MANIFEST)
    kinds = ["ServiceAccount", "ClusterRole"]
    text = manifests.compose([{"path": str(path), "kinds": kinds, "names": ["calico-node"]}], [{"kind": "Own"}])
    assert [entry for entry in text.splitlines() if entry.startswith("kind")] == [
        "kind: ServiceAccount",
        "kind: ClusterRole",
    ]
    assert text.endswith('---\n{"kind": "Own"}\n')
    with pytest.raises(manifests.ManifestError, match="no object of Deployment"):
        manifests.compose([{"path": str(path), "kinds": ["Deployment"], "names": []}], [])


def test_of_a_folder_the_manifests_are_taken_by_name(tmp_path: Path) -> None:
    for name, kind in (("20-b.yaml", "Role"), ("10-a.yaml", "Namespace"), ("README.md", "Nothing")):
        (tmp_path / name).write_text(f"kind: {kind}\n")
    taken = {"path": str(tmp_path), "kinds": [], "names": []}
    assert manifests.compose([taken], []) == "kind: Namespace\n---\nkind: Role\n"


def test_a_token_ends_and_is_bound_to_joining() -> None:
    token, body = tokens.secret(15, datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.timezone.utc))
    data = body["stringData"]
    assert token == f"{data['token-id']}.{data['token-secret']}" and len(token) == 23
    assert data["expiration"] == "2026-11-22T12:15:00Z" and "usage-bootstrap-signing" not in data
    found = tokens.discovery("https://api.example.com:6443", "PEM", {"token": token})
    assert found["clusters"][0]["cluster"]["certificate-authority-data"] == "UEVN"


def test_secrets_of_two_clusters_differ_and_the_key_is_long_enough() -> None:
    one, two = secrets.make_secrets("product"), secrets.make_secrets("product")
    assert set(one) == set(two) and all(one[name] != two[name] for name in one)
    assert one["service_account_public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert len(one["encryption_keys"][0]["secret"]) == 44


# --- nodes -----------------------------------------------------------------------------------------------------------


def test_our_taints_change_and_others_stay() -> None:
    node: dict[str, Any] = {
        # What a node may write itself makes no taint ours.
        "metadata": {
            "labels": nodes.marks([{"key": "old"}, {"key": "kept"}]),
            "annotations": {"keelson.cluster/taints": "theirs"},
        },
        "spec": {"taints": [{"key": "old", "effect": "NoSchedule"}, {"key": "theirs", "effect": "NoExecute"}]},
    }
    assert all(
        label.partition("/")[0].endswith(".node-restriction.kubernetes.io") for label in node["metadata"]["labels"]
    )
    desired = [{"key": "kept", "effect": "NoSchedule"}]
    assert nodes.taints(node, desired) == [{"key": "theirs", "effect": "NoExecute"}, *desired]
    assert nodes.taints({"metadata": {}}, []) == []


def test_nodes_as_the_inventory_wants_them() -> None:
    known = {
        "m1": {"cluster_address": "10.0.0.11", "cluster_pool": "", "cluster_labels": {}},
        "n1": {"cluster_address": "10.0.0.21", "cluster_pool": "web", "cluster_labels": {"tier": "web"}},
        "n2": {
            "cluster_address": "10.0.0.22",
            "cluster_pool": "gpu",
            "host_node_labels": {"a": "b"},
            "host_node_taints": [1],
        },
    }
    assert kubernetes_node_specs(list(known), known) == [
        {"name": "m1", "address": "10.0.0.11", "labels": {}, "taints": []},
        {
            "name": "n1",
            "address": "10.0.0.21",
            "labels": {"keelson.node-restriction.kubernetes.io/pool": "web", "tier": "web"},
            "taints": [],
        },
        {
            "name": "n2",
            "address": "10.0.0.22",
            "labels": {"keelson.node-restriction.kubernetes.io/pool": "gpu", "a": "b"},
            "taints": [1],
        },
    ]


def test_documents_are_read_one_by_one() -> None:
    text = documents([{"kind": "A"}, {"kind": "B"}])
    assert [json.loads(part)["kind"] for part in text.split("---\n")[1:]] == ["A", "B"]


# --- pod network bridge ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program that runs on every node."""
    found = importlib.util.spec_from_file_location("pod_network", ROOT / "roles/host_node/files/pod_network.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_nodes_networks(program: ModuleType) -> None:
    def node(name: str, networks: list[str], *addresses: str) -> dict[str, Any]:
        listed = [{"type": "Hostname", "address": name}, *({"type": "InternalIP", "address": a} for a in addresses)]
        return {"metadata": {"name": name}, "spec": {"podCIDRs": networks}, "status": {"addresses": listed}}

    answer = {
        "items": [
            node("a", ["10.244.0.0/24"], "10.0.0.1"),
            node("b", [], "10.0.0.2"),
            node("c", ["10.244.2.0/24"]),
            node("d", ["fd10:244:0:3::/64", "10.244.3.0/24"], "10.0.0.4", "fd00::4"),
            node("e", ["10.244.4.0/24", "fd10:244:0:4::/64"], "fd00::5"),
        ]
    }
    assert program.networks(answer) == {
        "a": {"10.244.0.0/24": "10.0.0.1"},
        "d": {"fd10:244:0:3::/64": "fd00::4", "10.244.3.0/24": "10.0.0.4"},
        "e": {"fd10:244:0:4::/64": "fd00::5"},
    }


def test_pods_of_both_families(program: ModuleType) -> None:
    found = json.loads(program.configuration(["10.244.3.0/24", "fd10:244:0:3::/64"]))["plugins"][0]["ipam"]
    assert found["ranges"] == [[{"subnet": "10.244.3.0/24"}], [{"subnet": "fd10:244:0:3::/64"}]]
    assert found["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    rules = program.masquerade(["10.244.0.0/16", "fd10:244::/56"])
    assert "ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade\n" in rules
    assert "ip6 saddr fd10:244::/56 ip6 daddr != fd10:244::/56 masquerade\n" in rules


def test_routes_follow_the_nodes(program: ModuleType) -> None:
    desired, present = (
        {"10.244.1.0/24": "10.0.0.2", "10.244.2.0/24": "10.0.0.3"},
        {"10.244.1.0/24": "10.0.0.9", "10.244.9.0/24": "x"},
    )
    assert program.changes(desired, present) == [
        ["del", "10.244.9.0/24", "proto", "201"],
        ["replace", "10.244.1.0/24", "via", "10.0.0.2", "proto", "201"],
        ["replace", "10.244.2.0/24", "via", "10.0.0.3", "proto", "201"],
    ]
    assert program.changes(desired, desired) == []


def test_rules_that_a_firewall_flushed_are_written_again(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    table: list[str] = []

    def nft(command: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
        if command[1] == "-f":
            table.append(given["input"])
        return subprocess.CompletedProcess(command, 0, "".join(table[-1:]), "")

    monkeypatch.setattr(program.subprocess, "run", nft)
    program.filter_rules(["10.244.0.0/16"])
    program.filter_rules(["10.244.0.0/16"])
    assert len(table) == 1 and "masquerade" in table[0]
    table.clear()
    program.filter_rules(["10.244.0.0/16"])
    assert len(table) == 1
