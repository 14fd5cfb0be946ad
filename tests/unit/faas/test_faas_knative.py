# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions as services of Knative: what is rendered, what is refused, what is applied and removed, what checks see."""

from __future__ import annotations

import asyncio
import base64
import copy
import http.server
import importlib
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes import checks, deploy
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import view
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER, NODE
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import functions, gateway
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import objects, serving
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes.component import (
    policies_hold,
    pool_has_hosts,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import model

from .test_faas_functions import TENANTS, function

ROOT = Path(__file__).parents[3]
IMAGE = "keelson.local/faas-python:1"
CLOSED = ["10.0.0.11", "10.244.0.0/16"]


def declared(*entries: dict[str, Any], tenants: Any = TENANTS) -> functions.Declared:
    """Functions that the engine takes."""
    return functions.read(tenants, [{"isolation": "per_function", **one} for one in entries], objects.refused)


def rendered(*entries: dict[str, Any], tenants: Any = TENANTS) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects by kind and name."""
    found = declared(*entries, tenants=tenants)
    code = {one.artifact: b"print()" for one in found.functions}
    return {
        (one["kind"], one["metadata"]["name"]): one
        for one in objects.objects(found, code, IMAGE, CLOSED)
        if one["metadata"].get("namespace", one["metadata"]["name"]) == "faas-shop"
    }


def pod(**given: Any) -> dict[str, Any]:
    """What a function's pod is made from."""
    found: dict[str, Any] = rendered(function(**given))[("Service", "faas-greet")]["spec"]["template"]
    return found


# --- what is rendered -----------------------------------------------------------------------------------------------


def test_the_same_function_as_on_another_engine_is_a_service_with_its_code() -> None:
    found = rendered(function())
    assert list(found) == [
        ("Namespace", "faas-shop"),
        ("NetworkPolicy", "functions"),
        ("Role", "functions"),
        ("ConfigMap", "faas-greet-000000000000"),
        ("Service", "faas-greet"),
    ]
    assert base64.b64decode(found[("ConfigMap", "faas-greet-000000000000")]["binaryData"]["greet.py"]) == b"print()"
    spec = found[("Service", "faas-greet")]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (container["image"], container["command"], container["workingDir"]) == (
        IMAGE,
        ["python3", "greet.py"],
        "/code",
    )
    assert spec["volumes"][1]["configMap"]["name"] == "faas-greet-000000000000"
    assert (spec["timeoutSeconds"], spec["containerConcurrency"]) == (30, 10)
    labels = found[("Service", "faas-greet")]["metadata"]["labels"]
    assert labels["networking.knative.dev/visibility"] == "cluster-local"


def test_a_tenant_may_be_let_see_its_functions_and_no_secret() -> None:
    rules = rendered(function())[("Role", "functions")]["rules"]
    seen = {resource for rule in rules for resource in rule["resources"]}
    assert {"pods/log", "services"} <= seen and not seen & {"secrets", "configmaps", "pods/exec"}
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_an_image_runs_as_it_is() -> None:
    entry = {key: value for key, value in function().items() if key not in ("artifact", "digest", "command")}
    found = rendered({**entry, "image": f"registry.example:5000/shop/greet@sha256:{'1' * 64}"})
    assert ("ConfigMap", "faas-greet-000000000000") not in found
    (container,) = found[("Service", "faas-greet")]["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith("1" * 64) and "command" not in container and "workingDir" not in container


def test_limits_scale_and_pool_are_those_of_the_declaration() -> None:
    tenants = [{"name": "shop", "pool": "web"}, {"name": "bank"}]
    found = rendered(function(memory=96, cpu=200, disk=8, instances={"min": 1, "max": 4}), tenants=tenants)
    template = found[("Service", "faas-greet")]["spec"]["template"]
    assert template["metadata"]["annotations"] == {
        "autoscaling.knative.dev/min-scale": "1",
        "autoscaling.knative.dev/max-scale": "4",
    }
    (container,) = template["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": "200m", "memory": "96Mi"}, "limits": {"memory": "96Mi"}}
    assert template["spec"]["volumes"][0]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Mi"}
    assert list(template["spec"]["nodeSelector"].values()) == ["web"]
    assert template["spec"]["tolerations"][0]["value"] == "web"


def test_secrets_are_references_and_a_function_has_no_rights() -> None:
    spec = pod(env={"A": "x"}, secrets={"PASSWORD": "db"})["spec"]
    (container,) = spec["containers"]
    assert {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "faas-greet", "key": "db"}}} in container["env"]
    assert {"name": "A", "value": "x"} in container["env"]
    assert not spec["automountServiceAccountToken"] and not spec["enableServiceLinks"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]


