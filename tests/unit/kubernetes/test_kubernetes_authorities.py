# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CAs of a Kubernetes cluster are replaced: real certificates, each phase on hosts and in the cluster, cut off anywhere."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.filter.accepted import FilterModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import PHASES, accepted
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    api,
    authorities,
    control,
    identity,
    kubeadm,
    network,
    nodes,
    trust,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, pki, rotation
from fake_kubernetes import Answer, FakeKubernetes
from kubernetes_world import node

ENGINE = components.engine("kubernetes")
ROOT = Path(__file__).parents[3]
FIELDS = ("ca_certificate", "front_proxy_ca_certificate", "etcd_ca_certificate")
Payload = dict[str, Any]


@pytest.fixture(scope="module")
def payloads() -> dict[str, Payload]:
    """The secrets before a rotation of all CAs to number 2, and after each of its phases, by phase."""
    found = {"": ENGINE.make_secrets("c1")}
    for phase in PHASES:
        found[phase] = rotation.after(
            list(found.values())[-1], phase, {"ca": 2, "etcd_ca": 2}, ENGINE.rotated, "c1", {}
        )
    return found


def files(payload: Payload) -> dict[str, str]:
    """What the role writes on a manager, by path."""
    variables = yaml.safe_load((ROOT / "roles/cluster_manager/vars/main/kubernetes_secrets.yml").read_text())
    environment = jinja2.Environment(keep_trailing_newline=True)
    environment.filters["keelson.cluster.accepted"] = FilterModule().filters()["accepted"]
    given = {"__cluster_manager_secrets": {"payload": payload}}
    entries = [entry for entry in variables["__cluster_manager_kubernetes_secret_files"] if "content" in entry]
    return {entry["path"]: environment.from_string(entry["content"]).render(given) for entry in entries}


def pair(payload: Payload, prefix: str = "", name: str = "host") -> pki.Pair:
    """A certificate by the CA in use."""
    ca = pki.Pair(payload[f"{prefix}ca_certificate"], payload[f"{prefix}ca_key"])
    return pki.issue(ca, pki.sort_names(name, ["127.0.0.1"]), 1)


def test_each_phase_accepts_what_the_one_before_and_the_one_after_use(payloads: dict[str, Payload]) -> None:
    for field in FIELDS:
        old, new = payloads[""][field], payloads["finish"][field]
        assert [accepted(p, field) for p in payloads.values()] == [[old], [old, new], [new, old], [new]]
        names = {pki.load_certificate(text, "it").subject.rfc4514_string() for text in (old, new)}
        assert len(names) == 2, "a CA's name tells it from the one before"
    for phase, payload in payloads.items():
        written = files(payload)
        assert written["/etc/kubernetes/pki/signing.crt"] == payload["ca_certificate"], phase
        assert written["/etc/kubernetes/pki/ca.crt"] == "".join(accepted(payload, "ca_certificate")), phase
        for name in ("", "etcd/", "front-proxy-"):  # kubeadm signs by the first one, with this key
            ca = written[f"/etc/kubernetes/pki/{name}ca.crt"]
            key = written[f"/etc/kubernetes/pki/{name}ca.key"]
            signed = certificate.sign(certificate.make_request(certificate.make_key()), ca, key, "/CN=x", [], 60)
            assert certificate.issued_by(signed, ca) and authorities.first(ca) in ca
    assert set(files(payloads["finish"]).values()) & set(files(payloads[""]).values()) == {
        payloads[""]["service_account_key"],
        payloads[""]["service_account_public_key"],
    }, "nothing of the old CAs is left"


