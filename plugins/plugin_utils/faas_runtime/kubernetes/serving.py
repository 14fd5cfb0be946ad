# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Knative Serving and Kourier as objects: their deployments, services and configuration. Pure.

What has no image (types, roles) is taken from their own manifests; the rest is as there, but for the number of
instances, and for Envoy, which drains by leaving its service instead of by a shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes.deploy import GATEWAY, SERVING
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.tenancy import SPACE_POOL
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.view import POOL

_NAMED = {"app.kubernetes.io/name": SERVING}
_METRICS = {"http-metrics": 9090, "http-profiling": 8008}
_LOCAL = "keelson.local"  # registry of images that the bundle brings, which no controller could ask for their digests
# Seconds that Envoy answers calls which it has when no new ones come to it: as long as a tenant's calls may take by default.
DRAIN = 60


def _http(port: int, path: str = "/", scheme: str = "HTTP") -> dict[str, Any]:
    return {"httpGet": {"port": port, "path": path, "scheme": scheme}}


@dataclass(frozen=True)
class Program:
    """A program of the runtime: its ports by name, those of its service (port, target), how it is asked whether it is well."""

    name: str
    image: str
    ports: Mapping[str, int]
    probe: Mapping[str, Any]
    service: Mapping[str, tuple[int, int]]
    account: str = "controller"
    namespace: str = SERVING
    env: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, Any] = field(default_factory=dict)
    requests: tuple[str, str] = ("100m", "100Mi")
    memory: str = "500Mi"
    grace: int = 30
    more: Mapping[str, Any] = field(default_factory=dict)


PROGRAMS = (
    Program(
        "activator",
        "activator",
        {"metrics": 9090, "http1": 8012, "h2c": 8013},
        {**_http(8012), "periodSeconds": 5},
        {"http": (80, 8012), "http2": (81, 8013), "https": (443, 8112)},
        account="activator",
        env={"GOGC": "500"},
        live={"initialDelaySeconds": 15, "failureThreshold": 12},
        memory="600Mi",
        grace=600,
    ),
    Program(
        "autoscaler",
        "autoscaler",
        {"metrics": 9090, "websocket": 8080},
        _http(8080),
        {"http": (8080, 8080)},
        memory="1000Mi",
    ),
    Program(
        "controller",
        "controller",
        {"metrics": 9090, "probes": 8080},
        _http(8080, "/readiness"),
        {},
        live=_http(8080, "/health"),
        memory="1000Mi",
    ),
    Program(
        "webhook",
        "webhook",
        {"metrics": 9090, "https-webhook": 8443},
        {**_http(8443, scheme="HTTPS"), "periodSeconds": 1},
        {"https-webhook": (443, 8443)},
        env={"WEBHOOK_NAME": "webhook", "WEBHOOK_PORT": "8443"},
        live={"initialDelaySeconds": 20, "periodSeconds": 10, "failureThreshold": 6},
        # It ends when nobody has asked it for 45 s, which connections that the API keeps put off for ever: drains waited for that.
        grace=90,
    ),
    Program(
        "net-kourier-controller",
        "kourier",
        {"http2-xds": 18000, "metrics": 9090},
        {"grpc": {"port": 18000}},
        {"grpc-xds": (18000, 18000)},
        account="net-kourier",
        env={
            "CERTS_SECRET_NAMESPACE": "",
            "CERTS_SECRET_NAME": "",
            "KOURIER_GATEWAY_NAMESPACE": GATEWAY,
            "ENABLE_SECRET_INFORMER_FILTERING_BY_CERT_UID": "false",
            "KUBE_API_BURST": "200",
            "KUBE_API_QPS": "200",
        },
    ),
    Program(
        "3scale-kourier-gateway",
        "envoy",
        {"http2-internal": 8081, "http-probe": 8090, "metrics": 9000},
        {
            "httpGet": {
                **_http(8081, "/ready")["httpGet"],
                "httpHeaders": [{"name": "Host", "value": "internalkourier"}],
            }
        },
        {},
        account="default",
        namespace=GATEWAY,
        memory="800Mi",
        grace=DRAIN + 15,
        more={
            "args": ["-c", "/etc/envoy/envoy-bootstrap.yaml", "--log-level", "info", "--disable-hot-restart"],
            "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN}}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/envoy"}],
        },
    ),
)
# Its name is no program's: Kourier's own name for the way into the gateway from inside the cluster. There is none from outside.
_INTERNAL = ("kourier-internal", "3scale-kourier-gateway", {"http2": (80, 8081)})

CONFIG: dict[str, dict[str, str]] = {
    "autoscaler": {},
    "certmanager": {},
    "defaults": {"max-revision-timeout-seconds": "3600"},
    "deployment": {"registries-skipping-tag-resolving": _LOCAL},
    # A route of this domain is known inside the cluster alone.
    "domain": {"svc.cluster.local": ""},
    "features": {"kubernetes.podspec-nodeselector": "enabled", "kubernetes.podspec-tolerations": "enabled"},
    "gc": {},
    "kourier": {},
    "leader-election": {},
    "logging": {},
    "network": {"ingress-class": "kourier.ingress.networking.knative.dev"},
    "observability": {},
}