def test_nobody_but_the_runtime_reaches_a_function_and_it_nobody() -> None:
    spec = rendered(function())[("NetworkPolicy", "functions")]["spec"]
    assert spec["podSelector"] == {} and spec["policyTypes"] == ["Ingress", "Egress"] and "egress" not in spec
    (rule,) = spec["ingress"]
    assert len(rule["from"]) == 2 and 8080 not in [port["port"] for port in rule["ports"]]


def test_a_quota_has_room_for_proxies_and_for_new_instances_beside_old_ones() -> None:
    own = function(memory=100, cpu=200, instances={"max": 3})
    tenants = [{**TENANTS[0], "instances": 4, "memory": 400, "cpu": 800}]
    found = declared(own, tenants=tenants)
    kept = {one["kind"]: one for one in objects.objects(found, {"greet.py": b""}, IMAGE, [])}
    hard = kept["ResourceQuota"]["spec"]["hard"]
    assert hard == {"pods": "5", "requests.memory": f"{400 + 100 + 5 * 50}Mi", "requests.cpu": f"{800 + 200 + 5 * 25}m"}
    # Without it no pod with Knative's proxy, which asks for no memory, would be let in.
    assert kept["LimitRange"]["spec"]["limits"][0]["defaultRequest"] == {"cpu": "25m", "memory": "50Mi"}
    assert not {"ResourceQuota", "LimitRange"} & {kind for kind, _name in rendered(function())}


def test_a_quota_that_is_taken_back_goes() -> None:
    api = Kubernetes()
    desired = objects.objects(
        declared(function(), tenants=[{**TENANTS[0], "instances": 9}]), {"greet.py": b""}, IMAGE, []
    )
    deploy.apply(api, desired, False)  # type: ignore[arg-type]
    path = "/api/v1/namespaces/faas-shop/resourcequotas/functions"
    assert path in api.kept and apply(api, function())[-1] == f"delete {path}"


def test_a_way_out_leaves_out_the_cluster_and_metadata() -> None:
    found = rendered(function(egress=["0.0.0.0/0:443"], services={"DB": "192.0.2.7:5432"}))
    spec = found[("NetworkPolicy", "faas-greet-egress")]["spec"]
    wide, service = spec["egress"]
    assert {"10.0.0.11/32", "10.244.0.0/16", "169.254.0.0/16"} <= set(wide["to"][0]["ipBlock"]["except"])
    assert wide["ports"] == [{"protocol": "TCP", "port": 443}]
    assert service["to"] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}]
    (container,) = found[("Service", "faas-greet")]["spec"]["template"]["spec"]["containers"]
    assert {"name": "DB", "value": "192.0.2.7:5432"} in container["env"]


def test_a_canary_is_a_service_of_its_own() -> None:
    found = rendered(function(canary={"weight": 5, "digest": f"sha256:{'1' * 64}"}))
    assert ("Service", "canary-faas-greet") in found and ("ConfigMap", "canary-faas-greet-111111111111") in found


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"isolation": "per_request"}, "faas_functions[0].isolation: shop/greet: per_request is not held here"),
        ({"artifact": "a.tar.gz"}, "faas_functions[0].artifact: shop/greet: an archive or an address is not unpacked"),
        ({"artifact": "https://a/b"}, "faas_functions[0].artifact: shop/greet: an archive or an address"),
        ({"pids": 8}, "faas_functions[0].pids: shop/greet: is not held here for one function"),
        ({"files": 99}, "faas_functions[0].files: shop/greet: is not held here for one function"),
        ({"egress": ["api.example.com"]}, "faas_functions[0].egress: shop/greet: a name is not held here"),
        ({"services": {"DB": "db.test:1"}}, "faas_functions[0].services: shop/greet: a name is not held here"),
        ({"env": {"PORT": "1"}}, "faas_functions[0].env: PORT is set by the runtime itself"),
        ({"image": "a/b:latest"}, "faas_functions[0].image: 'a/b:latest' must be a container image with its digest"),
        ({"image": "a/b"}, "faas_functions[0].image: 'a/b' must be a container image with its digest or its tag"),
    ],
)
def test_what_does_not_run_here_has_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(functions.FunctionError) as caught:
        declared(function(**given))
    (found,) = str(caught.value).splitlines()
    assert line in found


def test_a_function_without_image_and_artifact_is_refused() -> None:
    with pytest.raises(functions.FunctionError, match="has no artifact"):
        declared({"name": "greet", "tenant": "shop", "http": ["/greet"]})


