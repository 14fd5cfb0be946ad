# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's control plane as objects, one set for each revision: pure functions of data.

They are those of Istio's own charts for sidecars, but for: as many instances as there are hosts for, spread; no plain-text port and no
debug pages; sidecars that capture nothing, so that no pod needs a right; and an Envoy without the extensions of Istio's own build,
which sidecars of its project refuse. Types and the template of sidecars in pods are Istio's, out of the artifact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio.places import SPACE, TEMPLATE

from ..mesh.model import Mesh

_RBAC = "rbac.authorization.k8s.io/v1"
_READ = ("get", "list", "watch")
_GROUPS = [f"{name}.istio.io" for name in ("networking", "security", "telemetry", "extensions")]
MANAGER = "node-role.kubernetes.io/control-plane"
_USER = 1337  # that of the images
# What an Envoy of its own project does not know.
_STOCK_ENVOY = {
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_DISABLE_MX_ALPN": "true",
}
_ENV = {
    **_STOCK_ENVOY,
    "PILOT_CERT_PROVIDER": "istiod",
    "CLUSTER_ID": "Kubernetes",
    "ENABLE_DEBUG_ON_HTTP": "false",
    "PILOT_ENABLE_GATEWAY_API": "false",
    "PILOT_ENABLE_GATEWAY_API_STATUS": "false",
    "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "",
}
# Calls by pair of services; Istio's own counts are an extension of its own build.
STATISTICS = {"inclusionRegexps": [r"cluster\.(outbound|inbound).*upstream_(rq|cx)_.*"]}
PORTS = {"tls-xds": 15012, "https-webhooks": 15017}
PRIVATE = {"http-ready": 8080, "http-monitoring": 15014}  # for the host's kubelet, and for nobody


@dataclass(frozen=True)
class Revision:
    """One control plane: its name, the images of it and of sidecars in pods."""

    name: str
    image: str
    proxy: str

    @property
    def service(self) -> str:
        """What sidecars of this revision talk to."""
        return f"istiod-{self.name}"


@dataclass(frozen=True)
class Settings:
    """What a site decides of all revisions."""

    replicas: int
    priority: str
    resources: Mapping[str, Any]
    proxy_resources: Mapping[str, Any]


def shared(mesh: Mesh) -> list[dict[str, Any]]:
    """What all revisions have in common: the namespace, who is let in where nobody says it, and what is written of calls."""
    default = {"apiVersion": "security.istio.io/v1", "metadata": {"name": "default", "namespace": SPACE}}
    found: list[dict[str, Any]] = [
        _object("v1", "Namespace", SPACE, "", labels={"pod-security.kubernetes.io/enforce": "restricted"}),
        {**default, "kind": "PeerAuthentication", "spec": {"mtls": {"mode": "STRICT"}}},
        # A policy of all namespaces without a rule: who is let in says the policy of a service.
        {**default, "kind": "AuthorizationPolicy", "spec": {}},
        _object("networking.k8s.io/v1", "NetworkPolicy", "istiod", SPACE, spec=_reached()),
    ]
    if mesh.access_log != "none":
        log: dict[str, Any] = {"providers": [{"name": "envoy"}]}
        if mesh.access_log == "errors":
            log["filter"] = {"expression": "response.code >= 400 || response.code == 0"}
        spec = {"accessLogging": [log]}
        found.append(_object("telemetry.istio.io/v1", "Telemetry", "default", SPACE, spec=spec))
    return found


def revision(one: Revision, mesh: Mesh, settings: Settings) -> list[dict[str, Any]]:
    """All objects of a revision."""
    name = one.service
    own = {"istio.io/rev": one.name}
    account = [{"kind": "ServiceAccount", "name": name, "namespace": SPACE}]
    budget = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": _labels(one)},
    }
    ports = {15012: ("tls-xds", 15012), 443: ("https-webhooks", 15017)}
    service = {
        "selector": _labels(one),
        "ports": [{"name": key, "port": port, "targetPort": target} for port, (key, target) in ports.items()],
    }
    mesh_config = {"mesh": json.dumps(configuration(one, mesh), sort_keys=True), "meshNetworks": "networks: {}"}
    return [
        _object("v1", "ServiceAccount", name, SPACE, own),
        _object(_RBAC, "ClusterRole", f"{name}-{SPACE}", "", own, rules=_cluster_rules()),
        _object(
            _RBAC,
            "ClusterRoleBinding",
            f"{name}-{SPACE}",
            "",
            own,
            subjects=account,
            roleRef=_role("ClusterRole", f"{name}-{SPACE}"),
        ),
        _object(_RBAC, "Role", name, SPACE, own, rules=_rules()),
        _object(_RBAC, "RoleBinding", name, SPACE, own, subjects=account, roleRef=_role("Role", name)),
        _object("v1", "ConfigMap", f"istio-{one.name}", SPACE, own, data=mesh_config),
        _object(
            "v1", "ConfigMap", f"istio-sidecar-injector-{one.name}", SPACE, own, data=_injector(one, mesh, settings)
        ),
        _object("v1", "Service", name, SPACE, {**own, "app": "istiod", "istio": "pilot"}, spec=service),
        _object("policy/v1", "PodDisruptionBudget", name, SPACE, own, spec=budget),
        _object("apps/v1", "Deployment", name, SPACE, {**own, "app": "istiod"}, spec=_deployment(one, settings)),
        _webhook(one),
    ]


