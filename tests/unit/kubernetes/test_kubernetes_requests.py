# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests for a serving certificate are approved."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESSES = {"n1": "10.0.0.21", "n2": "10.0.0.22", "six": "fd00::6"}
NODE = "system:node:n1"


def pem(name: str = NODE, group: str = "system:nodes", names: list[x509.GeneralName] | None = None) -> str:
    """A request as kubelet makes it."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    alternatives = [x509.DNSName("n1"), address("10.0.0.21")] if names is None else names
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def csr(text: str | None = None, **changes: Any) -> dict[str, Any]:
    """An object of the API."""
    spec = {
        "signerName": requests.SIGNER,
        "username": NODE,
        "groups": ["system:nodes", "system:authenticated"],
        "usages": ["digital signature", "server auth"],
        "request": base64.b64encode((text or pem()).encode()).decode(),
    }
    return {"metadata": {"name": "csr-1"}, "spec": {**spec, **changes}, "status": {}}


def test_what_kubelet_asks_for_is_read() -> None:
    found = requests.read(pem())
    assert found == requests.Subject(NODE, frozenset({"system:nodes"}), frozenset({"n1"}), frozenset({"10.0.0.21"}), 0)


def test_what_the_inventory_vouches_for_is_approved() -> None:
    assert requests.refuse(csr(), ADDRESSES) == ""
    assert requests.refuse(csr(pem(names=[address("10.0.0.21")])), ADDRESSES) == ""
    six = pem("system:node:six", names=[x509.DNSName("six"), address("fd00::6")])
    assert requests.refuse(csr(six, username="system:node:six"), ADDRESSES) == ""


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (csr(username="system:node:n3"), "system:node:n3 is no node of the inventory"),
        (csr(username="mallory"), "mallory is no node of the inventory"),
        (csr(username="system:node:n2"), "it asks in the name of system:node:n1"),
        (csr(groups=["system:masters", "system:nodes", "system:authenticated"]), "the groups are"),
        (csr(usages=["digital signature", "server auth", "client auth"]), "the usages are"),
        (csr(pem(group="system:masters")), "of system:masters"),
        (csr(pem(names=[x509.DNSName("n1"), address("10.0.0.22")])), "10.0.0.22"),
        (csr(pem(names=[x509.DNSName("kubernetes.default.svc")])), "kubernetes.default.svc"),
        (csr(pem(names=[x509.DNSName("n1"), x509.RFC822Name("a@example.com")])), "it asks for n1"),
        (csr(pem(names=[])), "no name and no address"),
        (csr("no request"), "no certificate signing request"),
        (csr(pem()[:200] + "\n-----END CERTIFICATE REQUEST-----\n"), "no certificate signing request"),
    ],
)
def test_anything_else_is_not(request_: dict[str, Any], why: str) -> None:
    assert why in requests.refuse(request_, ADDRESSES)
