# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling a bundle: for each artifact the first source that works, recorded with what failed before it."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle import images

from .errors import BundleError, Unavailable
from .fetch import Fetcher
from .manifest import MACHINES, SHIPPED, Artifact, find
from .requests import Request
from .sources import directory, module, package, upstream, wheel
from .sources.base import Delivery, Work
from .store import FORMAT, Store, full_disk

Deliver = Callable[[Artifact, Mapping[str, Any], Work], Delivery]
KINDS: Mapping[str, Deliver] = {
    "directory": directory.deliver,
    "upstream": upstream.deliver,
    "module": module.deliver,
    "package": package.deliver,
    "wheel": wheel.deliver,
}
#: What of a source says by whom it is signed.
SIGNED = ("cosign", "image_signer")
#: Artifacts that are obtained at once; a build by itself uses all processors for most of its time.
AT_ONCE = 2 if (os.cpu_count() or 1) >= 4 else 1


@dataclass(frozen=True)
class FillRequest:
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
        """All manifests of the request, checked before anything is fetched. ``name=version`` asks for a version."""
        here = [name for name, machine in MACHINES.items() if machine == platform.machine()]
        result = []
        for request in map(Request.parse, self.artifacts):
            for architecture in self.architectures or here:
                result.append(find(request.name, request.version or None, architecture, [*self.manifests, SHIPPED]))
        unknown = set(self.sources) - set(KINDS)
        if unknown:
            raise BundleError(f"unknown kind of source {', '.join(sorted(unknown))}: there are {', '.join(KINDS)}")
        return result


