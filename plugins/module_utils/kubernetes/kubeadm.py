# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of kubeadm on this host, each told from what an earlier one, cut off, has left. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..cluster.parts import MANAGER
from ..cluster.remote import meanwhile
from ..host import previous, programs, trees
from ..host import units as service_units
from ..host.processes import runs_on_older_files
from ..host.services import taken_back
from . import authorities, endpoint, etcd, identity, membership, network, removed, requests, view
from .api import CA_FILE, NODE_FILE, Api, ApiError

PROGRAM = "/usr/local/bin/kubeadm"
CONFIG = "/etc/kubernetes/kubeadm.yaml"
# What the management services of this manager are configured from.
CONTROL = (
    CONFIG,
    "/etc/kubernetes/patches/kube-apiserver+json.json",
    "/etc/kubernetes/patches/corednsdeployment+strategic.json",
)
# What 'kubeadm upgrade node phase kubelet-config' writes.
KUBELET_FILES = tuple(
    f"/var/lib/kubelet/{name}" for name in ("config.yaml", "instance-config.yaml", "kubeadm-flags.env")
)
SUPER_ADMIN = "/etc/kubernetes/super-admin.conf"
SYSTEM = "/api/v1/namespaces/kube-system"
ROLE_LABEL = "node-role.kubernetes.io/control-plane"
# What kubeadm finds taken when it goes on where an earlier run of it was cut off: its own files, and the ports of what
# it has started (cmd/kubeadm/app/preflight/checks.go).
OWN_TRACES = (
    *(
        f"FileAvailable--etc-kubernetes-manifests-kube-{name}.yaml"
        for name in ("apiserver", "controller-manager", "scheduler")
    ),
    "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "DirAvailable--var-lib-etcd",
    *(f"Port-{port}" for port in (2379, 2380, 6443, 10250, 10257, 10259)),
)


# The certificates that kubeadm makes on each manager, below its folder of them.
LEAVES = (
    *("apiserver", "apiserver-kubelet-client", "apiserver-etcd-client", "front-proxy-client"),
    *("etcd/server", "etcd/peer", "etcd/healthcheck-client"),
)

# The management services, in the order in which they are restarted, and the certificates and keys each was started with.
CERTIFICATES = {
    "etcd": ("/etc/kubernetes/pki/etcd/*.crt",),
    "kube-apiserver": (
        "/etc/kubernetes/pki/*.crt",
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/sa.*",
        "/etc/kubernetes/control/encryption.json",
    ),
    "kube-controller-manager": (
        "/etc/kubernetes/controller-manager.conf",
        "/etc/kubernetes/pki/sa.key",
        "/etc/kubernetes/pki/*ca.crt",
    ),
    "kube-scheduler": ("/etc/kubernetes/scheduler.conf",),
}


class KubeadmError(Exception):
    """kubeadm ended with an error; the message is what it said last."""


