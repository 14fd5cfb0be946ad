# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs that keep certificates or tokens of this host's sidecars fresh share, whatever provider. Standard library only."""

from __future__ import annotations

import contextlib
import grp
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from typing import Any

from ..cluster.remote import whole
from ..host import atomic
from . import places

PATIENCE = 15.0  # seconds for one request


def ask(given: Mapping[str, Any], what: str, requests: Mapping[str, str]) -> dict[str, Any]:
    """What the issuer on a manager answers, asked one after the other. Raises OSError when none does."""
    context = ssl.create_default_context(cafile=given["ca"])
    context.load_cert_chain(given["cert"], given["key"])
    faults = []
    for url in given["issuers"]:
        place = urllib.parse.urlsplit(url)
        link = http.client.HTTPSConnection(place.hostname or "", place.port, timeout=PATIENCE, context=context)
        try:
            link.request("POST", f"/v1/{what}", json.dumps({"requests": dict(requests)}))
            reply = link.getresponse()
            answer: dict[str, Any] = json.loads(whole(reply))
            if not isinstance(answer, dict):
                raise ValueError("the answer is no JSON object")
            if reply.status == 200:
                return answer
            faults.append(f"{url}: {answer.get('error')}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            faults.append(f"{url}: {error}")
        finally:
            link.close()
    raise OSError("; ".join(faults) or "no manager is known")


def write(name: str, where: str, text: str) -> None:
    """Write a file for the account of a sidecar alone, unless it is there. Raises OSError."""
    path = f"{places.STATE}/{name}/{where}"
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        if file.read() == text:
            return
    atomic.write(path, text, 0o440, (0, grp.getgrnam(places.account(name)).gr_gid))
