# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A placement on Kubernetes: what is of one environment sees, reaches, reads and changes nothing of another one, nor runs on its pool.

One manager and a host node of each pool are enough:
KEELSON_DRILLS_ENGINE=kubernetes KEELSON_DRILLS_HOSTS="m1 w1 b1" tests/drills/run tests/drills/kubernetes/test_placement.py
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.tenancy import DEPLOY
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import objects
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.tenancy import SPACE_POOL
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.view import POOL
from lab import kubernetes
from lab.kubernetes_load import sample_image
from lab.servers import Lab
from lab.waiting import wait

TEST, PROD = "shop-test-web", "shop-prod-batch"
POOLS = {TEST: "web", PROD: "batch"}
OTHER = {TEST: PROD, PROD: TEST}
GUARDED = "validatingadmissionpolicybinding keelson-pools"
#: Ways to a pod of the other environment; the last one leads to what only the own side's policy keeps from a pod.
COMMON = "a service of the cluster's own"
WAYS = {"address", "service", "name", "port of its host node", COMMON}
#: What a pod of test changes in its spec to run on prod's pool, or instead of what runs there.
ALLOWED, ANYWHERE = "nothing", [{"operator": "Exists"}]
REFUSED: dict[str, dict[str, Any]] = {
    "selects the other pool": {"nodeSelector": {POOL: POOLS[PROD]}, "tolerations": ANYWHERE},
    "selects none": {"nodeSelector": {}, "tolerations": ANYWHERE},
    "names its node": {"nodeSelector": {}},
    "displaces others": {"priorityClassName": "system-node-critical"},
}


def placement(name: str) -> dict[str, Any]:
    """Two environments on a cluster, each under a regime of its own on a pool of its own; the pool of prod takes nothing else."""
    environments = {"test": ("trial", "web"), "prod": ("cards", "batch")}
    return {
        "environments": {"test": {}, "prod": {}},
        "regimes": {"trial": {"exclusive": False, "excludes": ["cards"]}, "cards": {"pod_security": "restricted"}},
        "teams": {"shop": {}},
        "clusters": {
            name: {
                "engine": "kubernetes",
                "environments": list(environments),
                "pools": {
                    pool: {"environments": [environment], "regimes": [regime]}
                    for environment, (regime, pool) in environments.items()
                },
            }
        },
        "applications": {
            f"hello-{environment}": {
                "team": "shop",
                "environments": [environment],
                "regimes": [regime],
                "runs": [{"environment": environment, "cluster": name, "pool": pool}],
            }
            for environment, (regime, pool) in environments.items()
        },
    }


