# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to a published image: build it, look at the finished file, describe it, and only then give it its name."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import yaml

    HAS_YAML = True
except ImportError:  # Ansible itself needs it, so this is only for its import test
    HAS_YAML = False

from .. import components, sign
from ..bundle import requests
from ..bundle.store import Store, default_root, digest_of
from ..contract import NODE, Component
from .assembly import build, hardening, sbom
from .assembly.base import read_recipe
from .assembly.packages import Package
from .assembly.spec import BASE, BuildSpec
from .builders import container, registry
from .checks import offline
from .errors import ImageError
from .publish import publish

#: MiB a build needs beside the disk's own size: the tree, and the compressed file.
OVERHEAD = 3000
#: MiB that the rest needs where /var is a file system of its own: Debian, and an engine's programs.
LEAST = 1500
#: The phases of a build after the file is made.
CHECKING, PUBLISHING = "check the finished file and list what is in it", "describe and publish it"


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


def order_of(request: Request, bases: Path) -> BuildSpec:
    """What the steps need to know of a request."""
    return BuildSpec(
        name=request.name,
        engine=request.engine,
        architecture=request.architecture,
        bases=str(bases),
        base=request.base,
        base_digest=request.base_digest,
        base_days=request.base_days,
        sources=request.apt_sources,
        size=request.size,
        var_size=request.var_size,
        data_device=request.data_device,
        data_path=request.data_path,
        services=[unit for part in components.parts(request.contents, NODE) for unit in part.services],
        unshared=[pattern for component in request.contents for pattern in component.image.unshared],
        kernel_options=request.kernel_options,
        epoch=request.epoch,
    )


def make(request: Request, tell: build.Tell) -> dict[str, Any]:
    """Build an image; return what module C(image) does. Raise ImageError with nothing published."""
    if os.geteuid() != 0:
        raise ImageError("an image is built as root, since its files belong to root; run this as root")
    try:
        return _make(request, tell)
    except OSError as error:
        raise ImageError(f"{error.filename or request.output}: {error.strerror}; nothing was published") from error


