# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request for a server image: what it asks for, whether that can be, and what the steps are told of it."""

from __future__ import annotations

import functools
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import components
from ..bundle import requests
from ..contract import NODE, Component
from .assembly.spec import BuildSpec
from .builders import container, registry
from .errors import ImageError

#: MiB that the rest needs where /var is a file system of its own: Debian, and an engine's programs.
LEAST = 1500


@dataclass(frozen=True)
class Request:
    """What module C(server_image) is asked for, see its documentation. `components` are those besides the engine."""

    engine: str
    output: Path
    bundle: Path
    architecture: str
    base: str
    base_digest: str
    base_days: float
    apt_sources: str
    size: int
    kernel_options: str
    epoch: int
    key: Path
    artifacts: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    builder: str = "tree"
    target: str = ""
    var_size: int = 0
    data_device: str = ""
    data_path: str = "/srv"

    @functools.cached_property
    def contents(self) -> tuple[Component, ...]:
        """The components of the image, its engine first."""
        return components.of({"cluster_engine": self.engine, components.ENABLED: self.components})

    @property
    def desired(self) -> list[str]:
        """The artifacts that are asked for, else those that the components have in an image."""
        names = [name for component in self.contents for name in component.image.artifacts]
        return self.artifacts or list(dict.fromkeys(names))

    @property
    def version(self) -> str:
        """Version of the first artifact, which the image is named after."""
        return requests.Request.parse(self.desired[0]).chosen(components.manifests(self.contents))

    @property
    def name(self) -> str:
        """Name of the image: what it is, and when it was made."""
        moment = time.strftime("%Y%m%dT%H%MZ", time.gmtime(self.epoch))
        builder = "" if self.builder == "tree" else f"{self.builder}-"
        return f"host-node-{builder}{self.engine}-{self.version}-{self.architecture}-{moment}"

    @property
    def exempt(self) -> dict[str, str]:
        """The controls that do not hold for this image, with the reasons: a container's, and those of the user."""
        own = container.recipe()["exempt"] if self.builder == "docker" else {}
        return {**own, **(self.variables.get("host_node_hardening_exempt") or {})}

    def check_disks(self) -> None:
        """Raise ImageError when the image cannot have such file systems."""
        for name, given in (("server_image_var_size", self.var_size), ("server_image_data_device", self.data_device)):
            if given and self.builder != "tree":
                raise ImageError(
                    f"{name}: builder {self.builder} has the file systems of what it starts from; only builder tree makes its own"
                )
        if self.data_device and not (
            self.data_device.startswith("/dev/") and re.fullmatch(r"(/[\w.-]+)+", self.data_path)
        ):
            raise ImageError(
                f"server_image_data_device is {self.data_device}, server_image_data_path {self.data_path}: "
                "a device, as /dev/vdb, and an absolute path"
            )
        if self.var_size < 0 or self.size - self.var_size < LEAST:
            raise ImageError(
                f"of server_image_size {self.size} MiB server_image_var_size {self.var_size} leaves "
                f"{self.size - self.var_size} to the system, which needs {LEAST}"
            )

    def spec(self, bases: Path) -> BuildSpec:
        """What the steps need to know of a self."""
        return BuildSpec(
            name=self.name,
            engine=self.engine,
            architecture=self.architecture,
            bases=str(bases),
            base=self.base,
            base_digest=self.base_digest,
            base_days=self.base_days,
            sources=self.apt_sources,
            size=self.size,
            var_size=self.var_size,
            data_device=self.data_device,
            data_path=self.data_path,
            services=[unit for part in components.parts(self.contents, NODE) for unit in part.services],
            unshared=[pattern for component in self.contents for pattern in component.image.unshared],
            kernel_options=self.kernel_options,
            epoch=self.epoch,
        )

    def role_variables(self) -> dict[str, Any]:
        """The variables of the role, for this engine and builder."""
        ours: dict[str, Any] = {"cluster_engine": self.engine, "cluster_bundle": str(self.bundle)}
        ours[components.ENABLED] = self.components
        ours["ansible_become"] = registry.BUILDERS[self.builder].server
        return {**ours, **self.variables, "host_node_hardening_exempt": self.exempt}
