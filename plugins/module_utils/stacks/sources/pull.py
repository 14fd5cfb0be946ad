# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any backend at all, through the user's own binary in the user's own initialised folder: `terraform state pull`.

Never an `init` of ours: that would write into the folder. OpenTofu decrypts an encrypted state on the way.
"""

from __future__ import annotations

import os
import shutil

from ..errors import StackError
from ..source import Fetched, Source
from . import program


def fetch(source: Source, etag: str = "") -> Fetched:
    """Keys: folder, and binary where neither `tofu` nor `terraform` of PATH is the right one."""
    fields = source.fields("folder", ("folder", "binary"), ("folder",))
    folder = source.path(fields["folder"])
    place = f"{source.place}: {folder}"
    if not os.path.isdir(folder):
        raise StackError(place, "is no folder", "Give the folder of the stack's code")
    binary = fields.get("binary") or _binary(folder, place)
    environment = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "NO_COLOR": "1"}
    if source.workspace:
        environment["TF_WORKSPACE"] = source.workspace
    try:
        data = program.run([binary, "state", "pull"], folder, fields["timeout"], place, environment)
    except StackError as error:
        # A stack without a backend, providers and modules needs no initialising, so its absence alone says nothing.
        if os.path.isdir(os.path.join(folder, os.environ.get("TF_DATA_DIR", ".terraform"))):
            raise
        remedy = f"Run `{os.path.basename(binary)} init` there, or make `state pull` work by hand"
        raise StackError(place, f"is not initialised: {error.fault}", remedy) from None
    if not data.strip():
        raise StackError(place, "holds no state", "Apply the stack first")
    return Fetched(data, place, option="state")


def _binary(folder: str, place: str) -> str:
    """tofu where its registry wrote the lock file of providers or the code is for it alone, else the one that is installed."""
    first = "tofu" if any(name.endswith(".tofu") for name in os.listdir(folder)) else "terraform"
    try:
        with open(os.path.join(folder, ".terraform.lock.hcl"), encoding="utf-8", errors="replace") as handle:
            first = "tofu" if "opentofu.org" in handle.read() else first
    except OSError:
        pass
    for name in (first, "tofu", "terraform"):
        if shutil.which(name):
            return name
    raise StackError(place, "needs terraform or tofu, and neither is on PATH", "Install one, or name it with `binary`")
