# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on a Kubernetes cluster while something is done to it: an application that gets requests."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import objects

from . import inside, kubernetes
from .requests import Requests
from .servers import Lab
from .waiting import wait

SPACE = "drill"
ONCE, ASKER = "ends-once", "asks-from-inside"
COUNTS = f"/var/lib/{ASKER}"  # on every host node


def apply(lab: Lab, *described: dict[str, Any]) -> None:
    """Apply objects in the drill's own namespace."""
    given = "\n---\n".join(json.dumps(entry) for entry in described)
    command = f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl apply -n {SPACE} -f -"
    lab.ssh(lab.managers[0], command, given=given)


def sample_image(lab: Lab) -> str:
    """The name of the sample application's image on the host nodes."""
    return lab.ssh(lab.nodes[0], "ctr -n k8s.io images list -q | grep sample-app").split()[0]


def with_host(pod: dict[str, Any], command: list[str]) -> dict[str, Any]:
    """The pod with a command of its host, whose programs and libraries it is lent."""
    folders = {"usr": ("/usr", "/usr"), "lib": ("/usr/lib", "/lib"), "lib64": ("/usr/lib64", "/lib64")}
    mounts = [{"name": name, "mountPath": at, "readOnly": True} for name, (_path, at) in folders.items()]
    volumes = [{"name": name, "hostPath": {"path": path}} for name, (path, _at) in folders.items()]
    container = {**pod["containers"][0], "command": command}
    container["volumeMounts"] = [*container.get("volumeMounts", []), *mounts]
    return {**pod, "containers": [container], "volumes": [*pod.get("volumes", []), *volumes]}


def begin_once(lab: Lab, seconds: int) -> None:
    """Begin a Job that runs once for so long, with the program of its host; within load, whose namespace it shares."""
    container = {"name": "sleep", "image": sample_image(lab), "imagePullPolicy": "Never"}
    spec = with_host({"restartPolicy": "Never", "containers": [container]}, ["/usr/bin/sleep", str(seconds)])
    job = {"backoffLimit": 0, "template": {"spec": spec}}
    apply(lab, {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": ONCE}, "spec": job})


def ended_once(lab: Lab) -> bool:
    """Whether the Job ran to its end, and that one time; it is removed with its namespace."""
    status = kubernetes.kubectl(lab, "get", "job", ONCE, "-n", SPACE)["status"]
    return (status.get("succeeded"), status.get("failed")) == (1, None)


def asker(image: str) -> dict[str, Any]:
    """A daemon set that asks the sample application by its service's name from every host node."""
    container = {
        "name": "ask",
        "image": image,
        "imagePullPolicy": "Never",
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "counts", "mountPath": COUNTS}],
    }
    counts = {"name": "counts", "hostPath": {"path": COUNTS, "type": "DirectoryOrCreate"}}
    command = ["/usr/bin/python3", "-c", inside.ASK, f"{COUNTS}/counts.json", f"http://{objects.NAME}/"]
    labels = {"app": ASKER}
    spec = with_host({"containers": [container], "volumes": [counts], "terminationGracePeriodSeconds": 0}, command)
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": ASKER},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


@contextlib.contextmanager
def from_inside(lab: Lab) -> Iterator[Requests]:
    """Requests to the sample application from every host node, counted at the end; within load, whose namespace it shares."""
    apply(lab, asker(sample_image(lab)))
    try:
        with inside.counted(lab, f"{COUNTS}/counts.json") as asking:
            yield asking
    finally:
        remove = (
            f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl delete daemonset {ASKER} -n {SPACE} --cascade=foreground"
        )
        lab.ssh(lab.managers[0], remove, check=False)
        for host in lab.nodes:
            lab.ssh(host, f"rm -rf {COUNTS}")


@dataclass
class Load(Requests):
    """Requests to the sample application by the port that every host node opens for it, from outside, until the end."""

    targets: list[str]

    def ask(self) -> None:
        """One request every 20 ms, each by a new connection."""
        while not self.over.is_set():
            for target in self.targets:
                self.request(target)


def endpoint(lab: Lab) -> Callable[[], bool]:
    """What tells whether the API answers by the cluster's virtual address."""
    context, vip = ssl._create_unverified_context(), kubernetes.variables(lab.subnet)["cluster_vip"]

    def asked() -> bool:
        link = http.client.HTTPSConnection(vip, 6443, timeout=3, context=context)
        try:
            link.request("GET", "/readyz")
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()

    return asked


@contextlib.contextmanager
def load(lab: Lab) -> Iterator[Load]:
    """The sample application at three instances in pool web, with requests all the time."""
    lab.play("tests/drills/sample_image.yml").expect()
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": labels}}
    application = objects.deployment("web", sample_image(lab), 3, "1")
    pod = application["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 30
    pod["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 10}}}  # nodes here learn of changes late
    apply(lab, space)
    apply(lab, application, objects.service(), objects.budget(2))
    port = kubernetes.kubectl(lab, "get", "service", objects.NAME, "-n", SPACE)["spec"]["ports"][0]["nodePort"]
    asking = Load([f"http://{node.address}:{port}/" for node in lab.nodes])
    thread = threading.Thread(target=asking.ask, daemon=True)
    try:
        wait("three instances", lambda: running(lab) == 3, 120)
        time.sleep(5)  # until all nodes route to them
        thread.start()
        yield asking
    finally:
        asking.over.set()
        if thread.is_alive():
            thread.join()
        remove = f"KUBECONFIG=/etc/kubernetes/admin.conf kubectl delete namespace {SPACE} --ignore-not-found"
        lab.ssh(lab.managers[0], remove, check=False)


def running(lab: Lab) -> int:
    """How many instances of the sample application take requests."""
    status = kubernetes.kubectl(lab, "get", "deployment", objects.NAME, "-n", SPACE)["status"]
    return int(status.get("availableReplicas", 0))
