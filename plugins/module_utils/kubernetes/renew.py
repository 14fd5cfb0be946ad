# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renew kubeadm's certificates on this manager before they end, while the other managers serve. Standard library only.

A timer on every manager runs it. When a third of the time of one is left, kubeadm renews all of this manager, and its services
are started anew, one after the other. Managers take turns by a Lease of the cluster, and each waits until all others are well. Where
one has ended, as after a long absence, nothing is waited for: this manager serves nobody. It may be cut off anywhere: the next run finishes it.

usage: python3 -m utils.kubernetes.renew CLUSTER ADDRESS
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from ..cluster import lease
from ..cluster.parts import MANAGER
from ..enrollment import certificate
from ..enrollment.certificate import Present
from ..host import units
from . import authorities, control, identity, kubeadm, membership, view
from .api import Api, ApiError, read_access

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
NAME = "keelson-renewal"
SECONDS = 1800  # of a turn: more than the service may take
TIMEOUT = 120.0  # seconds in which managers and services must be well


class NotNow(Exception):
    """Somebody else has the turn, or the others are not well; the message says who."""


def found(pki: str = authorities.PKI, kubeconfigs: tuple[str, ...] = authorities.KUBECONFIGS) -> list[Present]:
    """Kubeadm's certificates on this manager. Raises OSError, ValueError.

    They begin with their CA (cmd/kubeadm/app/util/pkiutil/pki_helpers.go), so their files tell when they were made.
    """
    paths = [f"{pki}/{name}.crt" for name in kubeadm.LEAVES]
    texts = {path: authorities.read(path) for path in paths if os.path.exists(path)}
    texts |= {path: read_access(authorities.read(path)).cert for path in kubeconfigs if os.path.exists(path)}
    read = {path: certificate.read(authorities.first(text)) for path, text in texts.items()}
    return [replace(one, begin=os.stat(path).st_mtime - certificate.BACKDATE) for path, one in read.items()]


def main(cluster: str, address: str) -> int:
    """Renew what is due; returns the exit code."""
    try:
        if kubeadm.state(cluster, MANAGER) != membership.JOINED:
            return 0
        if identity.ended():  # without it kubelet ends, and starts no service
            identity.renew_here()
            fault = units.restart(units.Unit("kubelet.service"))
            if fault:
                raise OSError(fault)
            sys.stdout.write("kubelet has another certificate\n")
        now = time.time()
        known = found()
        ended = any(entry.end <= now for entry in known)
        if ended or any(entry.due(now) for entry in known):
            with contextlib.nullcontext() if ended else claimed(cluster, address):
                control.renew(address, TIMEOUT)
            sys.stdout.write("the certificates of this manager were renewed\n")
        elif kubeadm.outdated():  # a run was cut off before it had started all of them
            with claimed(cluster, address):
                control.restart(kubeadm.outdated(), address, TIMEOUT)
    except NotNow as why:
        sys.stdout.write(f"the certificates of this manager are due, and wait for the next time: {why}\n")
    except (ApiError, kubeadm.KubeadmError, OSError, ValueError) as error:
        sys.stdout.write(f"the certificates of this manager are not renewed: {error}\n")
        return 1
    return 0


@contextlib.contextmanager
def claimed(cluster: str, address: str) -> Iterator[None]:
    """Be the only manager whose services are started anew, while all others are well. Raises NotNow, ApiError."""
    run = lease.read(cluster, *lease.clock())
    if run:
        raise NotNow(f"{run.holder} changes the cluster")
    api = Api.from_env(cluster)
    claim(api, address, time.time())
    try:
        fault = control.unfit([node.address for node in view.list_nodes(api) if node.manager], TIMEOUT)
        if fault:
            raise NotNow(fault)
        yield
    finally:
        with contextlib.suppress(ApiError):  # it ends by itself
            Api.from_env(cluster).delete(f"{LEASES}/{NAME}")


def claim(api: Api, address: str, now: float) -> None:
    """Take the Lease of renewals, also one that has ended, or go on with one that a run on this manager has left.

    Its times mean what the API says: when the holder took it, and when it last said so, from which on the duration counts.
    https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ Raises NotNow, ApiError.
    """
    held = api.find(f"{LEASES}/{NAME}")
    before = held["spec"] if held else {}
    holder = before.get("holderIdentity")
    renewed = before.get("renewTime") or before.get("acquireTime")
    if holder not in (None, address) and renewed and now < _seconds(renewed) + before["leaseDurationSeconds"]:
        raise NotNow(f"{holder} renews its own")
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).isoformat(timespec="microseconds")
    taken = moment.replace("+00:00", "Z")
    spec = {
        "holderIdentity": address,
        "leaseDurationSeconds": SECONDS,
        "acquireTime": before["acquireTime"] if holder == address else taken,
        "renewTime": taken,
        "leaseTransitions": before.get("leaseTransitions", 0) + (holder not in (None, address)),
    }
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}, "spec": spec}
    try:
        if held:
            version = {"name": NAME, "resourceVersion": held["metadata"]["resourceVersion"]}
            api.put(f"{LEASES}/{NAME}", {**body, "metadata": version})
        else:
            api.post(LEASES, body)
    except ApiError as error:
        if error.status in (404, 409):  # taken, or deleted, in between
            raise NotNow("another manager was first") from error
        raise


def _seconds(moment: str) -> float:
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
