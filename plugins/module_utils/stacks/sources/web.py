# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One GET over HTTP with a deadline, a limit of size and errors that say what to do; what the HTTP sources share."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

from ..documents import LIMIT
from ..errors import StackError

_REMEDIES = {
    401: "Give the right credentials",
    403: "Let these credentials read the state",
    404: "Correct the address, or apply the stack first",
    423: "Wait until the run that holds the lock has ended",
}


class Answer(NamedTuple):
    """data: None when the server says that what ETAG names is still right. location: where a redirect leads."""

    data: bytes | None
    etag: str = ""
    location: str = ""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, so that credentials go nowhere else."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Follow nothing."""
        return None


def get(url: str, headers: Mapping[str, str], timeout: float, place: str, ca_file: str | None = None) -> Answer:
    """GET the URL within TIMEOUT seconds in all. StackError for every answer but 200, 204, 304 and a redirect."""
    if not url.startswith(("http://", "https://")):
        raise StackError(place, f"{url!r} is no HTTP address", "Give one that starts with https:// or http://")
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise StackError(
            place, f"the CA file {ca_file} cannot be used: {error.strerror or error}", "Give a readable PEM file"
        ) from None
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=context))
    deadline = time.monotonic() + timeout
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout) as response:
            data = bytearray()
            while chunk := response.read1(1 << 20):
                data += chunk
                if len(data) > LIMIT:
                    raise StackError(
                        place, f"sends more than {LIMIT >> 20} MiB", "Name the state itself, or split the stack"
                    )
                if time.monotonic() > deadline:
                    raise TimeoutError
            if response.status == 206:
                raise StackError(place, "sends a part only (206)", "Ask who runs the server, or a proxy before it")
            length = response.headers.get("Content-Length")
            if length and length.isdigit() and int(length) != len(data):
                raise StackError(place, f"sent {len(data)} of {length} bytes", "Try again; the connection was cut")
            return Answer(bytes(data), response.headers.get("ETag") or "")
    except StackError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304:
            return Answer(None)
        if error.code in (301, 302, 303, 307, 308) and error.headers.get("Location"):
            return Answer(None, location=str(error.headers["Location"]))
        remedy = _REMEDIES.get(error.code, "Ask who runs the server" if error.code >= 500 else "Correct the address")
        raise StackError(place, f"answers {error.code} {error.reason or ''}".rstrip(), remedy) from None
    except (urllib.error.URLError, OSError) as error:
        raise _failure(error, place, timeout) from None
    except ValueError:  # its text may show a header, and so the credentials
        raise StackError(
            place, "has an address or credentials that no request can carry", "Look for a line break in them"
        ) from None
    except Exception as error:  # http.client raises errors of its own for answers that are no HTTP
        raise StackError(place, f"does not speak HTTP: {type(error).__name__}", "Correct the address") from None


def _failure(error: Exception, place: str, timeout: float) -> StackError:
    reason = getattr(error, "reason", error)
    if isinstance(reason, (TimeoutError, socket.timeout)):
        return StackError(place, f"did not answer within {timeout:g} seconds", "Try again, or raise `timeout`")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return StackError(
            place, f"shows a certificate that is not trusted: {reason.verify_message}", "Name its CA with `ca_file`"
        )
    if isinstance(reason, ssl.SSLError):
        return StackError(place, f"does not speak TLS: {reason.reason or reason}", "Correct the address")
    if isinstance(reason, socket.gaierror):
        return StackError(place, "has a host name that cannot be resolved", "Correct the address")
    text = getattr(reason, "strerror", None) or str(reason)
    return StackError(place, f"cannot be reached: {text.lower()}", "Correct the address, or start the server")