def connects(server: Payload, client: Payload, trusted: str) -> bool:
    """Whether a client with a certificate of its phase reaches an API server of its phase, each by what it trusts."""
    ours, theirs = socket.socketpair()
    contexts = []
    for purpose, payload, ca in (
        (ssl.Purpose.CLIENT_AUTH, server, files(server)["/etc/kubernetes/pki/ca.crt"]),
        (ssl.Purpose.SERVER_AUTH, client, trusted),
    ):
        context, own = ssl.create_default_context(purpose, cadata=ca), pair(payload)
        with api.secret_file(own.certificate + own.key) as path:
            context.load_cert_chain(path)
        context.verify_mode = ssl.CERT_REQUIRED
        contexts.append(context)

    def serve() -> None:
        with contextlib.suppress(OSError), contexts[0].wrap_socket(theirs, server_side=True) as link:
            link.sendall(b"ok")
        theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        ours.settimeout(5)
        with ours, contexts[1].wrap_socket(ours, server_hostname="127.0.0.1") as link:
            return link.recv(2) == b"ok"
    except OSError:
        return False
    finally:
        ours.close()
        thread.join()


def test_whom_clients_reach_in_each_phase(payloads: dict[str, Payload]) -> None:
    order = list(payloads)
    for at, phase in enumerate(order):
        for other in order[max(0, at - 1) : at + 2]:  # hosts go from one phase to the next one after the other
            assert connects(payloads[phase], payloads[other], "".join(accepted(payloads[other], "ca_certificate")))
        only = [payloads[which]["ca_certificate"] for which in ("", "finish")]
        reached = [connects(payloads[phase], payloads[phase], ca) for ca in only]
        assert reached == [phase in ("", "prepare"), phase in ("use", "finish")], phase
    assert not connects(payloads["finish"], payloads[""], payloads["finish"]["ca_certificate"]), "an old client"


def kubeconfig(payload: Payload, ca: str) -> str:
    """A kubeconfig as kubeadm writes it."""
    own = pair(payload)
    coded = [base64.b64encode(text.encode()).decode() for text in (ca, own.certificate, own.key)]
    return (
        f"clusters:\n- cluster:\n    certificate-authority-data: {coded[0]}\n    server: https://127.0.0.1:6443\n"
        f"users:\n- name: x\n  user:\n    client-certificate-data: {coded[1]}\n    client-key-data: {coded[2]}\n"
    )


