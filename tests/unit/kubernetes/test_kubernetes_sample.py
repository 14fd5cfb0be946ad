# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample application on Kubernetes, and what its pods find out; each good and bad."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks import sample_app
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import etcd, objects, sample, view
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.objects import NAME, NAMESPACE, SPACE
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.probes import (
    checks,
    inside,
    limits,
    policies,
    traffic,
)
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node, pod

SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
DEPLOYMENT = f"{objects.DEPLOYMENTS}/{NAME}"


def placed(*entries: dict[str, Any], request: str = "") -> sample.Placed:
    """Where the sample goes."""
    return sample.choose_pool([view.parse_node(entry) for entry in entries], request)


def trying(kubernetes: FakeKubernetes, timeout: float = 0.1) -> sample.Sample:
    """A sample application on a cluster of two host nodes."""
    where = placed(node("web-1", "127.0.0.1"), node("web-2", "127.0.0.1"))
    return sample.Sample(kubernetes.api(), where, "sample:1", timeout)


def register(kubernetes: FakeKubernetes, *hosts: str, ready: bool = True, running: bool = True) -> None:
    """Let an instance run on each of the hosts, and be known to service discovery."""
    endpoints = []
    for number, host in enumerate(hosts):
        name = f"{NAME}-{number}"
        if running:
            entry = pod(name, host, labels={"app.kubernetes.io/name": NAME})
            kubernetes.add(f"{SPACE}/pods/{name}", **entry)
        target = {"targetRef": {"name": name}, "nodeName": host, "addresses": [f"10.1.0.{number}"]}
        endpoints.append({**target, "conditions": {"ready": ready}})
    labels = {"kubernetes.io/service-name": NAME}
    kubernetes.add(f"{SLICES}/a", endpoints=endpoints, ports=[{"port": 8080}], metadata={"labels": labels})


def rolled_out(kubernetes: FakeKubernetes, count: int, **status: Any) -> None:
    """Let the deployment say that it is rolled out, but for `status`."""
    numbers = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), count)
    kubernetes.add(DEPLOYMENT, status={"observedGeneration": 1, **numbers, **status})


