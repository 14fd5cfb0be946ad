# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a server that was booted from an image, asked in the server by one program. Standard library only."""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..checks import host, sockets
from ..checks.model import Check, Verdict, answer

#: Of these services, and those that are asked for, it is told how long the slowest took.
STAGES = ("apparmor.service", *(f"cloud-{stage}.service" for stage in ("init-local", "init", "config", "final")))
SLOWEST = 6
#: Seconds until the boot must have ended; by emulation it takes its time.
PATIENCE = 300
#: MiB that growing may leave at the end of a disk.
ROOM = 16
#: How systemd's names of moments end, which are microseconds.
MOMENT = "TimestampMonotonic"


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the server."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})


def settled() -> Verdict:
    """Judge that systemd has ended the boot with no unit failed."""
    state = run("timeout", str(PATIENCE), "systemctl", "is-system-running", "--wait").stdout.strip()
    if not state:
        return Verdict(False, f"the boot has not ended after {PATIENCE} s")
    failed = " ".join(run("systemctl", "--failed", "--no-legend", "--plain").stdout.split("\n"))
    return Verdict(state == "running", f"systemd says {state} {failed}".strip())


def service(name: str) -> Verdict:
    """Judge that a service runs."""
    return host.service(run("systemctl", "is-active", name).stdout.strip(), 0)


def parameter(key: str, desired: str, root: str = "/proc/sys") -> Verdict:
    """Judge the live value of a kernel parameter."""
    try:
        with open(os.path.join(root, key.replace(".", "/")), encoding="ascii") as reading:
            found = " ".join(reading.read().split())
    except FileNotFoundError:
        return Verdict(False, "this kernel has no such parameter")
    return Verdict(found == desired, f"{found}, desired {desired}")


def blocked(name: str) -> Verdict:
    """Judge that modprobe refuses a module."""
    lines = run("modprobe", "--dry-run", "--verbose", name).stdout.strip().splitlines()
    last = lines[-1] if lines else "this kernel has no such module"  # those before it are what it depends on
    return Verdict(not last.startswith("insmod"), last)


def option(shown: Mapping[str, str], key: str, desired: str) -> Verdict:
    """Judge an option of the ssh server as it works; a list that begins with a minus is what must not be offered."""
    found = shown.get(key.lower(), "nothing")
    if desired.startswith("-"):
        weak = set(desired[1:].split(",")) & set(found.split(","))
        return Verdict(not weak, f"offered: {', '.join(sorted(weak))}" if weak else found)
    return Verdict(found.lower() in (desired.lower(), desired.lower().replace("prohibit", "without")), found)


def ssh_options() -> dict[str, str]:
    """The options of the ssh server as it works."""
    rows = (line.split(" ", 1) for line in run("sshd", "-T").stdout.splitlines() if " " in line)
    return {row[0].lower(): row[1] for row in rows}


def listeners() -> Verdict:
    """Judge that the ssh server alone can be reached from outside."""
    return host.unexpected(sockets.listening(), [], "")


def grown(path: str, root: str = "/sys/class/block") -> Verdict:
    """Judge that a file system has grown to its partition, and that to the end of its disk."""
    device = os.path.realpath(run("findmnt", "-no", "SOURCE", path).stdout.strip() or "nothing")
    here = os.path.realpath(os.path.join(root, os.path.basename(device)))
    if not os.path.exists(f"{here}/partition"):
        return Verdict(False, f"{path} is no partition's file system")
    start, size, disk = (int(_read(os.path.join(here, name))) for name in ("start", "size", "../size"))
    status = os.statvfs(path)
    share, left = status.f_blocks * status.f_frsize / (size * 512), (disk - start - size) * 512 >> 20
    return Verdict(
        share > 0.9 and left < ROOM, f"{share:.0%} of its {size * 512 >> 20} MiB, {left} MiB are left behind it"
    )


def mounted(path: str) -> Verdict:
    """Judge that a file system of its own is there, and can be written."""
    shown = run("findmnt", "-no", "SOURCE,FSTYPE,OPTIONS", path).stdout.split()
    return Verdict(len(shown) == 3 and "rw" in shown[2].split(","), " ".join(shown) or "nothing is mounted there")


def _read(path: str) -> str:
    with open(path, encoding="ascii") as reading:
        return reading.read()