def fill(store: Store, request: FillRequest, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Bring every artifact of the request into the bundle; return the entries that were filled anew."""
    artifacts = plan(store, request)
    if not artifacts:
        return []
    done = itertools.count(1)
    with store.workspace() as scratch:

        def fill_one(artifact: Artifact) -> dict[str, Any] | None:
            with store.lock(f"{artifact.name}-{artifact.version}-{artifact.architecture}", progress):
                # Nothing is left to do where another filler was quicker.
                entry = (
                    obtain(artifact, store, request, scratch, progress) if desired([artifact], store, request) else None
                )
            if len(artifacts) > 1:
                progress(f"{next(done)} of {len(artifacts)} artifacts are there")
            return entry

        with ThreadPoolExecutor(AT_ONCE) as pool:
            filling = [pool.submit(fill_one, artifact) for artifact in artifacts]
            try:
                return [entry for entry in (task.result() for task in filling) if entry]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def plan(store: Store, request: FillRequest) -> list[Artifact]:
    """What must be obtained; raises BundleError, before anything is fetched, when this machine cannot have all of it."""
    artifacts = desired(request.resolve(), store, request)
    packages = [each.title for each in artifacts if {source["kind"] for source in choose(each, request)} == {"package"}]
    if packages and package.lacking():
        raise BundleError(
            f"packages of the distribution are the only source of {', '.join(packages)}, and this machine {package.lacking()}: "
            "fill the bundle on a machine, or in a container, of the hosts' distribution; cluster_bundle names its folder here"
        )
    return artifacts


def desired(artifacts: Sequence[Artifact], store: Store, request: FillRequest) -> list[Artifact]:
    """Those of the artifacts that must be obtained. Needs no lock: an index is always a whole one."""
    held = store.index()["artifacts"]

    def entry(artifact: Artifact) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = (
            held.get(artifact.name, {}).get(artifact.version, {}).get(artifact.architecture)
        )
        return found

    return [artifact for artifact in artifacts if needs(entry(artifact), artifact, store, request)]


def needs(entry: Mapping[str, Any] | None, artifact: Artifact, store: Store, request: FillRequest) -> bool:
    """Whether an artifact must be obtained: absent, incomplete, of an older manifest, or of an unwanted source."""
    if entry is None or request.refresh or entry["recipe"] != recipe(artifact) or not store.complete(entry):
        return True
    return bool(request.sources) and entry["source"]["kind"] not in request.sources


def recipe(artifact: Artifact) -> str:
    """Digest of all that decides what an artifact is: the resolved manifest, but for who signs, and the wrapper modules it names."""
    sources = [{key: value for key, value in source.items() if key not in SIGNED} for source in artifact.sources]
    data = {**vars(artifact), "base": None, "format": FORMAT, "sources": sources}
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
    for source in artifact.sources:
        folder = artifact.base / source.get("directory", "")
        if source["kind"] == "module" and folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return "sha256:" + digest.hexdigest()


def choose(artifact: Artifact, request: FillRequest) -> list[Mapping[str, Any]]:
    """The sources to try in turn: the manifest's order, or the asked kinds in the asked order."""
    kinds = request.sources or list(dict.fromkeys(source["kind"] for source in artifact.sources))
    return [
        source
        for kind in kinds
        for source in artifact.sources
        if source["kind"] == kind and (kind != "directory" or request.drop is not None)
    ]


def obtain(
    artifact: Artifact, store: Store, request: FillRequest, scratch: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Try the sources in turn and keep what the first that works delivers; return its index entry."""
    failures: list[dict[str, str]] = []
    for source in choose(artifact, request):
        folder = Path(tempfile.mkdtemp(prefix=f"{artifact.name}-", dir=scratch))
        work = Work(folder, progress, request.fetcher, request.drop, request.apt_sources, request.shared)
        try:
            with full_disk(store.root):
                delivery = delivered(artifact, source, work)
                draft = describe(artifact, delivery, work)
                draft["source"] = {"kind": source["kind"], "detail": delivery.detail, "failures": failures}
                entry = keep(artifact, draft, store)
        except Unavailable as error:
            progress(f"{artifact.title}: source {source['kind']} failed: {error}")
            failures.append({"kind": source["kind"], "reason": str(error)})
            continue
        except BundleError as error:
            raise BundleError(f"{artifact.title}: source {source['kind']}: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        progress(f"{artifact.title}: filled from {source['kind']}")
        return entry
    tried = "; ".join(f"{item['kind']}: {item['reason']}" for item in failures)
    raise BundleError(
        f"{artifact.title}: no source works here: {tried or 'none of the asked kinds is in its manifest'}"
    )


def delivered(artifact: Artifact, source: Mapping[str, Any], work: Work) -> Delivery:
    """What a source delivers, with the files of those that it goes with."""
    found = KINDS[source["kind"]](artifact, source, work)
    for number, other in enumerate(source.get("with", ())):
        folder = work.scratch / f"with-{number}"
        folder.mkdir()
        more = delivered(artifact, other, replace(work, scratch=folder))
        found = replace(found, detail=f"{found.detail}; {more.detail}", files={**found.files, **more.files})
    return found


def describe(artifact: Artifact, delivery: Delivery, work: Work) -> dict[str, Any]:
    """The index entry of what was delivered (docs/reference/bundle-index.schema.json), with a path for each blob."""
    files: list[dict[str, Any]] = []
    loaded = []
    if not delivery.packages:
        missing = artifact.outputs(delivery.images) - set(delivery.files)
        if missing:
            raise BundleError(f"the source does not deliver {', '.join(sorted(missing))}")
        files = [
            {"path": name, "mode": mode, "blob": delivery.files[name]} for name, mode in sorted(artifact.files.items())
        ]
        for number, image in enumerate(artifact.images):
            target, base, contained = work.scratch / f"image-{number}.tar", None, []
            if image["name"] in delivery.images:
                target, described = delivery.images[image["name"]]
            else:
                if image.get("packages"):
                    base = work.scratch / f"image-{number}.base"
                    contained = package.tree(artifact, image["packages"], work, base)
                described = images.assemble(image, delivery.files, base, artifact.architecture, target)
            path = f"images/{image['name'].replace('/', '_').replace(':', '_')}.tar"
            files.append({"path": path, "mode": "0644", "blob": target})
            loaded.append({**described, "path": path, "packages": contained})
    return {
        "name": artifact.name,
        "version": artifact.version,
        "architecture": artifact.architecture,
        "licence": artifact.licence,
        "recipe": recipe(artifact),
        "filled": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "files": files,
        "links": {} if delivery.packages else dict(artifact.links),
        "images": loaded,
        "packages": list(delivery.packages),
        "install": list(delivery.install),
        "package_list": {"blob": delivery.package_list} if delivery.package_list else None,
        "distribution": delivery.distribution,
    }


def keep(artifact: Artifact, draft: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Put the blobs of a draft into the store and its entry into the index, in one step for every reader."""

    def kept(item: Mapping[str, Any]) -> dict[str, Any]:
        blob = store.add(item["blob"])
        if item.get("sha256", blob["digest"][7:]) != blob["digest"][7:]:
            raise BundleError(f"{item['blob'].name}: wrong digest: {blob['digest'][7:]}, expected {item['sha256']}")
        return {key: value for key, value in item.items() if key not in ("blob", "sha256")} | blob

    with store.changing() as index:
        entry = {
            **draft,
            "files": [kept(item) for item in draft["files"]],
            "packages": [kept(item) for item in draft["packages"]],
            "package_list": kept(draft["package_list"]) if draft["package_list"] else None,
        }
        place = index["artifacts"].setdefault(artifact.name, {}).setdefault(artifact.version, {})
        place[artifact.architecture] = entry
    return entry
