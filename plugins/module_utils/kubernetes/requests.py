# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of kubelets for the certificate they serve with, and which of them may have it. Standard library only.

The API's own approver leaves these to somebody who knows which address belongs to which node: the inventory does.
https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import removed
from .api import Api, ApiError
from .view import NODES, parse_node

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
MEMBERS = "/api/v1/namespaces/kube-system/configmaps/keelson-members"
SPACE = "/api/v1/namespaces/keelson-join"  # what the enrollment service for new hosts keeps, where nobody but an administrator reads
RECORD = "keelson.cluster/record"  # label: what an object there is, a token, or a host that was let in
LET_IN = f"{SPACE}/configmaps"
SECONDS = 900  # for which a host that was let in may register
SIGNER = "kubernetes.io/kubelet-serving"
GROUPS = {"system:nodes", "system:authenticated"}
USAGES = ({"digital signature", "server auth"}, {"digital signature", "key encipherment", "server auth"})
_SEQUENCE, _SET, _OID, _OCTETS, _EXTENSIONS = 0x30, 0x31, 0x06, 0x04, 0xA0
_COMMON_NAME, _ORGANISATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
_EXTENSION_REQUEST, _ALTERNATIVES = bytes.fromhex("2a864886f70d01090e"), bytes.fromhex("551d11")
_DNS, _ADDRESS = 0x82, 0x87


@dataclass(frozen=True)
class Subject:
    """Who a certificate is asked for: common name, organisations, and the alternative names by kind."""

    name: str
    organisations: frozenset[str]
    dns: frozenset[str]
    addresses: frozenset[str]
    others: int


def entries(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, content) pairs of DER (X.690, 8.1). Raises ValueError when the data is cut short."""
    while data:
        if len(data) < 2:
            raise ValueError("the request is cut short")
        tag, length, start = data[0], data[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            raise ValueError("the request is cut short")
        yield tag, data[start : start + length]
        data = data[start + length :]


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    return list(entries(data))


def read(pem: str) -> Subject:
    """Read a PKCS #10 request (RFC 2986) in PEM. Raises ValueError when it is none."""
    found = re.search(r"-----BEGIN CERTIFICATE REQUEST-----(.*?)-----END", pem, re.DOTALL)
    try:
        body = "".join(found[1].split()) if found else ""
        request = _parts(base64.b64decode(body, validate=True))[0][1]
        information = _parts(_parts(request)[0][1])
        pairs = [
            (pair[0][1], pair[1][1].decode())
            for _tag, relative in entries(information[1][1])
            for pair in (_parts(entry) for _kind, entry in entries(relative))
        ]
        dns, addresses, others = set(), set(), 0
        for kind, value in _alternatives(information[3:]):
            if kind == _DNS:
                dns.add(value.decode("ascii"))
            elif kind == _ADDRESS:
                addresses.add(str(ipaddress.ip_address(value)))
            else:
                others += 1
    except (IndexError, ValueError) as error:
        raise ValueError(f"it is no certificate signing request ({error})") from error
    names = [value for kind, value in pairs if kind == _COMMON_NAME]
    return Subject(
        name=names[0] if len(names) == 1 else "",
        organisations=frozenset(value for kind, value in pairs if kind == _ORGANISATION),
        dns=frozenset(dns),
        addresses=frozenset(addresses),
        others=others,
    )


