# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of source is given and gives: ``deliver(artifact, source, work) -> Delivery``, one file a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..fetch import Fetcher


@dataclass(frozen=True)
class Work:
    """What a source may use while delivering; ``shared`` lasts for the whole run."""

    scratch: Path
    progress: Callable[[str], None]
    fetcher: Fetcher
    drop: Path | None = None
    apt_sources: Path | None = None
    shared: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """What a source delivered: files by output name, or packages with the list apt reads.

    ``images`` are whole images by name, each its archive and how the archive describes it; those that a source does
    not deliver are assembled from its files.
    """

    detail: str
    files: Mapping[str, Path] = field(default_factory=dict)
    images: Mapping[str, tuple[Path, Mapping[str, str]]] = field(default_factory=dict)
    packages: Sequence[Mapping[str, Any]] = ()
    install: Sequence[str] = ()
    package_list: Path | None = None
    distribution: str | None = None
