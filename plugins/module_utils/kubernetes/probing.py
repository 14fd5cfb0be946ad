# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application finds on a Kubernetes cluster, asked from inside its pods: names, ways, walls. Standard library only.

The sample application must run; the image's own command C(get) does the asking, through C(kubectl exec).
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import Any, Callable

from ..checks.http import Instance, fetch
from ..checks.model import Check, Verdict
from ..checks.sample_app import SampleError, await_, elapsed, step
from ..cluster.remote import ApiError
from . import etcd, objects
from .api import ACCESS_FILE
from .checks import encrypted
from .objects import NAME, NAMESPACE, POLICIES, PORT, SPACE
from .sample import Sample
from .view import list_nodes

UNANSWERED = 3  # the exit code of the image's get when nothing good was answered
SETTLES = 20.0  # seconds in which a network policy or a quota must have come into force
GUEST, UNAUTHORIZED = "guest", "unauthorized"

Run = Callable[[list[str]], "tuple[int, str, str]"]


class Probe:
    """Asks from pods of the sample application; `run` runs a command on this manager."""

    def __init__(self, sample: Sample, run: Run) -> None:
        """Remember what is asked and how."""
        self.sample = sample
        self.api = sample.api
        self.run = run

    def get(self, pod: str, url: str) -> tuple[bool, str]:
        """Let a pod ask a URL; return whether it got a good answer, and the answer. Raises SampleError when it cannot."""
        where = [f"--kubeconfig={ACCESS_FILE}", f"--namespace={NAMESPACE}", "exec", pod, "--", "/sample", "get", url]
        code, out, error = self.run(["kubectl", "--request-timeout=20s", *where])
        text = " ".join(out.split())[:200]
        if code not in (0, UNANSWERED):
            raise SampleError(f"kubectl exec {pod}: {' '.join(error.split())[-300:]}")
        return code == 0, text

    def all_of(self, asked: list[tuple[Instance, str, str]]) -> Verdict:
        """Judge that each instance gets an answer of its URL; entries are (instance, URL, what it is)."""
        seen = []
        for instance, url, what in asked:
            good, text = self.get(instance["id"], url)
            if not good:
                return Verdict(False, f"{instance['host']} gets no answer from {what} ({url}): {text}")
            seen.append(f"{instance['host']} → {what}")
        return Verdict(bool(seen), "; ".join(seen) or "there are no instances")

    def one_a_host(self) -> list[Instance]:
        """Return one instance of each host, and the guest, which may be on a host of another pool."""
        found = {instance["host"]: instance for instance in self.sample.instances()}
        guest = self.api.find(f"{SPACE}/pods/keelson-{GUEST}")
        if guest and guest["spec"]["nodeName"] not in found:
            where = {"address": guest["status"]["podIP"], "port": PORT}
            found[guest["spec"]["nodeName"]] = {"id": f"keelson-{GUEST}", "host": guest["spec"]["nodeName"], **where}
        return list(found.values())

    def exec(self) -> Verdict:
        """Judge that a program can be run in every instance."""
        url = f"http://127.0.0.1:{PORT}/healthz"
        return self.all_of([(instance, url, "a program in its pod") for instance in self.sample.instances()])

    def logs(self) -> Verdict:
        """Judge that the log of every instance can be read."""
        seen = []
        for instance in self.sample.instances():
            text = self.api.request("GET", f"{SPACE}/pods/{instance['id']}/log?tailLines=5")
            if "listens on" not in str(text):
                return Verdict(
                    False, f"the log of {instance['id']} on {instance['host']} is not its own: {text!r:.100}"
                )
            seen.append(instance["host"])
        return Verdict(bool(seen), f"{len(seen)} logs, from {', '.join(sorted(set(seen)))}")

    def names(self) -> Verdict:
        """Judge that the cluster's DNS tells pods of every host where services are."""
        url = f"http://{NAME}.{NAMESPACE}.svc/healthz"
        return self.all_of([(instance, url, "the service by its name") for instance in self.one_a_host()])

    def pods(self) -> Verdict:
        """Judge that pods reach each other across hosts: each host's the next one's, in a ring."""
        ring = self.one_a_host()
        pairs = [(one, ring[(index + 1) % len(ring)]) for index, one in enumerate(ring)]
        asked = [(one, f"http://{at(other)}/healthz", f"a pod on {other['host']}") for one, other in pairs]
        return self.all_of(asked)

    def service(self) -> Verdict:
        """Judge that the service's address answers pods of every host, and this manager."""
        address = self.api.get(f"{SPACE}/services/{NAME}")["spec"]["clusterIP"]
        status, _body = fetch(address, 80, "/healthz")
        if status != 200:
            return Verdict(False, f"{address} answers this manager with HTTP {status}")
        url = f"http://{bracketed(address)}/healthz"
        found = self.all_of([(instance, url, f"the service at {address}") for instance in self.one_a_host()])
        return Verdict(found.passed, f"this manager → {address}; {found.evidence}")

    def node_port(self) -> Verdict:
        """Judge that the service answers on its port of every host node of the pool."""
        port = self.api.get(f"{SPACE}/services/{NAME}")["spec"]["ports"][0]["nodePort"]
        for node in self.sample.placed.nodes.values():
            status, _body = fetch(node.address, port, "/healthz")
            if status != 200:
                return Verdict(False, f"{node.name} {node.address}:{port} answered HTTP {status}")
        return Verdict(True, f"port {port} of {', '.join(self.sample.placed.nodes)}")

    def start_visitors(self) -> Verdict:
        """Start guest and unauthorized on another host than an instance's, of whichever pool; judge that they run."""
        target = self.sample.instances()[0]["host"]
        others = [
            node.name for node in list_nodes(self.api) if node.usable and not node.manager and node.name != target
        ]
        host = others[0] if others else target
        pods = [objects.visitor(role, host, self.sample.image) for role in (GUEST, UNAUTHORIZED)]
        for pod in pods:
            self.api.post(f"{SPACE}/pods", pod)
        await_(lambda: self.visitors_wrong(pods), self.sample.timeout)
        return Verdict(True, f"guest and unauthorized run on {host}, the instance they ask on {target}")

    def end_visitors(self) -> None:
        """Remove guest and unauthorized; what an API that fails leaves goes with the namespace."""
        for role in (GUEST, UNAUTHORIZED):
            with contextlib.suppress(ApiError):
                self.api.delete(f"{SPACE}/pods/keelson-{role}")

    def policy(self) -> Verdict:
        """Judge network policies: who was answered is refused under a default deny, unless a policy lets him through."""
        target = self.sample.instances()[0]
        host = self.api.get(f"{SPACE}/pods/keelson-{GUEST}")["spec"]["nodeName"]
        try:
            return self.walls(f"http://{at(target)}/healthz", f"{host} → {target['host']}")
        finally:
            for policy in objects.policies():
                self.api.delete(f"{POLICIES}/{policy['metadata']['name']}")

    def visitors_wrong(self, pods: list[dict[str, Any]]) -> str | None:
        """Say which of the visitors does not run yet, or None."""
        for pod in pods:
            found = self.api.get(f"{SPACE}/pods/{pod['metadata']['name']}")
            if not any(status.get("ready") for status in found["status"].get("containerStatuses") or []):
                return f"{pod['metadata']['name']} is {found['status'].get('phase')}; {self.sample.trouble()}"
        return None

    def walls(self, url: str, way: str) -> Verdict:
        """Judge what guest and unauthorized are answered from an instance before and under the policies."""
        guest, unauthorized = f"keelson-{GUEST}", f"keelson-{UNAUTHORIZED}"
        back = self.api.get(f"{SPACE}/pods/{unauthorized}")["status"]["podIP"]
        beside = f"http://{bracketed(back)}:{PORT}/healthz"
        for pod, where in ((guest, url), (unauthorized, url), (guest, beside)):
            good, text = self.get(pod, where)
            if not good:
                return Verdict(False, f"{way}: {pod} gets no answer even without policies: {text}")
        start = time.monotonic()
        for policy in objects.policies():
            self.api.apply(f"{POLICIES}/{policy['metadata']['name']}", policy)
        for pod, where, what in ((unauthorized, url, "the instance"), (guest, beside, "what it was not given")):
            await_(functools.partial(self.still_answered, pod, where, what), SETTLES)
        good, text = self.get(guest, url)
        took = f"refused {elapsed(start)} after the policies"
        if not good:
            return Verdict(False, f"{way}: the guest is refused, too: {text}")
        return Verdict(True, f"{way}: the guest is answered; the unauthorized client, and the guest elsewhere, {took}")

    def still_answered(self, pod: str, url: str, what: str) -> str | None:
        """Say that a pod is still answered, or None."""
        good, _text = self.get(pod, url)
        return f"network policies do not hold: {pod} is answered by {what}" if good else None

    def pod_security(self) -> Verdict:
        """Judge that a pod that asks for every right is refused: here, and where a namespace says nothing."""
        seen = []
        for space in (NAMESPACE, "default"):
            pod = objects.privileged(self.sample.image)
            words = refusal(functools.partial(self.api.post, f"/api/v1/namespaces/{space}/pods?dryRun=All", pod))
            if "violates PodSecurity" not in words:
                return Verdict(False, f"namespace {space}: a privileged pod was {words or 'enrolled'}")
            seen.append(f"{space}: {words.partition('violates ')[2][:60]}")
        return Verdict(True, "; ".join(seen))

    def quota(self) -> Verdict:
        """Judge that a second service is refused where the quota has room for one."""

        def probe() -> str | None:
            found = self.api.get(f"{SPACE}/resourcequotas/{NAME}").get("status") or {}
            used = (found.get("used") or {}).get("services")
            return None if used == "1" else f"the quota counts {used or 'no'} services, not 1"

        await_(probe, SETTLES)
        words = refusal(lambda: self.api.post(f"{SPACE}/services?dryRun=All", objects.service("keelson-second")))
        return Verdict("exceeded quota" in words, words[:200] or "a second service was enrolled")

    def encryption(self) -> Verdict:
        """Judge that a Secret made now does not lie in etcd as it is."""
        self.api.apply(f"{SPACE}/secrets/{NAME}", objects.secret("made by verify"))
        return encrypted(etcd.ask("get", f"/registry/secrets/{NAMESPACE}/{NAME}"))

    def checks(self) -> list[Check]:
        """Answer all of it."""
        asked: list[tuple[str, str, Callable[[], Verdict]]] = [
            ("visitors", "Pods start on another host node", self.start_visitors),
            ("logs", "The logs of its pods can be read", self.logs),
            ("exec", "Programs can be run in its pods", self.exec),
            ("dns", "Pods find services by name", self.names),
            ("pods", "Pods reach each other across hosts", self.pods),
            ("service", "The service's address answers", self.service),
            ("node_port", "The service answers on a port of every host node", self.node_port),
            ("policy", "Network policies hold across hosts", self.policy),
            ("pod_security", "A pod that asks for too many rights is refused", self.pod_security),
            ("quota", "A quota is kept", self.quota),
            ("encryption", "A Secret lies encrypted in etcd", self.encryption),
        ]
        try:
            return [step(self.sample, name, title, question) for name, title, question in asked]
        finally:
            self.end_visitors()


def at(instance: Instance) -> str:
    """Return an instance's address and port as in a URL."""
    return f"{bracketed(instance['address'])}:{instance['port']}"


def bracketed(address: str) -> str:
    """Return an address as in a URL."""
    return f"[{address}]" if ":" in address else address


def refusal(ask: Callable[[], object]) -> str:
    """Return the words with which the API refuses (403) what `ask` asks, '' where it does not."""
    try:
        ask()
    except ApiError as error:
        if error.status == 403:
            return error.message
        raise
    return ""
