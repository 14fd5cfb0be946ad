# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to a Kubernetes cluster: what its kernel lets kubelet do, and how far it is a member already.

Standard library only; nothing is changed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import ipaddress
import json
import os
import re
import socket
import ssl
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ..cluster.parts import MANAGER
from ..preflight import features, netlink

CA_FILE = "/etc/kubernetes/pki/ca.crt"
NOTE = "/etc/keelson/{cluster}/kubernetes.json"
PATCH = "/etc/kubernetes/patches/kubeletconfiguration+merge.json"
ABSENT, INCOMPLETE, JOINED = "absent", "incomplete", "joined"
# What kubelet sets at its start (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables).
TUNABLES = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
PROXY_KERNEL = (5, 13)  # kube-proxy's nftables mode refuses older ones


@dataclass(frozen=True)
class Note:
    """What our own tasks wrote down before they called kubeadm (C(step)), and whether it ended well.

    C(kubelet) and C(control) are digests of what kubelet's configuration and the management services were last written
    from.
    """

    step: str = ""
    done: bool = False
    kubelet: str = ""
    control: str = ""


def read_note(cluster: str, root: str = "/") -> Note:
    """Read the note of C(cluster) on this host; one that is missing or broken says nothing."""
    try:
        with open(_below(root, NOTE.format(cluster=cluster)), encoding="utf-8") as file:
            found = json.load(file)
        digests = (str(found.get(name, "")) for name in ("kubelet", "control"))
        return Note(str(found["step"]), bool(found["done"]), *digests)
    except (OSError, ValueError, KeyError, TypeError):
        return Note()


def write_note(cluster: str, note: Note, root: str = "/") -> None:
    """Write the note, whole or not at all."""
    path = _below(root, NOTE.format(cluster=cluster))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(f"{path}.partial", "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(note), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.partial", path)


def renewed(cluster: str, **digests: str) -> Note:
    """The note of a member with other digests; one that was missing or damaged is whole again."""
    note = read_note(cluster)
    return dataclasses.replace(note, step=note.step or "join", done=True, **digests)


def digest(paths: Sequence[str], more: str = "", root: str = "/") -> str:
    """The digest of what files hold, and of C(more); a file that is missing counts as empty."""
    found = hashlib.sha256(more.encode())
    for path in paths:
        try:
            with open(_below(root, path), "rb") as file:
                found.update(b"\0" + file.read())
        except FileNotFoundError:
            found.update(b"\0")
    return found.hexdigest()


def membership(part: str, note: Note, root: str = "/") -> str:
    """Say how far this host is a member: ABSENT, INCOMPLETE (kubeadm began and was cut off) or JOINED."""

    def there(path: str) -> bool:
        return os.path.exists(_below(root, path))

    manager = ("/etc/kubernetes/admin.conf", "/etc/kubernetes/manifests/kube-apiserver.yaml", "/var/lib/etcd/member")
    desired = ("/etc/kubernetes/kubelet.conf", *(manager if part == MANAGER else ()))
    if note.done and all(map(there, desired)):
        return JOINED
    traces = (*desired, "/etc/kubernetes/bootstrap-kubelet.conf", "/var/lib/kubelet/config.yaml")
    return INCOMPLETE if any(map(there, traces)) else ABSENT


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def interface(address: str) -> tuple[str, int]:
    """Return name and prefix length of the interface that has C(address); ('', 0) where none has it."""
    desired = ipaddress.ip_address(address).packed
    header = struct.pack("=BBBBi", 0, 0, 0, 0, 0)
    for _kind, payload in netlink.request(netlink.NETLINK_ROUTE, netlink.RTM_GETADDR, 0x300, header):
        _family, prefix, _flags, _scope, index = struct.unpack_from("=BBBBi", payload)
        if desired in payload[8:]:
            return socket.if_indextoname(index), prefix
    return "", 0


def serves(address: str, port: int = 6443, timeout: float = 3.0) -> str:
    """Return what is wrong with the API server at C(address), '' when it is ready and the CA on this host is its own."""
    try:
        settings = ssl.create_default_context(cafile=CA_FILE)
        where = f"[{address}]" if ":" in address else address
        link = socket.create_connection((address, port), timeout)
        with link, settings.wrap_socket(link, server_hostname=address) as secure:
            secure.sendall(f"GET /readyz HTTP/1.1\r\nHost: {where}\r\nConnection: close\r\n\r\n".encode())
            line = secure.recv(1 << 12).split(b"\r\n", 1)[0].decode("ascii", "replace")
    except OSError as error:
        return f"{address}:{port} does not answer ({error})"
    return "" if line.split()[1:2] == ["200"] else f"{address}:{port} is not ready ({line})"


def resolve(name: str) -> list[str]:
    """Return the addresses a name stands for on this host, none where it is unknown."""
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


