# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups are kept: a directory, an S3-compatible store, an sftp account. Standard library only."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import http.client
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import urllib.parse
from collections.abc import Mapping
from typing import Any, BinaryIO, Protocol

from ..cluster.remote import whole
from .archive import BackupError, digest

PATIENCE = 60.0  # seconds without an answer


class Target(Protocol):
    """A place for files by plain names. All methods raise BackupError naming the place."""

    def put(self, name: str, path: str) -> None:
        """Keep the file at C(path), whole or not at all."""

    def get(self, name: str, path: str) -> None:
        """Bring a file to C(path)."""

    def names(self) -> list[str]:
        """All files."""

    def delete(self, name: str) -> None:
        """Forget a file, if there is one."""


def open_target(settings: Mapping[str, Any]) -> Target:
    """The place that the target of C(cluster_backup) describes. Raises BackupError."""
    kinds: dict[str, Any] = {"directory": Directory, "s3": S3, "sftp": Sftp}
    if len(settings) != 1 or not set(settings) <= set(kinds):
        raise BackupError(f"cluster_backup.target has {sorted(settings)}; give one of {', '.join(kinds)}")
    ((kind, value),) = settings.items()
    if kind == "directory":
        return Directory(value)
    try:
        target: Target = kinds[kind](**value)
    except TypeError as error:
        raise BackupError(f"cluster_backup.target.{kind}: {str(error).partition('() ')[2] or error}") from error
    return target


class Directory:
    """A directory that is there already: a mount that is missing must not fill the disk below it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def put(self, name: str, path: str) -> None:
        """Copy it, and rename it when it is on the disk."""
        with self._named():
            partial = os.path.join(self.path, f"{name}.partial")
            try:
                with (
                    open(path, "rb") as source,
                    open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as to,
                ):
                    shutil.copyfileobj(source, to)
                    to.flush()
                    os.fsync(to.fileno())
                os.replace(partial, os.path.join(self.path, name))
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(partial)

    def get(self, name: str, path: str) -> None:
        """Copy it."""
        with self._named():
            shutil.copyfile(os.path.join(self.path, name), path)

    def names(self) -> list[str]:
        """List it."""
        with self._named():
            return os.listdir(self.path)

    def delete(self, name: str) -> None:
        """Unlink it."""
        with self._named(), contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, name))

    @contextlib.contextmanager
    def _named(self) -> Any:
        try:
            if not os.path.isdir(self.path):
                raise BackupError(f"the backup directory {self.path} is not there; mount or create it")
            yield
        except OSError as error:
            raise BackupError(f"the backup directory {self.path}: {error}") from error


class S3:
    """A bucket of an S3-compatible store, its requests signed by version 4 of AWS's scheme, the bucket in the path.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """

    def __init__(
        self, endpoint: str, bucket: str, access_key: str, secret_key: str,
        prefix: str = "", region: str = "us-east-1", ca_file: str = "",
    ) -> None:  # fmt: skip
        self.url = urllib.parse.urlsplit(endpoint)
        if self.url.scheme not in ("http", "https") or not self.url.hostname:
            raise BackupError(f"cluster_backup.target.s3.endpoint is {endpoint!r}, which is no address of a store")
        self.bucket, self.prefix, self.region = bucket, prefix, region
        self.keys, self.ca_file = (access_key, secret_key), ca_file

    def put(self, name: str, path: str) -> None:
        """Send it in one request: the store shows it when it is whole."""
        with open(path, "rb") as file:
            self._ask("PUT", self.prefix + name, body=file, sha256=digest(path))

    def get(self, name: str, path: str) -> None:
        """Bring it."""
        with open(path, "wb") as file:
            self._ask("GET", self.prefix + name, into=file)

    def names(self) -> list[str]:
        """List the bucket below the prefix."""
        found: list[str] = []
        more = ""
        while True:
            query = {"list-type": "2", "prefix": self.prefix, **({"continuation-token": more} if more else {})}
            answer = self._ask("GET", "", query).decode()
            found += [
                _plain(key).removeprefix(self.prefix) for key in re.findall(r"<Key>(.*?)</Key>", answer, re.DOTALL)
            ]
            token = re.search(r"<NextContinuationToken>(.*?)</NextContinuationToken>", answer)
            if not token:
                return found
            more = _plain(token[1])

    def delete(self, name: str) -> None:
        """Forget it."""
        self._ask("DELETE", self.prefix + name)

    def _ask(
        self, method: str, key: str, query: Mapping[str, str] | None = None,
        body: BinaryIO | None = None, sha256: str = "", into: BinaryIO | None = None,
    ) -> bytes:  # fmt: skip
        path = f"/{self.bucket}/{urllib.parse.quote(key)}" if key else f"/{self.bucket}"
        asked = "&".join(f"{n}={urllib.parse.quote(v, '')}" for n, v in sorted((query or {}).items()))
        where = f"{self.url.scheme}://{self.url.netloc}{path}"
        headers = self._signed(method, path, asked, sha256 or hashlib.sha256(b"").hexdigest())
        if body is not None:
            headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
        try:
            link = self._connect()
            try:
                link.request(method, f"{path}?{asked}" if asked else path, body, headers)
                answer = link.getresponse()
                if answer.status < 300 and into is not None:
                    shutil.copyfileobj(answer, into)
                    return b""
                text = whole(answer)
            finally:
                link.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BackupError(f"{where} does not answer ({error}); check cluster_backup.target.s3") from error
        if answer.status >= 300:
            code = re.search(rb"<Code>(.*?)</Code>", text)
            told = code[1].decode() if code else answer.reason
            raise BackupError(f"{where} answers {answer.status} {told}; check cluster_backup.target.s3")
        return text

    def _connect(self) -> http.client.HTTPConnection:
        host, port = str(self.url.hostname), self.url.port
        if self.url.scheme == "http":
            return http.client.HTTPConnection(host, port or 80, timeout=PATIENCE)
        context = ssl.create_default_context(cafile=self.ca_file or None)
        return http.client.HTTPSConnection(host, port or 443, timeout=PATIENCE, context=context)

    def _signed(self, method: str, path: str, query: str, sha256: str) -> dict[str, str]:
        moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.url.netloc, "x-amz-content-sha256": sha256, "x-amz-date": moment}
        listed = ";".join(headers)
        lines = [method, path, query, *(f"{name}:{value}" for name, value in headers.items()), "", listed, sha256]
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        asked = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        key = f"AWS4{self.keys[1]}".encode()
        for word in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{asked}"):
            key = hmac.digest(key, word.encode(), "sha256")
        credential = f"Credential={self.keys[0]}/{scope}"
        return {
            **headers,
            "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={listed}, Signature={key.hex()}",
        }