def configuration(one: Revision, mesh: Mesh) -> dict[str, Any]:
    """What the control plane and all sidecars start with."""
    return {
        "trustDomain": mesh.trust_domain,
        "rootNamespace": SPACE,
        "accessLogEncoding": "JSON",
        # Services listen on loopback, also for what kubelets ask them.
        "inboundTrafficPolicy": {"mode": "LOCALHOST"},
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        "defaultConfig": {
            "discoveryAddress": f"{one.service}.{SPACE}.svc:15012",
            "interceptionMode": "NONE",
            "proxyMetadata": lifetimes(mesh),
            "proxyStatsMatcher": STATISTICS,
        },
    }


def lifetimes(mesh: Mesh) -> dict[str, str]:
    """How long certificates of sidecars are valid, and when they are renewed."""
    return {
        "SECRET_TTL": f"{mesh.leaf_minutes}m",
        "SECRET_GRACE_PERIOD_RATIO": f"{mesh.renew_before_minutes / mesh.leaf_minutes:.3f}",
    }


def _object(
    version: str, kind: str, name: str, space: str, labels: Mapping[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "name": name,
        **({"namespace": space} if space else {}),
        **({"labels": dict(labels)} if labels else {}),
    }
    return {"apiVersion": version, "kind": kind, "metadata": meta, **fields}


def _role(kind: str, name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def _labels(one: Revision) -> dict[str, str]:
    return {"app": "istiod", "istio.io/rev": one.name}


def _reached() -> dict[str, Any]:
    ports = [{"protocol": "TCP", "port": port} for port in PORTS.values()]
    return {
        "podSelector": {"matchLabels": {"app": "istiod"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": ports}],
    }


def _cluster_rules() -> list[dict[str, Any]]:
    def rule(groups: Sequence[str], resources: Sequence[str], verbs: Sequence[str] = _READ) -> dict[str, Any]:
        return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}

    return [
        rule(["admissionregistration.k8s.io"], ["mutatingwebhookconfigurations"], [*_READ, "update", "patch"]),
        rule(["admissionregistration.k8s.io"], ["validatingwebhookconfigurations"]),
        rule(_GROUPS, ["*"]),
        # Its cache of certificates of gateways: without this right it never says that it is ready.
        rule([""], ["secrets"]),
        rule(["networking.istio.io"], ["workloadentries/status", "serviceentries/status"], [*_READ, "update", "patch"]),
        rule(["apiextensions.k8s.io"], ["customresourcedefinitions"]),
        rule([""], ["pods", "nodes", "services", "namespaces", "endpoints"]),
        rule(["discovery.k8s.io"], ["endpointslices"]),
        rule(["networking.k8s.io"], ["ingresses", "ingressclasses"]),
        # It keeps the root certificate in every namespace.
        rule([""], ["configmaps"], [*_READ, "create", "update"]),
        rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ]


def _rules() -> list[dict[str, Any]]:
    """In its own namespace: its authority, and who of its instances leads."""
    return [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": [*_READ, "create", "update", "delete"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["delete"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "patch"]},
    ]


def _deployment(one: Revision, settings: Settings) -> dict[str, Any]:
    spread = {
        "maxSkew": 1,
        "minDomains": settings.replicas,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "matchLabelKeys": ["pod-template-hash"],
        "labelSelector": {"matchLabels": _labels(one)},
    }
    manager = {"key": MANAGER, "operator": "Exists", "effect": "NoSchedule"}
    pod = {
        "serviceAccountName": one.service,
        "priorityClassName": settings.priority,
        # A management service: it is there before the first host node, and no application displaces it.
        "nodeSelector": {MANAGER: ""},
        "tolerations": [manager],
        "topologySpreadConstraints": [spread],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(one, settings)],
        "volumes": [
            {"name": "local-certs", "emptyDir": {"medium": "Memory"}},
            {"name": "istio-token", "projected": {"sources": [{"serviceAccountToken": _TOKEN}]}},
            {"name": "cacerts", "secret": {"secretName": "cacerts", "optional": True}},
        ],
    }
    template = {"metadata": {"labels": {**_labels(one), "sidecar.istio.io/inject": "false"}}, "spec": pod}
    return {
        "replicas": settings.replicas,
        "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
        "selector": {"matchLabels": _labels(one)},
        "template": template,
    }


_TOKEN = {"audience": "istio-ca", "expirationSeconds": 43200, "path": "istio-token"}


def _container(one: Revision, settings: Settings) -> dict[str, Any]:
    fields = {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "SERVICE_ACCOUNT": "spec.serviceAccountName",
    }
    env: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in {"REVISION": one.name, **_ENV}.items()]
    env += [{"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in fields.items()]
    return {
        "name": "discovery",
        "image": one.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "discovery",
            "--httpAddr=:8080",
            "--grpcAddr=",
            "--monitoringAddr=:15014",
            "--domain=cluster.local",
            "--keepaliveMaxServerConnectionAge=30m",
        ],
        "env": env,
        "ports": [{"name": key, "containerPort": port} for key, port in {**PORTS, **PRIVATE}.items()],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 3, "timeoutSeconds": 5},
        "resources": dict(settings.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "local-certs", "mountPath": "/var/run/secrets/istio-dns"},
            {"name": "istio-token", "mountPath": "/var/run/secrets/tokens", "readOnly": True},
            {"name": "cacerts", "mountPath": "/etc/cacerts", "readOnly": True},
        ],
    }


