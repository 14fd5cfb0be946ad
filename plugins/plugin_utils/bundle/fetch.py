# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads with limits: a dead host is given up within seconds and not asked again in the same run."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.urls import open_url

from .errors import Refused, Unavailable

#: Seconds until a host that does not answer counts as dead; a transfer may pause as long.
PATIENCE = 10
REDIRECTS = 10


def opened(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> Any:
    """Open an address, and where it leads on, but never from https:// to http://, where anybody on the way decides what comes.

    A header Authorization goes to the asked host alone. Raises Unavailable, and what open_url raises.
    """
    sent = dict(headers or {})
    for _redirect in range(REDIRECTS):
        try:
            return open_url(url, timeout=timeout, headers=sent, follow_redirects="none")
        except urllib.error.HTTPError as error:
            if error.code not in (301, 302, 303, 307, 308) or error.geturl() == url:
                raise
            before, url = url, str(error.geturl())
        if before.startswith("https://") and not url.startswith("https://"):
            raise Unavailable(f"{before}: leads on to {url}, and anybody on the way can alter what comes by http")
        sent.pop("Authorization", None)
    raise Unavailable(f"{url}: leads on again and again")


class Fetcher:
    """Downloads for one run. Proxies and certificate authorities come from the environment, as everywhere."""

    def __init__(self, patience: float = PATIENCE, registries: Mapping[str, str] | None = None) -> None:
        """C(registries) are those asked instead of others, as HOST or HOST/PATH."""
        self.registries = registries or {}
        self._patience = patience
        self._dead: dict[str, str] = {}

    def get(self, url: str, target: Path, headers: Mapping[str, str] | None = None) -> Path:
        """Download to a file; raise Unavailable when the host is away, refuses, or the answer is cut short.

        A header Authorization goes to the asked host alone, not to where it leads on.
        """
        host = urllib.parse.urlsplit(url).netloc
        if host in self._dead:
            raise Unavailable(f"{url}: {self._dead[host]}")
        try:
            self._copy(url, target, headers or {})
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise Refused(f"{url}: answered 401", error.headers.get("WWW-Authenticate") or "") from error
            raise Unavailable(f"{url}: answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            self._dead[host] = str(getattr(error.reason, "strerror", None) or error.reason)
            raise Unavailable(f"{url}: {self._dead[host]}") from error
        except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise Unavailable(f"{url}: {error or type(error).__name__}") from error
        return target

    def _copy(self, url: str, target: Path, headers: Mapping[str, str]) -> None:
        with opened(url, self._patience, headers) as reading, target.open("wb") as writing:
            expected = reading.headers.get("Content-Length")
            size = 0
            while chunk := reading.read(1 << 20):
                writing.write(chunk)
                size += len(chunk)
        if expected is not None and size != int(expected):
            raise Unavailable(f"{url}: download truncated, {size} of {expected} bytes")
