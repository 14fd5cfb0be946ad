# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio in a cluster: what is applied, pruned and taken out; tokens of hosts; and that each check can fail."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import checks, control, issuer, places, tokens

CRDS = control.TYPES
SPACES = "/api/v1/namespaces"
ENTRIES = "/apis/networking.istio.io/v1"
IDENTITY = "spiffe://product.mesh/ns/shop/sa/orders"


class Fake:
    """An API of a few objects by path; lists are what lies below."""

    def __init__(self, *types: str) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.served: dict[str, Any] = {}
        for name in types or ("virtualservices.networking.istio.io", "telemetries.telemetry.istio.io"):
            self.put(f"{CRDS}/{name}", {"labels": {"app": "istio-pilot"}})
            plural, _dot, group = name.partition(".")
            self.served.setdefault(f"/apis/{group}/v1", {"resources": []})["resources"].append({"name": plural})

    def put(self, path: str, meta: Mapping[str, Any], **fields: Any) -> None:
        """Have an object."""
        space = {"namespace": path.split("/namespaces/")[1].split("/")[0]} if "/namespaces/" in path else {}
        inside = {} if path.startswith(SPACES) and path.count("/") == 4 else space
        self.objects[path] = {"metadata": {"name": path.rpartition("/")[2], **inside, **meta}, **fields}

    def find(self, path: str) -> Any:
        return self.objects.get(path) or self.served.get(path)

    def items(self, path: str) -> list[dict[str, Any]]:
        path, _mark, query = path.partition("?labelSelector=")
        room, plural = path.rsplit("/", 1)
        if ".istio.io/" in room and not any(f"{plural}.{room.split('/')[2]}" in key for key in self.objects):
            raise ApiError(404, "no such type")
        label = query.replace("%2F", "/").partition("%3D")[0]
        found = []
        for key, entry in self.objects.items():
            parts = key.split("/")
            base = (
                "/".join([*parts[: parts.index("namespaces")], parts[-2]])
                if "namespaces" in parts[:-2]
                else key.rsplit("/", 1)[0]
            )
            exact = key.rsplit("/", 1)[0]
            if path in (base, exact) and (not label or label in (entry["metadata"].get("labels") or {})):
                found.append(entry)
        return found

    def get(self, path: str) -> Any:
        return self.objects[path]

    def apply(self, path: str, body: dict[str, Any], dry_run: bool = False) -> Any:
        if not dry_run:
            self.asked.append(("apply", path))
            self.objects[path] = json.loads(json.dumps(body))
        return body

    def post(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append(("post", path))
        if path.endswith("/token"):
            return {"status": {"token": "a.token"}}
        self.objects[f"{path}/{body['metadata']['name']}"] = body
        return body

    def merge(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append(("merge", path))
        labels = self.objects[path]["metadata"].setdefault("labels", {})
        for name, value in body["metadata"]["labels"].items():
            labels.pop(name, None) if value is None else labels.update({name: value})

    def delete(self, path: str, *_more: Any) -> None:
        self.asked.append(("delete", path))
        for key in [key for key in self.objects if key == path or key.startswith(f"{path}/")]:
            del self.objects[key]
        if path.startswith(CRDS):
            plural = path.rpartition("/")[2].partition(".")[0]
            for key in [key for key in self.objects if f"/{plural}/" in key]:
                del self.objects[key]


def as_api(fake: Fake) -> Api:
    """It, as code takes it."""
    found: Any = fake
    return found  # type: ignore[no-any-return]


def service(name: str) -> dict[str, Any]:
    """An object of Istio."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {},
    }


def ensure(
    fake: Fake, *desired: dict[str, Any], tenants: dict[str, str] | None = None, predict: bool = False
) -> list[str]:
    """What is changed."""
    return control.ensure(as_api(fake), desired, {"shop": "v1"} if tenants is None else tenants, {}, predict).changes


def test_services_are_applied_once_and_pruned() -> None:
    fake = Fake()
    changes = ensure(fake, service("orders"), service("stock"))
    assert changes == [
        f"create {SPACES}/shop",
        f"create {ENTRIES}/namespaces/shop/virtualservices/orders",
        f"create {ENTRIES}/namespaces/shop/virtualservices/stock",
    ]
    assert fake.objects[f"{SPACES}/shop"]["metadata"]["labels"] == {places.REVISION: "v1", places.MARK: "made"}
    assert ensure(fake, service("orders"), service("stock")) == []
    fake.put(f"{ENTRIES}/namespaces/shop/virtualservices/foreign", {})
    assert ensure(fake, service("orders")) == [f"delete {ENTRIES}/namespaces/shop/virtualservices/stock"]
    assert f"{ENTRIES}/namespaces/shop/virtualservices/foreign" in fake.objects


def test_check_mode_tells_and_changes_nothing_even_without_the_types() -> None:
    fake = Fake("none.of.them")
    assert len(ensure(fake, service("orders"), predict=True)) == 2
    assert not fake.asked


def test_a_namespace_that_is_there_gets_the_label_and_keeps_its_own() -> None:
    fake = Fake()
    fake.put(f"{SPACES}/shop", {"labels": {"team": "a"}})
    assert ensure(fake) == [f"change {SPACES}/shop"]
    assert fake.objects[f"{SPACES}/shop"]["metadata"]["labels"] == {"team": "a", places.REVISION: "v1", places.MARK: ""}
    assert ensure(fake) == []
    assert ensure(fake, tenants={"shop": "v2"}) == [f"change {SPACES}/shop"]
    assert ensure(fake, tenants={}) == [f"change {SPACES}/shop"]
    assert fake.objects[f"{SPACES}/shop"]["metadata"]["labels"] == {"team": "a"}


@pytest.mark.parametrize("used", [True, False])
def test_a_namespace_that_we_made_goes_when_nothing_is_in_it(used: bool) -> None:
    fake = Fake()
    ensure(fake)
    fake.put(f"{SPACES}/shop/configmaps/kube-root-ca.crt", {})
    if used:
        fake.put(f"{SPACES}/shop/pods/stock-1", {})
    (change,) = ensure(fake, tenants={})
    assert change == f"{'change' if used else 'delete'} {SPACES}/shop" and (f"{SPACES}/shop" in fake.objects) == used


def test_the_template_of_the_artifact_comes_into_its_revision(tmp_path: Path) -> None:
    config = {"templates": {"sidecar": places.TEMPLATE}}
    meta = {"name": "x", "namespace": places.SPACE, "labels": {places.REVISION: "v1"}}
    entry = {"kind": "ConfigMap", "metadata": meta, "data": {"config": json.dumps(config)}}
    found = control.filled(entry, {"v1": "{{ its text }}", "v2": "other"})
    assert json.loads(found["data"]["config"])["templates"] == {"sidecar": "{{ its text }}"}
    assert control.template(str(tmp_path / "missing"), True) == ""
    with pytest.raises(OSError):
        control.template(str(tmp_path / "missing"), False)


def test_removal_takes_all_of_ours_and_the_types() -> None:
    fake = Fake()
    ensure(fake, service("orders"))
    fake.put(f"{SPACES}/{places.SPACE}", {"labels": {places.MARK: ""}})
    fake.put(f"{SPACES}/default", {})
    fake.put(f"{SPACES}/default/configmaps/istio-ca-root-cert", {})
    predicted = control.remove(as_api(fake), 1, True).changes
    assert f"{SPACES}/shop" in fake.objects
    assert control.remove(as_api(fake), 1, False).changes == predicted
    assert list(fake.objects) == [f"{SPACES}/default"]
    assert control.remove(as_api(fake), 1, False).changes == []


def test_what_others_made_of_istio_s_types_stops_the_removal() -> None:
    fake = Fake()
    ensure(fake, service("orders"))
    fake.put(f"{ENTRIES}/namespaces/shop/virtualservices/foreign", {})
    fake.asked.clear()
    with pytest.raises(control.InUse, match="VirtualService shop/foreign would go with Istio"):
        control.remove(as_api(fake), 1, False)
    assert not fake.asked


def test_types_that_the_api_does_not_serve_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SERVED", 0)
    with pytest.raises(control.Stuck, match="the API serves no virtualservices"):
        ensure(Fake("none.of.them"), service("orders"))


def test_a_control_plane_that_does_not_come_up_is_told() -> None:
    fake = Fake()
    with pytest.raises(control.Stuck, match="no instance of istiod-v1 is ready"):
        control.available(as_api(fake), ["v1"], 0)
    fake.put(f"/apis/apps/v1/namespaces/{places.SPACE}/deployments/istiod-v1", {}, status={"availableReplicas": 1})
    control.available(as_api(fake), ["v1"], 0)


# --- tokens ---------------------------------------------------------------------------------------------------------
def a_token(begin: float, end: float) -> str:
    """A token of that life, as far as it is read."""
    claims = base64.urlsafe_b64encode(json.dumps({"iat": begin, "exp": end}).encode()).decode().rstrip("=")
    return f"x.{claims}.x"


def test_a_token_is_renewed_when_half_its_life_is_over() -> None:
    assert not tokens.is_due(a_token(1000, 2000), 1400)
    assert tokens.is_due(a_token(1000, 2000), 1600) and tokens.is_due("", 1600) and tokens.is_due("no token", 1600)


def test_a_host_gets_tokens_of_its_services_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = {"w1": {"address": "10.0.0.21", "identities": [IDENTITY]}}
    (tmp_path / "known.json").write_text(json.dumps({"host_subject": "system:node:", "hosts": hosts}))
    monkeypatch.setattr(places, "ISSUED", str(tmp_path / "known.json"))
    fake = Fake()
    fake.put(f"{SPACES}/{places.SPACE}/configmaps/istio-ca-root-cert", {}, data={"root-cert.pem": "ROOT"})
    monkeypatch.setattr(Api, "from_env", lambda _cluster: fake)
    service = issuer.TokenIssuer("product")
    who = (["system:node:w1"], "10.0.0.21")
    assert service.answer({"requests": {IDENTITY: ""}}, *who) == {"tokens": {IDENTITY: "a.token"}, "trust": "ROOT"}
    assert fake.asked == [("post", f"{SPACES}/shop/serviceaccounts/orders/token")]
    for identity in ("spiffe://product.mesh/ns/shop/sa/stock", "spiffe://product.mesh/ns/kube-system/sa/admin"):
        with pytest.raises(Denied, match="w1 runs no service with the identity"):
            service.answer({"requests": {identity: ""}}, *who)
    with pytest.raises(Denied, match="no host of the mesh at 10.0.0.22"):
        service.answer({"requests": {IDENTITY: ""}}, ["system:node:w1"], "10.0.0.22")


# --- checks that fail -----------------------------------------------------------------------------------------------
def pod(name: str = "stock-1", ready: bool = True, node: str = "w1", **spec: Any) -> dict[str, Any]:
    """A pod of stock with its sidecar."""
    conditions = [{"type": "Ready", "status": str(ready)}]
    inside = {
        "initContainers": [{"name": "istio-proxy"}],
        "containers": [{"name": "stock"}],
        "serviceAccountName": "stock",
    }
    return {
        "metadata": {"name": name},
        "spec": {**inside, "nodeName": node, **spec},
        "status": {"conditions": conditions},
    }


def test_pods_without_a_sidecar_or_of_another_account_fail() -> None:
    assert checks.accompanied([pod()], "shop/stock").passed
    for wrong, text in (
        ([pod(initContainers=[])], "without a sidecar: stock-1"),
        ([pod(serviceAccountName="default")], "not of the service account stock: stock-1"),
        ([pod(ready=False)], "not ready: stock-1"),
        ([], "there are none"),
    ):
        verdict = checks.accompanied(wrong, "shop/stock")
        assert not verdict.passed and text in verdict.evidence


def test_a_control_plane_of_few_instances_or_on_one_host_fails() -> None:
    assert checks.instances([pod("a"), pod("b", node="w2")]).passed
    assert not checks.instances([pod("a"), pod("b")]).passed  # both on one host
    assert not checks.instances([pod("a"), pod("b", ready=False, node="w2")]).passed
    assert not checks.instances([]).passed


def test_certificates_and_tokens_near_their_end_fail() -> None:
    page = {"certificates": [{"cert_chain": [{"expiration_time": "2026-01-01T00:10:00Z"}], "ca_cert": []}]}
    end = checks.ends(page)
    assert checks.fresh(end, 6, end - 360).passed and not checks.fresh(end, 60, end - 600).passed
    assert not checks.fresh(checks.ends({}), 6, end).passed
    assert checks.lasting(a_token(0, 900), 450).passed and not checks.lasting(a_token(0, 900), 650).passed
    assert not checks.lasting("", 0).passed


def test_a_private_port_that_answers_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "reaches", lambda _address, port: port == 15010)
    assert checks.opened("10.0.0.1").evidence == "10.0.0.1 answers at 15010 (plain-text configuration)"
    monkeypatch.setattr(checks, "reaches", lambda *_where: False)
    assert checks.opened("10.0.0.1").passed
