# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the leaf certificates and the trust of this host's sidecars fresh. Standard library only.

A timer runs it. It asks a manager for new leaves where one is missing, nears its end, or is another authority's, and
writes them where Envoy reads them. Nothing is changed when no manager answers. usage: python3 -m utils.mesh_envoy.renew
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..enrollment import certificate
from ..mesh import places, renewal
from . import leaf

SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


@dataclass(frozen=True)
class Kept:
    """What a sidecar has: when its leaf ends (0 for none), and which authority signed it."""

    end: float
    issuer: str


def main() -> int:
    """Renew what is due; returns the exit code."""
    try:
        given = places.host()
        return renew(given)
    except (OSError, ValueError, KeyError) as error:
        sys.stdout.write(f"no leaf certificate was renewed: {error}\n")
        return 1


def renew(given: Mapping[str, Any]) -> int:
    """Ask and write. Raises OSError when no manager answers, or when what a gateway shows outside cannot be read."""
    # Without an issuer too.
    faults = [fault for entry in given["sidecars"] if entry["kind"] == "ingress" and (fault := show(entry))]
    sidecars = {entry["identity"]: entry["id"] for entry in given["sidecars"]}
    answer = renewal.ask(given, "leaves", {})
    due = {
        identity: reason
        for identity, name in sidecars.items()
        if (reason := reason_to_renew(kept(name), answer["issuer"], given["renew_before_minutes"], time.time()))
    }
    keys = {identity: certificate.make_key() for identity in due}
    if keys:
        answer = renewal.ask(
            given, "leaves", {identity: certificate.make_request(key) for identity, key in keys.items()}
        )
    for identity, name in sidecars.items():
        # Trust first: a leaf of a new authority is of use only where that one is trusted.
        write(name, "trust", {"validation_context": {"trusted_ca": {"inline_string": answer["trust"]}}})
        if identity in keys:
            pair = {"certificate_chain": answer["leaves"][identity], "private_key": keys[identity]}
            secret = {part: {"inline_string": text} for part, text in pair.items()}
            write(name, "identity", {"tls_certificate": secret}, answer["issuer"])
            sys.stdout.write(f"{identity}: renewed, {due[identity]}\n")
    if faults:
        raise OSError("; ".join(faults))
    return 0


def show(gateway: Mapping[str, Any]) -> str:
    """Give a gateway the certificate that it shows outside, which its account cannot read; returns what is wrong with it."""
    chain, key = gateway["outside"]["chain"], gateway["outside"]["key"]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
        texts = [Path(path).read_text(encoding="utf-8") for path in (chain, key)]
    except OSError as error:
        return f"the certificate of the gateway {gateway['key']} ({chain}, {key}) cannot be used: {error}"
    pair = {"certificate_chain": {"inline_string": texts[0]}, "private_key": {"inline_string": texts[1]}}
    write(gateway["id"], "outside", {"tls_certificate": pair})
    return ""


def reason_to_renew(found: Kept, issuer: str, before_minutes: float, now: float) -> str:
    """Why a sidecar needs a new leaf, '' when it needs none."""
    if not found.end:
        return "there was none"
    if found.issuer != issuer:
        return "another authority signs now"
    left = (found.end - now) / 60
    return f"{left:.0f} minutes were left" if left < before_minutes else ""


def kept(name: str, kind: str = "identity") -> Kept:
    """What a sidecar has now; C(outside) is what a gateway shows outside."""
    try:
        with open(f"{places.STATE}/{name}/{kind}.json", encoding="utf-8") as file:
            found = json.load(file)
        text = found["resources"][0]["tls_certificate"]["certificate_chain"]["inline_string"]
        return Kept(certificate.read(leaf.chain(text)[0]).end, str(found["version_info"]))
    except (OSError, ValueError, LookupError, TypeError):
        return Kept(0, "")


def write(name: str, kind: str, content: Mapping[str, Any], version: str = "") -> None:
    """Write a secret as Envoy reads it, for the sidecar's account alone, unless it is there. Raises OSError."""
    resource = {"@type": SECRET, "name": kind, **content}
    renewal.write(name, f"{kind}.json", json.dumps({"version_info": version, "resources": [resource]}))


if __name__ == "__main__":
    raise SystemExit(main())
