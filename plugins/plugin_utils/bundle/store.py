# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle directory: blobs by digest and one index, correct at every instant.

``blobs/sha256/DIGEST`` are written beside, synced and renamed; ``index.json`` likewise, last. So a run that is cut off
anywhere leaves at most files in ``tmp/`` and blobs nobody names, both removed by the next filler. Several may fill at
once: each artifact has a lock of its own for the long work, the index one for the short moment of its change.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from .. import sign
from .errors import BundleError

FORMAT = 1


def default_root() -> Path:
    """Where the bundle lies unless told otherwise (XDG base directory specification)."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "keelson" / "bundle"


def blob_path(digest: str) -> str:
    """Path of a blob, relative to the bundle; ``digest`` is ``sha256:HEX``."""
    return "blobs/" + digest.replace(":", "/", 1)


def empty_index() -> dict[str, Any]:
    """Index of a bundle that holds nothing."""
    return {"format": FORMAT, "artifacts": {}}


def parse_index(text: str, where: str) -> dict[str, Any]:
    """Read the text of an index; raise BundleError when it is none, or of a format this release cannot read."""
    try:
        index = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where}: not JSON ({error}); remove it and fill the bundle again") from error
    if not isinstance(index, dict) or not isinstance(index.get("artifacts"), dict):
        raise BundleError(f"{where}: not the index of a bundle; remove it and fill the bundle again")
    if index.get("format") != FORMAT:
        raise BundleError(
            f"{where}: format {index.get('format')!r}, but this release reads format {FORMAT}; remove it and fill the bundle again"
        )
    return index


def entries(index: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every entry (artifact, version, architecture) of an index."""
    for versions in index["artifacts"].values():
        for architectures in versions.values():
            yield from architectures.values()


def blobs(entry: Mapping[str, Any]) -> dict[str, int]:
    """Digest and size of every blob an entry names."""
    listed = [*entry["files"], *entry["packages"], *([entry["package_list"]] if entry["package_list"] else [])]
    return {blob["digest"]: blob["size"] for blob in listed}


