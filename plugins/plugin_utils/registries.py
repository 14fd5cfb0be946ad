# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image registries with their mirrors and credentials, as each container runtime reads them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .toml import dumps

HUB, HUB_SERVER = "docker.io", "https://registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"  # by this name Docker's programs look for its credentials
_LOGIN = ("ca", "username", "password")
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
_KEYS = {"mirrors", "upstream", *_LOGIN}
_MIRROR_KEYS = {"url", "override_path", *_LOGIN}

Registries = Mapping[str, Mapping[str, Any]]
Files = list[dict[str, Any]]


def faults(registries: Registries, runtime: str) -> Iterator[str]:
    """What is wrong with host_node_registries, or what this runtime cannot do, a line each."""
    for registry, settings in registries.items():
        if not _HOST.fullmatch(str(registry)):
            yield f"{registry!r} is no registry; write its name alone, with a port where it has one, such as registry.example.com:5000"
        if not isinstance(settings, Mapping):
            yield f"{registry} is a {type(settings).__name__}; write a mapping such as {{mirrors: [{{url: https://mirror.example.com}}]}}"
            continue
        unknown = sorted(set(settings) - _KEYS)
        if unknown:
            yield f"{registry} has {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}"
        mirrors = settings.get("mirrors") or []
        if not mirrors and not any(settings.get(key) for key in _LOGIN):
            yield f"{registry} has no mirrors; list one at least, each with its url"
        if not isinstance(mirrors, list) or not all(isinstance(mirror, Mapping) for mirror in mirrors):
            yield f"mirrors of {registry} is no list of mappings; write [{{url: https://mirror.example.com}}]"
            continue
        for number, mirror in enumerate(mirrors, 1):
            path = urlsplit(str(mirror.get("url"))).path
            if runtime != "docker" and not mirror.get("override_path") and "v2" in path.split("/"):
                yield f"mirror {number} of {registry} has the path {path}, to which containerd adds another /v2; add override_path: true"
            unknown = sorted(set(mirror) - _MIRROR_KEYS)
            if unknown:
                yield f"mirror {number} of {registry} has {', '.join(unknown)}; known are {', '.join(sorted(_MIRROR_KEYS))}"
            if not str(mirror.get("url") or "").startswith(("https://", "http://")):
                yield f"mirror {number} of {registry} has no url that begins with https:// or http://"
            if runtime == "docker" and (mirror.get("username") or urlsplit(str(mirror.get("url"))).path.strip("/")):
                yield f"mirror {number} of {registry}: Docker asks a mirror without credentials and without a path"
        if runtime == "docker" and mirrors and registry != HUB:
            yield f"{registry} has mirrors: Docker has them for {HUB} alone; name the mirror in the images"
        if runtime == "docker" and not settings.get("upstream", True):
            yield f"{registry} has upstream: false: Docker asks the registry itself when its mirrors fail"


def containerd_files(registries: Registries, folder: str = "/etc/containerd/certs.d") -> Files:
    """Entries of config_files. https://github.com/containerd/containerd/blob/main/docs/hosts.md"""
    files: Files = [{"path": folder, "state": "directory", "mode": "0755"}] if registries else []
    for registry, settings in registries.items():
        own = HUB_SERVER if registry == HUB else f"https://{registry}"
        mirrors = list(settings.get("mirrors") or [])
        files.append({"path": f"{folder}/{registry}", "state": "directory", "mode": "0755"})
        if any(settings.get(key) for key in _LOGIN):
            mirrors.append({**{key: settings.get(key) for key in _LOGIN}, "url": own})
        hosts = {m["url"]: _host(m, f"{folder}/{registry}/ca-{n}.pem", files) for n, m in enumerate(mirrors)}
        server = own if settings.get("upstream", True) else mirrors[-1]["url"]
        text = dumps({"server": server, "host": hosts})
        files.append({"path": f"{folder}/{registry}/hosts.toml", "content": text, "mode": "0600", "secret": True})
    return files


def _host(mirror: Mapping[str, Any], ca: str, files: Files) -> dict[str, Any]:
    """One mirror's table; a CA of its own becomes a file beside it."""
    table: dict[str, Any] = {"capabilities": ["pull", "resolve"]}
    if mirror.get("override_path"):
        table["override_path"] = True
    if mirror.get("ca"):
        files.append({"path": ca, "content": mirror["ca"], "mode": "0644"})
        table["ca"] = ca
    if mirror.get("username"):
        table["header"] = {"Authorization": [f"Basic {_basic(mirror)}"]}
    return table


def _basic(login: Mapping[str, Any]) -> str:
    return base64.b64encode(f"{login['username']}:{login.get('password') or ''}".encode()).decode()


def docker(registries: Registries, folder: str = "/etc/docker/certs.d") -> dict[str, Any]:
    """What Docker's daemon is configured by (C(daemon)), the C(files) of CAs, and credentials (C(auths)) for its clients.

    https://docs.docker.com/engine/security/certificates/
    """
    urls, files, auths = [], [], {}
    for registry, settings in registries.items():
        authorities = {registry: settings.get("ca")}
        for mirror in settings.get("mirrors") or ():
            urls.append(mirror["url"])
            authorities[urlsplit(mirror["url"]).netloc] = mirror.get("ca")
        for host, ca in authorities.items():
            if ca:
                files.append({"path": f"{folder}/{host}", "state": "directory", "mode": "0755"})
                files.append({"path": f"{folder}/{host}/ca.crt", "content": ca, "mode": "0644"})
        if settings.get("username"):
            auths[HUB_LOGIN if registry == HUB else registry] = {"auth": _basic(settings)}
    top = [{"path": folder, "state": "directory", "mode": "0755"}] if files else []
    return {"daemon": {"registry-mirrors": urls} if urls else {}, "files": top + files, "auths": auths}