def _make(request: Request, say: build.Tell) -> dict[str, Any]:
    started = time.monotonic()
    phases: list[tuple[str, float]] = []

    def tell(what: str) -> None:
        phases.append((what, time.monotonic()))
        say(what)

    cache = default_root().parent
    store, builder = Store(request.bundle), registry.BUILDERS[request.builder]
    key = sign.load_key(request.key)
    check_disks(request)
    with build.workspace(request.output) as work:
        desired = expected(request, store)
        target = registry.target(request.builder, request.target)
        build.need_space(request.output, request.size // 2 + OVERHEAD)
        packer, program = build.place_packer(store, cache / "packer", registry.plugins(request.builder))
        spec = order_of(request, cache / "images")
        build.prepare(work, spec, versions(desired), role_variables(request))
        builder.begin(work, spec, tell)
        build.run_packer(program, work, registry.FOLDER / request.builder, target, cache / build.LOG, tell)
        if not builder.file:
            return {"name": request.name, "kept": build.kept(work), "seconds": round(time.monotonic() - started, 1)}
        made = work / "image"
        made.mkdir()
        tell("make the file")
        builder.finish(work, spec, made / builder.file)
        tell(CHECKING)
        found = build.look(work, made / builder.file, dataclasses.asdict(desired))
        refuse(found["answers"])
        tell(PUBLISHING)
        described = describe(request, desired, work, packer, found)
        write_about(made, described, found, desired, key)
        publish.publish(made, request.output / request.name)
    file = publish.file_described(described)
    return {
        "name": request.name,
        "path": str(request.output / request.name / builder.file),
        **{word: file[word] for word in ("digest", "size")},
        "seconds": round(time.monotonic() - started, 1),
        "phases": durations([("unpack the base", started), *phases, ("", time.monotonic())]),
        "checks": found["answers"],
        "checks_seconds": round(found["seconds"], 1),
    }


def check_disks(request: Request) -> None:
    """Raise ImageError when the image cannot have such file systems."""
    for name, given in (("server_image_var_size", request.var_size), ("server_image_data_device", request.data_device)):
        if given and request.builder != "tree":
            raise ImageError(
                f"{name}: builder {request.builder} has the file systems of what it starts from; only builder tree makes its own"
            )
    if request.data_device and not (
        request.data_device.startswith("/dev/") and re.fullmatch(r"(/[\w.-]+)+", request.data_path)
    ):
        raise ImageError(
            f"server_image_data_device is {request.data_device}, server_image_data_path {request.data_path}: "
            "a device, as /dev/vdb, and an absolute path"
        )
    if request.var_size < 0 or request.size - request.var_size < LEAST:
        raise ImageError(
            f"of server_image_size {request.size} MiB server_image_var_size {request.var_size} leaves "
            f"{request.size - request.var_size} to the system, which needs {LEAST}"
        )


def versions(desired: offline.Expected) -> dict[str, str]:
    """Versions by artifact."""
    return {entry["name"]: entry["version"] for entry in desired.artifacts}


def role_variables(request: Request) -> dict[str, Any]:
    """The variables of the role, for this engine and builder."""
    ours: dict[str, Any] = {"cluster_engine": request.engine, "cluster_bundle": str(request.bundle)}
    ours[components.ENABLED] = request.components
    ours["ansible_become"] = registry.BUILDERS[request.builder].server
    return {**ours, **request.variables, "host_node_hardening_exempt": request.exempt}


def durations(phases: list[tuple[str, float]]) -> dict[str, float]:
    """Seconds of each phase, from the moments at which they began; the last is the end."""
    return {what: round(after - began, 1) for (what, began), (_next, after) in zip(phases, phases[1:])}


def describe(
    request: Request, desired: offline.Expected, work: Path, packer: str, found: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of an image (docs/reference/image.schema.json)."""
    file = registry.BUILDERS[request.builder].file
    what = {"digest": digest_of(work / "image" / file), "size": (work / "image" / file).stat().st_size}
    galaxy = build.ROOT / "galaxy.yml"
    version = yaml.safe_load(galaxy.read_text())["version"] if galaxy.exists() else _installed_version()
    base = json.loads((work / BASE).read_text())
    return {
        "format": publish.FORMAT,
        "name": request.name,
        "engine": request.engine,
        "version": request.version,
        "architecture": request.architecture,
        "made": publish.moment(request.epoch),
        "builder": request.builder,
        **(
            {
                "disk": {
                    "format": "qcow2",
                    **what,
                    "virtual_mib": request.size,
                    "var_mib": request.var_size,
                    **data_volume(request),
                }
            }
            if file == publish.DISK
            else {"container": {"format": "oci", **what, **container.known(work / "image" / file)}}
        ),
        "contents": {"files": found["files"], "packages": len(found["packages"])},
        "inputs": {
            "base": {"digest": base["digest"], "made": publish.moment(base["made"])},
            "collection": {"version": version, "digest": publish.collection_digest(build.ROOT)},
            "packer": packer,
            "artifacts": publish.artifacts(desired.artifacts),
            "parameters": {"kernel_options": request.kernel_options, "variables": request.variables},
        },
        "hardening": {
            "met": [str(control["id"]) for control in desired.controls if "exempt" not in control],
            "exempt": {
                **{str(control["id"]): control["exempt"] for control in desired.controls if "exempt" in control},
                **request.exempt,
            },
        },
    }


def data_volume(request: Request) -> dict[str, Any]:
    """The data volume, if servers are to have one."""
    return {"data": {"device": request.data_device, "path": request.data_path}} if request.data_device else {}


def _installed_version() -> str:
    """Version of the collection where it was installed as a package, which has no galaxy.yml."""
    content = json.loads((build.ROOT / "MANIFEST.json").read_text())
    return str(content["collection_info"]["version"])


def write_about(
    made: Path, described: Mapping[str, Any], found: Mapping[str, Any], desired: offline.Expected, key: Any
) -> None:
    """Write all that is said about an image into its folder: manifest, bill, list of files, signed statements."""
    (made.parent / publish.FILES).rename(made / publish.FILES)
    (made / publish.MANIFEST).write_text(json.dumps(described, indent=1) + "\n")
    packages = [Package(*row) for row in found["packages"]]
    epoch = int(found["image"]["made"])
    (made / publish.BILL).write_text(sbom.text(str(described["name"]), epoch, packages, desired.artifacts))
    subjects = publish.subjects(made)
    publish.state(made, publish.PROVENANCE, subjects, publish.SLSA, publish.provenance(described), key)
    publish.state(
        made, publish.CHECKS, subjects, publish.TESTED, publish.results(publish.CHECKS, found["answers"]), key
    )


def expected(request: Request, store: Store) -> offline.Expected:
    """What the checks ask for; raise ImageError when an artifact is not in the bundle."""
    packages = [] if request.base else read_recipe()["packages"]
    if request.builder == "docker":
        packages = [name for name in packages if name not in container.recipe()["without"]]
    return offline.Expected(
        runtime=components.engine(request.engine).runtime,
        packages=packages,
        artifacts=[
            entry_of(name, store, request.architecture, components.manifests(request.contents))
            for name in request.desired
        ],
        controls=[dict(control) for control in hardening.applied(profile(), request.exempt)],
        machine=request.builder != "docker",
        data=request.data_path if request.data_device else "",
        units=[unit for component in request.contents for unit in component.image.units],
        unshared=[pattern for component in request.contents for pattern in component.image.unshared],
    )


def entry_of(text: str, store: Store, architecture: str, folders: Sequence[Path]) -> dict[str, Any]:
    """The bundle's entry of an artifact that is asked for, or the part of it."""
    asked = requests.Request.parse(text)
    name, version = asked.name, asked.chosen(folders)
    entry: dict[str, Any] = store.index()["artifacts"].get(name, {}).get(version, {}).get(architecture, {})
    if not entry:
        raise ImageError(
            f"{name} {version} ({architecture}) is not in the bundle {store.root}: fill it with playbook bundle"
        )
    return asked.part(entry)


def profile() -> list[dict[str, Any]]:
    """The controls of the role's hardening profile."""
    controls: list[dict[str, Any]] = role("vars/main/hardening.yml")["__host_node_hardening"]
    return controls


def role(path: str) -> dict[str, Any]:
    """Variables of role host_node that are plain data, by their file."""
    content: dict[str, Any] = yaml.safe_load((build.ROOT / "roles/host_node" / path).read_text())
    return content


def refuse(answers: list[dict[str, Any]]) -> None:
    """Raise ImageError naming the checks that failed, if any did."""
    failed = [answer for answer in answers if not answer["passed"]]
    if failed:
        shown = "; ".join(f"{answer['title']} ({answer['target']}): {answer['evidence']}" for answer in failed[:5])
        raise ImageError(
            f"{len(failed)} of {len(answers)} checks of the finished image failed, nothing was published: {shown}; {failed[0]['remedy']}"
        )
