# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish to a published image: build it, look at the finished file, describe it, and only then give it its name."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import yaml

    HAS_YAML = True
except ImportError:  # Ansible itself needs it, so this is only for its import test
    HAS_YAML = False

from .. import components
from ..bundle import manifest as artifacts
from ..bundle.store import Store, default_root, digest_of
from .assembly import build, hardening, sbom
from .assembly.base import read_recipe
from .assembly.packages import Package
from .assembly.spec import BASE, Order
from .builders import container, registry
from .checks import offline
from .errors import ImageError
from .publish import publish, sign

#: MiB a build needs beside the disk's own size: the tree, and the compressed file.
OVERHEAD = 3000
#: MiB that the rest needs where /var is a file system of its own: Debian, and an engine's programs.
LEAST = 1500
#: The phases of a build after the file is made.
CHECKING, PUBLISHING = "check the finished file and list what is in it", "describe and publish it"


@dataclass(frozen=True)
class Wish:
    """What module C(image) is asked for, see its documentation."""

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
    variables: dict[str, Any] = field(default_factory=dict)
    lane: str = "tree"
    target: str = ""
    var_size: int = 0
    data_device: str = ""
    data_path: str = "/srv"

    @property
    def version(self) -> str:
        """Version of the first artifact, which the image is named after."""
        name, _equals, version = self.artifacts[0].partition("=")
        return version or str(artifacts.default_version(*artifacts.load(name)))

    @property
    def name(self) -> str:
        """Name of the image: what it is, and when it was made."""
        moment = time.strftime("%Y%m%dT%H%MZ", time.gmtime(self.epoch))
        lane = "" if self.lane == "tree" else f"{self.lane}-"
        return f"host-node-{lane}{self.engine}-{self.version}-{self.architecture}-{moment}"

    @property
    def exempt(self) -> dict[str, str]:
        """The controls that do not hold for this image, with the reasons: a container's, and those of the user."""
        own = container.recipe()["exempt"] if self.lane == "docker" else {}
        return {**own, **(self.variables.get("host_node_hardening_exempt") or {})}


def order_of(wish: Wish, bases: Path) -> Order:
    """What the steps need to know of a wish."""
    return Order(
        name=wish.name,
        engine=wish.engine,
        architecture=wish.architecture,
        bases=str(bases),
        base=wish.base,
        base_digest=wish.base_digest,
        base_days=wish.base_days,
        sources=wish.apt_sources,
        size=wish.size,
        var_size=wish.var_size,
        data_device=wish.data_device,
        data_path=wish.data_path,
        services=list(components.load(wish.engine).parts[components.NODE].services),
        kernel_options=wish.kernel_options,
        epoch=wish.epoch,
    )


def make(wish: Wish, tell: build.Tell) -> dict[str, Any]:
    """Build an image; return what module C(image) does. Raise ImageError with nothing published."""
    if os.geteuid() != 0:
        raise ImageError("an image is built as root, since its files belong to root; run this as root")
    try:
        return _make(wish, tell)
    except OSError as error:
        raise ImageError(f"{error.filename or wish.output}: {error.strerror}; nothing was published") from error