def _object(version: str, kind: str, name: str, namespace: str, **fields: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "labels": {**_NAMED, **fields.pop("labels", {})}}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **fields}


def configuration(images: Mapping[str, str], given: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The ConfigMaps, with what a site sets."""
    own = {**CONFIG["deployment"], "queue-sidecar-image": images["queue"]}
    found = {**CONFIG, "deployment": own}
    return [
        _object("v1", "ConfigMap", f"config-{name}", SERVING, data={**data, **given.get(f"config-{name}", {})})
        for name, data in found.items()
    ]


def _labels(program: Program) -> dict[str, str]:
    """Of its pods."""
    return {"app": program.name, **({"role": program.name} if program.name in ("activator", "webhook") else {})}


def placed(pool: str) -> dict[str, Any]:
    """What keeps pods on the host nodes of a pool, also of one with a taint; nothing for any."""
    if not pool:
        return {}
    toleration = {"key": SPACE_POOL, "operator": "Equal", "value": pool, "effect": "NoSchedule"}
    return {"nodeSelector": {POOL: pool}, "tolerations": [toleration]}


def budget(program: Program) -> dict[str, Any]:
    """Drains take one instance at a time; one alone, or one that does not work, holds no drain up."""
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": _labels(program)},
    }
    return _object("policy/v1", "PodDisruptionBudget", program.name, program.namespace, spec=spec)


def deployment(program: Program, image: str, count: int, pool: str = "") -> dict[str, Any]:
    """A program on as many hosts, of a pool where one is given."""
    fields = {"POD_NAME": "metadata.name", "POD_IP": "status.podIP", "SYSTEM_NAMESPACE": "metadata.namespace"}
    values = {
        **program.env,
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
    }
    env: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items()]
    env += [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    cpu, memory = program.requests
    container = {
        "name": program.name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": env,
        "ports": [{"name": name, "containerPort": port} for name, port in program.ports.items()],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": program.memory}},
        "readinessProbe": dict(program.probe),
        "livenessProbe": {
            "failureThreshold": 6,
            **{k: v for k, v in program.probe.items() if k != "periodSeconds"},
            **program.live,
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **program.more,
    }
    labels = _labels(program)
    # The first host node of a new cluster does not get all instances: they wait for the others. One that is drained or gone does
    # not count, and a new version is spread by itself.
    spread = {
        "maxSkew": 1,
        "minDomains": count,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "matchLabelKeys": ["pod-template-hash"],
        "labelSelector": {"matchLabels": labels},
    }
    pod: dict[str, Any] = {
        "serviceAccountName": program.account,
        "terminationGracePeriodSeconds": program.grace,
        "topologySpreadConstraints": [spread],
        "containers": [container],
        **placed(pool),
    }
    if "volumeMounts" in program.more:
        pod["volumes"] = [{"name": "config", "configMap": {"name": "kourier-bootstrap"}}]
        pod["automountServiceAccountToken"] = False
    template = {"metadata": {"labels": {**_NAMED, **labels}}, "spec": pod}
    spec = {
        "replicas": count,
        "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
        "selector": {"matchLabels": labels},
        "template": template,
    }
    return _object("apps/v1", "Deployment", program.name, program.namespace, spec=spec)


def service(name: str, app: str, namespace: str, ports: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """The service of a program."""
    told = [{"name": key, "port": port, "targetPort": target} for key, (port, target) in ports.items()]
    return _object(
        "v1", "Service", name, namespace, spec={"selector": {"app": app}, "ports": told}, labels={"app": app}
    )


def webhooks() -> list[dict[str, Any]]:
    """What asks Knative's webhook, which writes the rules itself: with those of its manifest no run would be the last one."""
    found = []
    for kind, name in (("Mutating", "webhook"), ("Validating", "validation.webhook")):
        full = f"{name}.serving.knative.dev"
        hook = {
            "name": full,
            "admissionReviewVersions": ["v1", "v1beta1"],
            "clientConfig": {"service": {"name": "webhook", "namespace": SERVING}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 10,
        }
        entry = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration"}
        found.append({**entry, "metadata": {"name": full, "labels": dict(_NAMED)}, "webhooks": [hook]})
    return found


def runtime(
    images: list[str], hosts: int, given: Mapping[str, Mapping[str, str]], replicas: int = 2, pool: str = ""
) -> list[dict[str, Any]]:
    """All of it: `images` by their names, `replicas` of each program on as many of the `hosts` (of a pool), what a site configures."""
    known = {image.rpartition("/")[2].partition(":")[0]: image for image in images}
    found = [*webhooks(), *configuration(known, given)]
    for program in PROGRAMS:
        ports = {**{name: (port, port) for name, port in _METRICS.items()}, **program.service}
        if program.namespace == SERVING:
            name = "activator-service" if program.name == "activator" else program.name
            found.append(service(name, program.name, SERVING, ports))
        found.append(budget(program))
        found.append(deployment(program, known[program.image], max(1, min(replicas, hosts)), pool))
    return [*found, service(_INTERNAL[0], _INTERNAL[1], GATEWAY, _INTERNAL[2])]
