# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lead the links of artifacts to other versions that lie on the host. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..bundle import install

Links = dict[str, str]


class SwitchError(install.InstallError):
    """A version is not on the host as a whole; nothing was changed."""


def due(versions: Mapping[str, str], root: Path = Path(install.ROOT)) -> Links:
    """The links that lead elsewhere now, with where they are to lead. Raises InstallError."""
    found: Links = {}
    for name, version in versions.items():
        current = root / name / "current"
        if not current.is_symlink():
            continue  # not used here
        entry = install.receipt(root / name / version).get("entry") or {}
        loaded = {image["path"] for image in entry.get("images") or ()}  # the runtime has them
        files = [item["path"] for item in entry.get("files") or () if item["path"] not in loaded]
        gone = [path for path in files if not (root / name / version / path).is_file()]
        if not entry or gone:
            raise SwitchError(
                f"{root / name / version} is not whole ({', '.join(gone) or 'no receipt'}); run upgrade again"
            )
        desired = {current: version, **{Path(k): str(current / target) for k, target in entry["links"].items()}}
        found.update({str(link): target for link, target in desired.items() if install.leads_to(link) != target})
    return found


def switch(links: Mapping[str, str]) -> None:
    """Lead the links there: first the one that chooses the version, so that those through it never lead nowhere."""
    for link in sorted(links, key=lambda path: not path.endswith("/current")):
        install.lead(Path(link), links[link])
