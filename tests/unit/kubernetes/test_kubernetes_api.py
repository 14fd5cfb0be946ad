# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the Kubernetes API."""

from __future__ import annotations

import dataclasses
import http.client
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import api as api_module
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import (
    Api,
    ApiError,
    client_context,
    read_access,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from fake_kubernetes import FakeKubernetes

NODE = "/api/v1/nodes/web-1"


def test_the_access_file_is_read(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    kubernetes.add(NODE)
    (tmp_path / "admin.conf").write_text(kubernetes.kubeconfig())
    api = Api.from_env("product", 3, str(tmp_path / "admin.conf"))
    assert (api.host, api.port, api.timeout) == ("127.0.0.1", kubernetes.port, 3)
    assert [node["metadata"]["name"] for node in api.items("/api/v1/nodes")] == ["web-1"]


@pytest.mark.parametrize("server", ["https://[fd00::1]:8443", '"https://[fd00::1]:8443"'])
def test_addresses_of_all_forms(kubernetes: FakeKubernetes, tmp_path: Path, server: str) -> None:
    text = kubernetes.kubeconfig().replace(f"https://127.0.0.1:{kubernetes.port}", server)
    (tmp_path / "admin.conf").write_text(text)
    api = Api.from_env("product", path=str(tmp_path / "admin.conf"))
    assert (api.host, api.port) == ("fd00::1", 8443)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    server: ", "    - server: ", None),
        ("server:", "servant:", "0 fields server"),
        ("client-key-data: ", "client-key-data: !", "admin.conf cannot be used"),
        ("server: https", "server: http", "is no HTTPS address"),
        ("kind: Config", "server: https://10.0.0.1", "2 fields server"),
    ],
)
def test_a_broken_access_file_is_named(
    kubernetes: FakeKubernetes, tmp_path: Path, old: str, new: str, words: str | None
) -> None:
    (tmp_path / "admin.conf").write_text(kubernetes.kubeconfig().replace(old, new))
    if words is None:
        assert Api.from_env("product", path=str(tmp_path / "admin.conf")).port == kubernetes.port
        return
    with pytest.raises(ApiError, match=words) as caught:
        Api.from_env("product", path=str(tmp_path / "admin.conf"))
    assert "run the install playbook" in str(caught.value)


def test_a_missing_access_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="cluster product: .*admin.conf cannot be used"):
        Api.from_env("product", path=str(tmp_path / "admin.conf"))


def test_no_field_of_a_kubeconfig_is_lost(kubernetes: FakeKubernetes) -> None:
    assert read_access(kubernetes.kubeconfig()) == kubernetes.access()


def test_a_node_s_kubeconfig_names_the_file_that_kubelet_renews(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    kubernetes.add(NODE)
    both, conf = tmp_path / "kubelet-client-current.pem", tmp_path / "kubelet.conf"
    both.write_text(kubernetes.cert + kubernetes.key)
    text = re.sub(r"(client-certificate|client-key)-data: .*", rf"\1: {both}", kubernetes.kubeconfig())
    conf.write_text(text)
    assert Api.from_env("product", path=str(conf)).get(NODE)
    both.unlink()
    with pytest.raises(ApiError, match=r"kubelet\.conf cannot be used \(.*No such file"):
        Api.from_env("product", path=str(conf))


def test_the_server_must_belong_to_the_cluster(kubernetes: FakeKubernetes) -> None:
    unauthorized = client_context(pki.make_ca("fake").certificate)
    with pytest.raises(ApiError, match="certificate verify failed") as caught:
        dataclasses.replace(kubernetes.api(), context=unauthorized).get("/readyz")
    assert caught.value.status == 0


def test_the_server_must_have_the_address_in_its_certificate(kubernetes: FakeKubernetes) -> None:
    with pytest.raises(ApiError, match="certificate verify failed"):
        kubernetes.api().at("localhost", kubernetes.port).get("/readyz")


def test_a_client_without_a_certificate_is_told_why(kubernetes: FakeKubernetes) -> None:
    nobody = dataclasses.replace(kubernetes.api(), context=client_context(kubernetes.ca))
    with pytest.raises(ApiError, match="HTTP 401: Unauthorized"):
        nobody.get("/api/v1/nodes")


def test_nobody_answers(kubernetes: FakeKubernetes) -> None:
    api = kubernetes.api()
    kubernetes.close()
    with pytest.raises(ApiError, match=f"https://127.0.0.1:{api.port}/readyz does not answer"):
        api.get("/readyz")


def test_objects_are_made_changed_and_removed(kubernetes: FakeKubernetes) -> None:
    api = kubernetes.api()
    assert api.find(NODE) is None
    api.post("/api/v1/nodes", {"metadata": {"name": "web-1"}})
    api.merge(NODE, {"spec": {"unschedulable": True}})
    api.apply(NODE, {"metadata": {"name": "web-1", "labels": {"a": "b"}}}, dry_run=True)
    kept = kubernetes.objects[NODE]
    assert (kept["metadata"]["name"], kept["spec"]) == ("web-1", {"unschedulable": True})
    assert "labels" not in kept["metadata"]
    api.apply(NODE, {"metadata": {"name": "web-1", "labels": {"a": "b"}}})
    assert kubernetes.objects[NODE]["metadata"]["labels"] == {"a": "b"}
    api.delete(NODE)
    assert api.delete(NODE) is None
    assert kubernetes.requests[-1][0] == "DELETE"


def test_a_refusal_keeps_status_and_words(kubernetes: FakeKubernetes) -> None:
    kubernetes.react = lambda method, path, body: (403, {"kind": "Status", "message": "quota exceeded"})
    with pytest.raises(ApiError, match="HTTP 403: quota exceeded") as caught:
        kubernetes.api().post("/api/v1/namespaces/a/pods", {})
    assert caught.value.status == 403
    kubernetes.react = lambda method, path, body: (502, "bad\ngateway")
    with pytest.raises(ApiError, match="HTTP 502: bad gateway"):
        kubernetes.api().find(NODE)


def test_a_connection_that_is_cut_is_tried_again(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not for POST: what that makes may be there already."""
    kubernetes.add(NODE)
    cuts: list[Exception] = []
    sent = http.client.HTTPSConnection.request

    def request(*arguments: Any, **options: Any) -> None:
        if cuts:
            raise cuts.pop()
        sent(*arguments, **options)

    monkeypatch.setattr(http.client.HTTPSConnection, "request", request)
    monkeypatch.setattr(api_module, "PAUSE", 0)
    cuts[:] = [ssl.SSLEOFError("EOF occurred in violation of protocol"), ConnectionResetError()]
    assert kubernetes.api().get(NODE)["metadata"]["name"] == "web-1" and not cuts
    cuts[:] = [ConnectionResetError("cut")] * api_module.TRIES
    with pytest.raises(ApiError, match="does not answer .cut."):
        kubernetes.api().get(NODE)
    cuts[:] = [ConnectionResetError("cut")]
    with pytest.raises(ApiError, match="does not answer .cut."):
        kubernetes.api().post("/api/v1/nodes", {"metadata": {"name": "web-2"}})