def run(arguments: Sequence[str], timeout: float = 600) -> str:
    """Run kubeadm and return what it printed. Raises KubeadmError."""
    try:
        done = programs.run([PROGRAM, *arguments], timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KubeadmError(f"'kubeadm {arguments[0]}' did not end: {error}") from error
    if done.returncode:
        raise KubeadmError(f"'kubeadm {arguments[0]}' failed: {last_words(done.stderr or done.stdout)}")
    return done.stdout


def last_words(text: str) -> str:
    """Return what of kubeadm's output says why it failed: the errors, without its advice and its stack traces."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("[ERROR", "error", "error:"))]
    return " | ".join(errors or lines[-4:])[:1500]


def ignoring(names: Sequence[str]) -> list[str]:
    """Return the option that turns checks into warnings, or nothing."""
    return [f"--ignore-preflight-errors={','.join(names)}"] if names else []


@contextlib.contextmanager
def config_file(documents: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lend documents to kubeadm as a file that only root can read and that is gone afterwards."""
    with tempfile.NamedTemporaryFile("w", dir="/run", suffix=".yaml", encoding="utf-8") as file:
        file.write("".join(f"---\n{json.dumps(document)}\n" for document in documents))
        file.flush()
        run(["config", "validate", "--config", file.name])
        yield file.name


def await_ready(address: str, timeout: float) -> str:
    """Wait until the API server of this manager serves; return what is still wrong, or ''."""
    end = time.monotonic() + timeout
    while True:
        fault = network.serves(address)
        if not fault or time.monotonic() > end:
            return fault
        time.sleep(0.5)


def unreached(address: str) -> str:
    """What to add where the API server of this manager is ready, and its endpoint, by which kubeadm asks it, leads nowhere from here."""
    made = membership.fixed().get("endpoint", "")
    host, port = endpoint.endpoint(made)
    if not made or network.serves(address) or network.whose(host, port) != "nobody":
        return ""
    fault = f"the API server of this manager is ready, but does not answer it at the endpoint {made}"
    return f"; {fault}: {endpoint.HAIRPIN}"


def outdated() -> list[str]:
    """Services that still run with certificates which have been exchanged since, as after a renewal that was cut off."""
    return [name for name, files in CERTIFICATES.items() if runs_on_older_files(name, files)]


def drop_initial_access(api: Api) -> None:
    """Remove what 'kubeadm init' leaves open: its token, valid for a day, and the file that is above access control."""
    for secret in api.items(f"{SYSTEM}/secrets?fieldSelector=type=bootstrap.kubernetes.io/token"):
        api.delete(f"{SYSTEM}/secrets/{secret['metadata']['name']}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SUPER_ADMIN)


def forget_former(api: Api) -> None:
    """Remove what a cluster that was restored says of before.

    That is managers that are no members of etcd, with their pods, and join tokens, which may have been used up or deleted since.
    """
    members = {member.name for member in etcd.members()}
    former = {n.name: n.number for n in view.list_nodes(api) if n.manager and n.name not in members}
    for name, number in former.items():
        removed.forget(api, name, only={"uid": number})
    for pod in api.items("/api/v1/pods") if former else []:
        if pod["spec"].get("nodeName") in former:
            api.delete(f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}", seconds=0)
    for token in api.items(f"{requests.SPACE}/secrets?labelSelector={requests.RECORD}%3Dtoken"):
        api.delete(f"{requests.SPACE}/secrets/{token['metadata']['name']}")


def own_name() -> str:
    """The name of this manager's node, as kubeadm is told it; '' where that cannot be read."""
    try:
        with open(CONFIG, encoding="utf-8") as file:
            told = [json.loads(text) for text in file.read().split("---\n") if text.strip()]
        return next(str(entry["nodeRegistration"]["name"]) for entry in told if "nodeRegistration" in entry)
    except (OSError, ValueError, KeyError, StopIteration):
        return ""


def admitted(cluster: str) -> contextlib.AbstractContextManager[None]:
    """Let this manager be a node while kubeadm waits for that: to the data of a backup its name may be one that was removed."""

    def admit() -> bool:
        with contextlib.suppress(ApiError):  # it has not started yet
            removed.readmit(Api.from_env(cluster), [own_name()])
            return True
        return False

    return meanwhile(admit, 1.0)


def init(cluster: str, address: str, ignore: Sequence[str], timeout: float) -> None:
    """Make the cluster on this manager, or go on making it. Raises KubeadmError, ApiError."""
    note = membership.read_note(cluster)
    begun = membership.by_files(MANAGER, note) == membership.INCOMPLETE
    step = "restore" if begun and note.step == "restore" else "init"
    membership.write_note(cluster, membership.Note(step, False))
    run(["config", "validate", "--config", CONFIG])
    traces = OWN_TRACES if begun else ()
    try:
        with admitted(cluster) if step == "restore" else contextlib.nullcontext():
            run(["init", "--config", CONFIG, "--skip-token-print", *ignoring([*ignore, *traces])])
    except KubeadmError as error:
        raise KubeadmError(f"{error}{unreached(address)}") from error
    fault = await_ready(address, timeout)
    if fault:
        raise KubeadmError(f"the API server does not get ready: {fault}")
    api = Api.from_env(cluster)
    drop_initial_access(api)
    forget_former(api)
    membership.write_note(cluster, membership.Note("init", True, kubelet_digest(cluster), control_digest()))


def reset(ignore: Sequence[str], leave: bool = True) -> None:
    """Take back what a join that was cut off has made here; the CAs that our own tasks placed stay. Raises KubeadmError.

    Without C(leave) its member of etcd and that one's data stay.
    'reset' empties the folder of certificates it is told, so it is told an empty one.
    """
    try:
        trees.refuse_foreign(["/var/lib/kubelet", "/var/lib/etcd"])
    except trees.TreeError as error:
        raise KubeadmError(str(error)) from error
    with tempfile.TemporaryDirectory() as empty:
        skipped = [] if leave else ["--skip-phases=remove-etcd-member"]
        run(["reset", "--force", f"--cert-dir={empty}", *skipped, *ignoring(ignore)])
    folder = "/etc/kubernetes/pki"
    for name in LEAVES:
        for path in (f"{folder}/{name}.crt", f"{folder}/{name}.key"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def state(cluster: str, part: str) -> str:
    """How far this host is a member: as our note says, or, where that is missing or damaged, as the cluster says.

    A host node whose certificate has ended is to join anew: the cluster does not know it any more. Raises OSError.
    """
    note = membership.read_note(cluster)
    found = membership.by_files(part, note)
    if found == membership.JOINED and _lapsed(part):
        return membership.INCOMPLETE
    if found == membership.INCOMPLETE and not note.step and is_ready(cluster, part):
        return membership.JOINED
    return found


def _start_over(part: str, ignore: Sequence[str]) -> None:
    """Take back a join; a host node's CA too, which kubeadm puts there and will not find. Raises KubeadmError, OSError."""
    reset(ignore)
    if part != MANAGER:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(CA_FILE)


def _lapsed(part: str) -> bool:
    return part != MANAGER and identity.ended()


def is_ready(cluster: str, part: str) -> bool:
    """Whether this host has all files of a member, and the cluster, asked with this host's certificate, calls it ready."""
    if membership.by_files(part, membership.Note("join", True)) != membership.JOINED:
        return False
    try:
        api = Api.from_env(cluster, path=NODE_FILE)
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        name = api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", asked)["status"]["userInfo"]["username"]
        node = api.find(f"/api/v1/nodes/{name.removeprefix('system:node:')}")
    except (ApiError, KeyError):
        return False
    conditions = node["status"].get("conditions", []) if node else []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def is_manager(cluster: str, name: str, address: str, timeout: float = 0) -> bool:
    """Tell whether the cluster knows C(name) as a manager and its API server at C(address) is ready in time."""
    if await_ready(address, timeout):
        return False
    try:
        node = Api.from_env(cluster).find(f"/api/v1/nodes/{name}")
    except ApiError:
        return False
    return node is not None and ROLE_LABEL in node["metadata"].get("labels", {})


def joined(cluster: str, name: str, address: str) -> bool:
    """Tell whether this manager, whose join was cut off, is a whole member all the same."""
    whole = membership.by_files(MANAGER, membership.Note("join", True)) == membership.JOINED
    return whole and is_manager(cluster, name, address)


def join(
    cluster: str,
    part: str,
    address: str,
    config: dict[str, Any],
    discovery: dict[str, Any],
    ignore: Sequence[str],
    timeout: float,
) -> None:
    """Join this host, from the start where an earlier try was cut off. Raises KubeadmError, OSError.

    C(discovery) is the kubeconfig by which it knows the cluster.
    """
    note = membership.read_note(cluster)
    if _lapsed(part):
        _start_over(part, ignore)
    elif membership.by_files(part, note) == membership.INCOMPLETE:
        if not note.step and membership.by_files(part, membership.Note("join", True)) == membership.JOINED:
            raise KubeadmError(
                f"{membership.NOTE.format(cluster=cluster)} is missing or damaged, this host has all files of a member, and the cluster does "
                "not call it ready. Bring its kubelet back (journalctl -u kubelet), or drain it and take it out with 'kubeadm reset'"
            )
        _start_over(part, ignore)
    membership.write_note(cluster, membership.Note("join", False))
    with tempfile.NamedTemporaryFile("w", dir="/run", suffix=".conf", encoding="utf-8") as file:
        json.dump(discovery, file)
        file.flush()
        with config_file([{**config, "discovery": {"file": {"kubeConfigPath": file.name}}}]) as path:
            run(["join", "--config", path, *ignoring(ignore)])
    if part == MANAGER:  # kubeadm has them trust the CA in use alone, which is that of the API server here
        authorities.align(keep_times=True)
    fault = await_ready(address, timeout) if part == MANAGER else ""
    if fault:
        raise KubeadmError(f"the API server does not get ready: {fault}")
    note_joined(cluster)


def note_joined(cluster: str) -> None:
    """Write down that this host's join is done, and from what its services were configured."""
    membership.write_note(cluster, membership.Note("join", True, kubelet_digest(cluster), control_digest()))


def kubelet_digest(cluster: str) -> str:
    """The digest of what kubelet is configured from: what the cluster says of all kubelets, and this host's own part.

    Empty when the cluster cannot be asked, which is no digest at all.
    """
    try:
        shared = Api.from_env(cluster, path=NODE_FILE).get(f"{SYSTEM}/configmaps/kubelet-config")
    except ApiError:
        return ""
    return membership.digest([membership.PATCH], json.dumps(shared["data"], sort_keys=True))


def renew_kubelet(cluster: str) -> None:
    """Write kubelet's configuration anew, from the cluster's and this host's own, and restart it.

    Where that fails, the old one is back. Raises KubeadmError.
    """
    previous.keep(KUBELET_FILES, ["kubelet.service"])
    try:
        run(["upgrade", "node", "phase", "kubelet-config", "--patches", os.path.dirname(membership.PATCH)])
        fault = service_units.restart(service_units.Unit("kubelet.service"))
    except KubeadmError as error:
        fault = f"kubelet.service was not restarted ({error})"
    if fault:
        raise KubeadmError(taken_back(fault))
    membership.write_note(cluster, membership.renewed(cluster, kubelet=kubelet_digest(cluster)))


def control_digest() -> str:
    """The digest of what this manager's management services are configured from."""
    return membership.digest(CONTROL)