def _injector(one: Revision, mesh: Mesh, settings: Settings) -> dict[str, str]:
    """How sidecars come into pods; where TEMPLATE stands, the manager puts Istio's own template."""
    config = {
        "policy": "enabled",
        "defaultTemplates": ["sidecar"],
        "alwaysInjectSelector": [],
        "neverInjectSelector": [],
        "injectedAnnotations": {},
        "templates": {"sidecar": TEMPLATE},
    }
    return {"config": json.dumps(config), "values": json.dumps(_values(one, mesh, settings), sort_keys=True)}


def _values(one: Revision, mesh: Mesh, settings: Settings) -> dict[str, Any]:
    """What Istio's template asks for, by the names of its chart."""
    proxy = {
        "image": one.proxy,
        "autoInject": "enabled",
        "clusterDomain": "cluster.local",
        "logLevel": "warning",
        "componentLogLevel": "misc:error",
        "includeIPRanges": "*",
        "excludeIPRanges": "",
        "includeInboundPorts": "*",
        "excludeInboundPorts": "",
        "includeOutboundPorts": "",
        "excludeOutboundPorts": "",
        "outlierLogPath": "",
        "privileged": False,
        "seccompProfile": {"type": "RuntimeDefault"},
        "readinessInitialDelaySeconds": 0,
        "readinessPeriodSeconds": 15,
        "readinessFailureThreshold": 4,
        "startupProbe": {"enabled": True, "failureThreshold": 600},
        "statusPort": 15020,
        "tracer": "none",
        "resources": dict(settings.proxy_resources),
    }
    return {
        "revision": one.name,
        "sidecarInjectorWebhook": {"rewriteAppHTTPProbe": True},
        "gateways": {"securityContext": {}, "seccompProfile": {}},
        "pilot": {"cni": {"enabled": False, "provider": "default"}, "env": {}},
        "global": {
            "istioNamespace": SPACE,
            "hub": "",
            "tag": "",
            "imagePullPolicy": "IfNotPresent",
            "imagePullSecrets": [],
            "logAsJson": False,
            "logging": {"level": "default:warn"},
            "proxy": proxy,
            "proxy_init": {"image": one.proxy},
            "caAddress": "",
            "caName": "",
            "meshID": "",
            "network": "",
            "mountMtlsCerts": False,
            "multiCluster": {"clusterName": "Kubernetes"},
            "pilotCertProvider": "istiod",
            "sds": {"token": {"aud": "istio-ca"}},
            "sts": {"servicePort": 0},
            "trustDomain": mesh.trust_domain,
        },
    }


def _webhook(one: Revision) -> dict[str, Any]:
    """Pods of namespaces with the revision's label get a sidecar; the control plane itself writes its certificate in."""
    hook = {
        "name": "rev.namespace.sidecar-injector.istio.io",
        "clientConfig": {"service": {"name": one.service, "namespace": SPACE, "path": "/inject", "port": 443}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "namespaceSelector": {"matchExpressions": [{"key": "istio.io/rev", "operator": "In", "values": [one.name]}]},
        "objectSelector": {
            "matchExpressions": [{"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}]
        },
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    labels = {"istio.io/rev": one.name, "app": "sidecar-injector"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": f"istio-sidecar-injector-{one.name}", "labels": labels},
        "webhooks": [hook],
    }
