# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CIS Kubernetes Benchmark: by which control of it hosts are looked at, and which do not hold, with the reason.

The numbers are those of version 1.12.0, the words are ours.
"""

from __future__ import annotations

from ..contract import MANAGER, NODE, Benchmark, Control

_API, _CONTROLLER, _SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"
_KUBELET = "/var/lib/kubelet/config.yaml"
_CIPHERS = ",".join(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
)
_YOURS = "decides on objects that you make"
_POD = "the admission of pods: Pod Security `baseline` is enforced outside `kube-system`, and verify tries it; `restricted` warns"


def _file(number: str, target: str, mode: str, *parts: str) -> tuple[Control, Control]:
    """The mode of files, and under the next number their owner."""
    section, _dot, last = number.rpartition(".")
    return (
        Control(number, f"`{target}`: mode {mode} or stricter", parts, "file", target, "", "mode", mode),
        Control(f"{section}.{int(last) + 1}", f"`{target}`: root's", parts, "file", target, "", "owner"),
    )


def _argument(number: str, target: str, name: str, rule: str, value: str = "") -> Control:
    words = {
        "is": "is",
        "not": "is not",
        "default": "is, or not set,",
        "has": "has",
        "lacks": "lacks",
        "least": "is at least",
    }
    title = f"{target} `--{name}` {words.get(rule, rule)} {value}".rstrip(" ,")
    return Control(number, title, (MANAGER,), "argument", target, name, rule, value)


def _setting(number: str, name: str, rule: str, value: str = "", title: str = "") -> Control:
    return Control(
        number,
        title or f"kubelet `{name}` {rule} {value}".rstrip(),
        (MANAGER, NODE),
        "setting",
        _KUBELET,
        name,
        rule,
        value,
    )


BENCHMARK = Benchmark(
    name="CIS 1.12",
    url="https://www.cisecurity.org/benchmark/kubernetes",
    sections={
        "1.1": "files of managers",
        "1.2": "API server",
        "1.3": "controller manager",
        "1.4": "scheduler",
        "2": "etcd",
        "3": "authentication and audit",
        "4.1": "files of nodes",
        "4.2": "kubelet",
        "4.3": "kube-proxy",
        "5": "policies",
    },
    controls=(
        *_file("1.1.1", "/etc/kubernetes/manifests/kube-apiserver.yaml", "600", MANAGER),
        *_file("1.1.3", "/etc/kubernetes/manifests/kube-controller-manager.yaml", "600", MANAGER),
        *_file("1.1.5", "/etc/kubernetes/manifests/kube-scheduler.yaml", "600", MANAGER),
        *_file("1.1.7", "/etc/kubernetes/manifests/etcd.yaml", "600", MANAGER),
        *_file("1.1.9", "/etc/cni/net.d/*", "600", MANAGER),
        Control(
            "1.1.11", "etcd's data: mode 700 or stricter", (MANAGER,), "file", "/var/lib/etcd/member", "", "mode", "700"
        ),
        Control(
            "1.1.12", "etcd's data: an account of its own", reason="etcd is a static pod of kubeadm, which runs as root"
        ),
        *_file("1.1.13", "/etc/kubernetes/*admin.conf", "600", MANAGER),
        *_file("1.1.15", "/etc/kubernetes/scheduler.conf", "600", MANAGER),
        *_file("1.1.17", "/etc/kubernetes/controller-manager.conf", "600", MANAGER),
        Control("1.1.19", "`/etc/kubernetes/pki`: root's", (MANAGER,), "file", "/etc/kubernetes/pki/**", "", "owner"),
        Control(
            "1.1.20",
            "certificates: mode 644 or stricter",
            (MANAGER,),
            "file",
            "/etc/kubernetes/pki/**/*.crt",
            "",
            "mode",
            "644",
        ),
        Control("1.1.21", "keys: mode 600", (MANAGER,), "file", "/etc/kubernetes/pki/**/*.key", "", "mode", "600"),
        Control(
            "1.2.1",
            "no anonymous requests",
            reason="anonymous requests reach `/livez`, `/readyz` and `/healthz` alone, which load balancers ask; verify tries others",
        ),
        _argument("1.2.2", _API, "token-auth-file", "unset"),
        _argument("1.2.3", _API, "enable-admission-plugins", "has", "DenyServiceExternalIPs"),
        _argument("1.2.4", _API, "kubelet-client-certificate", "set"),
        _argument("1.2.5", _API, "kubelet-certificate-authority", "set"),
        _argument("1.2.6", _API, "authorization-mode", "lacks", "AlwaysAllow"),
        _argument("1.2.7", _API, "authorization-mode", "has", "Node"),
        _argument("1.2.8", _API, "authorization-mode", "has", "RBAC"),
        Control(
            "1.2.9", "EventRateLimit", reason="the limits depend on your workloads; API Priority and Fairness is on"
        ),
        _argument("1.2.10", _API, "enable-admission-plugins", "lacks", "AlwaysAdmit"),
        Control(
            "1.2.11", "AlwaysPullImages", reason="images come from the bundle; without a registry every pod would fail"
        ),
        _argument("1.2.12", _API, "disable-admission-plugins", "lacks", "ServiceAccount"),
        _argument("1.2.13", _API, "disable-admission-plugins", "lacks", "NamespaceLifecycle"),
        _argument("1.2.14", _API, "enable-admission-plugins", "has", "NodeRestriction"),
        _argument("1.2.15", _API, "profiling", "is", "false"),
        _argument("1.2.16", _API, "audit-log-path", "set"),
        _argument("1.2.17", _API, "audit-log-maxage", "least", "30"),
        _argument("1.2.18", _API, "audit-log-maxbackup", "least", "10"),
        _argument("1.2.19", _API, "audit-log-maxsize", "least", "100"),
        Control("1.2.20", "the timeout of requests", reason="Kubernetes' default (60 s) stands"),
        _argument("1.2.21", _API, "service-account-lookup", "default", "true"),
        _argument("1.2.22", _API, "service-account-key-file", "set"),
        _argument("1.2.23", _API, "etcd-certfile", "set"),
        _argument("1.2.24", _API, "tls-cert-file", "set"),
        _argument("1.2.25", _API, "client-ca-file", "set"),
        _argument("1.2.26", _API, "etcd-cafile", "set"),
        _argument("1.2.27", _API, "encryption-provider-config", "set"),
        Control("1.2.28", "a strong encryption provider", covered="`secretbox`; verify reads a Secret from etcd"),
        _argument("1.2.29", _API, "tls-cipher-suites", "among", _CIPHERS),
        Control(
            "1.2.30",
            "tokens of service accounts end after an hour",
            reason="a program that reads its token once would fail; set `service-account-extend-token-expiration` by "
            "`cluster_manager_kubernetes_config` where you have none",
        ),
        Control("1.3.1", "ended pods are deleted early", reason="Kubernetes' default (12500) stands"),
        _argument("1.3.2", _CONTROLLER, "profiling", "is", "false"),
        _argument("1.3.3", _CONTROLLER, "use-service-account-credentials", "is", "true"),
        _argument("1.3.4", _CONTROLLER, "service-account-private-key-file", "set"),
        _argument("1.3.5", _CONTROLLER, "root-ca-file", "set"),
        _argument("1.3.6", _CONTROLLER, "feature-gates", "lacks", "RotateKubeletServerCertificate=false"),
        _argument("1.3.7", _CONTROLLER, "bind-address", "default", "127.0.0.1"),
        _argument("1.4.1", _SCHEDULER, "profiling", "is", "false"),
        _argument("1.4.2", _SCHEDULER, "bind-address", "default", "127.0.0.1"),
        _argument("2.1", "etcd", "cert-file", "set"),
        _argument("2.2", "etcd", "client-cert-auth", "is", "true"),
        _argument("2.3", "etcd", "auto-tls", "default", "false"),
        _argument("2.4", "etcd", "peer-cert-file", "set"),
        _argument("2.5", "etcd", "peer-client-cert-auth", "is", "true"),
        _argument("2.6", "etcd", "peer-auto-tls", "default", "false"),
        _argument("2.7", "etcd", "trusted-ca-file", "not", "/etc/kubernetes/pki/ca.crt"),
        Control(
            "3.1.1", "no client certificates for users", reason="`admin.conf` of the managers has one; give people OIDC"
        ),
        Control("3.1.2", "no service account tokens for users", reason=_YOURS),
        Control("3.1.3", "no bootstrap tokens for users", covered="tokens of a run are deleted at its end"),
        _argument("3.2.1", _API, "audit-policy-file", "set"),
        Control(
            "3.2.2", "the audit policy covers secrets, changes and exec", covered="metadata of all three, whoever asks"
        ),
        Control("4.1.1", "kubelet's unit: mode 600", reason="it holds no secret, and systemd shows it to everybody"),
        Control(
            "4.1.2",
            "kubelet's unit: root's",
            (MANAGER, NODE),
            "file",
            "/etc/systemd/system/kubelet.service",
            "",
            "owner",
        ),
        Control(
            "4.1.3",
            "kube-proxy's kubeconfig: mode 600",
            covered="it is in a ConfigMap, with a token of its service account",
        ),
        Control("4.1.4", "kube-proxy's kubeconfig: root's", covered="as before"),
        *_file("4.1.5", "/etc/kubernetes/kubelet.conf", "600", MANAGER, NODE),
        *_file("4.1.7", "/etc/kubernetes/pki/ca.crt", "644", MANAGER, NODE),
        Control("4.1.9", "kubelet's configuration: mode 600", reason="kubeadm writes it with 644; it holds no secret"),
        Control("4.1.10", "kubelet's configuration: root's", (MANAGER, NODE), "file", _KUBELET, "", "owner"),
        _setting("4.2.1", "authentication.anonymous.enabled", "is", "false"),
        _setting("4.2.2", "authorization.mode", "is", "Webhook"),
        _setting("4.2.3", "authentication.x509.clientCAFile", "set"),
        _setting("4.2.4", "readOnlyPort", "default", "0"),
        Control("4.2.5", "idle streams end", covered="Kubernetes' default (4 h), which `0s` in the file stands for"),
        _setting("4.2.6", "makeIPTablesUtilChains", "default", "true"),
        Control(
            "4.2.7",
            "kubelet `--hostname-override` is not set",
            (MANAGER, NODE),
            "argument",
            "kubelet",
            "hostname-override",
            "unset",
        ),
        Control("4.2.8", "enough events are recorded", covered="Kubernetes' default (50 a second)"),
        Control(
            "4.2.9",
            "a serving certificate",
            covered="signed by the cluster's CA (`serverTLSBootstrap`); verify looks at it",
        ),
        _setting("4.2.10", "rotateCertificates", "is", "true"),
        _setting("4.2.11", "serverTLSBootstrap", "is", "true"),
        _setting("4.2.12", "tlsCipherSuites", "among", _CIPHERS),
        _setting("4.2.13", "podPidsLimit", "least", "1"),
        _setting("4.2.14", "seccompDefault", "is", "true"),
        Control(
            "4.3.1", "kube-proxy's metrics on loopback", covered="verify fails on any other port that can be reached"
        ),
        Control("5.1.1", "cluster-admin only where needed", reason=_YOURS),
        Control("5.1.2 – 5.1.6, 5.1.8 – 5.1.13", "rights of roles and service accounts", reason=_YOURS),
        Control(
            "5.1.7",
            "no `system:masters`",
            covered="no certificate of ours has it but `super-admin.conf`, which is deleted",
        ),
        Control("5.2.1", "a policy for pods is active", covered=_POD),
        Control(
            "5.2.2 – 5.2.5, 5.2.10 – 5.2.12",
            "no privileged pods, none with the host's namespaces or paths",
            covered=_POD,
        ),
        Control(
            "5.2.6 – 5.2.9",
            "no escalation, no root, no added capabilities",
            reason="needs `cluster_pod_security: restricted`",
        ),
        Control(
            "5.3.1",
            "the pod network has policies",
            covered="Calico; verify tries them. The pod network `bridge` has none",
        ),
        Control("5.3.2", "every namespace has policies", reason=_YOURS),
        Control("5.4, 5.5, 5.6", "secrets as files, provenance of images, namespaces", reason=_YOURS),
    ),
)