def test_a_pod_network_without_policies_is_refused() -> None:
    def judged(network: str) -> list[str]:
        host = model.Host("m1", "product", MANAGER, "10.0.0.1", "", variables={"cluster_pod_network": network})
        cluster = model.Cluster("product", components.engine("kubernetes"), {}, (host,))
        return [fault.text for fault in policies_hold(cluster)]

    assert judged("calico") == [] and "holds no network policies" in judged("bridge")[0]


def test_the_component_is_another_one_on_each_engine() -> None:
    on = {name: components.load("faas_runtime", name) for name in ("nomad", "kubernetes")}
    assert "knative" in on["kubernetes"].parts[NODE].artifacts and "knative" not in on["nomad"].bundled
    assert on["nomad"].parts[NODE].services and not on["kubernetes"].parts[NODE].services
    assert on["nomad"].parts[MANAGER].listeners == on["kubernetes"].parts[MANAGER].listeners
    with pytest.raises(components.ComponentError, match="'faas_runtime', which runs on kubernetes or nomad, not on x"):
        components.load("faas_runtime", "x")
    steps = components.tasks(
        components.of({"cluster_engine": "kubernetes", "cluster_components": ["faas_runtime"]}), "host_node", "join"
    )
    assert steps[1].endswith("faas_runtime/kubernetes/join.yml")


KINDS = ("Deployment", "PodDisruptionBudget")

# --- the runtime ----------------------------------------------------------------------------------------------------


def images() -> list[str]:
    """The images of the manifests, with their tags."""
    found = [yaml.safe_load((ROOT / f"artifacts/{name}.yml").read_text()) for name in ("knative", "knative-gateway")]
    return [image["name"] for manifest in found for image in manifest["images"]]


def test_the_runtime_has_two_instances_where_there_are_two_hosts() -> None:
    for hosts, count in ((0, 1), (1, 1), (2, 2), (9, 2)):
        found = [one for one in serving.runtime(images(), hosts, {}) if one["kind"] == "Deployment"]
        assert len(found) == 6 and {one["spec"]["replicas"] for one in found} == {count}


def test_replicas_are_each_on_a_host_of_its_own_and_drains_take_one() -> None:
    found = serving.runtime(images(), 5, {}, replicas=3, pool="faas")
    kinds = {kind: {one["metadata"]["name"]: one["spec"] for one in found if one["kind"] == kind} for kind in KINDS}
    assert kinds["PodDisruptionBudget"].keys() == kinds["Deployment"].keys() and len(kinds["Deployment"]) == 6
    for name, spec in kinds["Deployment"].items():
        pod = spec["template"]["spec"]
        (spread,) = pod["topologySpreadConstraints"]
        assert (spec["replicas"], spread["minDomains"], spread["whenUnsatisfiable"]) == (3, 3, "DoNotSchedule")
        assert pod["nodeSelector"] == {view.POOL: "faas"} and pod["tolerations"][0]["value"] == "faas"
        budget = kinds["PodDisruptionBudget"][name]
        assert budget["maxUnavailable"] == 1 and budget["selector"] == spec["selector"]
    anywhere = [one["spec"]["template"]["spec"] for one in serving.runtime(images(), 5, {}) if one["kind"] == KINDS[0]]
    assert not [pod for pod in anywhere if "nodeSelector" in pod or "tolerations" in pod]


def test_a_pool_of_the_runtime_without_hosts_is_refused() -> None:
    def judged(pool: str) -> list[str]:
        own = {"cluster_pool": "web", "faas_runtime_pool": pool}
        host = model.Host("w1", "product", NODE, "10.0.0.1", "", variables=own)
        return [
            one.text for one in pool_has_hosts(model.Cluster("product", components.engine("kubernetes"), {}, (host,)))
        ]

    assert judged("") == judged("web") == []
    assert judged("weeb") == ["faas_runtime_pool is weeb, which has no host"]


def test_the_configuration_is_data_and_no_service_is_open_to_outside() -> None:
    found = serving.runtime(images(), 1, {"config-autoscaler": {"scale-to-zero-grace-period": "9s"}})
    config = {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}
    assert config["config-autoscaler"] == {"scale-to-zero-grace-period": "9s"}
    assert config["config-deployment"]["queue-sidecar-image"].startswith("gcr.io/knative-releases/")
    assert config["config-domain"] == {"svc.cluster.local": ""}
    assert not [
        one for one in found if one["kind"] == "Service" and one["spec"].get("type", "ClusterIP") != "ClusterIP"
    ]