def container(runtime: str, image: str) -> Verdict:
    """Judge that a container of a preloaded image runs; it is thrown away with the server."""
    if runtime == "docker":
        started = run("docker", "run", "--detach", "--network=none", "--pull=never", image)
        shown = run("docker", "inspect", "--format", "{{.State.Status}}", started.stdout.strip()).stdout.strip()
    else:
        started = run("ctr", "--namespace", "k8s.io", "run", "--detach", image, "image-check")
        rows = [row.split() for row in run("ctr", "--namespace", "k8s.io", "tasks", "list").stdout.splitlines()]
        shown = next((row[2].lower() for row in rows if row[:1] == ["image-check"]), "")
    return Verdict(shown == "running", shown or started.stderr.strip()[-300:])


def identity() -> dict[str, Any]:
    """What must differ between two servers of one image; one that made itself no machine-id has an empty one."""
    keys = {}
    for path in sorted(glob.glob("/etc/ssh/ssh_host_*_key.pub")):
        with open(path, encoding="ascii") as reading:
            keys[os.path.basename(path)] = reading.read().split()[1]
    number = ""
    if os.path.exists("/etc/machine-id"):
        with open("/etc/machine-id", encoding="ascii") as reading:
            number = reading.read().strip()
    return {"machine-id": number, **keys}


def has_identity() -> Verdict:
    """Judge that the server made itself an identity."""
    found = identity()
    good = len(found["machine-id"]) == 32 and any("ed25519" in name for name in found)
    return Verdict(good, ", ".join(name for name, value in found.items() if value))


def boot_seconds(services: Sequence[str]) -> dict[str, float]:
    """Where the boot spent its time: the kernel, all of it, and those of some services that took longest to start."""
    (manager,) = _shown("UserspaceTimestampMonotonic,FinishTimestampMonotonic")
    found = {"until userspace": _seconds(manager, "Userspace"), "until all is up": _seconds(manager, "Finish")}
    units = _shown("Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic", *STAGES, *services)
    took = {unit["Id"]: round(_seconds(unit, "ActiveEnter") - _seconds(unit, "InactiveExit"), 1) for unit in units}
    return {**found, **dict(sorted(took.items(), key=lambda item: -item[1])[:SLOWEST])}


def _shown(properties: str, *units: str) -> list[dict[str, str]]:
    """Properties of each unit, or of systemd itself."""
    blocks = run("systemctl", "show", f"--property={properties}", *units).stdout.strip().split("\n\n")
    return [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]


def _seconds(shown: Mapping[str, str], name: str) -> float:
    """A moment, in seconds since the kernel started; 0 when it has not come."""
    return round(int(shown[f"{name}{MOMENT}"] or 0) / 1e6, 1)


def look(desired: Mapping[str, Any]) -> list[Check]:
    """Ask all questions; `desired` has services, sysctls, sshd, modules, grows and data (paths), runtime, images."""
    shown = ssh_options()
    return [
        answer(f"boot.{name}", title, target, "boot the image by hand and look there", question)
        for name, title, target, question in _questions(desired, shown)
    ]


def _questions(desired: Mapping[str, Any], shown: Mapping[str, str]) -> Iterator[tuple[str, str, str, Any]]:
    for name in desired["modules"]:  # what the rest of the boot does not change comes first
        yield "module", "The kernel module cannot be loaded", name, partial(blocked, name)
    for key, value in desired["sshd"].items():
        yield "sshd", "The ssh server works with the option", key, partial(option, shown, key, value)
    yield "settled", "The server comes up with no unit failed", "", settled
    for name in desired["services"]:
        yield "service", "The service runs", name, partial(service, name)
    for key, value in desired["sysctls"].items():
        yield "sysctl", "The kernel parameter is set", key, partial(parameter, key, value)
    yield "listeners", "Nothing but ssh can be reached", "", listeners
    yield "grown", "The last file system has grown to its disk", desired["grows"], partial(grown, desired["grows"])
    if desired["data"]:
        yield "data", "The data volume was made, and is mounted", desired["data"], partial(mounted, desired["data"])
    for image in desired["images"]:
        yield (
            "container",
            "A container of the preloaded image runs",
            image,
            partial(container, desired["runtime"], image),
        )
    yield "identity", "The server made itself an identity", "", has_identity


def main() -> None:
    """Read what is desired from standard input, print the answers, the identity, and what the boot cost."""
    desired = json.load(sys.stdin)
    answers = look(desired)
    json.dump({"answers": answers, "identity": identity(), "boot": boot_seconds(desired["services"])}, sys.stdout)
