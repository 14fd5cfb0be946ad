# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading image archives into a container runtime on a host: one class a runtime, nothing else knows the difference."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..host import programs
from ..host.booted import booted
from .images import full_name
from .install import InstallError
from .packages import Run

Image = Mapping[str, Any]


class Docker:
    """Docker Engine, known images by name with the digest of their configuration."""

    services: ClassVar = ["docker.service"]
    data: ClassVar = "var/lib/docker"
    configuration: ClassVar = "etc/docker/daemon.json"
    containers: ClassVar = "var/lib/docker/containers/*"  # each has a folder
    within: ClassVar = "containerd"  # what its containers run in

    # Without any network of its own, which a host that is not booted has not got.
    daemon: ClassVar = ["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
    listing: ClassVar = ["docker", "image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]
    settle: ClassVar[list[str]] = []

    @staticmethod
    def known(out: str) -> dict[str, str]:
        """Read the listing."""
        return dict(line.split(" ", 1) for line in out.splitlines() if " " in line)

    @staticmethod
    def desired(image: Image) -> list[str]:
        """Name and digest under which an image is known once it is loaded."""
        return [image["name"].removeprefix("docker.io/").removeprefix("library/"), image["id"]]

    @staticmethod
    def load(path: Path) -> list[str]:
        """The command that loads an archive."""
        return ["docker", "image", "load", "--quiet", "--input", str(path)]

    @staticmethod
    def keep(_image: Image) -> list[str]:
        """The command by which the runtime keeps an image that no container uses; none is needed."""
        return []

    @staticmethod
    def remove(name: str) -> list[str]:
        """The command that removes an image."""
        return ["docker", "image", "rm", name]


class Containerd:
    """containerd, namespace of the kubelet; it knows images by full name with the digest of their manifest."""

    services: ClassVar = ["containerd.service"]
    data: ClassVar = "var/lib/containerd"
    configuration: ClassVar = "etc/containerd/config.toml"
    # By namespace; Docker keeps its own in "moby".
    containers: ClassVar = "run/containerd/io.containerd.runtime.v2.task/*/*"
    within: ClassVar = ""

    daemon: ClassVar = ["containerd"]
    listing: ClassVar = ["ctr", "--namespace", "k8s.io", "images", "list"]
    # An unpacked layer's archive is read by nobody again, and is as large as what was unpacked.
    settle: ClassVar = ["ctr", "--namespace", "k8s.io", "content", "prune", "references"]

    # An image from the bundle may have no other source, so kubelet must not collect it.
    pinned: ClassVar = "io.cri-containerd.pinned=pinned"

    @classmethod
    def known(cls, out: str) -> dict[str, str]:
        """Read the listing; one that may be collected counts as missing."""
        rows = [line.split() for line in out.splitlines()[1:]]
        return {row[0]: row[2] for row in rows if len(row) > 2 and cls.pinned in row[-1].split(",")}

    @staticmethod
    def desired(image: Image) -> list[str]:
        """Name and digest under which an image is known once it is loaded."""
        return [image["full_name"], image["manifest"]]

    @staticmethod
    def load(path: Path) -> list[str]:
        """The command that loads an archive."""
        return ["ctr", "--namespace", "k8s.io", "images", "import", str(path)]

    @classmethod
    def keep(cls, image: Image) -> list[str]:
        """The command by which the runtime keeps an image that no container uses."""
        return ["ctr", "--namespace", "k8s.io", "images", "label", image["full_name"], cls.pinned]

    @staticmethod
    def remove(name: str) -> list[str]:
        """The command that removes an image."""
        return ["ctr", "--namespace", "k8s.io", "images", "remove", full_name(name)]


RUNTIMES: dict[str, type[Any]] = {"docker": Docker, "containerd": Containerd}


def pending(runtime: str, images: list[Image], run: Run, predicting: bool) -> list[Image]:
    """The images the runtime lacks or has otherwise; all of them when ``predicting`` before it is installed."""
    kind = RUNTIMES[runtime]
    if predicting and shutil.which(kind.listing[0]) is None:
        return list(images)
    code, out, err = run(kind.listing)
    if code != 0 and predicting:
        return list(images)
    if code != 0:
        raise InstallError(f"{runtime} does not answer; start it before loading images: {err.strip()[-200:]}")
    known = kind.known(out)
    return [image for image in images if known.get(kind.desired(image)[0]) != kind.desired(image)[1]]


#: Seconds the daemon of a runtime may take to answer, and to end.
PATIENCE = 60.0


@contextlib.contextmanager
def awake(runtime: str, run: Run) -> Iterator[None]:
    """On a host that is not booted (an image being built) run the runtime's daemon while the block runs.

    What it then keeps is what running containers needs. Raise InstallError with the daemon's last words when it does not
    come up.
    """
    if booted():
        yield
        return
    kind = RUNTIMES[runtime]
    with tempfile.TemporaryFile() as log:
        daemon = subprocess.Popen(
            kind.daemon, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=programs.environment()
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while run(kind.listing)[0] != 0:
                if daemon.poll() is not None or time.monotonic() > deadline:
                    log.seek(max(0, os.fstat(log.fileno()).st_size - 600))
                    last = log.read().decode(errors="replace").strip()
                    raise InstallError(f"{runtime} cannot be started to load images into it: {last}")
                time.sleep(0.1)
            yield
            if kind.settle:
                code, _out, err = run(kind.settle)
                if code != 0:
                    raise InstallError(f"{runtime} cannot remove the archives of unpacked layers: {err.strip()[-300:]}")
        finally:
            daemon.terminate()
            try:
                daemon.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def load(runtime: str, archives: Mapping[str, Path], images: list[Image], run: Run) -> None:
    """Load images from their archives, which are known by the images' names."""
    for image in images:
        path = archives[image["name"]]
        kind = RUNTIMES[runtime]
        for command in filter(None, (kind.load(path), kind.keep(image))):
            code, _out, err = run(command)
            if code != 0:
                raise InstallError(f"{path}: {runtime} cannot load it: {err.strip()[-300:]}")