def pod(name: str, space: str, image: str, **changes: Any) -> dict[str, Any]:
    """A pod of the sample application as it may run in a namespace, with changes to its spec."""
    own = {"key": SPACE_POOL, "operator": "Equal", "value": POOLS[space], "effect": "NoSchedule"}
    spec = {**objects.pod_spec(image, "1"), "nodeSelector": {POOL: POOLS[space]}, "tolerations": [own], **changes}
    meta = {"name": name, "labels": {"app.kubernetes.io/name": objects.NAME}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


@dataclass
class Shared:
    """The cluster with pod and Service `hello` and a Secret in either namespace; `closed` is the host node of prod's pool."""

    lab: Lab
    variables: dict[str, Any]
    image: str
    closed: str
    tokens: dict[str, str]

    def kubectl(self, command: str, *described: dict[str, Any], token: str = "") -> tuple[bool, str]:
        """Whether kubectl could, and what it said: as the administrator, or with a token alone."""
        manager, access = self.lab.managers[0], "--kubeconfig=/etc/kubernetes/admin.conf"
        if token:
            server = f"--server=https://{bracketed(manager.address)}:6443"
            trusted = "--certificate-authority=/etc/kubernetes/pki/ca.crt"
            access = f"--kubeconfig=/dev/null {server} {trusted} --token={token}"
        given = "\n---\n".join(json.dumps(entry) for entry in described)
        line = f"kubectl {access} --request-timeout=20s {command} 2>&1; code=$?; echo; echo $code"
        said = self.lab.ssh(manager, line, given=given)
        text, _newline, code = said.strip().rpartition("\n")
        return code == "0", text.strip()

    def must(self, command: str, *described: dict[str, Any], token: str = "") -> str:
        """What kubectl said; AssertionError with it where it could not."""
        able, said = self.kubectl(command, *described, token=token)
        assert able, f"{command}: {said}"
        return said

    def find(self, *words: str) -> Any:
        """An object, or a list of them."""
        return kubernetes.kubectl(self.lab, "get", *words)

    def running(self, space: str, name: str) -> bool:
        """Whether a pod is ready."""
        conditions = self.find("pod", name, "-n", space)["status"].get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    # --- what is tried ---

    def seen(self, token: str, space: str) -> set[str]:
        """Which ways to see, read and change what is in a namespace a token has."""
        probe = pod("probe", space, self.image)
        asked = {way: f"-n {space} {command}" for way, command in ways_in(space).items()}
        return {way for way, command in asked.items() if self.kubectl(command, probe, token=token)[0]}

    def asked(self, space: str, url: str) -> tuple[bool, str]:
        """Whether the pod of a namespace gets an answer of a URL, and what it is told."""
        return self.kubectl(f"-n {space} exec hello -- /sample get {url}")

    def reached(self, space: str) -> set[str]:
        """By which ways the pod of a namespace gets an answer."""
        there, service = self.find("pod/hello", "service/hello", "-n", OTHER[space])["items"]
        node_port = service["spec"]["ports"][0]["nodePort"]
        urls = {
            "address": f"{bracketed(there['status']['podIP'])}:{objects.PORT}/healthz",
            "service": f"{bracketed(service['spec']['clusterIP'])}/healthz",
            "name": f"hello.{OTHER[space]}.svc.cluster.local./healthz",
            "port of its host node": f"{bracketed(there['status']['hostIP'])}:{node_port}/healthz",
            COMMON: "kube-dns.kube-system.svc.cluster.local.:9153/metrics",
        }
        return {way for way, url in urls.items() if self.asked(space, f"http://{url}")[0]}

    def admitted(self) -> set[str]:
        """With which changes a pod of test is let in."""
        create, token = f"-n {TEST} create --dry-run=server -f -", self.tokens[TEST]
        pods = {what: pod("probe", TEST, self.image, **changes) for what, changes in {ALLOWED: {}, **REFUSED}.items()}
        pods["names its node"]["spec"]["nodeName"] = self.closed
        return {what for what, described in pods.items() if self.kubectl(create, described, token=token)[0]}

    def unscheduled(self) -> str:
        """Why a pod outside the placement, which selects prod's pool, is on no host node; '' when it is on one."""
        found = self.find("pod", "stray", "-n", "default")
        conditions = found["status"].get("conditions", [])
        return "" if found["spec"].get("nodeName") else " ".join(one.get("message", "") for one in conditions)


def ways_in(space: str) -> dict[str, str]:
    """Ways to see, read and change what is in a namespace: what kubectl is asked for, with a pod on its input."""
    return {
        "pods": "get pods",
        "pod": "get pod hello",
        "logs": "logs hello",
        "commands": f"exec hello -- /sample get http://127.0.0.1:{objects.PORT}/healthz",
        "services": "get services",
        "endpoints": "get endpointslices",
        "events": "get events",
        "network policies": "get networkpolicies",
        "secrets": "get secrets",
        "secret": f"get secret {objects.NAME}",
        "figures of instances": f"get --raw /apis/metrics.k8s.io/v1beta1/namespaces/{space}/pods",
        "deploy": "create --dry-run=server -f -",
        "change": "label --dry-run=server pod hello a=b",
        "delete": "delete --dry-run=server pod hello",
        "its token": f"create token {DEPLOY}",
        "its name": f"--as=system:serviceaccount:{space}:{DEPLOY} get pods",
    }


EVERYTHING = set(ways_in(TEST))


@pytest.fixture(name="shared", scope="module")
def _shared(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A cluster with a placement, on which either environment's own token has deployed."""
    path = tmp_path_factory.mktemp("placement") / "placement.yml"
    path.write_text(yaml.safe_dump(placement(lab.name)))
    taints = "lookup('keelson.cluster.placement', cluster_name, file=cluster_placement).taints"
    variables = {
        "cluster_placement": str(path),
        "host_node_taints": f"{{{{ {taints}.get(cluster_pool | default(''), []) }}}}",
    }
    lab.play("install", variables=variables).expect()
    lab.play("tests/drills/sample_image.yml").expect()
    (closed,) = [host.name for host in lab.nodes if host.pool == POOLS[PROD]]
    shared = Shared(lab, variables, sample_image(lab), closed, {})
    try:
        fill(shared)
        yield shared
    finally:
        clear(shared)


def fill(shared: Shared) -> None:
    """Deploy in both namespaces, and beside them a pod that selects prod's pool."""
    for space in POOLS:
        shared.tokens[space] = shared.must(f"-n {space} create token {DEPLOY}")
        described = pod("hello", space, shared.image), objects.service("hello"), objects.secret(space)
        shared.must(f"-n {space} create -f -", *described, token=shared.tokens[space])
    shared.must("-n default create -f -", pod("stray", PROD, shared.image, tolerations=[]))
    for space in POOLS:
        wait(f"hello of {space} runs", partial(shared.running, space, "hello"), 120)


def clear(shared: Shared) -> None:
    """Take the placement away: without the time that an installation takes."""
    shared.kubectl(f"taint nodes {shared.closed} {SPACE_POOL}-")
    shared.must("delete pod stray -n default --ignore-not-found --wait=false")
    shared.must(f"delete namespace {TEST} {PROD} --ignore-not-found --wait=false")
    shared.must("delete validatingadmissionpolicy,validatingadmissionpolicybinding keelson-pools --ignore-not-found")

    def left() -> set[str]:
        return set(POOLS) & {entry["metadata"]["name"] for entry in shared.find("namespaces")["items"]}

    settle("the namespaces are gone", left, set())


def settle(what: str, probe: Callable[[], set[str]], desired: set[str]) -> None:
    """Wait until C(probe) finds what is desired; the message says what differs."""

    def same() -> bool:
        found = probe()
        assert found == desired, f"missing: {sorted(desired - found)}, too many: {sorted(found - desired)}"
        return True

    wait(what, same, 120)


def test_one_environment_is_closed_to_the_deploys_of_the_other(shared: Shared) -> None:
    for space, token in shared.tokens.items():
        # metrics-server may have begun just now
        settle(f"all of {space} is open to its own", partial(shared.seen, token, space), EVERYTHING)
        assert shared.seen(token, OTHER[space]) == set()


def test_what_is_the_cluster_s_is_closed_to_deploys(shared: Shared) -> None:
    """Also what holds the borders of its own namespace, but for network policies: there it may open its own side."""
    asked = [
        *("get namespaces", "get nodes", "get pods -A", "get secrets -A", "get events -A", "get --raw /metrics"),
        f"get --raw /api/v1/nodes/{shared.closed}/proxy/metrics",
        "get --raw /apis/metrics.k8s.io/v1beta1/pods",
        f"label --dry-run=server --overwrite namespace {TEST} {SPACE_POOL}={POOLS[PROD]}",
        f"delete --dry-run=server {GUARDED}",
        f"-n {TEST} delete --dry-run=server rolebinding {DEPLOY}",
        f"-n {TEST} create --dry-run=server rolebinding probe --clusterrole=view --serviceaccount={TEST}:{DEPLOY}",
    ]
    assert [command for command in asked if not shared.kubectl(command)[0]] == []
    assert [command for command in asked if shared.kubectl(command, token=shared.tokens[TEST])[0]] == []


def test_no_pod_lands_on_the_other_pool(shared: Shared) -> None:
    """Refused by the admission policy; by kubelet where the pod names a node that it does not select; by the taint outside the placement."""
    assert shared.admitted() == {ALLOWED}
    lost = pod("lost", TEST, shared.image, nodeName=shared.closed)
    shared.must(f"-n {TEST} create -f -", lost, token=shared.tokens[TEST])
    refused = {"phase": "Failed", "reason": "NodeAffinity"}
    wait("kubelet refuses it", lambda: refused.items() <= shared.find("pod", "lost", "-n", TEST)["status"].items(), 60)
    wait("the taint keeps it off", lambda: "untolerated taint" in shared.unscheduled(), 60)


def test_no_pod_reaches_one_of_the_other_environment(shared: Shared) -> None:
    assert shared.reached(TEST) == set()
    assert shared.reached(PROD) == set()


def test_how_far_dns_goes(shared: Shared) -> None:
    """The names of all services can be resolved by all; what they lead to is not reached."""
    able, said = shared.asked(TEST, f"http://hello.{PROD}.svc.cluster.local./healthz")
    assert not able and "no such host" not in said, said
    able, said = shared.asked(TEST, f"http://nothing.{PROD}.svc.cluster.local./healthz")
    assert not able and "no such host" in said, said


def test_each_check_fails_without_its_guard_and_an_installation_puts_it_back(shared: Shared) -> None:
    test, prod = shared.tokens[TEST], shared.tokens[PROD]
    # Deploys may open their own side, and then the other's holds alone.
    shared.must(f"-n {TEST} delete networkpolicy default-deny", token=test)
    settle("test's own side is open", partial(shared.reached, TEST), {COMMON})
    opened = json.dumps({"spec": {"ingress": [{}], "egress": [{}]}})
    shared.must(f"-n {PROD} patch networkpolicy default-deny --type=merge -p '{opened}'", token=prod)
    for space in POOLS:
        settle(f"all is reached from {space}", partial(shared.reached, space), WAYS)

    shared.must(f"delete {GUARDED}")
    settle("every pod is admitted", shared.admitted, {ALLOWED, *REFUSED})
    across = pod("across", TEST, shared.image, nodeSelector={}, nodeName=shared.closed)
    shared.must(f"-n {TEST} create -f -", across, token=test)
    wait("a pod of test runs on prod's pool", partial(shared.running, TEST, "across"), 60)
    shared.must(f"-n {TEST} delete pod across --wait=false", token=test)

    shared.must(f"taint nodes {shared.closed} {SPACE_POOL}-")
    wait("a pod outside the placement runs on prod's pool", partial(shared.running, "default", "stray"), 60)
    shared.must("-n default delete pod stray --wait=false")

    subject = {"kind": "ServiceAccount", "name": DEPLOY, "namespace": TEST}
    bound = json.dumps([{"op": "add", "path": "/subjects/-", "value": subject}])
    shared.must(f"-n {PROD} patch rolebinding {DEPLOY} --type=json -p '{bound}'")
    settle("all of prod is open to test's token", partial(shared.seen, test, PROD), EVERYTHING)

    shared.lab.play("install", variables=shared.variables).expect()
    settle("the token is refused", partial(shared.seen, test, PROD), set())
    settle("pods are refused", shared.admitted, {ALLOWED})
    for space in POOLS:
        settle(f"nothing is reached from {space}", partial(shared.reached, space), set())
    taint = {"key": SPACE_POOL, "value": POOLS[PROD], "effect": "NoSchedule"}
    assert shared.find("node", shared.closed)["spec"]["taints"] == [taint]
