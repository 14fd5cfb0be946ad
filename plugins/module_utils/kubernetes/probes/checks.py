# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application finds on a Kubernetes cluster, asked from inside its pods, as checks. Standard library only."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ...checks.model import Check, Verdict
from ...checks.sample_app import step
from ...host import programs
from ..sample import Sample
from . import limits, policies, traffic
from .inside import Pods, Run


def checks(sample: Sample, run: Run = programs.answer) -> list[Check]:
    """Answer all of it; `run` runs a command on this manager."""
    inside = Pods(sample, run)
    asked: list[tuple[str, str, Callable[[Pods], Verdict]]] = [
        ("visitors", "Pods start on another host node", policies.start_visitors),
        ("logs", "The logs of its pods can be read", traffic.logs),
        ("exec", "Programs can be run in its pods", traffic.programs),
        ("dns", "Pods find services by name", traffic.names),
        ("pods", "Pods reach each other across hosts", traffic.pods),
        ("service", "The service's address answers", traffic.service),
        ("node_port", "The service answers on a port of every host node", traffic.node_port),
        ("policy", "Network policies hold across hosts", policies.policy),
        ("pod_security", "A pod that asks for too many rights is refused", limits.pod_security),
        ("quota", "A quota is kept", limits.quota),
        ("encryption", "A Secret lies encrypted in etcd", limits.encryption),
    ]
    try:
        return [step(sample, name, title, functools.partial(question, inside)) for name, title, question in asked]
    finally:
        policies.end_visitors(inside)
