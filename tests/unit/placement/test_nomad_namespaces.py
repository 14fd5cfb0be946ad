# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces on Nomad: applied with who deploys there, found unchanged, changed, pruned, refused before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.tenancy import TenancyError
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import tenancy
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model, render
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster, Host
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.tenancy import tenants

ROOT = Path(__file__).parents[3]
TEST = {"name": "shop-test-web", "labels": {"keelson.cluster/pool": "web"}, "deploy": "shop-test"}
PROD = {"name": "shop-prod-web", "labels": {"keelson.cluster/pool": "web"}, "deploy": "shop-prod"}


@dataclass
class Nomad:
    """Keeps what is written, as Nomad's API gives it back; C(cut) ends it before so many writes."""

    namespaces: dict[str, Any] = field(default_factory=lambda: {"default": {"Name": "default", "Meta": None}})
    policies: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=lambda: {"a": {"AccessorID": "a", "Name": "Bootstrap Token"}})
    held: dict[str, list[Any]] = field(default_factory=dict)
    writes: int = 0
    cut: int = 1000
    token: str = "management"

    def get(self, path: str) -> Any:
        lists = {"/v1/namespaces": self.namespaces, "/v1/acl/roles": self.roles}
        if path == "/v1/acl/tokens":  # a list tells of roles only the identifiers
            named = {role["Name"]: {"ID": role["ID"], "Name": ""} for role in self.roles.values()}
            shown = [
                {**entry, "Roles": [named[r["Name"]] for r in entry.get("Roles", [])]} for entry in self.tokens.values()
            ]
            return shown
        if path in lists:
            return list(lists[path].values())
        if path == "/v1/acl/policies":
            return [{"Name": name} for name in self.policies]
        if path.startswith("/v1/acl/policy/"):
            return self.policies[path.rpartition("/")[2]]
        if path.startswith("/v1/acl/token/"):
            return {"SecretID": f"secret of {path.rpartition('/')[2]}"}
        return self.held.get(path, [])

    def post(self, path: str, body: dict[str, Any]) -> None:
        self._written()
        if path == "/v1/namespace":
            self.namespaces[body["Name"]] = {**body, "Quota": ""}
        elif path.startswith("/v1/acl/policy"):
            self.policies[body["Name"]] = body
        else:
            kept, key = (self.roles, "ID") if "role" in path else (self.tokens, "AccessorID")
            identifier = body.get(key) or f"{key}-{body['Name']}"
            assert path.endswith(identifier) == (key in body)
            kept[identifier] = {**body, key: identifier}

    def delete(self, path: str) -> None:
        self._written()
        kind, _slash, name = path.removeprefix("/v1/").removeprefix("acl/").partition("/")
        kinds = {"namespace": self.namespaces, "policy": self.policies, "role": self.roles, "token": self.tokens}
        del kinds[kind][name]

    def _written(self) -> None:
        if self.writes >= self.cut:
            raise ApiError(0, "cut off")
        self.writes += 1


def ensure(nomad: Any, *entries: dict[str, Any], predict: bool = False) -> list[str]:
    return tenancy.ensure(nomad, entries, predict).changes


@pytest.fixture(name="nomad")
def _nomad() -> Iterator[Nomad]:
    yield Nomad()


def test_a_namespace_and_who_deploys_there(nomad: Nomad) -> None:
    changes = ensure(nomad, TEST, PROD)
    assert len(changes) == 8 and all(change.startswith("create ") for change in changes)
    closed = {"DisabledTaskDrivers": ["raw_exec"], "DisabledNetworkModes": ["host"]}
    assert nomad.namespaces["shop-test-web"]["Capabilities"] == closed
    rules = nomad.policies["keelson-deploy-shop-test-web"]["Rules"]
    assert 'namespace "shop-test-web"' in rules and 'node_pool "web"' in rules and "prod" not in rules
    role = nomad.roles["ID-keelson-deploy-shop-test"]
    assert role["Policies"] == [{"Name": "keelson-deploy-shop-test-web"}]
    token = nomad.tokens["AccessorID-keelson-deploy-shop-test"]
    assert token["Type"] == "client" and token["Roles"] == [{"Name": "keelson-deploy-shop-test"}]
    assert ensure(nomad, TEST, PROD) == [] and nomad.writes == 8


def test_what_a_module_fills_in_is_not_taken_for_asked(nomad: Nomad) -> None:
    filled = {"quota": {}, "limits": {"default": None, "max": None}, "teams": [], "pod_security": None}
    assert len(ensure(nomad, {**TEST, **filled})) == 4


def test_a_second_pool_is_a_namespace_more_of_the_same_token(nomad: Nomad) -> None:
    ensure(nomad, TEST)
    changes = ensure(nomad, TEST, {**TEST, "name": "shop-test-batch"})
    assert "change ACL role keelson-deploy-shop-test" in changes and not any("token" in change for change in changes)
    assert len(nomad.roles["ID-keelson-deploy-shop-test"]["Policies"]) == 2


def test_prediction_changes_nothing_and_says_all(nomad: Nomad) -> None:
    predicted = ensure(nomad, TEST, predict=True)
    assert nomad.writes == 0 and predicted == ensure(nomad, TEST)


