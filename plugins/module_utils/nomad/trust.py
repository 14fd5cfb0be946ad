# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CA the running agents of a Nomad cluster trust, and which one signed what they show. Standard library only.

A server tells each client which CAs it takes certificates of (RFC 8446, certificate_authorities), so this is what an agent has read,
whatever lies on its disk.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..cluster.members import WELL, canonical
from ..cluster.remote import ApiError, bracketed
from ..cluster.rotation import PREPARE, USE
from ..host import programs
from .api import Api
from .members import members
from .ports import HTTP

PATIENCE = 10.0  # seconds for one agent
UNKNOWN = {
    True: " (it joined by itself, and takes part by its own timer within the hour)",
    False: " (it is not in the inventory)",
}


@dataclass(frozen=True)
class Shown:
    """The names of the CAs that an agent trusts, and the one of its certificate's issuer; nothing of one that does not answer."""

    trusted: tuple[str, ...] = ()
    issuer: str = ""


def parse(text: str) -> Shown:
    """Read what openssl s_client prints."""
    names = re.search(
        r"^Acceptable client certificate CA names\n(.*?)^(?:Client Certificate|Requested|---)", text, re.M | re.S
    )
    issuer = re.search(r"^issuer=(.*)$", text, re.M)
    return Shown(tuple(names[1].split("\n")[:-1]) if names else (), issuer[1] if issuer else "")


def look(api: Api, address: str) -> Shown:
    """Ask the agent at an address."""
    files = ["-CAfile", api.ca_file, "-cert", api.cert_file, "-key", api.key_file]
    try:
        return parse(
            programs.run(
                ["openssl", "s_client", "-connect", f"{bracketed(address)}:{HTTP}", "-nameopt", "RFC2253", *files],
                timeout=PATIENCE,
            ).stdout
        )
    except subprocess.TimeoutExpired:
        return Shown()


def subject(certificate: str) -> str:
    """The name in a certificate. Raises OSError, subprocess's errors."""
    command = ["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253"]
    return programs.run(command, certificate, PATIENCE, check=True).stdout.strip().removeprefix("subject=")


def lacks(shown: Shown, authorities: Sequence[str], phase: str) -> str:
    """What an agent lacks after a phase; C(authorities) are the names of those that are accepted, first the one in use."""
    if not shown.issuer:
        return "does not answer"
    missing = [name for name in authorities if name not in shown.trusted]
    if missing:
        return f"does not trust {', '.join(missing)}"
    if phase == PREPARE:
        return ""
    if shown.issuer != authorities[0]:
        return f"shows a certificate of {shown.issuer}"
    others = [name for name in shown.trusted if name not in authorities]
    return f"trusts {', '.join(others)} still" if others and phase != USE else ""


def lagging(
    api: Api,
    hosts: Mapping[str, str],
    certificates: Sequence[str],
    phase: str,
    probe: Callable[[Api, str], Shown] = look,
) -> dict[str, str]:
    """By name, what members lack: all of the inventory's C(hosts) (addresses by name), and all that live. Raises ApiError, OSError.

    One of the inventory that does not live is passed over until the old CA is to be refused.
    """
    authorities = [subject(certificate) for certificate in certificates]
    alive = {canonical(entry["address"]): entry for entry in members(api) if entry["status"] in WELL}
    known = {canonical(address): name for name, address in hosts.items()}
    names = {**{address: entry["name"] for address, entry in alive.items()}, **known}
    with ThreadPoolExecutor(16) as pool:
        shown = dict(zip(names, pool.map(lambda address: probe(api, address), names)))
    found = {}
    for address, name in names.items():
        reason = lacks(shown[address], authorities, phase)
        if reason and (address in alive or phase == USE):
            found[name] = reason + ("" if address in known else UNKNOWN[alive[address]["enrolled"]])
    return found


FAULTS = (ApiError, OSError, subprocess.SubprocessError)
