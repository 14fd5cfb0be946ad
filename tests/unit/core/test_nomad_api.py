# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Nomad's API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from fake_nomad import FakeNomad


def test_a_refusal_keeps_status_and_words(nomad: FakeNomad) -> None:
    with pytest.raises(ApiError) as caught:
        nomad.api("unknown").get("/v1/nodes")
    assert (caught.value.status, caught.value.message) == (403, "ACL token not found")


def test_the_server_must_belong_to_the_cluster(nomad: FakeNomad) -> None:
    (nomad.folder / "other.pem").write_text(pki.make_ca("fake").certificate)
    client = nomad.api()
    unauthorized = Api(client.host, client.port, str(nomad.folder / "other.pem"), client.cert_file, client.key_file, "")
    with pytest.raises(ApiError, match="certificate verify failed") as caught:
        unauthorized.get("/v1/status/leader")
    assert caught.value.status == 0


def test_the_server_must_have_the_address_in_its_certificate(nomad: FakeNomad) -> None:
    client = nomad.api()
    by_name = Api("localhost", client.port, client.ca_file, client.cert_file, client.key_file, "")
    with pytest.raises(ApiError, match="certificate verify failed"):
        by_name.get("/v1/status/leader")


def test_nobody_answers(nomad: FakeNomad) -> None:
    client = nomad.api()
    nomad.close()
    with pytest.raises(ApiError, match=f"https://127.0.0.1:{client.port}/v1/nodes does not answer"):
        client.get("/v1/nodes")


@pytest.mark.parametrize(
    ("address", "host"), [("https://10.0.0.1:4646", "10.0.0.1"), ("https://[fd00::1]:4646", "fd00::1")]
)
def test_the_access_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, host: str) -> None:
    monkeypatch.setattr(Api, "ACCESS_FILE", str(tmp_path / "{cluster}.json"))
    access = {"address": address, "ca_file": "a", "cert_file": "b", "key_file": "c", "token": "t"}
    (tmp_path / "c1.json").write_text(json.dumps(access))
    assert Api.from_env("c1", 3) == Api(host, 4646, "a", "b", "c", "t", 3)


@pytest.mark.parametrize("content", [None, "", "{}", '{"address": "https://10.0.0.1"}'])
def test_a_broken_access_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    monkeypatch.setattr(Api, "ACCESS_FILE", str(tmp_path / "{cluster}.json"))
    if content is not None:
        (tmp_path / "c1.json").write_text(content)
    with pytest.raises(ApiError, match=r"c1\.json cannot be used .*run the install playbook for this manager again"):
        Api.from_env("c1")
