# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring this host to another version, and back where it is not well with it. Standard library only.

First a manager's services, by 'kubeadm upgrade apply' on the first manager and 'kubeadm upgrade node' on the others, then
runtime and kubelet, as on every node. https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
"""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..bundle.install import InstallError
from ..cluster.parts import MANAGER
from ..cluster.remote import wait_for
from ..host import files as host_files
from ..host import previous, services, switch
from ..host import units as service_units
from ..host.receipts import Receipts
from . import absence, control, etcd, kubeadm, membership, view
from .api import NODE_FILE, Api, ApiError

#: Artifacts whose programs run outside of pods, or serve those: they change last, for kubelet is never newer than the API.
AGENTS = ("kubelet", "containerd", "runc", "cni-plugins", "calico")
UNITS = ("containerd.service", "kubelet.service")
MANIFESTS = tuple(f"/etc/kubernetes/manifests/{name}.yaml" for name in kubeadm.CERTIFICATES)
SHARED = ("kubeadm-config", "kubelet-config")
LATER = ["addon", "kubelet-config"]  # phases of kubeadm that have their own place here
SCRATCH = "/etc/kubernetes/tmp/kubeadm-*"  # where kubeadm leaves copies of manifests and of etcd's data
PATIENCE = 240  # seconds for one service to come up with its new version, before kubeadm takes it back
FAULTS = (kubeadm.KubeadmError, ApiError, InstallError, host_files.FileError, OSError)


class UpgradeError(Exception):
    """The host was left as it was, or is so again; the message says why."""


@dataclass(frozen=True)
class Target:
    """This host, and the C(versions) of artifacts that it is to use; C(managers) are the addresses of all."""

    cluster: str
    part: str
    name: str
    address: str
    managers: Sequence[str]
    versions: Mapping[str, str]
    ignore: Sequence[str]
    timeout: float

    @property
    def version(self) -> str:
        """The version of Kubernetes, as its programs tell it."""
        return f"v{self.versions['kubelet']}"

    def config(self) -> dict[str, Any]:
        """What kubeadm is told of the upgrade; certificates are renewed when they end, not here."""
        # A Job that runs the pause image with -v, which ours may not know: what is well is judged before.
        shared = {"ignorePreflightErrors": [*self.ignore, "CreateJob"]}
        how = {
            **shared,
            "certificateRenewal": False,
            "etcdUpgrade": True,
            "patches": {"directory": os.path.dirname(membership.PATCH)},
        }
        return {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "UpgradeConfiguration",
            "plan": {**shared, "kubernetesVersion": self.version},
            # The plan has run the same checks.
            "apply": {**how, "kubernetesVersion": self.version, "skipPhases": ["preflight", *LATER]},
            "node": {**how, "skipPhases": LATER if self.part == MANAGER else []},
            "timeouts": {"upgradeManifests": f"{PATIENCE}s"},
        }


def management(to: Target, files: list[dict[str, Any]], receipts: Receipts) -> tuple[bool, str]:
    """Bring this manager's services to the version; returns whether all managers have it, and the add-ons with them.

    The second is what kube-proxy's pods still lack then, or ''. Raises UpgradeError.
    """
    previous.bring_back(MANIFESTS)
    fault = wait_for(lambda: absence.unsafe(to.address, to.managers), to.timeout)
    if fault:
        raise UpgradeError(
            f"The management services of {to.name} were left as they are, for the cluster might lose its quorum: {fault}. "
            "Bring the others back first, then run again."
        )
    api = Api.from_env(to.cluster)
    links = switch.due({name: version for name, version in to.versions.items() if name not in AGENTS})
    shared = {name: api.get(f"{kubeadm.SYSTEM}/configmaps/{name}")["data"] for name in SHARED}
    _keep(to, files, [*links, *MANIFESTS, NODE_FILE])
    try:
        etcd.hand_over(to.address)
        host_files.ensure_all(files, False, [], receipts)
        switch.switch(links)
        with kubeadm.config_file([to.config()]) as path:
            for arguments in _commands(to, api):
                kubeadm.run(["upgrade", *arguments, "--config", path], timeout=8 * PATIENCE)
        fault = kubeadm.await_ready(to.address, to.timeout) or etcd.await_health(to.timeout)
        if fault:
            raise UpgradeError(fault)
        complete = all(_serves(api, address) == to.version for address in to.managers)
        if complete:
            control.configure_addons(api)
        membership.write_note(to.cluster, membership.renewed(to.cluster, control=kubeadm.control_digest()))
    except (*FAULTS, UpgradeError) as error:
        raise UpgradeError(_put_back(to, api, shared, str(error))) from error
    _tidy()
    return complete, (wait_for(lambda: _late(api), PATIENCE, interval=1) or "") if complete else ""


def agents(to: Target, files: list[dict[str, Any]], units: Sequence[service_units.Unit], receipts: Receipts) -> None:
    """Bring runtime and kubelet of this host to the version. Raises UpgradeError, InstallError."""
    links, outcome = switch.due(to.versions), services.Outcome()
    _keep(to, files, [*links, *kubeadm.KUBELET_FILES], UNITS)
    only = ["phase", "kubelet-config"] if to.part == MANAGER else []
    try:
        services.apply(files, [], [], services.How(False, links=links), outcome, receipts)
        with kubeadm.config_file([to.config()]) as path:
            kubeadm.run(["upgrade", "node", *only, "--config", path])
        digest = kubeadm.kubelet_digest(to.cluster)
        membership.write_note(to.cluster, membership.renewed(to.cluster, kubelet=digest))
        services.apply([], units, [], services.How(False), outcome, receipts)
        fault = outcome.fault or ("its kubelet ends" if service_units.ends(UNITS[1]) else "")
        fault = fault or wait_for(lambda: _lags(to), to.timeout, interval=1) or ""
    except FAULTS as error:
        fault = str(error)
    if fault:
        told = f"{to.name} is not well with {to.version} ({fault.rstrip('.')}; {service_units.why(UNITS[1])})"
        raise UpgradeError(services.taken_back(told))
    _tidy()


def _keep(to: Target, files: Iterable[Mapping[str, Any]], paths: Iterable[str], units: Sequence[str] = ()) -> None:
    previous.begin()
    previous.keep([*(entry["path"] for entry in files), *paths, membership.NOTE.format(cluster=to.cluster)], units)


def _serves(api: Api, address: str) -> str:
    """The version that a manager's API server tells."""
    return str(api.at(address).get("/version")["gitVersion"])


