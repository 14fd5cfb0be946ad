# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image registries as Docker reads them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.registry_files import docker_registries, registry_files


def test_a_mirror_of_docker_io_and_a_registry_with_a_login() -> None:
    given = {
        "docker.io": {
            "mirrors": [{"url": "https://m.example.com:5000", "ca": "PEM"}],
            "username": "x",
            "password": "y",
        },
        "r.example.com": {"username": "u", "password": "p", "ca": "CA"},
    }
    found = docker_registries(given)
    assert found["daemon"] == {"registry-mirrors": ["https://m.example.com:5000"]}
    assert {entry["path"]: entry["content"] for entry in found["files"] if "content" in entry} == {
        "/etc/docker/certs.d/m.example.com:5000/ca.crt": "PEM",
        "/etc/docker/certs.d/r.example.com/ca.crt": "CA",
    }
    assert found["auths"] == {"https://index.docker.io/v1/": {"auth": "eDp5"}, "r.example.com": {"auth": "dTpw"}}
    assert docker_registries({}) == {"daemon": {}, "files": [], "auths": {}}


@pytest.mark.parametrize(
    ("registry", "settings", "words"),
    [
        ("quay.io", {"mirrors": [{"url": "https://m"}]}, "Docker has them for docker.io alone"),
        ("docker.io", {"mirrors": [{"url": "https://m", "username": "x"}]}, "without credentials"),
        ("docker.io", {"mirrors": [{"url": "https://m/hub"}]}, "without a path"),
        ("docker.io", {"mirrors": [{"url": "https://m"}], "upstream": False}, "asks the registry itself"),
    ],
)
def test_what_docker_cannot_do(registry: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        docker_registries({registry: settings})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mirror": [{"url": "https://m"}]}, "has mirror; known are"),
        ({"mirrors": [{"url": "https://m", "user": "x"}]}, "mirror 1 of r has user; known are"),
        ({"mirrors": [{"url": "m.example.com"}]}, "no url that begins with"),
        ({}, "has no mirrors"),
        ({"mirrors": ["https://m"]}, "mirrors of r is no list of mappings; write"),
        ({"mirrors": "https://m"}, "mirrors of r is no list of mappings"),
        ("https://m", "r is a str; write a mapping"),
    ],
)
def test_what_is_misspelt_is_told(settings: Any, words: str) -> None:
    for build in (registry_files, docker_registries):
        with pytest.raises(AnsibleFilterError, match=words):
            build({"r": settings})


@pytest.mark.parametrize("name", ["https://registry.example.com", "registry.example.com/project", ""])
def test_the_name_of_a_registry_is_a_host(name: str) -> None:
    for build in (registry_files, docker_registries):
        with pytest.raises(AnsibleFilterError, match=r"is no registry; write its name alone"):
            build({name: {"username": "u", "password": "p"}})


def test_a_path_with_v2_in_it_needs_override_path() -> None:
    mirror: dict[str, Any] = {"url": "https://m.example.com/v2/proxy"}
    with pytest.raises(AnsibleFilterError, match="to which containerd adds another /v2; add override_path: true"):
        registry_files({"docker.io": {"mirrors": [mirror]}})
    assert registry_files({"docker.io": {"mirrors": [{**mirror, "override_path": True}]}})