def test_the_pool_with_most_usable_nodes_is_chosen() -> None:
    nodes = [
        node("b-1", pool="batch"),
        node("w-1"),
        node("w-2"),
        node("g-1", pool="gpu", ready="False"),
        node("g-2", pool="gpu"),
        node("m-1", manager=True),
    ]
    assert placed(*nodes).pool == "web" and set(placed(*nodes).nodes) == {"w-1", "w-2"}
    assert set(placed(*nodes, request="gpu").nodes) == {"g-2"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ready": "False"}, "; w-1: "),
        ({"cordoned": True}, "; w-1: it is cordoned"),
        ({"taint": "x"}, "; w-1: it has x"),
        ({"pool": "other"}, ""),
    ],
)
def test_a_pool_without_a_usable_node(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(sample_app.SampleError, match=f"no host node in pool web is ready.*{why}"):
        placed(node("w-1", **changes), request="web")


def test_managers_are_no_host_nodes() -> None:
    with pytest.raises(sample_app.SampleError, match="any pool"):
        placed(node("m-1", manager=True))


def test_the_deployment_is_held_short() -> None:
    """What the checks rely on: never fewer than asked for, ready by the check, gone from discovery first, no rights."""
    spec = objects.deployment("web", "sample:1", 3, "2")["spec"]
    [app] = spec["template"]["spec"]["containers"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert app["readinessProbe"]["httpGet"]["path"] == "/healthz" and app["imagePullPolicy"] == "Never"
    assert app["lifecycle"]["preStop"]["sleep"]["seconds"] < spec["template"]["spec"]["terminationGracePeriodSeconds"]
    assert app["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert {"name": "RELEASE", "value": "2"} in app["env"]


def test_everything_lies_in_one_namespace() -> None:
    for policy in objects.policies():
        assert policy["spec"]["policyTypes"] and "namespace" not in policy["metadata"]
    assert objects.policies()[0]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert objects.namespace()["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_deployment_is_awaited(kubernetes: FakeKubernetes) -> None:
    rolled_out(kubernetes, 3)
    register(kubernetes, "web-1", "web-2", "web-1")
    known = trying(kubernetes)
    known.submit(3, "1")
    assert [instance["host"] for instance in known.instances()] == ["web-1", "web-1", "web-2"]
    assert known.busiest().name == "web-1" and known.pool == "web" and known.spread == 2
    known.scale(3)
    assert kubernetes.objects[DEPLOYMENT]["spec"]["replicas"] == 3


def test_what_is_needed_is_made_first(kubernetes: FakeKubernetes) -> None:
    with pytest.raises(sample_app.SampleError, match="not looked at yet"):
        trying(kubernetes).submit(3, "1")
    made = [path.split("?")[0].split("/")[-2] for method, path in kubernetes.requests if method == "PATCH"]
    assert made == ["namespaces", "resourcequotas", "services", "poddisruptionbudgets", "deployments"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"observedGeneration": 0}, "not looked at yet"),
        ({"updatedReplicas": 1}, "3 instances desired, but replicas 3, updatedReplicas 1"),
        ({"replicas": 4}, "replicas 4"),
        ({"availableReplicas": 2}, "availableReplicas 2; nothing is reported"),
    ],
)
def test_a_deployment_that_is_not_rolled_out(kubernetes: FakeKubernetes, status: dict[str, Any], words: str) -> None:
    rolled_out(kubernetes, 3, **status)
    register(kubernetes, "web-1", "web-2", "web-1")
    with pytest.raises(sample_app.SampleError, match=words):
        trying(kubernetes).scale(3)


def test_a_failed_deployment_ends_the_wait_at_once(kubernetes: FakeKubernetes) -> None:
    failed = {"type": "Progressing", "status": "False", "message": "deadline exceeded"}
    rolled_out(kubernetes, 3, conditions=[failed])
    with pytest.raises(sample_app.SampleError, match="the deployment failed: deadline exceeded"):
        trying(kubernetes, 60).scale(3)


@pytest.mark.parametrize(
    ("ready", "running", "words"),
    [(True, True, None), (False, True, "2 instances run and 0 are registered"), (True, False, "0 instances run and 2")],
)
def test_instances_are_counted(kubernetes: FakeKubernetes, ready: bool, running: bool, words: str | None) -> None:
    register(kubernetes, "web-1", "web-2", ready=ready, running=running)
    found = trying(kubernetes).count_wrong(2)
    assert found is None if words is None else words in str(found)


def test_why_an_instance_does_not_run_is_told(kubernetes: FakeKubernetes) -> None:
    register(kubernetes, "web-1")
    status = kubernetes.objects[f"{SPACE}/pods/{NAME}-0"]["status"]
    assert trying(kubernetes).trouble() == "nothing is reported"
    kubernetes.add(f"{SPACE}/events/a", message="old", lastTimestamp="2026-11-22T10:00:00Z")
    kubernetes.add(f"{SPACE}/events/b", message="quota", lastTimestamp="2026-11-22T11:00:00Z")
    assert trying(kubernetes).trouble() == "quota"
    status["containerStatuses"] = [{"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "no image"}}}]
    assert trying(kubernetes).trouble() == "web-1: ErrImageNeverPull: no image"
    status["conditions"] = [{"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}]
    assert trying(kubernetes).trouble() == "0/2 nodes are available"


def test_a_drain_ends_even_when_nothing_moves(kubernetes: FakeKubernetes) -> None:
    kubernetes.add(f"{view.NODES}/web-1", **node("web-1"))
    register(kubernetes, "web-1")
    known = trying(kubernetes)
    kubernetes.react = lambda method, path, body: (201, {}) if path.endswith("/eviction") else None
    assert known.moved_wrong("web-1", 1) == "1 instances are still registered on web-1"
    with pytest.raises(sample_app.SampleError, match="on web-1 there still are keelson-verify/keelson-sample-0"):
        known.drain(known.busiest(), 1)
    after = kubernetes.objects[f"{view.NODES}/web-1"]
    assert "unschedulable" not in after["spec"] and sample.MARK not in after["metadata"]["annotations"]


def test_what_an_interrupted_run_left_is_removed(kubernetes: FakeKubernetes) -> None:
    for name, mark in {"web-1": {sample.MARK: "drill"}, "web-2": {}}.items():
        entry = node(name, cordoned=True)
        kubernetes.add(f"{view.NODES}/{name}", **{**entry, "metadata": {**entry["metadata"], "annotations": mark}})
    kubernetes.add(f"/api/v1/namespaces/{NAMESPACE}")
    assert sample.remove(kubernetes.api(), 5) == ["drain of web-1", f"namespace {NAMESPACE}"]
    assert kubernetes.objects[f"{view.NODES}/web-2"]["spec"]["unschedulable"] is True
    assert sample.remove(kubernetes.api(), 5) == []


def test_a_namespace_that_does_not_end_tells_why(kubernetes: FakeKubernetes) -> None:
    condition = {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": "metrics API is down"}
    kubernetes.add(f"/api/v1/namespaces/{NAMESPACE}", status={"conditions": [condition]})
    kubernetes.add(f"{view.NODES}/web-1", **node("web-1", ready="Unknown"))
    kubernetes.add(f"{SPACE}/pods/lost", **pod("lost", "web-1"))
    kubernetes.react = lambda method, path, body: (200, {}) if (method, path[-14:]) == ("DELETE", NAMESPACE) else None
    with pytest.raises(sample_app.SampleError, match="still there: metrics API is down"):
        sample.remove(kubernetes.api(), 0.1)
    assert f"{SPACE}/pods/lost" not in kubernetes.objects


def test_an_api_that_is_down_is_not_taken_for_a_namespace_that_is_gone(kubernetes: FakeKubernetes) -> None:
    kubernetes.close()
    with pytest.raises(ApiError):
        sample.remove(kubernetes.api(), 1)


class Inside:
    """Answers for kubectl exec: which pod gets an answer from which URL."""

    def __init__(self, answers: dict[tuple[str, str], bool] | None = None, code: int = 0) -> None:
        self.answers = answers or {}
        self.code = code
        self.asked: list[tuple[str, str]] = []

    def __call__(self, command: list[str]) -> tuple[int, str, str]:
        """Run a command."""
        role, url = command[command.index("exec") + 1], command[-1]
        self.asked.append((role, url))
        if self.code:
            return self.code, "", "error: tls: internal error"
        return (0, "ok\n", "") if self.answers.get((role, url), True) else (inside.UNANSWERED, "timeout\n", "")


def probe(kubernetes: FakeKubernetes, answering: Inside) -> inside.Pods:
    """A probe of two instances on two hosts."""
    register(kubernetes, "web-1", "web-2")
    return inside.Pods(trying(kubernetes, 5), answering)


def test_pods_are_asked_across_hosts(kubernetes: FakeKubernetes) -> None:
    inside = Inside()
    verdict = traffic.pods(probe(kubernetes, inside))
    assert verdict.passed and verdict.evidence == "web-1 → a pod on web-2; web-2 → a pod on web-1"
    assert inside.asked[0] == (f"{NAME}-0", "http://10.1.0.1:8080/healthz")


def test_a_pod_that_is_not_answered_is_told(kubernetes: FakeKubernetes) -> None:
    url = f"http://{NAME}.{NAMESPACE}.svc/healthz"
    verdict = traffic.names(probe(kubernetes, Inside({(f"{NAME}-1", url): False})))
    assert not verdict.passed and "web-2 gets no answer from the service by its name" in verdict.evidence


def test_programs_that_cannot_be_run_are_no_refusal(kubernetes: FakeKubernetes) -> None:
    with pytest.raises(sample_app.SampleError, match="kubectl exec keelson-sample-0: error: tls: internal error"):
        traffic.programs(probe(kubernetes, Inside(code=1)))
    assert inside.Pods(trying(kubernetes), Inside()).all_of([]) == (False, "there are no instances")


@pytest.mark.parametrize(("text", "good"), [("version 1 listens on :8080", True), ("", False)])
def test_logs(kubernetes: FakeKubernetes, text: str, good: bool) -> None:
    kubernetes.react = lambda method, path, body: (200, text) if "/log?" in path else None
    verdict = traffic.logs(probe(kubernetes, Inside()))
    assert verdict.passed is good and ("2 logs" in verdict.evidence) is good


@pytest.mark.parametrize(("status", "good"), [(200, True), (503, False)])
def test_services(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, status: int, good: bool) -> None:
    kubernetes.add(f"{SPACE}/services/{NAME}", spec={"clusterIP": "10.2.0.9", "ports": [{"nodePort": 30001}]})
    asked = []

    def fetch(address: str, port: int, _path: str) -> tuple[int, bytes]:
        asked.append((address, port))
        return status, b""

    monkeypatch.setattr(traffic, "fetch", fetch)
    known = probe(kubernetes, Inside())
    assert traffic.service(known).passed is good and traffic.node_port(known).passed is good
    assert asked[:2] == [("10.2.0.9", 80), ("127.0.0.1", 30001)]


def test_a_service_no_pod_gets_an_answer_from(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    kubernetes.add(f"{SPACE}/services/{NAME}", spec={"clusterIP": "10.2.0.9"})
    monkeypatch.setattr(traffic, "fetch", lambda *_arguments: (200, b""))
    assert not traffic.service(probe(kubernetes, Inside({(f"{NAME}-0", "http://10.2.0.9/healthz"): False}))).passed


class Walls(Inside):
    """Who is answered before policies are applied (`before`), and who is refused by them."""

    def __init__(self, kubernetes: FakeKubernetes, refused: set[tuple[str, str]], before: bool = True) -> None:
        super().__init__()
        self.kubernetes, self.refused, self.before = kubernetes, refused, before

    def __call__(self, command: list[str]) -> tuple[int, str, str]:
        """Run a command."""
        asked = command[command.index("exec") + 1], command[-1]
        applied = any(path.startswith(objects.POLICIES) for path in self.kubernetes.objects)
        good = asked not in self.refused if applied else self.before
        return (0, "ok", "") if good else (inside.UNANSWERED, "timeout", "")


TARGET, BESIDE = "http://10.1.0.0:8080/healthz", "http://10.1.0.9:8080/healthz"
RIGHT = {("keelson-unauthorized", TARGET), ("keelson-guest", BESIDE)}


@pytest.mark.parametrize(
    ("refused", "before", "words"),
    [
        (RIGHT, True, None),
        (RIGHT - {("keelson-unauthorized", TARGET)}, True, "keelson-unauthorized is answered by the instance"),
        (RIGHT - {("keelson-guest", BESIDE)}, True, "keelson-guest is answered by what it was not given"),
        (RIGHT | {("keelson-guest", TARGET)}, True, "the guest is refused, too"),
        (RIGHT, False, "no answer even without policies"),
    ],
)
def test_network_policies(
    kubernetes: FakeKubernetes,
    refused: set[tuple[str, str]],
    before: bool,
    words: str | None,
) -> None:
    known = probe(kubernetes, Walls(kubernetes, refused, before))
    kubernetes.react = lambda method, path, body: visit(kubernetes, method, path, body)
    kubernetes.add(f"{view.NODES}/web-2", **node("web-2"))
    started = policies.start_visitors(known)
    assert started.passed and started.evidence == "guest and unauthorized run on web-2, the instance they ask on web-1"
    found = sample_app.step(known.sample, "policy", "t", lambda: policies.policy(known))
    assert found["passed"] is (words is None) and (words or "web-2 → web-1: the guest is answered") in found["evidence"]
    assert not any("networkpolicies" in path for path in kubernetes.objects)
    policies.end_visitors(known)
    assert not any("keelson-guest" in path or "keelson-unauthorized" in path for path in kubernetes.objects)


def visit(kubernetes: FakeKubernetes, method: str, path: str, body: Any) -> tuple[int, Any] | None:
    """Let every pod run at once."""
    if method == "POST" and path.endswith("/pods"):
        ready = {"phase": "Running", "podIP": "10.1.0.9", "containerStatuses": [{"ready": True}]}
        return 201, kubernetes.add(f"{path}/{body['metadata']['name']}", **{**body, "status": ready})
    return None


def test_a_guest_of_another_pool_is_asked_too(kubernetes: FakeKubernetes) -> None:
    inside = Inside()
    known = probe(kubernetes, inside)
    kubernetes.react = lambda method, path, body: visit(kubernetes, method, path, body)
    kubernetes.add(f"{view.NODES}/batch-1", **node("batch-1", pool="batch"))
    policies.start_visitors(known)
    assert traffic.pods(known).evidence.endswith("web-2 → a pod on batch-1; batch-1 → a pod on web-1")
    assert inside.asked[-1] == ("keelson-guest", "http://10.1.0.0:8080/healthz")


def test_visitors_that_do_not_come_up_are_told(kubernetes: FakeKubernetes) -> None:
    known = probe(kubernetes, Inside())
    known.sample.timeout = 0.1
    kubernetes.react = lambda method, path, body: (
        (201, kubernetes.add(f"{path}/{body['metadata']['name']}", status={"phase": "Pending"}))
        if method == "POST"
        else None
    )
    with pytest.raises(sample_app.SampleError, match="keelson-guest is Pending"):
        policies.start_visitors(known)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        ({NAMESPACE: "restricted:latest", "default": "baseline:latest"}, None),
        ({NAMESPACE: "restricted:latest"}, "namespace default: a privileged pod was admitted"),
        ({"default": "baseline:latest"}, f"namespace {NAMESPACE}: a privileged pod was admitted"),
    ],
)
def test_pod_security(kubernetes: FakeKubernetes, refused: dict[str, str], words: str | None) -> None:
    def react(_method: str, path: str, _body: Any) -> tuple[int, Any] | None:
        level = refused.get(path.split("/")[4])
        text = f'pods "keelson-privileged" is forbidden: violates PodSecurity "{level}": host namespaces'
        return (403, {"message": text}) if level else (201, {})

    known = probe(kubernetes, Inside())
    kubernetes.react = react
    verdict = limits.pod_security(known)
    assert verdict.passed is (words is None) and (words or "baseline:latest") in verdict.evidence


def test_another_refusal_is_not_pod_security(kubernetes: FakeKubernetes) -> None:
    known = probe(kubernetes, Inside())
    kubernetes.react = lambda method, path, body: (403, {"message": "exceeded quota"})
    assert not limits.pod_security(known).passed
    kubernetes.react = lambda method, path, body: (500, {"message": "webhook failed"})
    with pytest.raises(ApiError):
        limits.pod_security(known)


@pytest.mark.parametrize(("message", "good"), [("exceeded quota: services=1", True), ("", False)])
def test_a_quota(kubernetes: FakeKubernetes, message: str, good: bool) -> None:
    known = probe(kubernetes, Inside())
    kubernetes.add(f"{SPACE}/resourcequotas/{NAME}", status={"used": {"services": "1"}})
    kubernetes.react = lambda method, path, body: (403, {"message": message}) if method == "POST" and message else None
    assert limits.quota(known).passed is good


def test_a_quota_that_nobody_counts(kubernetes: FakeKubernetes) -> None:
    known = probe(kubernetes, Inside())
    kubernetes.add(f"{SPACE}/resourcequotas/{NAME}")
    with pytest.raises(sample_app.SampleError, match="the quota counts no services"):
        limits.quota(known)


@pytest.mark.parametrize(("value", "good"), [(b"k8s:enc:secretbox:v1:key1:x", True), (b"k8s\x00made by verify", False)])
def test_a_secret_in_etcd(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, value: bytes, good: bool
) -> None:
    asked = []

    def ask(*arguments: str) -> dict[str, Any]:
        asked.append(arguments)
        return {"kvs": [{"value": base64.b64encode(value).decode()}]}

    monkeypatch.setattr(etcd, "ask", ask)
    assert limits.encryption(probe(kubernetes, Inside())).passed is good
    assert asked == [("get", f"/registry/secrets/{NAMESPACE}/{NAME}")]
    assert kubernetes.objects[f"{SPACE}/secrets/{NAME}"]["stringData"] == {"value": "made by verify"}


def test_every_probe_is_a_check_of_the_sample(kubernetes: FakeKubernetes) -> None:
    kubernetes.react = lambda method, path, body: (500, {"message": "down"})
    found = checks.checks(trying(kubernetes), Inside())
    assert len(found) == 11 and not any(check["passed"] for check in found)
    assert all(check["check"].startswith("sample_") and check["remedy"] for check in found)
