# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renew this host's certificate of the cluster before it ends, with no controller. Standard library only.

A timer runs it. When a third of its time is left, the certificate is replaced by one with another key, the same names and as
much time. A manager signs with the cluster's secrets; a host node asks the managers' enrollment service with its present
certificate, and follows the cluster to another CA: it trusts those that the managers name, and has its certificate replaced by
one of the first of them. Nothing changes when nobody signs. It may be cut off anywhere: the next run finishes it.

usage: python3 -m utils.enrollment.renew CLUSTER DIRECTORY UNIT [URL OF AN ENROLLMENT SERVICE ...]
"""

from __future__ import annotations

import contextlib
import os
import ssl
import sys
import time
from collections.abc import Sequence

from ..cluster.secret_store import StoreError, read_current
from ..host import units
from ..host.lock import locked
from . import certificate
from .certificate import Present
from .join import Refused, ask

#: Managers end the connection of a client whose certificate has ended, and TLS does not always bring it the reason.
ENDED = (
    "it ended at {end}, and the managers accept no ended one; run the playbook install, which gives this host another"
)


def main(cluster: str, folder: str, unit: str, *managers: str) -> int:
    """Renew what is due, and let the unit read it; returns the exit code."""
    try:
        with locked(folder):
            finish(folder)
        pem = _text(f"{folder}/cert.pem")
        present = certificate.read(pem)
        if managers and present.end < time.time():
            raise OSError(ENDED.format(end=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(present.end))))
        trusted = trust(managers, folder) if managers else ""
        if present.due(time.time()) or (trusted and not certificate.issued_by(pem, trusted)):
            key = certificate.make_key()
            request = certificate.make_request(key)
            new = asked(managers, folder, request) if managers else signed(cluster, present, request)
            with locked(folder):  # a pair is of one writer
                replace(folder, new, key)
            sys.stdout.write(f"{folder}/cert.pem was renewed\n")
        if trusted and trusted != _text(f"{folder}/ca.pem"):
            write(folder, "ca", trusted)
            os.replace(f"{folder}/ca.pem.next", f"{folder}/ca.pem")
            sys.stdout.write(f"{folder}/ca.pem was changed\n")
        reader = units.Unit(unit, reload=[f"{folder}/{name}.pem" for name in ("cert", "key", "ca")])
        fault = units.carry_out(reader, "reload") if units.read(reader).reloadable else None
    except (OSError, StoreError, LookupError, ValueError) as error:
        fault = f"{folder}/cert.pem is not renewed: {error}"
    sys.stdout.write(f"{fault}\n" if fault else "")
    return 1 if fault else 0


def signed(cluster: str, present: Present, request: str) -> str:
    """What this manager itself signs. Raises OSError, StoreError."""
    payload = read_current(cluster).payload
    ca, key = payload["ca_certificate"], payload["ca_key"]
    return certificate.sign(request, ca, key, present.subject, present.names, present.seconds)


def asked(managers: Sequence[str], folder: str, request: str) -> str:
    """What the first manager signs that answers. Raises OSError when none does."""
    return told(managers, folder, "/v1/renew", {"request": request}, "certificate")


def trust(managers: Sequence[str], folder: str) -> str:
    """The CA certificates that the first manager names which answers, PEM. Raises OSError when none does."""
    found = told(managers, folder, "/v1/trust", {}, "trusted")
    ssl.create_default_context(cadata=found)
    return found


def told(managers: Sequence[str], folder: str, path: str, body: dict[str, str], field: str) -> str:
    """A field of the answer of the first manager that gives one. Raises OSError when none does."""
    ca, identity, faults = _text(f"{folder}/ca.pem"), (f"{folder}/cert.pem", f"{folder}/key.pem"), []
    for manager in managers:
        try:
            return str(ask(manager, path, ca, body, identity)[field])
        except (OSError, LookupError, Refused) as error:
            faults.append(str(error) if manager in str(error) else f"{manager}: {error}")
    raise OSError("; ".join(faults))


def replace(folder: str, new: str, key: str) -> None:
    """Put a pair in the place of the present one, whose owners and modes it takes. Raises OSError."""
    write(folder, "cert", new)
    write(folder, "key", key)
    os.replace(f"{folder}/cert.pem.next", f"{folder}/cert.pem")
    finish(folder)


def write(folder: str, name: str, text: str) -> None:
    """Write what shall take the place of a file, whose owner and mode it takes, beside it. Raises OSError."""
    path = f"{folder}/{name}.pem"
    before = os.stat(path)
    with open(os.open(f"{path}.next", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.fchmod(file.fileno(), before.st_mode & 0o7777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def finish(folder: str) -> None:
    """Put the key to its certificate; drop the pair of a run that was cut off before its certificate was in place."""
    cert, key = f"{folder}/cert.pem.next", f"{folder}/key.pem.next"
    if os.path.exists(cert):
        for path in (key, cert):  # the certificate last: a key alone belongs to the certificate in place
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    elif os.path.exists(key):
        os.replace(key, f"{folder}/key.pem")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{folder}/ca.pem.next")


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
