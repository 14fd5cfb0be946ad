# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks from inside the pods of the sample application, which must run. Standard library only.

The image's own command C(get) does the asking, through C(kubectl exec).
"""

from __future__ import annotations

from typing import Callable

from ...checks.http import Instance
from ...checks.model import Verdict
from ...checks.sample_app import UNANSWERED, SampleError, await_
from ...cluster.remote import bracketed
from ..api import ACCESS_FILE
from ..objects import NAMESPACE, PORT, SPACE
from ..sample import Sample

SETTLES = 20.0  # seconds in which a network policy or a quota must have come into force
GUEST, UNAUTHORIZED = "guest", "unauthorized"

Run = Callable[[list[str]], "tuple[int, str, str]"]


class Pods:
    """The sample application's pods; `run` runs a command on this manager."""

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


def at(instance: Instance) -> str:
    """Return an instance's address and port as in a URL."""
    return f"{bracketed(instance['address'])}:{instance['port']}"


def settle(probe: Callable[[], str | None]) -> None:
    """Wait until `probe` has nothing to say. Raises SampleError with its words when that does not come."""
    await_(probe, SETTLES)
