# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of registries where podman login, skopeo login and docker login keep them: containers-auth.json(5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import BundleError

# What docker login calls docker.io.
HUB = {"docker.io": ("https://index.docker.io/v1/", "index.docker.io")}


def login(environment: Mapping[str, str], host: str, path: str) -> str:
    """USER:PASSWORD in base64 for a repository of a registry, '' where nobody has logged in.

    The first file that knows it counts, in it the longest name: HOST/NAMESPACE/REPOSITORY, HOST/NAMESPACE, HOST. Raises
    BundleError where a file cannot be read.
    """
    names = [f"{host}/{path}"]
    while "/" in names[-1]:
        names.append(names[-1].rpartition("/")[0])
    for file in _files(environment):
        if not file.is_file():
            continue
        try:
            known = {_bare(name): entry for name, entry in (json.loads(file.read_text()).get("auths") or {}).items()}
        except (OSError, ValueError, AttributeError) as error:
            raise BundleError(f"{file}: cannot be read: {error}; log in anew, or remove it") from error
        for name in (*names, *map(_bare, HUB.get(host, ()))):
            if known.get(name, {}).get("auth"):
                return str(known[name]["auth"])
    return ""


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    if environment.get("REGISTRY_AUTH_FILE"):
        yield Path(environment["REGISTRY_AUTH_FILE"])
        return
    if environment.get("XDG_RUNTIME_DIR"):
        yield Path(environment["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"
    home = Path(environment.get("HOME") or "/nonexistent")
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"


def _bare(name: str) -> str:
    return name.partition("://")[2].rstrip("/") if "://" in name else name
