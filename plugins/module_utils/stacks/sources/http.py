# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Terraform's `http` backend, read without the binary: one GET of the state's address. GitLab keeps states so."""

from __future__ import annotations

import base64
import os

from ..errors import StackError
from ..source import Fetched, Source
from . import web


def fetch(source: Source, etag: str = "") -> Fetched:
    """Keys are the backend's own; the environment variables TF_HTTP_USERNAME and TF_HTTP_PASSWORD work as for Terraform."""
    fields = source.fields("address", ("address", "username", "password", "ca_file"), ("address",))
    if "@" in fields["address"].split("?")[0].removeprefix("https://").removeprefix("http://").split("/")[0]:
        raise StackError(source.place, "has credentials in its address", "Give them as `username` and `password`")
    place = f"{source.place}: {fields['address'].split('?')[0]}"
    user = fields.get("username") or os.environ.get("TF_HTTP_USERNAME")
    password = fields.get("password") or os.environ.get("TF_HTTP_PASSWORD") or ""
    headers = {"Accept": "application/json"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if etag:
        headers["If-None-Match"] = etag
    answer = web.get(
        fields["address"],
        headers,
        fields["timeout"],
        place,
        source.path(fields["ca_file"]) if "ca_file" in fields else None,
    )
    if answer.location:
        raise StackError(place, f"redirects to {answer.location}", "Give that address if it is the right one")
    return Fetched(answer.data, place, answer.etag)
