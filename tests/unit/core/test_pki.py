# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's CA and its hosts' certificates."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import verification

NAMES = pki.sort_names("m1", ["server.global.nomad", "localhost", "127.0.0.1", "10.0.1.11", "fd00::0011"])


@pytest.fixture(scope="module")
def ca() -> pki.Pair:
    return pki.make_ca("keelson product CA")


@pytest.fixture(scope="module")
def host(ca: pki.Pair) -> pki.Pair:
    return pki.issue(ca, NAMES, 365)


def test_names_are_sorted_into_dns_and_addresses() -> None:
    assert (NAMES.common_name, NAMES.dns) == ("m1", ("localhost", "server.global.nomad"))
    assert NAMES.addresses == ("10.0.1.11", "127.0.0.1", "fd00::11")


@pytest.mark.parametrize("subject", ["server.global.nomad", "10.0.1.11"])
def test_the_chain_holds_as_a_server(ca: pki.Pair, host: pki.Pair, subject: str) -> None:
    store = verification.Store([x509.load_pem_x509_certificate(ca.certificate.encode())])
    desired = x509.DNSName(subject) if "nomad" in subject else x509.IPAddress(ipaddress.ip_address(subject))
    verifier = verification.PolicyBuilder().store(store).build_server_verifier(desired)
    assert len(verifier.verify(x509.load_pem_x509_certificate(host.certificate.encode()), [])) == 2


def test_the_chain_holds_as_a_client(ca: pki.Pair, host: pki.Pair) -> None:
    store = verification.Store([x509.load_pem_x509_certificate(ca.certificate.encode())])
    verifier = verification.PolicyBuilder().store(store).build_client_verifier()
    assert len(verifier.verify(x509.load_pem_x509_certificate(host.certificate.encode()), []).chain) == 2


def test_a_certificate_speaks_for_no_other_name(ca: pki.Pair, host: pki.Pair) -> None:
    store = verification.Store([x509.load_pem_x509_certificate(ca.certificate.encode())])
    verifier = verification.PolicyBuilder().store(store).build_server_verifier(x509.DNSName("m2"))
    with pytest.raises(verification.VerificationError):
        verifier.verify(x509.load_pem_x509_certificate(host.certificate.encode()), [])


def test_a_hosts_certificate_can_sign_nothing(ca: pki.Pair, host: pki.Pair) -> None:
    basic = x509.load_pem_x509_certificate(host.certificate.encode()).extensions
    assert not basic.get_extension_for_class(x509.BasicConstraints).value.ca
    authority = x509.load_pem_x509_certificate(ca.certificate.encode()).extensions
    assert authority.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_the_key_belongs_to_the_certificate(host: pki.Pair) -> None:
    key = serialization.load_pem_private_key(host.key.encode(), None)
    assert key.public_key() == x509.load_pem_x509_certificate(host.certificate.encode()).public_key()


def test_a_clock_an_hour_behind_finds_the_certificate_valid(host: pki.Pair) -> None:
    start = x509.load_pem_x509_certificate(host.certificate.encode()).not_valid_before_utc
    assert pki.now() - start >= datetime.timedelta(minutes=59)


def test_a_good_certificate_stays(ca: pki.Pair, host: pki.Pair) -> None:
    assert pki.reason_to_renew(host.certificate, ca.certificate, NAMES, 60) is None


@pytest.mark.parametrize(
    ("desired", "days", "reason"),
    [
        (pki.sort_names("m1", [*NAMES.dns, *NAMES.addresses, "api.example"]), 60, "the names in it are not the host's"),
        (pki.sort_names("m2", [*NAMES.dns, *NAMES.addresses]), 60, "the names in it are not the host's"),
        (NAMES, 366, "it expires in 364 days"),
    ],
)
def test_reasons_to_renew(ca: pki.Pair, host: pki.Pair, desired: pki.Names, days: int, reason: str) -> None:
    assert pki.reason_to_renew(host.certificate, ca.certificate, desired, days) == reason


def test_an_expired_certificate_is_renewed(ca: pki.Pair) -> None:
    expired = pki.issue(ca, NAMES, 0)
    assert (pki.reason_to_renew(expired.certificate, ca.certificate, NAMES, 0) or "").startswith("it expires in -1")


def test_another_authority_of_the_same_name_is_another(host: pki.Pair) -> None:
    other = pki.make_ca("keelson product CA")
    assert pki.reason_to_renew(host.certificate, other.certificate, NAMES, 60) == "another CA issued it"


@pytest.mark.parametrize("missing", [None, ""])
def test_no_certificate_is_a_reason(ca: pki.Pair, missing: str | None) -> None:
    assert pki.reason_to_renew(missing, ca.certificate, NAMES, 60) == "there is none"


def test_a_broken_certificate_is_a_reason_but_a_broken_ca_is_an_error(ca: pki.Pair, host: pki.Pair) -> None:
    assert "cannot be read" in (pki.reason_to_renew("-----BEGIN", ca.certificate, NAMES, 60) or "")
    with pytest.raises(pki.PkiError, match="the cluster's CA certificate cannot be read"):
        pki.issue(pki.Pair("-----BEGIN", ca.key), NAMES, 1)
    with pytest.raises(pki.PkiError, match="the cluster's CA key cannot be read"):
        pki.issue(pki.Pair(ca.certificate, "-----BEGIN"), NAMES, 1)


def test_fingerprints_tell_authorities_apart(ca: pki.Pair) -> None:
    assert pki.fingerprint(ca.certificate) != pki.fingerprint(pki.make_ca("keelson product CA").certificate)
