# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ``wheel``: files out of a Python wheel, fetched by pip with a pinned digest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import BundleError, Unavailable
from ..manifest import MACHINES, Artifact
from .base import Delivery, Work
from .upstream import unpack


def deliver(artifact: Artifact, source: Mapping[str, Any], work: Work) -> Delivery:
    """Fetch the wheel of the artifact's version, unless the source has its own, and take the members the manifest names out of it."""
    digest = source["sha256"].get(artifact.architecture)
    if digest is None:
        raise Unavailable(f"{source['project']}: no digest pinned for {artifact.architecture}")
    requirement = f"{source['project']}=={source.get('version', artifact.version)}"
    listing = work.scratch / "requirements.txt"
    listing.write_text(f"{requirement} --hash=sha256:{digest}\n")
    work.progress(f"{artifact.title}: fetching the wheel {requirement}")
    done = subprocess.run(
        command(artifact.architecture, str(work.scratch)), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        if "DO NOT MATCH THE HASHES" in done.stderr:
            raise BundleError(f"{requirement}: wrong digest: no wheel has the pinned sha256 {digest}")
        raise Unavailable(f"{requirement}: {lines[-1]}")
    wheel = next(work.scratch.glob("*.whl"))
    files = {
        output: unpack(wheel, member, work.scratch / output, requirement)
        for output, member in source["members"].items()
    }
    return Delivery(detail=requirement, files=files)


def command(architecture: str, folder: str) -> list[str]:
    """pip's argument vector for a wheel that runs on Debian 12 (glibc 2.36) or newer, whatever this machine is."""
    platforms = [f"manylinux_2_{minor}_{MACHINES[architecture]}" for minor in range(36, 16, -1)]
    options = [f"--platform={name}" for name in [*platforms, f"manylinux2014_{MACHINES[architecture]}"]]
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
        *options, f"--dest={folder}", "--requirement", f"{folder}/requirements.txt",
    ]  # fmt: skip
