# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTPS client of the Kubernetes API, for use on a member. Standard library only.

Who asks and where is read from the root-only kubeconfigs that kubeadm writes, so no secret passes through Ansible.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.client
import json
import os
import re
import ssl
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.remote import ApiError, bracketed

__all__ = ["Api", "ApiError"]

ACCESS_FILE = "/etc/kubernetes/admin.conf"
CA_FILE = "/etc/kubernetes/pki/ca.crt"
NODE_FILE = "/etc/kubernetes/kubelet.conf"
FIELD_MANAGER = "keelson"
TRIES, PAUSE = 3, 1.0  # seconds
CUT = (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)
JSON, MERGE, APPLY = "application/json", "application/merge-patch+json", "application/apply-patch+yaml"


def applied(entry: Mapping[str, Any]) -> bool:
    """Whether this collection has applied an object."""
    return any(one.get("manager") == FIELD_MANAGER for one in entry["metadata"].get("managedFields") or [])


@dataclass(frozen=True)
class Access:
    """What one kubeconfig tells: the address of the API, its CA, and a client's certificate and key, all PEM."""

    server: str
    ca: str
    cert: str
    key: str


def read_access(text: str) -> Access:
    """Read a kubeconfig of one cluster and one user, as kubeadm writes it. Raises ValueError that names the field, OSError.

    Hosts have no YAML library; these four fields are plain words on lines of their own, whatever wrote the file.
    Fields: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
    """

    def field(name: str) -> str:
        found = re.findall(rf"^[ -]*{name}: *[\"']?([^\s\"']+)[\"']? *$", text, re.MULTILINE)
        if len(found) != 1:
            raise ValueError(f"{len(found)} fields {name} where there must be one")
        return str(found[0])

    def pem(name: str) -> str:
        if re.search(
            rf"^[ -]*{name}: ", text, re.MULTILINE
        ):  # kubelet renews its own, so its kubeconfig names the file
            with open(field(name), encoding="ascii") as file:
                return file.read()
        return base64.b64decode(field(f"{name}-data"), validate=True).decode("ascii")

    return Access(field("server"), pem("certificate-authority"), pem("client-certificate"), pem("client-key"))


def client_context(ca: str, cert: str = "", key: str = "") -> ssl.SSLContext:
    """Return verifying TLS settings from PEM texts, with a client's certificate where one is given."""
    settings = ssl.create_default_context(cadata=ca)
    if cert:
        with secret_file(cert + key) as path:
            settings.load_cert_chain(path)
    return settings


@contextlib.contextmanager
def secret_file(text: str) -> Iterator[str]:
    """Lend a text as a file for libraries that read nothing else; it lies in memory where the kernel can do that."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("keelson"), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            yield file.name


@dataclass(frozen=True)
class Api:
    """Where the API is and who asks. C(timeout) is in seconds and applies to each request."""

    host: str
    port: int
    context: ssl.SSLContext
    timeout: float = 10.0

    @classmethod
    def from_env(cls, cluster: str, timeout: float = 10.0, path: str = ACCESS_FILE) -> Api:
        """Read the access file of this manager, or with C(path) NODE_FILE that of this node; it names the API.

        Raises ApiError when there is none or it is broken.
        """
        try:
            with open(path, encoding="utf-8") as handle:
                access = read_access(handle.read())
            server = urllib.parse.urlsplit(access.server)
            if server.scheme != "https" or not server.hostname:
                raise ValueError(f"server {access.server} is no HTTPS address")
            # kubelet keeps both in one file.
            context = client_context(access.ca, access.cert, access.key if access.key != access.cert else "")
            return cls(server.hostname, server.port or 443, context, timeout)
        except (OSError, ValueError) as error:
            raise ApiError(
                0,
                f"cluster {cluster}: {path} cannot be used ({error}); run the install playbook for this host again",
            ) from error

    def at(self, host: str, port: int = 6443) -> Api:
        """Return the same client for one manager's own address instead of the endpoint."""
        return dataclasses.replace(self, host=host, port=port)

    def get(self, path: str) -> Any:
        """GET C(path) and return the parsed JSON."""
        return self.request("GET", path)

    def find(self, path: str) -> Any:
        """GET C(path) and return the parsed JSON, or None where there is no such object."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str) -> list[dict[str, Any]]:
        """GET a list and return its objects."""
        return list(self.get(path).get("items") or [])

    def post(self, path: str, body: Any) -> Any:
        """POST C(body) as JSON to C(path)."""
        return self.request("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        """PUT C(body) as JSON to C(path)."""
        return self.request("PUT", path, body)

    def merge(self, path: str, body: Any) -> Any:
        """Change what C(body) names (a JSON merge patch, RFC 7386)."""
        return self.request("PATCH", path, body, MERGE)

    def apply(self, path: str, body: Any, dry_run: bool = False) -> Any:
        """Apply what C(body) says, whether the object is there or not (server-side apply, taking fields over).

        https://kubernetes.io/docs/reference/using-api/server-side-apply/
        """
        query = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        return self.request("PATCH", f"{path}?{urllib.parse.urlencode(query)}", body, APPLY)

    def delete(self, path: str, seconds: int | None = None, only: Mapping[str, str] | None = None) -> Any:
        """DELETE C(path) and what belongs to it, a pod within C(seconds); return nothing where it was gone already.

        C(only): the C(uid) or the C(resourceVersion) that it must have still, else the API answers 409.
        """
        options: dict[str, Any] = {
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "gracePeriodSeconds": seconds,
        }
        if only:
            options["preconditions"] = dict(only)
        try:
            return self.request("DELETE", path, options)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def request(self, method: str, path: str, body: Any = None, kind: str = JSON) -> Any:
        """Send one request and return the parsed JSON, or the text where the answer is none. Raises ApiError."""
        status, text = self.exchange(method, path, body, kind)
        if status >= 400:
            raise ApiError(status, reason(text))
        try:
            return json.loads(text) if text else None
        except ValueError:
            return text

    def exchange(self, method: str, path: str, body: Any = None, kind: str = JSON) -> tuple[int, str]:
        """Send one request and return status and text whatever the status is. Raises ApiError without an answer.

        A connection that is cut, as a load balancer does when it gives a manager up, is tried again, but for POST: what
        that makes may be there already.
        """
        where = bracketed(self.host)
        tries = 1 if method == "POST" else TRIES
        for attempt in range(1, tries + 1):
            try:
                return self._once(method, path, body, kind)
            except CUT as error:
                if attempt == tries:
                    raise ApiError(0, f"https://{where}:{self.port}{path} does not answer ({error})") from error
                time.sleep(PAUSE)
            except (OSError, http.client.HTTPException) as error:
                raise ApiError(0, f"https://{where}:{self.port}{path} does not answer ({error})") from error
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, body: Any, kind: str) -> tuple[int, str]:
        link = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)
        try:
            payload = None if body is None else json.dumps(body)
            link.request(method, path, payload, {"Content-Type": kind, "Accept": "application/json, */*"})
            response = link.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            link.close()


def reason(text: str) -> str:
    """Return the message of an API's refusal (a Status object) with its causes, or the text itself where it is none.

    Which disruption budget refuses an eviction is in the causes alone.
    """
    try:
        found = json.loads(text)
        told = str(found["message"])
        causes = [str(cause["message"]) for cause in (found.get("details") or {}).get("causes") or []]
        return " ".join([told, *(cause for cause in causes if cause not in told)])
    except (ValueError, KeyError, TypeError, AttributeError):
        return " ".join(text.split())[:500]