def _plain(text: str) -> str:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


class Sftp:
    """A directory of an account that sftp reaches; C(key) is the private key, C(host_key) the server's line of known_hosts."""

    def __init__(self, host: str, user: str, directory: str, key: str, host_key: str, port: int = 22) -> None:
        self.host, self.user, self.port, self.directory = host, user, int(port), directory
        self.key, self.host_key = key, host_key

    def put(self, name: str, path: str) -> None:
        """Send it, and rename it when it is there."""
        partial = f"{self._at(name)}.partial"
        self._run(f'put "{path}" {_quoted(partial)}', f"rename {_quoted(partial)} {_quoted(self._at(name))}")

    def get(self, name: str, path: str) -> None:
        """Bring it."""
        self._run(f'get {_quoted(self._at(name))} "{path}"')

    def names(self) -> list[str]:
        """List it."""
        listed = self._run(f"ls -1 {_quoted(self.directory)}")
        return [line.strip().rpartition("/")[2] for line in listed.splitlines() if not line.startswith("sftp>")]

    def delete(self, name: str) -> None:
        """Remove it; one that is gone already is no fault."""
        self._run(f"-rm {_quoted(self._at(name))}")

    def _at(self, name: str) -> str:
        return f"{self.directory.rstrip('/')}/{name}"

    def _run(self, *lines: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("key", self.key), ("known", self.host_key)):
                with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                    file.write(text.strip() + "\n")
            options = {"IdentityFile": f"{folder}/key", "UserKnownHostsFile": f"{folder}/known", "BatchMode": "yes"}
            options |= {"StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "ConnectTimeout": "20"}
            command = ["sftp", "-F", "none", "-b", "-", "-P", str(self.port)]
            command += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
            done = subprocess.run(
                [*command, f"{self.user}@{self.host}"],
                input="\n".join(lines) + "\n", capture_output=True, text=True, check=False,
            )  # fmt: skip
        if done.returncode:
            where = f"{self.user}@{self.host}:{self.directory}"
            told = " ".join(done.stderr.split())[-300:]
            raise BackupError(f"{where}: sftp ends with {done.returncode} ({told}); check cluster_backup.target.sftp")
        return done.stdout


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