def test_what_the_webhook_writes_is_declared_by_nobody() -> None:
    """Its rules and its certificate: a second run would take them back, and it would write them again."""
    hooks = [one for one in serving.runtime(images(), 1, {}) if one["kind"].endswith("WebhookConfiguration")]
    assert [one["metadata"]["name"] for one in hooks] == [
        "webhook.serving.knative.dev",
        "validation.webhook.serving.knative.dev",
    ]
    assert not [
        hook for one in hooks for hook in one["webhooks"] if "rules" in hook or "caBundle" in hook["clientConfig"]
    ]
    tasks = yaml.safe_load((ROOT / "roles/faas_runtime/tasks/kubernetes/functions.yml").read_text())
    run = next(task["keelson.cluster.kubernetes_apply"] for task in tasks if task["name"].endswith("Run Knative"))
    taken = {kind for file in run["files"] for kind in file.get("kinds", [])}
    assert "MutatingWebhookConfiguration" not in taken and "ValidatingWebhookConfiguration" not in taken


# --- what is done ---------------------------------------------------------------------------------------------------

NODES = [
    {
        "metadata": {
            "name": "m1",
            "labels": {"node-role.kubernetes.io/control-plane": ""},
            "annotations": {"projectcalico.org/IPv4VXLANTunnelAddr": "10.244.1.1"},
        },
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.11"}]},
    },
    {"metadata": {"name": "w1"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.21"}]}},
]


class Kubernetes:
    """An API that keeps objects by their paths."""

    def __init__(self, **kept: Any) -> None:
        self.kept: dict[str, Any] = {deploy.NODES: {"items": NODES}, **kept}
        self.kept |= {f"/api/v1/namespaces/{name}": {"metadata": {"name": name}} for name in objects.SYSTEM}

    def find(self, path: str) -> Any:
        """An object or nothing."""
        return copy.deepcopy(self.kept.get(path))

    def items(self, path: str) -> list[Any]:
        """The objects of a list in all namespaces."""
        place, _mark, _query = path.partition("?")
        if place in self.kept:
            return list(self.kept[place]["items"])
        room, _slash, plural = place.rpartition("/")
        found = [v for k, v in self.kept.items() if k.startswith(room) and k.rsplit("/", 2)[-2] == plural]
        return [one for one in found if not _query or deploy.MARK in one["metadata"].get("labels", {})]

    def apply(self, path: str, body: Any, dry_run: bool = False) -> Any:
        """Keep an object."""
        if not dry_run:
            self.kept[path] = copy.deepcopy(body)
        return copy.deepcopy(body)

    def delete(self, path: str) -> None:
        """Forget an object."""
        del self.kept[path]


def apply(api: Kubernetes, *entries: dict[str, Any], predict: bool = False) -> list[str]:
    """What is changed for these functions."""
    found = declared(*entries, tenants=TENANTS[:1])
    desired = objects.objects(found, {one.artifact: b"" for one in found.functions}, IMAGE, [])
    return deploy.apply(api, desired, predict).changes  # type: ignore[arg-type]


def test_a_second_run_changes_nothing_and_what_is_gone_is_removed() -> None:
    api = Kubernetes()
    assert "create /apis/serving.knative.dev/v1/namespaces/faas-shop/services/faas-greet" in apply(api, function())
    assert apply(api, function()) == []
    service = "/apis/serving.knative.dev/v1/namespaces/faas-shop/services/faas-greet"
    code = "/api/v1/namespaces/faas-shop/configmaps/faas-greet-000000000000"
    assert apply(api, predict=True) == [f"delete {service}", f"delete {code}"] and service in api.kept
    assert apply(api) == [f"delete {service}", f"delete {code}"] and service not in api.kept


def test_kourier_is_reached_by_managers_alone_and_the_activator_by_kourier() -> None:
    kourier, activator = deploy.guards(NODES)
    inside, calls = kourier["spec"]["ingress"]
    assert [one["ipBlock"]["cidr"] for one in calls["from"]] == ["10.0.0.11/32", "10.244.1.1/32"]
    assert calls["ports"] == [{"protocol": "TCP", "port": 8081}] and len(inside["from"]) == 1
    assert activator["spec"]["podSelector"] == {"matchLabels": {"app": "activator"}}
    assert len(activator["spec"]["ingress"][0]["from"]) == 2


def test_a_secret_that_does_not_exist_stops_everything_before_it_begins() -> None:
    api = Kubernetes()
    line = "faas-shop/faas-greet has no secret db for PASSWORD: {}kubectl -n faas-shop create secret generic faas-greet"
    with pytest.raises(deploy.NotReady, match=line.format("kubectl create namespace faas-shop; ")):
        apply(api, function(secrets={"PASSWORD": "db"}))
    assert len(api.kept) == 3
    api.kept["/api/v1/namespaces/faas-shop"] = {"metadata": {"name": "faas-shop"}}
    with pytest.raises(deploy.NotReady, match=line.format("")):
        apply(api, function(secrets={"PASSWORD": "db"}))
    api.kept["/api/v1/namespaces/faas-shop/secrets/faas-greet"] = {"data": {"db": "eA=="}}
    assert apply(api, function(secrets={"PASSWORD": "db"}))


def test_nothing_is_done_before_knative_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Kubernetes()
    assert deploy.ready(api, 0) is False and deploy.address(api) == ""  # type: ignore[arg-type]
    clock = iter((0.0, 0.0, 9.0, 9.0))
    monkeypatch.setattr(deploy.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(deploy.time, "sleep", lambda _seconds: None)
    with pytest.raises(deploy.NotReady, match="no instance of Knative's webhook came up in 5 s"):
        deploy.ready(api, 5)  # type: ignore[arg-type]
    api.kept["/apis/apps/v1/namespaces/knative-serving/deployments/webhook"] = {"status": {"availableReplicas": 1}}
    api.kept["/api/v1/namespaces/kourier-system/services/kourier-internal"] = {"spec": {"clusterIP": "10.96.0.9"}}
    assert deploy.ready(api, 0) and deploy.address(api) == "http://10.96.0.9"  # type: ignore[arg-type]


# --- checks, each seen failing --------------------------------------------------------------------------------------


def test_a_deployment_without_all_its_instances() -> None:
    found = {"metadata": {"name": "activator"}, "spec": {"replicas": 2}, "status": {"availableReplicas": 2}}
    assert checks.deployments([found]).passed
    assert checks.deployments([{**found, "status": {}}]) == (False, "activator has 0 of 2 instances")
    assert not checks.deployments([]).passed


def test_a_function_that_is_not_ready() -> None:
    known = gateway.gateway(declared(function()))["functions"]
    meta = {"metadata": {"namespace": "faas-shop", "name": "faas-greet"}}
    assert checks.functions([{**meta, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}], known).passed
    failed = {"type": "Ready", "status": "False", "message": "no such image"}
    told = checks.functions([{**meta, "status": {"conditions": [failed]}}], known)
    assert told == (False, "shop/greet is not ready (no such image)")
    assert checks.functions([], known) == (False, "shop/greet is not deployed")


def test_a_function_that_the_gateway_does_not_find() -> None:
    class Kourier(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Host"] == "faas-greet.faas-shop.svc.cluster.local"
            own = 200 if self.headers["K-Network-Probe"] == "queue" else 400
            self.send_response(own if known else 404)
            self.end_headers()

        def log_message(self, *_given: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kourier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    known = gateway.gateway(declared(function(), function(name="other", http=["/o"])))["functions"]
    assert checks.called(url, known[:1]) == (True, "1 functions are found")
    assert checks.called(url, known) == (False, "shop/other: 404")
    server.shutdown()
    server.server_close()
    assert "no answer" in checks.called(url, known[:1], timeout=1).evidence


def test_the_gateway_hands_a_call_to_kourier_under_the_name_of_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("gateway", "kubernetes"):
        monkeypatch.syspath_prepend(str(ROOT / "roles/faas_runtime/files" / folder))
    module = importlib.import_module("engine")
    found = module.Engine({"address": "http://10.96.0.9"})
    (known,) = gateway.gateway(declared(function()))["functions"]
    assert found.headers(known) == {"Host": "faas-greet.faas-shop.svc.cluster.local"}
    assert asyncio.run(found.instances(known)) == ["http://10.96.0.9"]
    assert not found.KEPT  # one connection of many calls would lead to one instance of Kourier, and break with it
    # A caller could name another revision to the activator, past the token.
    assert "knative-serving-revision".startswith(found.OWN) and not "ce-id".startswith(found.OWN)
    with pytest.raises(sys.modules["calls"].CallFailed, match="kubectl -n faas-shop describe ksvc faas-greet"):
        found.check(known, 404, {}, b"")
    with pytest.raises(sys.modules["calls"].CallFailed, match="the function did not answer in time") as late:
        found.check(known, 504, {"x-envoy-upstream-service-time": "3"}, b"activator request timeout")
    assert late.value.status == 504
    for own in ((404, {"x-envoy-upstream-service-time": "3"}), (500, {}), (504, {})):
        found.check(known, *own, b"the function's own")
    with pytest.raises(sys.modules["calls"].CallFailed, match="per_request does not run here"):
        asyncio.run(found.call(known, {}, ""))
    for name in ("engine", "calls"):
        sys.modules.pop(name, None)