#: Errors of a certificate's time, told only once its signature was found good. openssl-verification-options(1)
UNTIMELY = (9, 10)


def whose(name: str, port: int, timeout: float = 3.0) -> str:
    """Tell who serves TLS there: 'ours' (signed by the CA on this host), 'others', or 'nobody' that answers in C(timeout) s."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = False
    with contextlib.suppress(FileNotFoundError):
        settings.load_verify_locations(CA_FILE)
    try:
        with socket.create_connection((name, port), timeout) as link:
            settings.wrap_socket(link, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        return "ours" if error.verify_code in UNTIMELY else "others"
    except OSError:
        return "nobody"
    return "ours"


def version(links: str = "/opt/keelson") -> str:
    """Return the version of kubelet that this host runs, by the link that says which is used, or ''."""
    try:
        return os.readlink(os.path.join(links, "kubelet", "current"))
    except OSError:
        return ""


def fixed(root: str = "/") -> dict[str, str]:
    """What the cluster was made with and keeps, as this manager's files say it; what cannot be read is left out."""
    places = {
        "pod_subnet": ("/etc/kubernetes/manifests/kube-controller-manager.yaml", r"--cluster-cidr=(\S+)"),
        "service_subnet": ("/etc/kubernetes/manifests/kube-apiserver.yaml", r"--service-cluster-ip-range=(\S+)"),
        "endpoint": ("/etc/kubernetes/admin.conf", r"server: [\"']?https://([^\s\"']+)"),
    }
    found = {}
    for name, (path, pattern) in places.items():
        try:
            with open(_below(root, path), encoding="utf-8") as file:
                matched = re.search(pattern, file.read())
        except OSError:
            continue
        if matched:
            found[name] = matched[1]
    return found


def leftovers(root: str = "/") -> list[str]:
    """Return the traces of a cluster on a host that is in none."""
    names = (
        "/var/lib/etcd/member",
        "/etc/kubernetes/pki/ca.crt",
        "/etc/kubernetes/manifests/etcd.yaml",
        "/var/lib/kubelet/pki",
    )
    found = [name for name in names if os.path.exists(_below(root, name))]
    folder = _below(root, "/etc/cni/net.d")
    plugins = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    # Runtimes read these alone (containerd/go-cni).
    plugins = [name for name in plugins if name.endswith((".conf", ".conflist", ".json"))]
    known = ("10-calico.conflist", "10-bridge.conflist")
    # podman keeps its own network here; containerd takes the first, which is ours.
    return found + [f"/etc/cni/net.d/{name}" for name in plugins if name not in known and "podman" not in name]


def lowers_oom_score() -> bool:
    """Tell whether a child of ours may be made less likely to be killed, as containers ask for."""
    child = os.fork()
    if child == 0:
        try:
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write("-999")
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def may_write(path: str) -> bool:
    """Tell whether the value of a kernel parameter may be written, by writing the one that is there."""
    try:
        with open(f"/proc/sys/{path}", "r+", encoding="ascii") as file:
            value = file.read()
            file.seek(0)
            file.write(value)
        return True
    except OSError:
        return False


def may_read_kernel_log() -> bool:
    """Tell whether the kernel's log, in which kubelet looks for killed processes, can be opened."""
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return False


def works(trial: Callable[[], None]) -> bool:
    """Tell whether a kernel feature can be used."""
    try:
        trial()
        return True
    except OSError:
        return False


def release(text: str) -> tuple[int, int]:
    """Return major and minor of a kernel's release, such as 6.1.0-13-amd64."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def requirements(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the features of a host demand of runtime, kubelet and kubeadm, by the names that the role's files have for it."""
    new = found["cgroup"] == 2
    return {
        "restrict_oom_score_adj": not found["oom_score"],
        "oom_score_adjust": -999 if found["oom_score"] else 0,
        "systemd_cgroup": new,
        "cgroup_driver": "systemd" if new else "cgroupfs",
        "fail_cgroup_v1": new,
        "feature_gates": {"KubeletInUserNamespace": True} if found["confined"] else {},
        # kubeadm's check knows cgroup v2 alone.
        "ignore": [] if new else ["SystemVerification"],
    }


def kernel_features() -> dict[str, Any]:
    """Return what of the kernel decides how runtime, kubelet and kube-proxy are configured.

    C(confined) is a host that is a container itself: kubelet must take refusals of the kernel for granted there.
    """
    oom = lowers_oom_score()
    return {
        "cgroup": features.cgroup()["version"],
        "oom_score": oom,
        "confined": not (oom and may_read_kernel_log() and all(map(may_write, TUNABLES))),
        "conntrack": may_write("net/netfilter/nf_conntrack_max"),
        "nftables": release(os.uname().release) >= PROXY_KERNEL and works(netlink.probe_nf_tables),
    }