def _alternatives(attributes: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The alternative names among a request's attributes."""
    for tag, content in attributes:
        for _kind, attribute in entries(content) if tag == _EXTENSIONS else ():
            identifier, values = _parts(attribute)
            if identifier[1] != _EXTENSION_REQUEST:
                continue
            for _kind, extensions in entries(values[1]):
                for _extension, content in entries(extensions):
                    fields = _parts(content)
                    if fields[0][1] == _ALTERNATIVES:
                        yield from entries(_parts(fields[-1][1])[0][1])


def refuse(request: Mapping[str, Any], addresses: Mapping[str, str]) -> str:
    """Say why the API's object C(request) must not be approved, or ''. C(addresses) are the inventory's, by node."""
    spec = request["spec"]
    user = str(spec.get("username", ""))
    node = user[len("system:node:") :] if user.startswith("system:node:") else ""
    if node not in addresses:
        return f"{user or 'nobody'} is no node of the inventory"
    if set(spec.get("groups", [])) != GROUPS:
        return f"the groups are {', '.join(sorted(spec.get('groups', [])))}"
    if set(spec.get("usages", [])) not in USAGES:
        return f"the usages are {', '.join(spec.get('usages', []))}"
    try:
        subject = read(base64.b64decode(spec["request"]).decode("ascii"))
    except ValueError as error:
        return str(error)
    if subject.name != user or subject.organisations != {"system:nodes"}:
        return f"it asks in the name of {subject.name or 'nobody'} of {', '.join(sorted(subject.organisations)) or 'nothing'}"
    if subject.others or subject.dns - {node} or subject.addresses - {str(ipaddress.ip_address(addresses[node]))}:
        asked = sorted(subject.dns | subject.addresses)
        return f"it asks for {', '.join(asked)}, and {node} is {addresses[node]}"
    return "" if subject.dns or subject.addresses else "it asks for no name and no address"


def make_space(api: Api) -> None:
    """Make the namespace of join tokens, before anybody else can have it. Raises ApiError."""
    if api.find(SPACE) is None:
        name = SPACE.rpartition("/")[2]
        api.apply(SPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def keep_members(api: Api, addresses: Mapping[str, str], check: bool) -> bool:
    """Keep the inventory's addresses by name in the cluster, where no node can write; returns whether they changed."""
    if not check:
        make_space(api)
    if inventory(api) == dict(addresses):
        return False
    name = MEMBERS.rpartition("/")[2]
    metadata = {"name": name, "namespace": "kube-system"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(addresses)}
    api.apply(MEMBERS, body, dry_run=check)
    return True


def inventory(api: Api) -> dict[str, str]:
    """The addresses by name that the last installation kept. Raises ApiError."""
    return dict((api.find(MEMBERS) or {}).get("data") or {})


def let_in(api: Api) -> dict[str, str]:
    """The addresses by name of the hosts that joined by themselves, with a join token. Raises ApiError."""
    found = api.items(f"{LET_IN}?labelSelector=keelson.cluster/record%3Dhost")
    return {entry["metadata"]["name"]: entry["data"]["address"] for entry in found}


def pending_host(record: Mapping[str, Any], now: float) -> bool:
    """Tell whether a host may still register by what it was given."""
    return now < float(record["data"]["time"]) + SECONDS


def forget_absent(api: Api, now: float) -> list[str]:
    """Forget the hosts that were let in and have not come in time, with the nodes made for them; returns their names. Raises ApiError."""
    there = {entry["metadata"]["name"]: entry for entry in api.items(NODES)}
    gone = []
    for entry in api.items(f"{LET_IN}?labelSelector=keelson.cluster/record%3Dhost"):
        name = entry["metadata"]["name"]
        if pending_host(entry, now) or (name in there and parse_node(there[name]).address):
            continue
        if name in there:
            seen = there[name]["metadata"].get("resourceVersion")
            try:
                removed.forget(api, name, only={"resourceVersion": seen} if seen else None)
            except ApiError as error:
                if error.status != 409:
                    raise
                continue  # it has come after all
        api.delete(f"{LET_IN}/{name}")
        gone.append(name)
    return gone


def read_members(api: Api) -> dict[str, str]:
    """The addresses by name of all who are members; of two for one name the inventory's counts. Raises ApiError."""
    return {**let_in(api), **inventory(api)}


def pending(api: Api) -> list[dict[str, Any]]:
    """The requests for serving certificates that nobody has decided on. Raises ApiError."""
    found = api.items(f"{CSRS}?fieldSelector=spec.signerName={SIGNER}")
    return [request for request in found if not request.get("status", {}).get("conditions")]


def approve(api: Api, addresses: Mapping[str, str], check: bool) -> tuple[list[str], dict[str, str]]:
    """Approve what the inventory vouches for; returns the nodes approved, and why others were refused, by request.

    A refused request is left undecided: the API forgets it after a day, and a person may look at it.
    """
    approved, refused = [], {}
    for request in pending(api):
        name, why = request["metadata"]["name"], refuse(request, addresses)
        if why:
            refused[name] = why
            continue
        approved.append(request["spec"]["username"].removeprefix("system:node:"))
        if not check:
            condition = {
                "type": "Approved",
                "status": "True",
                "reason": "InventoryMatches",
                "message": "user, groups, names and addresses are the inventory's",
            }
            body = {**request, "status": {**request.get("status", {}), "conditions": [condition]}}
            api.put(f"{CSRS}/{name}/approval", body)
    return approved, refused