def test_kubeconfigs_trust_what_the_host_trusts(payloads: dict[str, Payload], tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("".join(accepted(payloads["use"], "ca_certificate")))
    path = tmp_path / "admin.conf"
    path.write_text(kubeconfig(payloads["use"], payloads["use"]["ca_certificate"]))
    path.chmod(0o640)
    given: dict[str, Any] = {"paths": [str(path), str(tmp_path / "none")], "ca_file": str(tmp_path / "ca.crt")}
    before = path.stat().st_mtime_ns
    assert authorities.align(**given, check=True) == [str(path)]
    assert authorities.align(**given, keep_times=True) == [str(path)]
    assert path.stat().st_mtime_ns == before and path.stat().st_mode & 0o777 == 0o640
    assert api.read_access(path.read_text()).ca == (tmp_path / "ca.crt").read_text()
    (tmp_path / "ca.crt").write_text("".join(accepted(payloads["prepare"], "ca_certificate")))
    assert authorities.align(**given) == [], "the order says nothing to who trusts both"
    (tmp_path / "ca.crt").write_text(payloads["finish"]["ca_certificate"])
    assert authorities.align(**given) == [str(path)] and path.stat().st_mtime_ns > before


def test_what_the_ca_in_use_has_not_signed(payloads: dict[str, Payload], tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    (folder / "etcd").mkdir(parents=True)
    for name in kubeadm.LEAVES:
        prefix = "etcd_" if "etcd" in name else "front_proxy_" if name.startswith("front") else ""
        (folder / f"{name}.crt").write_text(pair(payloads[""], prefix).certificate)
    path = tmp_path / "admin.conf"
    path.write_text(kubeconfig(payloads[""], payloads[""]["ca_certificate"]))
    found = {}
    for phase in ("prepare", "use"):
        for written, text in files(payloads[phase]).items():
            (tmp_path / written.removeprefix("/etc/kubernetes/")).parent.mkdir(exist_ok=True)
            (tmp_path / written.removeprefix("/etc/kubernetes/")).write_text(text)
        found[phase] = authorities.foreign(kubeadm.LEAVES, [str(path)], str(folder))
    every = [*kubeadm.LEAVES, "admin.conf"]
    assert found == {"prepare": [], "use": every}
    own = rotation.after(payloads[""], "prepare", {"etcd_ca": 2}, ENGINE.rotated, "c1", {})
    for written, text in files(rotation.after(own, "use", {"etcd_ca": 2}, ENGINE.rotated, "c1", {})).items():
        (tmp_path / written.removeprefix("/etc/kubernetes/")).write_text(text)
    assert authorities.foreign(kubeadm.LEAVES, [str(path)], str(folder)) == [n for n in every if "etcd" in n]


def test_a_manager_gets_certificates_by_the_ca_in_use(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., dict[str, Any]]
) -> None:
    """kubeadm lets kubeconfigs trust the CA in use alone, so they are aligned before any service reads them."""
    done: list[str] = []
    monkeypatch.setattr(kubeadm, "state", lambda *_: "joined")
    monkeypatch.setattr(control, "expiring", lambda _days: [])
    monkeypatch.setattr(control, "is_old", lambda _cluster: False)
    monkeypatch.setattr(control, "foreign", lambda: ["etcd/peer"])
    monkeypatch.setattr(control, "unfit", lambda *_: "" if not done.append("gate") else "")
    monkeypatch.setattr(control, "run", lambda arguments: done.append(arguments[0]))
    monkeypatch.setattr(control, "restart", lambda *_: done.append("restart"))
    monkeypatch.setattr(authorities, "align", lambda **_: done.append("align") or [])
    given = {"cluster": "c1", "address": "10.0.0.1", "addresses": ["10.0.0.1"]}
    assert run("kubernetes_control", **given, _ansible_check_mode=True)["renewed"] == ["etcd/peer"] and done == [
        "align"
    ]
    assert run("kubernetes_control", **given)["renewed"] == ["etcd/peer"]
    assert done[1:] == ["align", "gate", "certs", "align", "restart"]


class Kubelet:
    """A host with a kubelet, whose API signs by the CA of a phase; C(cut) is where the run is cut off."""

    def __init__(self, folder: Path, kubernetes: FakeKubernetes, payload: Payload, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.kubernetes, self.payload, self.restarts = folder, kubernetes, payload, 0
        for name in ("CA_FILE", "NODE_FILE", "DUE", "FOLDER"):
            patch.setattr(identity, name, str(folder / name))
        patch.setattr(identity, "ROOTS", str(folder / "pods/*/ca.crt"))
        patch.setattr(units, "restart", self.restart)
        patch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
        (folder / "FOLDER").mkdir()
        (folder / "pods/a").mkdir(parents=True)
        own = pair(payload, name="system:node:w1")
        (folder / "FOLDER/first.pem").write_text(own.certificate + own.key)
        for name in (identity.CLIENT, identity.SERVER):
            (folder / "FOLDER" / name).symlink_to("first.pem")
        self.publish(payload)
        (folder / "CA_FILE").write_text(payload["ca_certificate"])
        (folder / "NODE_FILE").write_text(kubeconfig(payload, payload["ca_certificate"]))
        kubernetes.react = self.sign

    def publish(self, payload: Payload) -> None:
        self.payload = payload
        (self.folder / "pods/a/ca.crt").write_text("".join(accepted(payload, "ca_certificate")))

    def sign(self, method: str, path: str, body: Any) -> Answer | None:
        if method == "POST" and path == identity.CSRS:
            assert (body["spec"]["signerName"], body["spec"]["usages"]) == (
                identity.SIGNER,
                ["digital signature", "client auth"],
            )
            request = base64.b64decode(body["spec"]["request"]).decode()
            subject = certificate.run(["openssl", "req", "-noout", "-subject", "-nameopt", "RFC2253"], request).strip()
            assert subject == "subject=CN=system:node:w1,O=system:nodes"
            signed = certificate.sign(
                request,
                self.payload["ca_certificate"],
                self.payload["ca_key"],
                "/O=system:nodes/CN=system:node:w1",
                [],
                60,
            )
            body["status"] = {"certificate": base64.b64encode(signed.encode()).decode()}
        return None

    def restart(self, unit: units.Unit) -> None:
        assert unit.name == "kubelet.service"
        self.restarts += 1


@pytest.fixture
def kubelet(
    tmp_path: Path, kubernetes: FakeKubernetes, payloads: dict[str, Payload], monkeypatch: pytest.MonkeyPatch
) -> Kubelet:
    """A host of a cluster whose CA was never replaced."""
    return Kubelet(tmp_path, kubernetes, payloads[""], monkeypatch)


def given(payload: Payload) -> dict[str, Any]:
    """The options of the module for secrets."""
    return {"cluster": "c1", "public_keys": ["x"], "authorities": accepted(payload, "ca_certificate"), "timeout": 0}


def test_a_kubelet_goes_through_the_phases(
    kubelet: Kubelet, payloads: dict[str, Payload], run: Callable[..., dict[str, Any]]
) -> None:
    replaced, restarts = {}, {}
    for phase, payload in payloads.items():
        kubelet.publish(payload)
        options = given(payload)
        foreseen = run("kubernetes_identity", **options, _ansible_check_mode=True)
        before = kubelet.restarts
        answer = run("kubernetes_identity", **options)
        assert foreseen["changed"] == answer["changed"] == bool(answer["replaced"])
        assert foreseen["replaced"] == answer["replaced"]
        replaced[phase], restarts[phase] = [Path(n).name for n in answer["replaced"]], kubelet.restarts - before
        assert not run("kubernetes_identity", **options)["changed"], phase
    both = ["NODE_FILE", "CA_FILE"]
    assert replaced == {"": [], "prepare": both, "use": ["CA_FILE", identity.CLIENT, identity.SERVER], "finish": both}
    assert restarts == {"": 0, "prepare": 1, "use": 1, "finish": 1}
    client = Path(identity.FOLDER) / identity.CLIENT
    assert client.is_symlink() and client.resolve().stat().st_mode & 0o777 == 0o600
    assert pki.load_certificate(client.read_text(), "it").subject.rfc4514_string() == "CN=system:node:w1,O=system:nodes"
    ssl.create_default_context().load_cert_chain(client)  # the key is the certificate's
    assert not (Path(identity.FOLDER) / identity.SERVER).exists(), "kubelet asks for its own when it starts"
    assert (Path(identity.CA_FILE)).read_text() == payloads["finish"]["ca_certificate"]


@pytest.mark.parametrize("phase", ["prepare", "use"])
@pytest.mark.parametrize("cut", ["replace", "ask", "link", "unlink", "restart"])
def test_a_run_that_was_cut_off_on_a_host_is_gone_on_with(
    kubelet: Kubelet,
    payloads: dict[str, Payload],
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    cut: str,
) -> None:
    """The host was off in the phases before, too."""
    payload = payloads[phase]
    kubelet.publish(payload)
    holder: Any = {
        "replace": authorities,
        "ask": identity,
        "link": identity.atomic,
        "unlink": SimpleNamespace(path=os.path, unlink=None),  # not the process's own, which the API needs
        "restart": units,
    }[cut]

    def killed(*_arguments: Any) -> Any:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(holder, cut, killed)
        patch.setattr(identity, "os", holder if cut == "unlink" else os)
        told = run("kubernetes_identity", **given(payload))
    reached = phase == "use" or cut in ("replace", "unlink", "restart")
    assert ("killed" in told.get("msg", "")) is reached, told
    before = kubelet.restarts
    assert run("kubernetes_identity", **given(payload))["changed"] is reached
    assert kubelet.restarts == before + reached, "kubelet has what was changed before the run was cut off"
    assert not Path(identity.DUE).exists() and identity.outdated(accepted(payload, "ca_certificate")) == []


def test_a_host_that_has_not_joined_or_has_no_cluster_is_left_alone(
    kubelet: Kubelet, payloads: dict[str, Payload]
) -> None:
    assert identity.outdated([]) == []
    Path(identity.NODE_FILE).unlink()
    assert identity.outdated(accepted(payloads["prepare"], "ca_certificate")) == []


def test_pods_that_keep_the_ca_before_and_requests_nobody_signs_are_told(
    kubelet: Kubelet, payloads: dict[str, Payload], run: Callable[..., dict[str, Any]]
) -> None:
    told = run("kubernetes_identity", **given(payloads["prepare"]))["msg"]
    assert "1 pods have other CAs than the cluster" in told and "stays accepted" in told
    kubelet.publish(payloads["prepare"])
    kubelet.payload = payloads[""]  # a controller manager that has not read the other CA
    assert "was signed by another CA" in run("kubernetes_identity", **given(payloads["use"]))["msg"]
    kubelet.kubernetes.react = lambda *_: None
    assert "nobody has signed the request w1-" in run("kubernetes_identity", **given(payloads["use"]))["msg"]


@pytest.fixture
def cluster(
    kubernetes: FakeKubernetes, payloads: dict[str, Payload], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """A cluster with a manager and a host node; call it with the phase that its manager's files are in."""
    monkeypatch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
    monkeypatch.setattr(nodes, "serves", lambda _address, ca: "")
    monkeypatch.setattr(network, "serves", lambda _address, ca: "")
    module = "ansible_collections.keelson.cluster.plugins.modules.kubernetes_trust"
    monkeypatch.setattr(f"{module}.CA_FILE", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(authorities, "FRONT_PROXY", str(tmp_path / "front-proxy-ca.crt"))

    def at(phase: str) -> None:
        for field, name in (("ca_certificate", "ca.crt"), ("front_proxy_ca_certificate", "front-proxy-ca.crt")):
            (tmp_path / name).write_text("".join(accepted(payloads[phase], field)))
        kubernetes.add(
            "/api/v1/namespaces/shop/configmaps/kube-root-ca.crt", data={"ca.crt": (tmp_path / "ca.crt").read_text()}
        )

    at("")
    for name, manager in (("m1", True), ("w1", False)):
        kubernetes.add(f"/api/v1/nodes/{name}", **node(name, manager=manager))
    kubernetes.add(trust.CLUSTER_INFO, data={"kubeconfig": kubeconfig(payloads[""], payloads[""]["ca_certificate"])})
    data = dict(zip(("client-ca-file", "requestheader-client-ca-file"), (payloads[""][field] for field in FIELDS)))
    kubernetes.add(trust.EXTENSIONS, data=data)
    kubernetes.add("/api/v1/namespaces/shop/configmaps/other", data={"ca.crt": ""})
    ready = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "observedGeneration": 1}
    for path, spec in {
        "kube-system/daemonsets/kube-proxy": {},
        "kube-system/daemonsets/by-hand": {"updateStrategy": {"type": "OnDelete"}},
        "shop/deployments/controller": {},
        "shop/deployments/web": {"template": {"spec": {"automountServiceAccountToken": False}}},
        "functions/deployments/gateway": {},
    }.items():
        meta: dict[str, Any] = {"generation": 1}
        if path.startswith("functions"):
            meta["managedFields"] = [{"manager": "keelson"}]
        kubernetes.add(f"/apis/apps/v1/namespaces/{path}", metadata=meta, spec={"template": {}, **spec}, status=ready)
    yield at


def test_the_cluster_trusts_what_its_managers_trust(
    cluster: Callable[[str], None],
    kubernetes: FakeKubernetes,
    payloads: dict[str, Payload],
    run: Callable[..., dict[str, Any]],
) -> None:
    def settle(phase: str, **more: Any) -> dict[str, Any]:
        return run(
            "kubernetes_trust", **{"cluster": "c1", "phase": phase, "took_part": ["m1", "w1"], "timeout": 0, **more}
        )

    cluster("prepare")
    answer = settle("prepare")
    assert answer["changes"] == ["cluster-info", "kube-proxy", "gateway"]
    assert answer["others"] == ["shop/controller"], "what asks nobody is not named"
    # Each API server adds its CAs.
    both = {
        name: "".join(accepted(payloads["prepare"], field))
        for name, field in zip(kubernetes.objects[trust.EXTENSIONS]["data"], FIELDS)
    }
    kubernetes.objects[trust.EXTENSIONS]["data"] = dict(both)
    info = kubernetes.objects[trust.CLUSTER_INFO]["data"]
    assert api.read_access(info["kubeconfig"]).ca == both["client-ca-file"]
    assert not settle("prepare")["changed"]
    cluster("use")
    assert not settle("use")["changed"]
    cluster("finish")
    assert settle("finish")["changes"] == [
        "cluster-info",
        "extension-apiserver-authentication",
        "kube-proxy",
        "gateway",
    ]
    assert list(kubernetes.objects[trust.EXTENSIONS]["data"].values()) == [payloads["finish"][f] for f in FIELDS[:2]]
    assert (
        api.read_access(kubernetes.objects[trust.CLUSTER_INFO]["data"]["kubeconfig"]).ca
        == payloads["finish"]["ca_certificate"]
    )
    assert not settle("finish")["changed"]


def test_what_keeps_a_phase_from_its_end_is_named(
    cluster: Callable[[str], None],
    kubernetes: FakeKubernetes,
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster("prepare")
    asked: dict[str, Any] = {"cluster": "c1", "phase": "prepare", "took_part": ["m1"], "timeout": 0}
    told = run("kubernetes_trust", **asked)["msg"]
    assert told.startswith("node w1 has taken no part. What was used before stays accepted")
    assert not [method for method, _path in kubernetes.requests if method != "GET"]
    asked["took_part"] = ["m1", "w1"]
    kubernetes.add("/api/v1/namespaces/late/configmaps/kube-root-ca.crt", data={"ca.crt": ""})
    assert "kube-root-ca.crt has other CAs in 1 namespaces, such as late" in run("kubernetes_trust", **asked)["msg"]
    del kubernetes.objects["/api/v1/namespaces/late/configmaps/kube-root-ca.crt"]
    with monkeypatch.context() as patch:
        patch.setattr(nodes, "serves", lambda address, ca: f"kubelet at {address} shows another")
        assert "shows another" in run("kubernetes_trust", **asked)["msg"]
    kubernetes.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"]["status"] = {
        "desiredNumberScheduled": 2,
        "numberReady": 2,
    }
    assert "of kube-system/kube-proxy 0 of 2 pods were started anew" in run("kubernetes_trust", **asked)["msg"]
    assert run("kubernetes_trust", **asked, _ansible_check_mode=True)["changed"] is False


def test_the_certificate_that_a_member_shows_is_by_the_ca_in_use(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "KUBELET", kubernetes.port)
    assert nodes.serves("127.0.0.1", ca=kubernetes.ca) == ""
    assert "shows no certificate of this cluster" in nodes.serves("127.0.0.1", ca=pki.make_ca("other").certificate)
    assert "does not answer" in network.serves("127.0.0.1", kubernetes.port, ca=pki.make_ca("other").certificate)
    kubernetes.react = lambda *_: (200, "ok")
    assert "is not ready" in network.serves("127.0.0.1", kubernetes.port, ca=kubernetes.ca), (
        "it is reached, without a certificate"
    )


def test_what_reads_a_ca_at_its_start_is_started_when_that_changes() -> None:
    """Also where an installation, and no rotation, brings it."""
    variables = ROOT / "roles/cluster_manager/vars/main"
    proxy = yaml.safe_load((variables / "kubernetes_vip.yml").read_text())["__cluster_manager_vip_units"][0]
    assert api.CA_FILE in proxy["reload"]
    arguments = yaml.safe_load((variables / "kubernetes_kubeadm.yml").read_text())["__cluster_manager_cluster"]
    own = {entry["name"]: entry["value"] for entry in arguments["controllerManager"]["extraArgs"]}
    assert own["cluster-signing-cert-file"] == "/etc/kubernetes/pki/signing.crt"
    assert "/etc/kubernetes/pki/etcd/ca.crt" in kubeadm.CERTIFICATES["kube-apiserver"]
    assert "/etc/kubernetes/pki/*ca.crt" in kubeadm.CERTIFICATES["kube-controller-manager"]
