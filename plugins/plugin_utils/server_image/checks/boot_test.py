# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot test of a published image: two servers from it, one by BIOS and one by UEFI, asked and compared."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES

from ... import components, sign
from ...bundle import manifest as artifacts
from ..assembly import hardening
from ..assembly.programs import run
from ..errors import ImageError
from ..expected import profile, role
from ..publish import publish
from . import boot

SERVICES = ("ssh.service", "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service")

#: What a server's boot and all its checks took, among the parts of its boot; seconds.
BOOTED = "until all was answered"


def desired(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the servers are asked for: the image's own manifest says which controls it was built with."""
    runtime = components.engine(manifest["engine"]).runtime
    exempt = set(manifest["hardening"]["exempt"]) - {str(control["id"]) for control in profile() if "exempt" in control}
    controls = [control for control in profile() if str(control["id"]) not in exempt]
    sysctls = role("vars/main/main.yml")["__host_node_sysctls"]
    entries, machine = manifest["inputs"]["artifacts"], manifest["architecture"]
    paused = [artifacts.find("pause", entry["version"], machine) for entry in entries if entry["name"] == "pause"]
    return {
        "services": [*SERVICES, *RUNTIMES[runtime].services],
        "sysctls": {**hardening.merged(controls, "sysctls"), **sysctls},
        "sshd": hardening.merged(controls, "sshd"),
        "modules": hardening.listed(controls, "modules"),
        "grows": "/var" if manifest["disk"].get("var_mib") else "/",
        "data": manifest["disk"].get("data", {}).get("path", ""),
        "runtime": runtime,
        "images": [image["name"] for artifact in paused for image in artifact.images],
    }


def clones(work: Path, ports: list[int], device: str) -> list[boot.Server]:
    """The servers that are booted, each with a folder: the first by BIOS, the others by UEFI where it is available."""
    servers = []
    for number, port in enumerate(ports):
        name = f"clone-{number}"
        servers.append(boot.Server(name, work / name, port, number > 0 and boot.FIRMWARE.is_file(), device))
        servers[-1].folder.mkdir()
    return servers


def bootable(folder: Path, trusted: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The manifest of a published image that a server can boot from, and its files' digests; raise ImageError for another."""
    manifest = publish.read(folder)
    if "disk" not in manifest:
        raise ImageError(
            f"{folder}: a container image has no disk that could be booted; tools/hosts starts servers from it"
        )
    found = publish.subjects(folder)
    publish.statement(folder, publish.CHECKS, trusted, found)
    return manifest, found


def test(
    folder: Path, key_file: Path, patience: float, ports: list[int], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Boot two servers from a published image and state what they answered; raise ImageError when a check fails.

    They boot at once where this machine has the processors, else one after the other.
    """
    started = time.monotonic()
    key = sign.load_key(key_file)
    manifest, before = bootable(folder, key.public_key())
    device = manifest["disk"].get("data", {}).get("device", "")
    with tempfile.TemporaryDirectory(prefix="image-boot-") as name:
        work = Path(name)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work / "key")])
        public = (work / "key.pub").read_text().strip()
        size, asked = manifest["disk"]["virtual_mib"] + 2048, desired(manifest)

        def booted(server: boot.Server) -> dict[str, Any]:
            tell(f"boot {server.name} by {'UEFI' if server.uefi else 'BIOS'}, by emulation")
            start = time.monotonic()
            with boot.running(server, folder / publish.DISK, public, size, memory=1024):
                result = boot.ask(server, work / "key", asked, patience)
            return {**result, "boot": {BOOTED: round(time.monotonic() - start, 1), **result["boot"]}}

        servers = clones(work, ports or [boot.free_port(), boot.free_port()], device)
        with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) // boot.PROCESSORS)) as pool:
            found = list(pool.map(booted, servers))
    answers = [
        {**answer, "host": server.name} for server, result in zip(servers, found) for answer in result["answers"]
    ] + boot.distinct([result["identity"] for result in found])
    if publish.subjects(folder) != before:
        raise ImageError(f"{folder}: the image was altered while it was tested; build it again")
    failed = [answer for answer in answers if not answer["passed"]]
    if failed:
        shown = "; ".join(f"{answer['title']} ({answer['target']}): {answer['evidence']}" for answer in failed[:5])
        raise ImageError(f"{folder.name}: {len(failed)} of {len(answers)} checks of the booted image failed: {shown}")
    publish.state(folder, publish.BOOT, before, publish.TESTED, publish.results(publish.BOOT, answers), key)
    boots = {server.name: result["boot"] for server, result in zip(servers, found)}
    return {"checks": answers, "boots": boots, "seconds": round(time.monotonic() - started, 1)}
