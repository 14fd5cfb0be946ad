# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling a bundle: for each artifact the first source that works, recorded with what failed before it."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import images
from .errors import BundleError, Unavailable
from .fetch import Fetcher
from .manifest import MACHINES, SHIPPED, Artifact, find
from .sources import (
    Delivery,
    Work,
    directory,
    module,
    package,
    upstream,
    wheel,
)
from .store import FORMAT, Store, full_disk

Deliver = Callable[[Artifact, Mapping[str, Any], Work], Delivery]
KINDS: Mapping[str, Deliver] = {
    "directory": directory.deliver,
    "upstream": upstream.deliver,
    "module": module.deliver,
    "package": package.deliver,
    "wheel": wheel.deliver,
}


@dataclass(frozen=True)
class Order:
    """What to fill a bundle with, and how."""

    artifacts: Sequence[str]
    architectures: Sequence[str] = ()
    sources: Sequence[str] = ()
    manifests: Sequence[Path] = ()
    drop: Path | None = None
    apt_sources: Path | None = None
    refresh: bool = False
    fetcher: Fetcher = field(default_factory=Fetcher)
    shared: dict[str, Any] = field(default_factory=dict)

    def resolve(self) -> list[Artifact]:
        """All manifests of the order, checked before anything is fetched. ``name=version`` asks for a version."""
        here = [name for name, machine in MACHINES.items() if machine == platform.machine()]
        result = []
        for wish in self.artifacts:
            name, _, version = wish.partition("=")
            for architecture in self.architectures or here:
                result.append(find(name, version or None, architecture, [*self.manifests, SHIPPED]))
        unknown = set(self.sources) - set(KINDS)
        if unknown:
            raise BundleError(f"unknown kind of source {', '.join(sorted(unknown))}: there are {', '.join(KINDS)}")
        return result


def fill(store: Store, order: Order, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Bring every artifact of the order into the bundle; return the entries that were filled anew."""
    artifacts = order.resolve()
    if not wanted(artifacts, store, order):
        return []
    filled = []
    with store.lock(progress):
        for artifact in wanted(artifacts, store, order):
            index = store.index()
            place = index["artifacts"].setdefault(artifact.name, {}).setdefault(artifact.version, {})
            place[artifact.architecture] = obtain(artifact, store, order, progress)
            store.save(index)
            filled.append(place[artifact.architecture])
        store.sweep(store.index())
    return filled


def wanted(artifacts: Sequence[Artifact], store: Store, order: Order) -> list[Artifact]:
    """Those of the artifacts that must be obtained. Needs no lock: an index is always a whole one."""
    held = store.index()["artifacts"]

    def entry(artifact: Artifact) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = (
            held.get(artifact.name, {}).get(artifact.version, {}).get(artifact.architecture)
        )
        return found

    return [artifact for artifact in artifacts if needs(entry(artifact), artifact, store, order)]


def needs(entry: Mapping[str, Any] | None, artifact: Artifact, store: Store, order: Order) -> bool:
    """Whether an artifact must be obtained: absent, incomplete, of an older manifest, or of an unwanted source."""
    if entry is None or order.refresh or entry["recipe"] != recipe(artifact) or not store.complete(entry):
        return True
    return bool(order.sources) and entry["source"]["kind"] not in order.sources


def recipe(artifact: Artifact) -> str:
    """Digest of all that decides what an artifact is: the resolved manifest and the wrapper modules it names."""
    data = {**vars(artifact), "base": None, "format": FORMAT}
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
    for source in artifact.sources:
        folder = artifact.base / source.get("directory", "")
        if source["kind"] == "module" and folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return "sha256:" + digest.hexdigest()


def choose(artifact: Artifact, kinds: Sequence[str]) -> list[Mapping[str, Any]]:
    """The sources to try in turn: the manifest's order, or the asked kinds in the asked order."""
    if not kinds:
        return list(artifact.sources)
    return [source for kind in kinds for source in artifact.sources if source["kind"] == kind]


def obtain(artifact: Artifact, store: Store, order: Order, progress: Callable[[str], None]) -> dict[str, Any]:
    """Try the sources in turn and keep what the first that works delivers; return its index entry."""
    failures: list[dict[str, str]] = []
    for number, source in enumerate(choose(artifact, order.sources)):
        if source["kind"] == "directory" and order.drop is None:
            continue
        scratch = store.temporary / f"{artifact.name}-{artifact.architecture}-{number}"
        scratch.mkdir()
        work = Work(scratch, progress, order.fetcher, order.drop, order.apt_sources, order.shared)
        try:
            with full_disk(store.root):
                delivery = KINDS[source["kind"]](artifact, source, work)
                entry = keep(artifact, delivery, store, scratch)
        except Unavailable as error:
            progress(f"{artifact.title}: source {source['kind']} failed: {error}")
            failures.append({"kind": source["kind"], "reason": str(error)})
            continue
        except BundleError as error:
            raise BundleError(f"{artifact.title}: source {source['kind']}: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        entry["source"] = {"kind": source["kind"], "detail": delivery.detail, "failures": failures}
        progress(f"{artifact.title}: filled from {source['kind']}")
        return entry
    tried = "; ".join(f"{item['kind']}: {item['reason']}" for item in failures)
    raise BundleError(
        f"{artifact.title}: no source works here: {tried or 'none of the asked kinds is in its manifest'}"
    )


def keep(artifact: Artifact, delivery: Delivery, store: Store, scratch: Path) -> dict[str, Any]:
    """Put what was delivered into the store and describe it as an index entry (docs: format of a bundle)."""
    packaged = bool(delivery.packages)
    missing = set() if packaged else artifact.outputs - set(delivery.files)
    if missing:
        raise BundleError(f"the source does not deliver {', '.join(sorted(missing))}")
    files, loaded = [], []
    if not packaged:
        for name, mode in sorted(artifact.files.items()):
            files.append({"path": name, "mode": mode, **store.add(delivery.files[name])})
        for number, image in enumerate(artifact.images):
            target = scratch / f"image-{number}.tar"
            identity = images.assemble(image, delivery.files, artifact.architecture, target)
            path = f"images/{image['name'].replace('/', '_').replace(':', '_')}.tar"
            files.append({"path": path, "mode": "0644", **store.add(target)})
            loaded.append({**identity, "path": path})
    packages = []
    for item in delivery.packages:
        blob = store.add(item["path"])
        if blob["digest"] != f"sha256:{item['sha256']}":
            raise BundleError(
                f"{item['path'].name}: wrong digest: {blob['digest']}, the package list says {item['sha256']}"
            )
        packages.append({key: item[key] for key in ("name", "version", "installed_bytes")} | blob)
    return {
        "name": artifact.name,
        "version": artifact.version,
        "architecture": artifact.architecture,
        "licence": artifact.licence,
        "recipe": recipe(artifact),
        "filled": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "files": files,
        "links": {} if packaged else dict(artifact.links),
        "images": loaded,
        "packages": packages,
        "install": list(delivery.install),
        "package_list": store.add(delivery.package_list) if delivery.package_list else None,
        "distribution": delivery.distribution,
    }
