# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of things on a host: look, make sure of room, get what is missing, place, install, load."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

from ..host import claims
from ..host import receipts as host_receipts
from ..host.receipts import IMAGE, PATH, Receipts
from . import install, packages, runtimes
from .install import Entry, InstallError


class Host:
    """One host and what it must have; options as module C(artifact_install) documents them."""

    def __init__(self, options: Mapping[str, Any], run: packages.Run) -> None:
        self._root = Path(options["root"])
        self._url: str | None = options["url"]
        self._staged = Path(options["staged"]) if options["staged"] else None
        self._stage: bool = options["stage"]
        self._start_services: bool = options["start_services"]
        self._package_timeout: float = options["package_timeout"]
        self._runtime: str | None = options["runtime"]
        self._receipts = Receipts(options["component"])
        self._claims: Mapping[str, list[str]] = options["claims"]
        self._run = run
        self._entries = [self._entry(item) for item in options["desired"]]

    def _entry(self, desired: Mapping[str, Any]) -> Entry:
        """The entry for this host's architecture, else the one noted when this version was placed here."""
        machine = packages.machine()
        listed = desired["architectures"]
        entry: Entry = listed.get(machine) or install.receipt(install.folder(self._root, desired)).get("entry", {})
        title = f"{desired['name']} {desired['version']} ({machine})"
        if not entry:
            others = f", which has it for {', '.join(listed)}" if listed else ""
            raise InstallError(
                f"{title} is neither on this host nor in the bundle{others}: fill it with playbook bundle"
            )
        install.validate(entry)
        if entry["packages"] and not packages.fits(packages.distribution(), entry["distribution"]):
            raise InstallError(
                f"{title}: the bundle's packages are of {entry['distribution']}, this is {packages.distribution()}; "
                "fill a bundle for it (bundle_apt_sources)"
            )
        return entry

    def bring(self, check: bool, temporary: Callable[[], Path]) -> dict[str, Any]:
        """Do what is needed, or only say it; ``temporary`` names a folder on the file system blobs are staged on."""
        with self._alone(check), self._runtime_at_hand(check):
            images = [image for entry in self._entries for image in entry["images"]]
            unloaded = runtimes.pending(self._runtime, images, self._run, check) if self._runtime and images else []
            names = [image["name"] for image in unloaded]
            steps = [install.plan(self._root, entry, names) for entry in self._entries]
            if self._stage:
                steps = [step._replace(links={}) for step in steps]
            with_packages = [entry for entry in self._entries if entry["packages"]]
            names = sorted({item["name"] for entry in with_packages for item in entry["packages"]})
            have = packages.installed(names, self._run) if names else {}
            lacking = {entry["name"]: packages.lacking(entry, have, self._run) for entry in with_packages}
            result = self._report(steps, lacking, have, unloaded)
            missing = _blobs(steps, with_packages, lacking)
            for step in steps:
                if step.unnoted and not check:
                    install.note(install.folder(self._root, step.entry), step.entry)
            if not check:
                self._receipts.record(self._placed(unloaded))
            if result["changed"]:
                self._check_space(steps, lacking, missing, unloaded, temporary)
            if check or not result["changed"]:
                return {**result, "missing": {}}
            if missing and self._staged is None and self._url is None:
                return {**result, "changed": False, "missing": missing, "diff": []}
            with self._blobs_at_hand(missing) as staged:
                for step in steps:
                    install.place(self._root, step, staged)
                incomplete = [entry for entry in with_packages if lacking[entry["name"]]]
                if incomplete:
                    packages.install(incomplete, staged, self._start_services, self._run, self._package_timeout)
            if self._runtime:
                archives = {
                    image["name"]: install.folder(self._root, entry) / image["path"]
                    for entry in self._entries
                    for image in entry["images"]
                }
                runtimes.load(self._runtime, archives, unloaded, self._run)
                for path in archives.values():  # also those that a run left that was cut off
                    path.unlink(missing_ok=True)
            return {**result, "missing": {}}

    def _placed(self, unloaded: list[runtimes.Image]) -> Iterator[host_receipts.Entry]:
        """What the receipts must have of the artifacts, whether they are placed now or were before."""
        for entry in self._entries:
            current = self._root / entry["name"] / "current"
            if entry["files"]:
                yield host_receipts.Entry(PATH, str(current.parent), None, host_receipts.TREE)
            for link, target in entry["links"].items():
                yield from host_receipts.missing_parents(link, self._receipts)
                there = host_receipts.present(link)
                desired = f"link {current / target}"
                yield host_receipts.Entry(
                    PATH, link, None if host_receipts.identity(link) == desired else there, desired
                )
        for image in unloaded:
            yield host_receipts.Entry(IMAGE, f"{self._runtime} {image['name']}")

    @contextlib.contextmanager
    def _alone(self, check: bool) -> Iterator[None]:
        """Keep a second run on the same host waiting; the kernel frees the lock of a killed process."""
        if check:
            yield
            return
        root, lock = str(self._root), str(self._root / ".lock")
        own = [host_receipts.Entry(PATH, root, host_receipts.present(root), host_receipts.DIRECTORY)]
        own.append(host_receipts.Entry(PATH, lock, None, host_receipts.TREE))
        self._receipts.record([*claims.entries(self._claims, self._receipts), *own])
        self._root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _runtime_at_hand(self, check: bool) -> contextlib.AbstractContextManager[None]:
        """The runtime that is to have images answers while they are placed and loaded."""
        desired = self._runtime if any(entry["images"] for entry in self._entries) and not check else None
        return runtimes.awake(desired, self._run) if desired else contextlib.nullcontext()

    def _report(
        self,
        steps: list[install.Step],
        lacking: Mapping[str, list[dict[str, Any]]],
        have: Mapping[str, str],
        unloaded: list[runtimes.Image],
    ) -> dict[str, Any]:
        before, after = [], []
        for step in steps:
            if step.needed:
                damaged = " (damaged)" if step.before == step.entry["version"] else ""
                before.append(f"{step.entry['name']} {step.before or 'absent'}{damaged}")
                after.append(f"{step.entry['name']} {step.entry['version']}")
        for item in {item["name"]: item for items in lacking.values() for item in items}.values():
            before.append(f"package {item['name']} {have.get(item['name'], 'absent')}")
            after.append(f"package {item['name']} {item['version']}")
        for image in unloaded:
            before.append(f"image {image['name']} absent")
            after.append(f"image {image['name']} {image['id']}")
        text = {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}
        return {
            "changed": bool(after),
            "diff": [{**text, "before_header": "artifacts", "after_header": "artifacts"}] if after else [],
            "changed_paths": sorted(link for step in steps if step.needed for link in step.entry["links"]),
            "versions": {entry["name"]: entry["version"] for entry in self._entries},
        }

    def _check_space(
        self,
        steps: list[install.Step],
        lacking: Mapping[str, list[dict[str, Any]]],
        missing: Mapping[str, int],
        unloaded: list[runtimes.Image],
        temporary: Callable[[], Path],
    ) -> None:
        """Staged blobs are renamed into place when both lie on one file system, so they count once there.

        A runtime keeps an image as it came until it is unpacked there.
        """
        placed = sum(item["size"] for step in steps for item in step.missing)
        unpacked = sum(item["installed_bytes"] for items in lacking.values() for item in items)
        staging = self._staged or (install.nearest(self._root) if self._url else temporary())
        arriving = 0 if self._staged else sum(missing.values())
        root = install.nearest(self._root)
        together = staging.stat().st_dev == root.stat().st_dev
        needs = [(staging, arriving), (root, 0 if together else placed), (Path("/usr"), unpacked)]
        if self._runtime:
            paths = {image["path"] for image in unloaded}
            archives = sum(f["size"] for entry in self._entries for f in entry["files"] if f["path"] in paths)
            needs.append((install.nearest(Path("/", runtimes.RUNTIMES[self._runtime].data)), 2 * archives))
        install.check_space(needs)

    @contextlib.contextmanager
    def _blobs_at_hand(self, missing: Mapping[str, int]) -> Iterator[Path]:
        """The folder with the missing blobs: as staged, or downloaded beside their destination."""
        if self._staged is not None:
            yield self._staged
            return
        for left in self._root.glob(".staged-*"):  # by a run that was cut off
            shutil.rmtree(left)
        folder = Path(tempfile.mkdtemp(prefix=".staged-", dir=self._root))
        try:
            for digest, size in missing.items():
                self._download(digest, size, folder / digest.split(":")[1])
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _download(self, digest: str, size: int, target: Path) -> None:
        """Fetch a blob of C(size) bytes: no more are taken, for a server that sends without end would fill the disk."""
        # Only here: it costs every run a tenth of a second, also one that downloads nothing.
        from ansible.module_utils.urls import open_url

        url = f"{str(self._url).rstrip('/')}/blobs/{digest.replace(':', '/')}"
        try:
            with open_url(url, timeout=30) as reading, target.open("wb") as writing:
                while size >= 0 and (chunk := reading.read(1 << 20)):
                    size -= len(chunk)
                    writing.write(chunk)
        except OSError as error:  # urllib's errors are of this kind as well
            raise InstallError(f"{url}: download failed: {error}; nothing was changed") from error
        if install.digest(target) != digest:
            raise InstallError(f"{url}: wrong digest or cut short; nothing was changed, check the bundle's server")


def _blobs(
    steps: list[install.Step], with_packages: list[Entry], lacking: Mapping[str, list[dict[str, Any]]]
) -> dict[str, int]:
    """Digest and size of every blob that must come to the host."""
    blobs = {item["digest"]: item["size"] for step in steps for item in step.missing}
    for entry in with_packages:
        items = lacking[entry["name"]]
        for item in [*items, entry["package_list"]] if items else []:
            blobs[item["digest"]] = item["size"]
    return blobs