@pytest.mark.parametrize("cut", range(8))
def test_a_run_that_was_cut_off_goes_on(nomad: Nomad, cut: int) -> None:
    nomad.cut = cut
    with pytest.raises(ApiError):
        ensure(nomad, TEST, PROD)
    nomad.cut = 1000
    assert len(ensure(nomad, TEST, PROD)) == 8 - cut and ensure(nomad, TEST, PROD) == []


def test_what_is_no_longer_asked_for_is_pruned_and_what_others_made_stays(nomad: Nomad) -> None:
    ensure(nomad, TEST, PROD)
    nomad.namespaces["theirs"] = {"Name": "theirs", "Meta": {"cost": "1"}}
    nomad.policies["theirs"] = {"Name": "theirs"}
    assert sorted(ensure(nomad, TEST)) == sorted(
        f"delete {what}"
        for what in (
            "ACL token keelson-deploy-shop-prod",
            "ACL role keelson-deploy-shop-prod",
            "ACL policy keelson-deploy-shop-prod-web",
            "namespace shop-prod-web",
        )
    )
    ensure(nomad)
    assert set(nomad.namespaces) == {"default", "theirs"} and set(nomad.policies) == {"theirs"}
    assert not nomad.roles and set(nomad.tokens) == {"a"}


@pytest.mark.parametrize(
    ("path", "entry", "words"),
    [
        ("/v1/jobs?namespace=shop-prod-web", {"Status": "running"}, "1 jobs"),
        ("/v1/vars?namespace=shop-prod-web", {"Path": "x"}, "1 variables"),
        ("/v1/volumes?type=host&namespace=shop-prod-web", {"ID": "x"}, "1 host volumes"),
    ],
)
def test_a_namespace_in_use_is_not_deleted(nomad: Nomad, path: str, entry: dict[str, Any], words: str) -> None:
    ensure(nomad, PROD)
    nomad.held[path] = [entry]
    with pytest.raises(
        TenancyError, match=f"shop-prod-web is not in cluster_namespaces any more, but still holds {words}: "
    ):
        ensure(nomad, TEST)
    assert nomad.writes == 4
    nomad.held = {"/v1/jobs?namespace=shop-prod-web": [{"Status": "dead"}]}
    assert len(ensure(nomad)) == 4


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "Shop"}, r"cluster_namespaces\[0\]: 'Shop' is no name"),
        ({"name": "default"}, "default belongs to Nomad or to this collection"),
        ({"name": "faas-shop"}, "faas-shop belongs to"),
        ({"name": "shop", "quota": {"pods": 1}}, "quota: the Community Edition of Nomad cannot enforce it; remove it"),
        ({"name": "shop", "limits": {"max": {"cpu": 1}}}, "limits: the Community Edition of Nomad cannot enforce it"),
        ({"name": "shop", "teams": [{"name": "x"}]}, "teams: the Community .*; bind groups to the roles"),
    ],
)
def test_what_cannot_be_is_refused(nomad: Nomad, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(TenancyError, match=words):
        ensure(nomad, entry)
    assert nomad.writes == 0


def test_deploys_have_the_rights_of_their_namespace_alone(nomad: Nomad) -> None:
    ensure(nomad, TEST)
    api: Any = nomad
    assert tenancy.deployer(api, nomad.namespaces["default"]) is api
    own: Any = tenancy.deployer(api, nomad.namespaces["shop-test-web"])
    assert own.token == "secret of AccessorID-keelson-deploy-shop-test"
    nomad.tokens.clear()
    with pytest.raises(ApiError, match="the token keelson-deploy-shop-test of the namespace shop-test-web is gone"):
        tenancy.deployer(api, nomad.namespaces["shop-test-web"])


def test_what_a_placement_means_for_a_cluster_is_what_the_engine_takes(nomad: Nomad) -> None:
    placement = model.load(str(ROOT / "examples/placement/placement.yml"))
    entries = render.cluster(placement, "batch")["namespaces"]
    assert [entry["name"] for entry in entries] == ["data-prod-batch"]
    assert ensure(nomad, *entries) and not ensure(nomad, *entries)


def test_preflight_tells_of_a_pool_that_the_placement_does_not_know(tmp_path: Path) -> None:
    path = str(ROOT / "examples/placement/placement.yml")

    def told(name: str, pool: str, **more: Any) -> list[str]:
        variables = {"cluster_placement": path, "cluster_pool": pool, **more}
        host = Host("w1", name, "node", "10.0.0.1", "10.0.0.1:22", variables=variables)
        cluster = Cluster(name, components.engine("nomad"), {}, (host,))
        return [fault.text for fault in tenants(tenancy.validate)(cluster)]

    assert told("batch", "batch") == []
    assert told("batch", "web") == [f"{path} has no pool web in the cluster batch"]
    assert told("bacth", "web") == [f"{path}: clusters: bacth is not defined"]
    assert told("batch", "web", cluster_namespaces=[{"name": "default"}])[0].endswith("or to this collection")
    broken = tmp_path / "placement.yml"
    broken.write_text(yaml.safe_dump({"clusters": {}}))
    assert told("batch", "web", cluster_placement=str(broken)) == [f"{broken}: environments is missing"]
