# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change how this manager's services run, while the other managers serve. Standard library only."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import subprocess
from collections.abc import Sequence

from ..host import programs
from . import authorities, etcd, membership
from .api import Api
from .checks import days_left
from .kubeadm import CERTIFICATES, CONFIG, LEAVES, SYSTEM, KubeadmError, await_ready, control_digest, run

CRICTL = "/usr/local/bin/crictl"
SERVICES = tuple(CERTIFICATES)


def is_old(cluster: str) -> bool:
    """Tell whether the management services were started from other files than there are now."""
    return membership.read_note(cluster).control != control_digest()


def expiring(days: float) -> list[str]:
    """Names of kubeadm's certificates on this manager with fewer days left. Raises KubeadmError."""
    now = datetime.datetime.now(datetime.timezone.utc)
    found = json.loads(run(["certs", "check-expiration", "--output=json"]))["certificates"]
    return sorted(
        entry["name"] for entry in found if not entry.get("missing") and days_left(entry["expirationDate"], now) < days
    )


def foreign() -> list[str]:
    """Names of kubeadm's certificates on this manager that the CAs in use have not signed. Raises OSError, ValueError."""
    return authorities.foreign(LEAVES)


def unfit(addresses: Sequence[str], timeout: float) -> str:
    """Wait until the managers at C(addresses) and etcd are well; return what is still wrong, or ''."""
    faults = (await_ready(address, timeout) for address in addresses)
    return next((fault for fault in faults if fault), "") or etcd.await_health(timeout)


def configure(cluster: str, address: str, timeout: float) -> None:
    """Bring the cluster's configuration and this manager's services to what CONFIG says. Raises KubeadmError, ApiError.

    kubeadm exchanges one service after the other and takes back one that does not come up; what the cluster says of itself is
    taken back with it. etcd is left alone.
    """
    run(["config", "validate", "--config", CONFIG])
    api = Api.from_env(cluster)
    before = {name: api.get(f"{SYSTEM}/configmaps/{name}")["data"] for name in ("kubeadm-config", "kubelet-config")}
    phase = ["upgrade", "node", "phase", "control-plane", "--etcd-upgrade=false", "--certificate-renewal=false"]
    try:
        run(["init", "phase", "upload-config", "all", "--config", CONFIG])
        run([*phase, "--patches", os.path.dirname(membership.PATCH)])
    except KubeadmError:
        for name, data in before.items():
            api.merge(f"{SYSTEM}/configmaps/{name}", {"data": data})
        raise
    fault = await_ready(address, timeout)
    if fault:
        raise KubeadmError(f"the API server does not get ready: {fault}")
    configure_addons(api)
    membership.write_note(cluster, membership.renewed(cluster, control=control_digest()))


def configure_addons(api: Api) -> None:
    """Bring CoreDNS and kube-proxy to what CONFIG says; kube-proxy's pods are exchanged when its configuration changed."""
    settings = f"{SYSTEM}/configmaps/kube-proxy"
    before = api.get(settings)["data"]
    run(["init", "phase", "addon", "all", "--config", CONFIG])
    after = api.get(settings)["data"]
    if before != after:
        note = {"keelson.cluster/configuration": membership.digest([], json.dumps(after, sort_keys=True))}
        template = {"template": {"metadata": {"annotations": note}}}
        api.merge("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy", {"spec": template})


def renew(address: str, timeout: float) -> None:
    """Renew kubeadm's certificates on this manager and start its services with them. Raises KubeadmError, OSError, ValueError."""
    run(["certs", "renew", "all"])
    authorities.align()  # kubeadm has kubeconfigs trust the CA in use alone
    restart(SERVICES, address, timeout)


def restart(services: Sequence[str], address: str, timeout: float) -> None:
    """Start services with the certificates there are, one after the other. Raises KubeadmError."""
    for service in services:
        if service == "etcd":  # without an election nobody waits
            with contextlib.suppress(etcd.EtcdError, OSError):
                etcd.hand_over(address)
        stop(service)
        fault = etcd.await_health(timeout) if service == "etcd" else await_ready(address, timeout)
        if fault:
            raise KubeadmError(f"{service} does not come back with its new certificates and keys: {fault}")


def stop(service: str) -> None:
    """Stop the pod of a service, which kubelet starts again. Raises KubeadmError."""
    asked = [CRICTL, "pods", "--quiet", "--state=Ready", "--label", f"component={service}"]
    try:
        listed = programs.run(asked, check=True)
        for pod in listed.stdout.split():
            programs.run([CRICTL, "stopp", pod], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise KubeadmError(f"{service} was not stopped: {getattr(error, 'stderr', None) or error}") from error
