# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HCP Terraform and Terraform Enterprise by their API: a workspace's current state, or its outputs alone.

https://developer.hashicorp.com/terraform/cloud-docs/api-docs/state-versions and …/state-version-outputs
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .. import documents
from ..errors import StackError
from ..source import Fetched, Source
from . import web


def fetch(source: Source, etag: str = "") -> Fetched:
    """Keys: organization, workspace, hostname (app.terraform.io), read (state or outputs), token, ca_file.

    Without `token` it is looked for as Terraform does: TF_TOKEN_<hostname with underscores>, then the credentials file of `terraform login`.
    """
    fields = source.fields(
        "organization", ("organization", "workspace", "hostname", "read", "token", "ca_file"), ("organization",)
    )
    workspace = source.workspace or fields.get("workspace")
    host = fields.get("hostname", "app.terraform.io")
    place = f"{source.place}: {host}/{fields['organization']}/{workspace}"
    if not workspace:
        raise StackError(source.place, "has no workspace", "Add `workspace:`")
    if fields.get("read", "state") not in ("state", "outputs"):
        raise StackError(f"{source.place}.read", f"is {fields['read']!r}", "Choose state or outputs")
    token = fields.get("token") or _token(host)
    if not token:
        raise StackError(place, "has no token", f"Run `terraform login {host}`, or set TF_TOKEN_{_env(host)}")
    api = _Api(host, token, fields["timeout"], place, source.path(fields["ca_file"]) if "ca_file" in fields else None)
    found = api.get(f"/organizations/{quote(fields['organization'], '')}/workspaces/{quote(workspace, '')}")
    identity = _attribute(found, "id", place)
    if fields.get("read") == "outputs":
        plain = {}
        for item in api.pages(f"/workspaces/{identity}/current-state-version-outputs"):
            attributes = item.get("attributes") or {}
            plain[str(attributes.get("name"))] = {
                "value": attributes.get("value"),
                "type": attributes.get("detailed-type", attributes.get("type")),
                "sensitive": attributes.get("sensitive") is True,
            }
        return Fetched(json.dumps(plain).encode(), place, option="outputs")
    version = api.get(f"/workspaces/{identity}/current-state-version")
    identity = _attribute(version, "id", place)
    if etag and etag == identity:
        return Fetched(None, place)
    url = ((version.get("data") or {}).get("attributes") or {}).get("hosted-state-download-url")
    if not isinstance(url, str):
        raise StackError(
            place,
            "names no address to download the state from",
            "Let the token read state versions, or use `read: outputs`",
        )
    return Fetched(api.download(url), place, identity, option="state")


def _attribute(document: dict[str, Any], name: str, place: str) -> str:
    data = document.get("data")
    if not isinstance(data, dict) or not isinstance(data.get(name), str):
        raise StackError(place, "answers something that is not of this API", "Correct the hostname")
    return str(data[name])


class _Api:
    """The API of one host."""

    def __init__(self, host: str, token: str, timeout: float, place: str, ca_file: str | None) -> None:
        self.root = f"https://{host}"
        self.token, self.timeout, self.place, self.ca_file = token, timeout, place, ca_file

    def get(self, path: str) -> dict[str, Any]:
        """One JSON document of the API."""
        return documents.load_json(self._get(f"{self.root}/api/v2{path}", True), self.place)

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a listing, page by page."""
        query = ""
        while True:
            data = self._get(f"{self.root}/api/v2{path}{query}", True)
            document = documents.load_json(data, self.place, page=True)
            for item in documents.expect(document.get("data"), list, self.place, "the list of outputs"):
                yield documents.expect(item, dict, self.place, "an output")
            following = ((document.get("meta") or {}).get("pagination") or {}).get("next-page")
            if not following:
                documents.whole(document, self.place)
                return
            query = f"?page%5Bnumber%5D={following}"

    def download(self, url: str) -> bytes:
        """The state; the address may lie on another host, which gets no token."""
        return self._get(url, url.startswith(f"{self.root}/"))

    def _get(self, url: str, own: bool) -> bytes:
        headers = (
            {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.api+json, application/json"}
            if own
            else {}
        )
        for _hop in range(3):
            if not url.startswith("https://"):
                raise StackError(
                    self.place,
                    f"leads to {url.split('?')[0]}, and anybody on the way can alter what comes by http",
                    "Ask who runs the server",
                )
            answer = web.get(url, headers, self.timeout, self.place, self.ca_file)
            if not answer.location:
                return answer.data or b""
            url, headers = answer.location, headers if answer.location.startswith(f"{self.root}/") else {}
        raise StackError(self.place, "redirects again and again", "Correct the hostname")


def _env(host: str) -> str:
    return host.replace("-", "__").replace(".", "_")


def _token(host: str) -> str:
    """The token where Terraform keeps it."""
    given = os.environ.get(f"TF_TOKEN_{_env(host)}")
    if given:
        return given
    try:
        with open(os.path.expanduser("~/.terraform.d/credentials.tfrc.json"), encoding="utf-8") as handle:
            return str(json.load(handle)["credentials"][host]["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
