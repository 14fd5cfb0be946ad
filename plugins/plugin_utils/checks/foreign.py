# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate of a CA that nobody knows, for probing at doors that must stay shut."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable

from ansible.errors import AnsibleActionFail
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None


def foreign_identity(name: str, address: str, names: Iterable[str] = (), groups: Iterable[str] = ()) -> str:
    """Return key and certificate as one PEM text: the names of a real member, signed by a CA made for the occasion.

    `names` (DNS) and `groups` are those that would give rights if the cluster trusted this CA.

    Raises AnsibleActionFail with the remedy when the library is missing.
    """
    if IMPORT_ERROR:
        raise AnsibleActionFail(missing("cryptography")) from IMPORT_ERROR
    key, ca_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    known = [x509.DNSName(known) for known in (*names, "localhost")]
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name[:64]))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an unknown CA")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([*known, x509.IPAddress(ipaddress.ip_address(address))]), False)
        .sign(ca_key, hashes.SHA256())
    )
    pem, unlocked = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unlocked)
    return (secret + certificate.public_bytes(pem)).decode()
