# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots servers from a published image by emulation and asks them, each in one program; the image stays as it is.

Each boots from a throwaway overlay over the file, with cloud-init's data on a second disk (NoCloud), its network is
QEMU's own: nothing of it reaches another machine.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Verdict, answer

from ... import shipped
from ..assembly.build import DIES_WITH_US
from ..assembly.programs import run
from ..errors import ImageError

USER = "checker"
#: What of the collection the program in the server is made of.
#: All that emulation can do, without what it makes dear: moving bytes one by one (erms, fsrm), page tables of five levels, and
#: guarding against speculation, which the kernel knows Atoms of this model do not do (arch/x86/kernel/cpu/common.c).
PROCESSOR = "max,erms=off,fsrm=off,la57=off,vendor=GenuineIntel,family=6,model=54,stepping=1"
#: Of each server; one that shares them with another server takes twice as long.
PROCESSORS = 2
FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")


@dataclass(frozen=True)
class Server:
    """One server to boot: its folder, the port of this machine that leads to its ssh, and whether UEFI boots it.

    `data` is the device of the data volume it has, if any.
    """

    name: str
    folder: Path
    port: int
    uefi: bool
    data: str = ""


def program() -> bytes:
    """The checks as one file that Python runs."""
    return shipped.archive("server_image/guest.py")


def user_data(name: str, public_key: str, user_name: str = USER) -> str:
    """cloud-init's data for a server: its name, and a user who may do everything."""
    user = {
        "name": user_name,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "shell": "/bin/bash",
        "ssh_authorized_keys": [public_key],
    }
    return "#cloud-config\n" + json.dumps({"hostname": name, "users": [user]}) + "\n"


def seed(server: Server, public_key: str) -> Path:
    """Make the disk on which cloud-init finds its data."""
    path = server.folder / "seed.img"
    (server.folder / "user-data").write_text(user_data(server.name, public_key))
    (server.folder / "meta-data").write_text(json.dumps({"instance-id": server.name}) + "\n")
    with path.open("wb") as writing:
        writing.truncate(1 << 20)
    run(["mkfs.vfat", "-n", "CIDATA", str(path)])
    run(["mcopy", "-i", str(path), str(server.folder / "user-data"), str(server.folder / "meta-data"), "::"])
    return path


#: The data volumes that a server can have here: the disk after the first, or one with a serial number.
DATA = re.compile(r"/dev/(vdb|disk/by-id/virtio-(?P<serial>[\w-]{1,20}))")
DATA_SIZE = 1 << 30


def data_volume(server: Server) -> list[str]:
    """QEMU's options for the data volume, which is made; raise ImageError when no server can have such a device here."""
    known = DATA.fullmatch(server.data)
    if not known:
        raise ImageError(
            f"server_image_data_device {server.data}: servers that boot by emulation have /dev/vdb and /dev/disk/by-id/virtio-NAME; "
            "boot an image that has one of these, and is the same else"
        )
    path = server.folder / "data.img"
    with path.open("wb") as writing:
        writing.truncate(DATA_SIZE)
    serial = f",serial={known['serial']}" if known["serial"] else ""
    return [
        *("-drive", f"file={path},if=none,id=data,format=raw,cache=unsafe"),
        *("-device", f"virtio-blk-pci,drive=data{serial}"),
    ]


def command(server: Server, disk: Path, data: Path, memory: int) -> list[str]:
    """QEMU's command line."""
    firmware = ["-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}"] if server.uefi else []
    volume = data_volume(server) if server.data else []
    forward = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{server.port}-:22"
    return [
        *DIES_WITH_US,
        "qemu-system-x86_64",
        *("-machine", "q35,accel=tcg", "-cpu", PROCESSOR, "-smp", str(PROCESSORS), "-m", str(memory)),
        *("-vga", "none", "-display", "none", "-no-reboot"),
        *firmware,
        *("-serial", f"file:{server.folder / 'console.log'}", "-monitor", "none"),
        *("-drive", f"file={disk},if=none,id=disk,format=qcow2,cache=unsafe", "-device", "virtio-blk-pci,drive=disk"),
        *volume,
        *("-drive", f"file={data},if=none,id=seed,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=seed"),
        *("-netdev", forward, "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
    ]


@contextlib.contextmanager
def running(server: Server, image: Path, public_key: str, size: int, memory: int) -> Iterator[None]:
    """A server made from an image while the block runs; `size` of its disk in MiB, larger than the image's."""
    overlay = server.folder / "overlay.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", "qcow2", str(overlay), f"{size}M"])
    data = seed(server, public_key)
    with (server.folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen(
            command(server, overlay, data, memory), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


def ask(server: Server, key: Path, desired: Mapping[str, Any], patience: float) -> dict[str, Any]:
    """Run the program in a server and return what it says; raise ImageError with the console's last lines."""
    ssh = [*("ssh", "-i", str(key), "-p", str(server.port), "-o", "BatchMode=yes", "-o", "ConnectTimeout=20")]
    ssh += ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={server.folder / 'known_hosts'}"]
    ssh += ["-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", f"{USER}@127.0.0.1"]
    deadline = time.monotonic() + patience
    bundle = program()
    remote = f"head -c {len(bundle)} > image-check.pyz && sudo python3 image-check.pyz"
    while True:
        done = subprocess.run(
            [*ssh, remote], input=bundle + json.dumps(dict(desired)).encode(), capture_output=True, check=False
        )
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        message = done.stderr.decode(errors="replace").strip()[-400:]
        if done.returncode != 255:
            raise ImageError(f"{server.name}: the checks in it ended with {done.returncode}: {message}")
        if time.monotonic() > deadline:
            raise ImageError(f"{server.name} does not answer by ssh ({message}); its console: {console(server)}")
        time.sleep(2)


def console(server: Server) -> str:
    """The last lines of a server's console."""
    try:
        text = (server.folder / "console.log").read_text(errors="replace")
    except OSError:
        return "nothing"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-4:]) or "nothing"


def distinct(identities: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The checks that servers of one image differ in what identifies them."""
    answers = []
    for name in sorted(set().union(*identities)):
        values = [identity.get(name, "") for identity in identities]
        verdict = Verdict(len(set(values)) == len(values) and all(values), ", ".join(value[-12:] for value in values))
        title = "Servers of one image differ"
        remedy = "it must not be in the image: see seal.py"
        answers.append(dict(answer("boot.distinct", title, name, remedy, partial(_said, verdict))))
    return answers


def _said(verdict: Verdict) -> Verdict:
    return verdict


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
