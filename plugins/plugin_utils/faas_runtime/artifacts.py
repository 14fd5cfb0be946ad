# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifacts of functions: files of the controller, each compared with its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .functions import LARGEST_CODE, Declared

ROLE = Path(__file__).parents[3] / "roles/faas_runtime/files"


def digest(content: bytes) -> str:
    """The digest of an artifact."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class ArtifactError(ValueError):
    """An artifact that is not there, or another one; a line for each."""


def programs() -> dict[str, bytes]:
    """The programs that start functions, and hand their connections on."""
    return {name: (ROLE / name).read_bytes() for name in ("launcher.py", "relay.py")}


def read(declared: Declared) -> dict[str, bytes]:
    """The content of every artifact; of one with an address nothing, as hosts fetch it, nor of a function without. Raises ArtifactError."""
    found, faults = {}, []
    for function in declared.functions:
        name, label = function.artifact, f"{declared.place(function.label, 'artifact')}: {function.label}"
        if not name or name.startswith("https://"):
            found[name] = b""
            continue
        try:
            found[name] = Path(name).expanduser().read_bytes()
        except OSError as error:
            faults.append(f"{label}: the artifact {name} cannot be read from {Path.cwd()} ({error.strerror})")
            continue
        if len(found[name]) > LARGEST_CODE:
            faults.append(
                f"{label}: {name} has more than {LARGEST_CODE} bytes; serve it over https and give its address"
            )
        elif (actual := digest(found[name])) != function.digest:
            label = f"{declared.place(function.label, 'digest')}: {function.label}"
            faults.append(
                f"{label}: {name} has the digest {actual}, not {function.digest}; deploy what was tested, or declare it"
            )
    if faults:
        raise ArtifactError("\n".join(faults))
    return found