def _make(wish: Wish, say: build.Tell) -> dict[str, Any]:
    started = time.monotonic()
    phases: list[tuple[str, float]] = []

    def tell(what: str) -> None:
        phases.append((what, time.monotonic()))
        say(what)

    cache = default_root().parent
    store, lane = Store(wish.bundle), registry.LANES[wish.lane]
    key = sign.load_key(wish.key)
    check_disks(wish)
    with build.workspace(wish.output) as work:
        wanted = expected(wish, store)
        target = registry.target(wish.lane, wish.target)
        build.need_space(wish.output, wish.size // 2 + OVERHEAD)
        packer, program = build.place_packer(store, cache / "packer", registry.plugins(wish.lane))
        order = order_of(wish, cache / "images")
        build.prepare(work, order, versions(wanted), role_variables(wish))
        lane.begin(work, order, tell)
        build.run_packer(program, work, registry.FOLDER / wish.lane, target, cache / build.LOG, tell)
        if not lane.file:
            return {"name": wish.name, "kept": build.kept(work), "seconds": round(time.monotonic() - started, 1)}
        made = work / "image"
        made.mkdir()
        tell("make the file")
        lane.finish(work, order, made / lane.file)
        tell(CHECKING)
        found = build.look(work, made / lane.file, dataclasses.asdict(wanted))
        refuse(found["answers"])
        tell(PUBLISHING)
        described = describe(wish, wanted, work, packer, found)
        write_about(made, described, found, wanted, key)
        publish.publish(made, wish.output / wish.name)
    file = publish.file_described(described)
    return {
        "name": wish.name,
        "path": str(wish.output / wish.name / lane.file),
        **{word: file[word] for word in ("digest", "size")},
        "seconds": round(time.monotonic() - started, 1),
        "phases": durations([("unpack the base", started), *phases, ("", time.monotonic())]),
        "checks": found["answers"],
        "checks_seconds": round(found["seconds"], 1),
    }


def check_disks(wish: Wish) -> None:
    """Raise ImageError when the image cannot have such file systems."""
    for name, given in (("image_var_size", wish.var_size), ("image_data_device", wish.data_device)):
        if given and wish.lane != "tree":
            raise ImageError(
                f"{name}: lane {wish.lane} has the file systems of what it starts from; only lane tree makes its own"
            )
    if wish.data_device and not (wish.data_device.startswith("/dev/") and re.fullmatch(r"(/[\w.-]+)+", wish.data_path)):
        raise ImageError(
            f"image_data_device is {wish.data_device}, image_data_path {wish.data_path}: a device, as /dev/vdb, and an absolute path"
        )
    if wish.var_size < 0 or wish.size - wish.var_size < LEAST:
        raise ImageError(
            f"of image_size {wish.size} MiB image_var_size {wish.var_size} leaves {wish.size - wish.var_size} to the system, which needs {LEAST}"
        )


def versions(wanted: offline.Expected) -> dict[str, str]:
    """Versions by artifact."""
    return {entry["name"]: entry["version"] for entry in wanted.artifacts}


def role_variables(wish: Wish) -> dict[str, Any]:
    """The variables of the role, for this engine and lane."""
    ours: dict[str, Any] = {"cluster_engine": wish.engine, "cluster_bundle": str(wish.bundle)}
    ours["ansible_become"] = registry.LANES[wish.lane].server
    return {**ours, **wish.variables, "host_node_hardening_exempt": wish.exempt}


def durations(phases: list[tuple[str, float]]) -> dict[str, float]:
    """Seconds of each phase, from the moments at which they began; the last is the end."""
    return {what: round(after - began, 1) for (what, began), (_next, after) in zip(phases, phases[1:])}


def describe(wish: Wish, wanted: offline.Expected, work: Path, packer: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of an image (docs/reference/image.schema.json)."""
    file = registry.LANES[wish.lane].file
    what = {"digest": digest_of(work / "image" / file), "size": (work / "image" / file).stat().st_size}
    galaxy = build.ROOT / "galaxy.yml"
    version = yaml.safe_load(galaxy.read_text())["version"] if galaxy.exists() else _installed_version()
    base = json.loads((work / BASE).read_text())
    return {
        "format": publish.FORMAT,
        "name": wish.name,
        "engine": wish.engine,
        "version": wish.version,
        "architecture": wish.architecture,
        "made": publish.moment(wish.epoch),
        "lane": wish.lane,
        **(
            {
                "disk": {
                    "format": "qcow2",
                    **what,
                    "virtual_mib": wish.size,
                    "var_mib": wish.var_size,
                    **data_volume(wish),
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
            "artifacts": publish.artifacts(wanted.artifacts),
            "parameters": {"kernel_options": wish.kernel_options, "variables": wish.variables},
        },
        "hardening": {
            "met": [str(control["id"]) for control in wanted.controls if "exempt" not in control],
            "exempt": {
                **{str(control["id"]): control["exempt"] for control in wanted.controls if "exempt" in control},
                **wish.exempt,
            },
        },
    }


def data_volume(wish: Wish) -> dict[str, Any]:
    """The data volume, if servers are to have one."""
    return {"data": {"device": wish.data_device, "path": wish.data_path}} if wish.data_device else {}


def _installed_version() -> str:
    """Version of the collection where it was installed as a package, which has no galaxy.yml."""
    content = json.loads((build.ROOT / "MANIFEST.json").read_text())
    return str(content["collection_info"]["version"])


def write_about(
    made: Path, described: Mapping[str, Any], found: Mapping[str, Any], wanted: offline.Expected, key: Any
) -> None:
    """Write all that is said about an image into its folder: manifest, bill, list of files, signed statements."""
    (made.parent / publish.FILES).rename(made / publish.FILES)
    (made / publish.MANIFEST).write_text(json.dumps(described, indent=1) + "\n")
    packages = [Package(*row) for row in found["packages"]]
    epoch = int(found["image"]["made"])
    (made / publish.BILL).write_text(sbom.text(str(described["name"]), epoch, packages, wanted.artifacts))
    subjects = publish.subjects(made)
    publish.state(made, publish.PROVENANCE, subjects, publish.SLSA, publish.provenance(described), key)
    publish.state(made, publish.CHECKS, subjects, publish.TESTED, publish.results(found["answers"]), key)


def expected(wish: Wish, store: Store) -> offline.Expected:
    """What the checks ask for; raise ImageError when an artifact is not in the bundle."""
    packages = [] if wish.base else read_recipe()["packages"]
    if wish.lane == "docker":
        packages = [name for name in packages if name not in container.recipe()["without"]]
    return offline.Expected(
        runtime=components.load(wish.engine).runtime,
        packages=packages,
        artifacts=[entry_of(name, store, wish.architecture) for name in wish.artifacts],
        controls=[dict(control) for control in hardening.applied(profile(), wish.exempt)],
        machine=wish.lane != "docker",
        data=wish.data_path if wish.data_device else "",
    )


def entry_of(wish: str, store: Store, architecture: str) -> dict[str, Any]:
    """The bundle's entry of an artifact, `NAME` or `NAME=VERSION`; `NAME/IMAGE` is the part that is one of its images."""
    artifact, _slash, image = wish.partition("/")
    name, _equals, version = artifact.partition("=")
    version = version or artifacts.default_version(*artifacts.load(name))
    entry: dict[str, Any] = store.index()["artifacts"].get(name, {}).get(version, {}).get(architecture, {})
    if not entry:
        raise ImageError(
            f"{name} {version} ({architecture}) is not in the bundle {store.root}: fill it with playbook bundle"
        )
    if not image:
        return entry
    images = [item for item in entry["images"] if item["name"].rpartition("/")[2].partition(":")[0] == image]
    paths = {item["path"] for item in images}
    files = [item for item in entry["files"] if item["path"] in paths]
    return {**entry, "images": images, "files": files, "links": {}, "packages": [], "install": []}


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
            f"{len(failed)} of {len(answers)} checks of the finished image failed, nothing was published: {shown}; {failed[0]['cure']}"
        )
