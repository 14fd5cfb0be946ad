# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksum files and their detached signatures, checked by gpgv against one pinned key."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

from .errors import BundleError

#: What gpgv says on its status channel (GnuPG, doc/DETAILS): what to tell the user.
FAULTS = {
    "EXPKEYSIG": "the pinned key has expired; put its renewed form there",
    "REVKEYSIG": "the pinned key was revoked; pin its successor in the manifest",
    "EXPSIG": "the signature has expired",
    "BADSIG": "the signature does not fit the file: it was altered",
    "NO_PUBKEY": "it was signed by another key",
    "ERRSIG": "it was signed by another key",
}


def parse_sums(text: str, name: str = "") -> dict[str, str]:
    """Read the output form of sha256sum: file name to digest (64 hex digits). A digest alone is that of ``name``."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        return {name: text.strip().lower()}
    found = re.findall(r"^([0-9a-fA-F]{64}) [ *](.+)$", text, re.MULTILINE)
    return {file.strip().removeprefix("./"): digest.lower() for digest, file in found}


def dearmor(text: str) -> bytes:
    """Binary form of an ASCII-armoured OpenPGP key block (RFC 9580, section 6), which gpgv needs."""
    match = re.search(r"-----BEGIN PGP PUBLIC KEY BLOCK-----(.*?)-----END", text, re.DOTALL)
    if not match:
        raise BundleError("no armoured OpenPGP public key")
    lines = match[1].strip().splitlines()
    body = lines[lines.index("") + 1 :] if "" in lines else lines
    return base64.b64decode("".join(line for line in body if not line.startswith("=")))


def judge(status: str, fingerprint: str) -> str | None:
    """Read gpgv's status lines: None when the pinned primary key made a valid signature, else what is wrong."""
    words = [line.split()[1:] for line in status.splitlines() if line.startswith("[GNUPG:] ")]
    keywords = {item[0] for item in words if item}
    for fault, meaning in FAULTS.items():
        if fault in keywords:
            return meaning
    valid = [item for item in words if item[:1] == ["VALIDSIG"]]
    if not valid or "GOODSIG" not in keywords:
        return "it carries no signature that can be read"
    return None if all(item[-1] == fingerprint for item in valid) else "it was signed by another key"


def check(signed: Path, signature: Path, key: Path, scratch: Path) -> None:
    """Check a detached signature with the key file ``FINGERPRINT.asc``; raise BundleError on any doubt."""
    program = shutil.which("gpgv")
    if program is None:
        raise BundleError("checking signatures needs gpgv: install the package gpgv")
    if not key.is_file():
        raise BundleError(f"{key}: the key the manifest pins is missing")
    keyring = scratch / "keyring.gpg"
    try:
        keyring.write_bytes(dearmor(key.read_text()))
    except (BundleError, ValueError) as error:
        raise BundleError(f"{key}: {error}") from error
    command = [program, "--status-fd", "1", "--keyring", str(keyring), str(signature), str(signed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    fault = judge(done.stdout, key.stem)
    if fault is None and done.returncode != 0:
        fault = (done.stderr.strip().splitlines() or ["gpgv failed"])[-1]
    if fault is not None:
        raise BundleError(f"{signed.name}: wrong signature: {fault} (pinned key: {key})")
