# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try kernel features in namespaces of a child of our own, so that nothing of it is left on the host.

A feature built into the kernel has no module to look for, and a module that is loaded may still not work here:
so each is used once. Standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Callable

from . import netlink

_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18
_SCRATCH = "/mnt"  # every system has it (FHS 3.0); in our own mount namespace nobody else sees what is mounted here


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    arguments = (source.encode(), target.encode(), kind.encode(), flags, options.encode())
    _call(_libc().mount(*arguments), f"mount {kind or 'flags'}")


def try_overlay() -> None:
    """Mount an overlay of two directories on a tmpfs of our own."""
    _mount("tmpfs", _SCRATCH, "tmpfs")
    lower, upper, work, merged = (os.path.join(_SCRATCH, name) for name in ("lower", "upper", "work", "merged"))
    for path in (lower, upper, work, merged):
        os.mkdir(path)
    _mount("overlay", merged, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={work}")


def try_user_namespace() -> None:
    """Make a user namespace as an account without rights."""
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(0 if _libc().unshare(_NEWUSER | _NEWNS) == 0 else 1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(
            1,
            "an account without rights may make none: see user.max_user_namespaces and kernel.unprivileged_userns_clone",
        )


def try_bridge_netfilter() -> None:
    """Look for the bridge netfilter's switches; the module that makes them may also be loaded later by name."""
    if not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables") and not _module_exists("br_netfilter"):
        raise OSError(2, "neither /proc/sys/net/bridge nor a module br_netfilter for this kernel")


def _module_exists(name: str) -> bool:
    base = f"/lib/modules/{os.uname().release}"
    try:
        with open(f"{base}/modules.dep", encoding="ascii", errors="replace") as file:
            return any(line.split(":")[0].rsplit("/", 1)[-1].split(".")[0] == name for line in file)
    except OSError:
        return False


PROBES: dict[str, Callable[[], None]] = {
    "bridge": lambda: netlink.make_link("bridge", "keelson-br"),
    "veth": lambda: netlink.make_link("veth", "keelson-ve"),
    "vxlan": lambda: netlink.make_link("vxlan", "keelson-vx"),
    "nf_tables": netlink.probe_nf_tables,
    "overlay": try_overlay,
    "user_namespaces": try_user_namespace,
    "bridge_netfilter": try_bridge_netfilter,
}


def run_probes() -> dict[str, str]:
    """Run every probe in this process and return {feature: what went wrong, or nothing}."""
    results = {}
    for name, probe in PROBES.items():
        try:
            probe()
            results[name] = ""
        except Exception as error:  # one feature's failure must not hide the others'
            results[name] = str(error) or type(error).__name__
    return results


def try_all() -> dict[str, str]:
    """Run the probes in a child with its own mount and network namespace; {feature: error text, empty when it works}.

    Without root no namespace can be made: then every feature carries that error.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        results: dict[str, str] = {}
        try:
            _call(_libc().unshare(_NEWNS | _NEWNET), "unshare")
            _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
            results = run_probes()
        except Exception as error:
            results = dict.fromkeys(PROBES, f"could not be tried: {error}")
        finally:
            os.write(write_end, json.dumps(results).encode())
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found: Any = json.loads(text) if text else dict.fromkeys(PROBES, "the process that probes them died")
    return {str(name): str(error) for name, error in found.items()}


def cgroup() -> dict[str, Any]:
    """Return {version: 1, 2 or 0 for none, controllers: list} of /sys/fs/cgroup."""
    try:
        with open("/sys/fs/cgroup/cgroup.controllers", encoding="ascii") as file:
            return {"version": 2, "controllers": file.read().split()}
    except OSError:
        pass
    try:
        names = sorted(entry for entry in os.listdir("/sys/fs/cgroup") if os.path.isdir(f"/sys/fs/cgroup/{entry}"))
    except OSError:
        names = []
    controllers = [name for entry in names for name in entry.split(",")]
    return {"version": 1 if "memory" in controllers else 0, "controllers": sorted(set(controllers))}
