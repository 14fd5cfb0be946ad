# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which key what lies in etcd is encrypted, and writing it anew by the one in use. Standard library only.

https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import etcd
from .api import Api, ApiError

CONFIG = "/etc/kubernetes/control/encryption.json"
PAGE = 200  # objects that are in memory at once
TRIES, WORKERS = 3, 8


def desired() -> tuple[list[str], bytes]:
    """The resources that the API server encrypts, and with what a value begins that the key in use has encrypted. Raises OSError."""
    with open(CONFIG, encoding="utf-8") as file:
        entry = json.load(file)["resources"][0]
    [(provider, settings)] = entry["providers"][0].items()
    return entry["resources"], f"k8s:enc:{provider}:v1:{settings['keys'][0]['name']}:".encode()


def others() -> Iterator[str]:
    """The keys in etcd of all objects that the key in use has not encrypted, read page by page. Raises EtcdError, OSError."""
    resources, mark = desired()
    for resource in resources:
        start, more = f"/registry/{resource}/", True
        while more:
            page = etcd.ask("get", start, f"/registry/{resource}0", f"--limit={PAGE}")
            for entry in page.get("kvs", []):
                key = base64.b64decode(entry["key"]).decode()
                if not base64.b64decode(entry.get("value", "")[:400]).startswith(mark):
                    yield key
                start = f"{key}\x01"  # no name has a character before the ones that names have
            more = page.get("more", False)


def rewrite(api: Api, key: str) -> str:
    """Write an object as it is, which encrypts it by the key in use; returns why that failed, or ''.

    One that somebody else has changed or deleted since it was read was written by the key in use, or is gone.
    """
    _root, _registry, resource, space, name = key.split("/")
    path = f"/api/v1/namespaces/{space}/{resource}/{name}"
    try:
        api.put(path, api.get(path))
    except ApiError as error:
        return "" if error.status in (404, 409) else f"{resource} {space}/{name}: {error}"
    return ""


def rewrite_all(api: Api) -> tuple[int, list[str]]:
    """Write all objects anew that another key has encrypted; returns how many there were, and why some are left.

    Raises EtcdError, OSError.
    """
    found = list(others())
    left, count = found, len(found)
    with ThreadPoolExecutor(WORKERS) as pool:
        for _try in range(TRIES):
            faults = [fault for fault in pool.map(lambda key: rewrite(api, key), left) if fault]
            left = list(others())
            if not left:
                return count, []
    return count, faults or [f"{key} is encrypted by another key still" for key in left]