def _commands(to: Target, api: Api) -> Iterator[list[str]]:
    """What kubeadm is to do here; the first manager brings the cluster's own configuration to the version."""
    others = [address for address in to.managers if address != to.address]
    if any(_serves(api, address) == to.version for address in others):
        yield ["node"]
        return
    yield ["plan"]
    kubeadm.run(["config", "validate", "--config", kubeadm.CONFIG])
    kubeadm.run(["init", "phase", "upload-config", "all", "--config", kubeadm.CONFIG])
    yield ["apply"]


def _late(api: Api) -> str | None:
    """Which of kube-proxy's pods are not of the new version yet, or None: until all are, no node is drained."""
    found = api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")
    status, seen = found["status"], found["metadata"].get("generation")
    due = status.get("desiredNumberScheduled", 0)
    well = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return None if status.get("observedGeneration") == seen and well >= due else f"kube-proxy: {well} of {due} pods"


def _put_back(to: Target, api: Api, shared: Mapping[str, Any], fault: str) -> str:
    """Put back what is kept, and what the cluster said of itself; returns the whole message."""
    left = "; ".join(previous.restore()) or kubeadm.await_ready(to.address, PATIENCE) or etcd.await_health(to.timeout)
    try:
        for name, data in shared.items():
            api.merge(f"{kubeadm.SYSTEM}/configmaps/{name}", {"data": data})
    except ApiError as error:
        left = left or str(error)
    now = f"Putting the old version back did not help: {left}" if left else "It has its old version back and is well"
    return f"The manager {to.name} is not well with {to.version}: {fault.rstrip('.')}. {now}. Others were left alone."


def _lags(to: Target) -> str | None:
    """Why this node is not ready with its new kubelet, or None."""
    node = view.parse_node(Api.from_env(to.cluster, path=NODE_FILE).get(f"{view.NODES}/{to.name}"))
    if node.version != to.version:
        return f"its kubelet has not reported as {to.version}"
    return f"the node is not ready: {node.trouble}" if node.trouble else None


def _tidy() -> None:
    for path in glob.glob(SCRATCH):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def alone(path: str = "/run/keelson/upgrade.lock") -> Iterator[None]:
    """Wait for what an interrupted run has left running on this host; the kernel frees the lock of a process that ended."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
