# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a Kubernetes cluster are replaced, phase by phase; each step may be the last one of a run."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import PHASES, accepted
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import api, encryption, etcd
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, rotation
from fake_kubernetes import Answer, FakeKubernetes

ENGINE = components.engine("kubernetes")


def phases(name: str) -> list[dict[str, Any]]:
    """The secrets of a cluster before the rotation of one to number 2, and after each of its phases."""
    found = [ENGINE.make_secrets("c1")]
    for phase in PHASES:
        found.append(rotation.after(found[-1], phase, {name: 2}, ENGINE.rotated, "c1", {}))
    return found


def test_an_encryption_key_decrypts_before_it_encrypts_and_afterwards() -> None:
    keys = [[key["name"] for one in accepted(p, "encryption_keys") for key in one] for p in phases("encryption_key")]
    assert keys == [["key1"], ["key1", "key2"], ["key2", "key1"], ["key2"]]


class Etcd:
    """What lies in etcd, by key; the API writes what is put there by the key in use."""

    def __init__(self, kubernetes: FakeKubernetes) -> None:
        self.values: dict[str, bytes] = {}
        self.pages = 0
        self.refuse: dict[str, Answer] = {}
        self.kubernetes = kubernetes
        kubernetes.react = self.react

    def add(self, resource: str, name: str, key: str) -> None:
        self.values[f"/registry/{resource}/team/{name}"] = f"k8s:enc:secretbox:v1:{key}:".encode() + b"\xff" * 600
        self.kubernetes.add(f"/api/v1/namespaces/team/{resource}/{name}", metadata={"resourceVersion": "1"}, data={})

    def react(self, method: str, path: str, _body: Any) -> Answer | None:
        name = path.rpartition("/")[2]
        if method == "PUT" and name in self.refuse:
            return self.refuse[name]
        if method == "PUT":
            self.values["/registry" + path.removeprefix("/api/v1/namespaces").replace("/team/secrets", "/secrets/team")
                        .replace("/team/configmaps", "/configmaps/team")] = b"k8s:enc:secretbox:v1:key2:x"  # fmt: skip
        return None

    def ask(self, verb: str, start: str, end: str, limit: str) -> Any:
        assert verb == "get"
        self.pages += 1
        most = int(limit.partition("=")[2])
        found = sorted(key for key in self.values if start <= key < end)
        pairs = ({"key": key.encode(), "value": self.values[key]} for key in found[:most])
        kvs = [{name: base64.b64encode(value).decode() for name, value in pair.items()} for pair in pairs]
        return {**({"kvs": kvs} if kvs else {}), **({"more": True} if len(found) > most else {})}


@pytest.fixture
def store(kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Etcd:
    """Five Secrets and a ConfigMap, all but one of them by the key before."""
    found = Etcd(kubernetes)
    for number in range(5):
        found.add("secrets", f"s{number}", "key2" if number == 3 else "key1")
    found.add("configmaps", "kube-root-ca.crt", "key1")
    found.values["/registry/secretsmore/team/x"] = b"another resource"
    keys = [{"name": "key2", "secret": "x"}, {"name": "key1", "secret": "y"}]
    entry = {"resources": ["secrets", "configmaps"], "providers": [{"secretbox": {"keys": keys}}]}
    (tmp_path / "encryption.json").write_text(json.dumps({"resources": [entry]}))
    monkeypatch.setattr(encryption, "CONFIG", str(tmp_path / "encryption.json"))
    monkeypatch.setattr(etcd, "ask", found.ask)
    monkeypatch.setattr(encryption, "PAGE", 2)
    monkeypatch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
    return found


def test_all_that_another_key_has_encrypted_is_written_once(store: Etcd, run: Callable[..., dict[str, Any]]) -> None:
    before = [path for method, path in store.kubernetes.requests if method == "PUT"]
    assert run("kubernetes_encryption", cluster="c1", _ansible_check_mode=True)["written"] == 5 and not before
    answer = run("kubernetes_encryption", cluster="c1")
    assert (answer["changed"], answer["written"]) == (True, 5)
    puts = [path for method, path in store.kubernetes.requests if method == "PUT"]
    assert len(puts) == len(set(puts)) == 5 and not any(path.endswith("s3") for path in puts)
    assert all(b":key2:" in value for key, value in store.values.items() if "more" not in key)
    assert not run("kubernetes_encryption", cluster="c1")["changed"]


def test_what_lies_there_as_plain_text_is_encrypted(store: Etcd) -> None:
    store.values["/registry/secrets/team/s0"] = b"k8s\x00plain"
    assert encryption.rewrite_all(store.kubernetes.api()) == (5, []) and not list(encryption.others())


def test_what_others_change_or_delete_at_the_same_time_keeps_that(store: Etcd) -> None:
    real = store.react

    def racing(method: str, path: str, body: Any) -> Answer | None:
        if method == "PUT" and path.endswith("s0"):
            store.values["/registry/secrets/team/s0"] = b"k8s:enc:secretbox:v1:key2:theirs"
            return 409, {"message": "the object has been modified"}
        if method == "GET" and path.endswith("s1"):
            store.values.pop("/registry/secrets/team/s1", None)
            return 404, {"message": "not found"}
        return real(method, path, body)

    store.kubernetes.react = racing
    assert encryption.rewrite_all(store.kubernetes.api()) == (5, [])
    assert store.values["/registry/secrets/team/s0"].endswith(b"theirs")


def test_what_cannot_be_written_is_named_and_the_key_before_stays(
    store: Etcd, run: Callable[..., dict[str, Any]]
) -> None:
    store.refuse["s1"] = 403, {"message": "denied by a webhook"}
    store.refuse["s2"] = 409, {"message": "modified, and not by the key in use"}
    told = run("kubernetes_encryption", cluster="c1")["msg"]
    assert "secrets team/s1: " in told and "denied by a webhook" in told and "stays accepted" in told
    store.refuse.pop("s1")
    assert "/registry/secrets/team/s2 is encrypted by another key still" in run("kubernetes_encryption", cluster="c1")["msg"]  # fmt: skip


def test_etcd_that_does_not_answer_is_told(
    store: Etcd, monkeypatch: pytest.MonkeyPatch, run: Callable[..., dict[str, Any]]
) -> None:
    def silent(*_arguments: str) -> Any:
        raise etcd.EtcdError("'etcdctl get': no answer")

    monkeypatch.setattr(etcd, "ask", silent)
    assert "It cannot be seen by which key" in run("kubernetes_encryption", cluster="c1")["msg"]
