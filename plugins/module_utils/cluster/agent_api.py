# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTPS client of the API of HashiCorp's agents, for use on a manager. Standard library only.

What it needs lies in one root-only file that a role writes, so no secret passes through Ansible.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, TypeVar

from .remote import ApiError

A = TypeVar("A", bound="AgentApi")


@dataclass(frozen=True)
class AgentApi:
    """Where the API of one agent is and who asks. C(timeout) is in seconds and applies to each request.

    Of a program are the file with the access of a cluster, the header of its tokens, the port where its servers talk to each
    other, and the path that moves the leadership.
    """

    ACCESS_FILE: ClassVar[str]
    TOKEN_HEADER: ClassVar[str]
    RPC: ClassVar[int]
    TRANSFER: ClassVar[str]

    host: str
    port: int
    ca_file: str
    cert_file: str
    key_file: str
    token: str
    timeout: float = 10.0

    @classmethod
    def from_env(cls: type[A], cluster: str, timeout: float = 10.0) -> A:
        """Read the access file of C(cluster) on this manager. Raises ApiError when there is none or it is broken."""
        path = cls.ACCESS_FILE.format(cluster=cluster)
        try:
            with open(path, encoding="utf-8") as handle:
                access = json.load(handle)
            host, dummy, port = access["address"].removeprefix("https://").rpartition(":")
            return cls(
                host=host.strip("[]"),
                port=int(port),
                ca_file=access["ca_file"],
                cert_file=access["cert_file"],
                key_file=access["key_file"],
                token=access["token"],
                timeout=timeout,
            )
        except (OSError, ValueError, KeyError) as error:
            raise ApiError(
                0, f"{path} cannot be used ({error}); run the install playbook for this manager again"
            ) from error

    def get(self, path: str) -> Any:
        """GET C(path) and return the parsed JSON."""
        return self.request("GET", path)

    def put(self, path: str, body: Any = None) -> Any:
        """PUT C(body) as JSON to C(path)."""
        return self.request("PUT", path, body)

    def post(self, path: str, body: Any = None) -> Any:
        """POST C(body) as JSON to C(path)."""
        return self.request("POST", path, body)

    def delete(self, path: str) -> Any:
        """DELETE C(path)."""
        return self.request("DELETE", path)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the parsed JSON, or the text where the answer is none. Raises ApiError."""
        status, text = self.exchange(method, path, body)
        if status >= 400:
            raise ApiError(status, text.strip())
        try:
            return json.loads(text) if text else None
        except ValueError:
            return text

    def exchange(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Send one request and return status and text whatever the status is. Raises ApiError without an answer."""
        try:
            with self.answered(method, path, None if body is None else json.dumps(body).encode()) as response:
                return response.status, response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, f"https://{self.host}:{self.port}{path} does not answer ({error})") from error

    @contextlib.contextmanager
    def answered(
        self, method: str, path: str, body: bytes | BinaryIO | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send one request, with the bytes or the file C(body), and lend the answer. Raises OSError, HTTPException."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.load_cert_chain(self.cert_file, self.key_file)
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=context)
        try:
            connection.request(method, path, body, {self.TOKEN_HEADER: self.token} if self.token else {})
            yield connection.getresponse()
        finally:
            connection.close()
