# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaf certificates of sidecars, made with openssl. Standard library only.

A key is made where it is used, and reaches no disk but as part of the secret that Envoy reads.
"""

from __future__ import annotations

import re

from ..enrollment.certificate import issue

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
EXTENSIONS = """extendedKeyUsage = serverAuth,clientAuth
subjectAltName = critical,URI:{identity}
authorityKeyIdentifier = keyid"""


def sign(request: str, identity: str, ca: str, ca_key: str, minutes: float) -> str:
    """A leaf certificate for a SPIFFE ID; what the request itself asks for is ignored. Raises OSError."""
    # Not a name of DNS, which the authority may not give.
    subject = "/CN=sidecar of the mesh"
    return issue(request, ca, ca_key, subject, EXTENSIONS.format(identity=identity), minutes * 60)


def chain(text: str) -> list[str]:
    """The certificates of a PEM text, in their order."""
    return CERTIFICATE.findall(text)
