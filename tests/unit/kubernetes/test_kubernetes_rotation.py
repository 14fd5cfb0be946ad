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
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import account_tokens, api, encryption, etcd
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, rotation
from fake_kubernetes import Answer, FakeKubernetes
from kubernetes_world import node

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


# --- service accounts ------------------------------------------------------------------------------------------------


def token(public_key: str) -> str:
    """A token as the API server makes them: it names the key that signed it."""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "kid": account_tokens.key_id(public_key)}).encode())
    return f"{head.decode().rstrip('=')}.e30.x"


def test_a_service_account_key_is_accepted_before_it_signs_and_afterwards() -> None:
    found = phases("service_account_key")
    old, new = found[0]["service_account_public_key"], found[-1]["service_account_public_key"]
    keys = [accepted(payload, "service_account_public_key") for payload in found]
    assert old != new and keys == [[old], [old, new], [new, old], [new]]
    assert [p["service_account_key"] == found[0]["service_account_key"] for p in found] == [True, True, False, False]


def test_a_token_names_its_key_as_kubernetes_does() -> None:
    key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH6cuzP8XuD5wal6wf9M6xDljTOPL\nX2i8uIp/C/ASqiIGUeeKQtX0/IR3qCXyThP/dbCiHrF3v1cuhBOHY8CLVg==\n-----END PUBLIC KEY-----\n"  # noqa: E501
    assert account_tokens.key_id(key) == "SoABiieYuNx4UdqYvZRVeuC6SihxgLrhLy9peHMHpTc"  # pkg/serviceaccount/jwt_test.go
    assert account_tokens.signer(token(key)) == account_tokens.key_id(key)
    assert [account_tokens.signer(text) for text in ("", "a.b.c", "e30.e30.", "bnVsbA.x.y", "ü")] == [""] * 5


@pytest.fixture
def pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The volumes of pods of a host; kubelet is restarted by name."""
    monkeypatch.setattr(account_tokens, "TOKENS", f"{tmp_path}/pods/*/volumes/kubernetes.io~projected/**")
    return tmp_path / "pods"


def volume(pods: Path, name: str, text: str) -> Path:
    """A projected volume with a file below a folder, as kubelet makes them."""
    folder = pods / name / "volumes" / "kubernetes.io~projected" / "kube-api-access"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..2026" / "token").write_text(text)
    (folder / "token").symlink_to("..2026/token")
    return folder / "..2026" / "token"


def test_kubelet_is_restarted_while_a_pod_has_a_token_of_the_key_before(
    pods: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., dict[str, Any]]
) -> None:
    payload = phases("service_account_key")[2]
    keys = accepted(payload, "service_account_public_key")
    old = [volume(pods, name, token(keys[1])) for name in ("a", "b")]
    volume(pods, "c", token(keys[0]))
    volume(pods, "d", "somebody's own file")
    restarts: list[str] = []

    def restart(unit: units.Unit) -> None:
        restarts.append(unit.name)
        for path in old:
            path.write_text(token(keys[0]))

    monkeypatch.setattr(units, "restart", restart)
    checked = run("kubernetes_identity", cluster="c1", authorities=[], public_keys=keys, _ansible_check_mode=True)
    assert (checked["changed"], checked["tokens"], restarts) == (True, 2, [])
    assert run("kubernetes_identity", cluster="c1", authorities=[], public_keys=keys)["changed"] and restarts == [
        "kubelet.service"
    ]
    assert not run("kubernetes_identity", cluster="c1", authorities=[], public_keys=keys)["changed"]
    for other in (keys[::-1], keys[:1]):  # before it is used, and afterwards
        expected = other[1:] == keys[:1]
        assert (
            run("kubernetes_identity", cluster="c1", authorities=[], public_keys=other, _ansible_check_mode=True)[
                "changed"
            ]
            is expected
        )


def test_tokens_that_stay_are_told(
    pods: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., dict[str, Any]]
) -> None:
    keys = accepted(phases("service_account_key")[2], "service_account_public_key")
    volume(pods, "a", token(keys[1]))
    monkeypatch.setattr(units, "restart", lambda _unit: None)
    told = run("kubernetes_identity", cluster="c1", authorities=[], public_keys=keys, timeout=0)["msg"]
    assert "1 tokens of pods are by the key before" in told and "stays accepted" in told


def test_secrets_and_nodes_that_need_the_key_before_are_named(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, run: Callable[..., dict[str, Any]]
) -> None:
    keys = accepted(phases("service_account_key")[2], "service_account_public_key")
    monkeypatch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
    for name, key in (("old", keys[1]), ("new", keys[0])):
        text = base64.b64encode(token(key).encode()).decode()
        kubernetes.add(f"/api/v1/namespaces/ci/secrets/{name}", data={"token": text})
    kubernetes.add("/api/v1/namespaces/ci/secrets/empty")
    for name, ready in (("w1", "True"), ("w2", "True"), ("w3", "Unknown")):
        kubernetes.add(f"/api/v1/nodes/{name}", **node(name, ready=ready))
    given = {"cluster": "c1", "public_keys": keys}
    told = run("kubernetes_account_tokens", **given, took_part=["w1"])["msg"]
    assert told.startswith(
        "node w2 has taken no part; Secret old of namespace ci has a token by the key before. The key before stays"
    )
    del kubernetes.objects["/api/v1/namespaces/ci/secrets/old"]
    assert "msg" not in run("kubernetes_account_tokens", **given, took_part=["w1", "w2"])