@contextlib.contextmanager
def full_disk(place: Path) -> Iterator[None]:
    """Turn a full disk into one message naming the place and what is free there."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(place).free
        raise BundleError(f"{place}: disk full ({free} bytes free); nothing half-written was kept") from error


class Store:
    """A bundle directory opened for filling."""

    def __init__(self, root: Path, key: Any = None) -> None:
        """`root` is the directory; with `key`, a private ed25519 key, every index that is written is signed."""
        self.root = root.absolute()  # builds run in folders of their own
        self._key = key

    @property
    def temporary(self) -> Path:
        """Scratch space on the same file system as the blobs."""
        return self.root / "tmp"

    def blob(self, digest: str) -> Path:
        """Absolute path of a blob."""
        return self.root / blob_path(digest)

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A scratch folder for one run. Held by a lock that the kernel frees, so those of killed runs are removed."""
        try:
            self.temporary.mkdir(parents=True, exist_ok=True)
            (self.root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BundleError(f"{self.root}: cannot be written: {error.strerror}") from error
        with self.lock("index"):
            self._remove_halves()
            for path in self.temporary.iterdir():
                if path.is_dir() and not is_held(path):
                    shutil.rmtree(path, ignore_errors=True)
            scratch = Path(tempfile.mkdtemp(prefix="run-", dir=self.temporary))
            handle = os.open(scratch, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            os.close(handle)

    @contextlib.contextmanager
    def lock(self, what: str, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
        """Hold an artifact, or the index, alone; ``waiting`` is told who holds it."""
        folder = self.root / "locks"
        folder.mkdir(exist_ok=True)
        with (folder / what).open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                if waiting is not None:
                    waiting(f"waiting: process {handle.read().strip() or '?'} is obtaining {what}")
                fcntl.flock(handle, fcntl.LOCK_EX)
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield

    @contextlib.contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """The index to change; saved, and blobs that nobody names any more removed, when the block ends well."""
        with self.lock("index"), full_disk(self.root):
            try:
                index = self.index()
                yield index
                self.save(index)
                self.sweep(index)
            finally:
                self._remove_halves()

    def index(self) -> dict[str, Any]:
        """The index, empty when there is none yet."""
        path = self.root / "index.json"
        return parse_index(path.read_text(), str(path)) if path.exists() else empty_index()

    def save(self, index: Mapping[str, Any]) -> None:
        """Replace the index in one step; a signature of what it was before does not stay."""
        content = {name: value for name, value in index.items() if name not in (sign.SIGNATURE, sign.WRITTEN)}
        if self._key:
            moment = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            content = sign.sealed({**content, sign.WRITTEN: moment}, self._key)
        index = content
        self._write(json.dumps(index, indent=1, sort_keys=True).encode() + b"\n", self.root / "index.json")

    def sign(self) -> None:
        """Sign the index as it is, with the moment; nothing is done without a key or an index."""
        if self._key and (self.root / "index.json").exists():
            with self.workspace(), self.changing():
                pass

    def add(self, source: Path) -> dict[str, Any]:
        """Keep a file as a blob and return its digest and size."""
        with full_disk(self.root), source.open("rb") as reading, self._temporary() as writing:
            digest = copy_hashing(reading, writing)
            self._settle(writing, self.blob(digest))
        return {"digest": digest, "size": self.blob(digest).stat().st_size}

    def complete(self, entry: Mapping[str, Any]) -> bool:
        """Whether every blob of an entry is there at its full size (contents are checked before each use)."""
        for digest, size in blobs(entry).items():
            path = self.blob(digest)
            if not path.is_file() or path.stat().st_size != size:
                return False
        return True

    def discard_damaged(self, progress: Callable[[str], None]) -> list[str]:
        """Read all blobs, remove those whose contents are not what their name says, return their digests."""
        with self.workspace(), self.lock("index"):
            found = self._damaged()
            for digest in found:
                progress(f"{self.blob(digest)}: damaged, removed")
                self.blob(digest).unlink()
        return found

    def _damaged(self) -> list[str]:
        found = []
        for path in sorted((self.root / "blobs" / "sha256").iterdir()):
            if digest_of(path) != "sha256:" + path.name:
                found.append("sha256:" + path.name)
        return found

    def sweep(self, index: Mapping[str, Any]) -> None:
        """Remove blobs no entry names."""
        named = {digest.split(":", 1)[1] for entry in entries(index) for digest in blobs(entry)}
        for path in (self.root / "blobs" / "sha256").iterdir():
            if path.name not in named:
                path.unlink()

    def _remove_halves(self) -> None:
        for path in self.temporary.iterdir():
            if path.is_file():  # half a blob: they are written only while the index is locked
                path.unlink()

    def _temporary(self) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(dir=self.temporary, delete=False)

    def _write(self, content: bytes, path: Path) -> None:
        with full_disk(self.root), self._temporary() as writing:
            writing.write(content)
            self._settle(writing, path)

    @staticmethod
    def _settle(writing: IO[bytes], path: Path) -> None:
        writing.flush()
        os.fchmod(writing.fileno(), 0o644)
        os.fsync(writing.fileno())
        Path(writing.name).rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def is_held(folder: Path) -> bool:
    """Whether a process that lives holds the lock on a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def copy_hashing(reading: IO[bytes], writing: IO[bytes]) -> str:
    """Copy a stream and return the digest of what passed."""
    digest = hashlib.sha256()
    while chunk := reading.read(1 << 20):
        digest.update(chunk)
        writing.write(chunk)
    return "sha256:" + digest.hexdigest()


def digest_of(path: Path) -> str:
    """Digest of a file, as ``sha256:HEX``."""
    with path.open("rb") as reading:
        return "sha256:" + hashlib.file_digest(reading, "sha256").hexdigest()
