# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications as data: what is refused, what an environment changes, and what happens to a release that does not come up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import application as deploy
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.application import objects
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.application import job
from ansible_collections.keelson.cluster.plugins.plugin_utils import application
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]
PLAIN: dict[str, Any] = {"name": "shop", "image": "team/shop:1.2", "port": 8080, "pool": "web"}


def parse(environment: str = "", **changes: Any) -> dict[str, Any]:
    return application.parse({**PLAIN, **changes}, "shop.yml", environment)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "Shop"}, "shop.yml: name is 'Shop'; use up to 48 lower-case letters"),
        ({"image": "team/shop"}, "image is 'team/shop'; name its version or digest"),
        ({"image": "team/shop:latest"}, "and not latest"),
        ({"image": "registry:5000/shop"}, "name its version or digest"),
        ({"instances": 0}, "shop.yml: instances is 0; it is 1 at least"),
        ({"port": 70000}, "port is 70000; it is 1 at least, 65535 at most"),
        ({"port": None}, "shop.yml: port is missing"),
        ({"instances": "3"}, "instances is text, a whole number is needed"),
        ({"instance": 3}, "unknown key instance; did you mean instances?"),
        ({"health": "healthz"}, "health is 'healthz'; it is the path of a URL"),
        ({"user": "root"}, "user is 'root'; give numbers"),
        ({"user": "0:0"}, "and not root"),
        ({"variables": {"A B": "x"}}, "variables.A B: names are letters"),
        ({"variables": {"A": [1]}}, "variables.A: names are letters"),
        ({"environments": {"test": {"port": 1}}}, "environments.test: unknown key port"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=".*") as error:
        parse("test" if "environments" in changes else "", **changes)
    assert text in str(error.value)


@pytest.mark.parametrize(
    "image", ["a:1", "r.example/a/b:1.2", "r:5000/a:1", f"a@sha256:{'0' * 64}", f"a:1@sha256:{'f' * 64}", "a:latest-2"]
)
def test_images_that_say_which_they_are(image: str) -> None:
    assert parse(image=image)["image"] == image


def test_an_environment_changes_what_it_names() -> None:
    own = {"test": {}, "prod": {"instances": 5, "variables": {"B": 2}}}
    given = {"environments": own, "variables": {"A": True, "B": 1}}
    assert parse("test", **given)["instances"] == 1 and parse("test", **given)["variables"] == {"A": "true", "B": "1"}
    assert parse("prod", **given)["instances"] == 5 and parse("prod", **given)["variables"] == {"A": "true", "B": "2"}
    with pytest.raises(UserError, match=r"shop.yml: environment pord is not defined; did you mean prod\?"):
        parse("pord", **given)


def test_the_example_is_right_for_all_its_environments() -> None:
    path = str(ROOT / "examples/apps/sample.yml")
    assert [application.load(path, name)["instances"] for name in ("test", "demo", "production")] == [1, 2, 3]


def placement(**more: Any) -> model.Placement:
    offer = {"engine": "nomad", "environments": ["test"], "pools": {"web": {}, "pci": {"regimes": ["pci"]}}}
    content = {
        "environments": {"test": {}, "prod": {}},
        "regimes": {"pci": {}},
        "teams": {"a": {}},
        "clusters": {"c": offer},
        "applications": {
            "shop": {
                "team": "a",
                "environments": ["test"],
                "runs": [{"environment": "test", "cluster": "c", "pool": "web"}],
            },
            "idle": {"team": "a", "environments": ["test"]},
        },
    }
    return model.parse({**content, **more}, "placement.yml")


@pytest.mark.parametrize(
    ("pool", "environment", "why"),
    [
        ("web", "test", ""),
        ("pci", "test", "is only for pci"),
        ("", "test", "the cluster c has no pool (none is named)"),
        ("web", "prod", "it is not for the environment prod"),
    ],
)
def test_a_placement_refuses(pool: str, environment: str, why: str) -> None:
    found = application.refused(placement(), parse(pool=pool), "c", environment, model.moment_of(None))
    assert why in found and bool(found) == bool(why)


@pytest.mark.parametrize(("day", "why"), [("2026-12-01", ""), ("2027-01-01", "is only for pci")])
def test_an_exception_lets_it_run_until_it_has_ended(day: str, why: str) -> None:
    exception = {"application": "shop", "cluster": "c", "rules": ["regime"], "reason": "x", "approved_by": "y"}
    found = placement(exceptions=[{**exception, "until": "2027-01-01"}])
    told = application.refused(found, parse(pool="pci"), "c", "test", model.moment_of(day))
    assert why in told and bool(told) == bool(why)


def test_an_application_is_put_into_the_namespace_of_its_placement() -> None:
    assert application.placed(placement(), parse(), "c", "test", "shop.yml")["namespace"] == "a-test-web"
    assert application.placed(placement(), parse(namespace="a-test-web"), "c", "test", "shop.yml")["namespace"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pool": "pci"}, "shop.yml: shop may not run on cluster c, pool pci, in test: is only for pci"),
        (
            {"name": "idle"},
            "applications.idle: runs does not name that it runs on cluster c, pool web, in test; add it",
        ),
        ({"namespace": "other"}, "namespace is 'other', but on cluster c, pool web, in test it is a-test-web"),
    ],
)
def test_an_application_that_has_no_place_there(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        application.placed(placement(), parse(**changes), "c", "test", "shop.yml")


@pytest.mark.parametrize("changes", [{"pool": "pci"}, {"name": "idle"}])
def test_one_that_leaves_may_have_ceased_to_be_allowed_there(changes: dict[str, Any]) -> None:
    """`install` keeps a namespace with an application in it, so that one must be able to go first."""
    app = parse(**changes)
    found = application.placed(placement(), app, "c", "test", "shop.yml", leaves=True)
    assert found == {**app, "namespace": f"a-test-{app['pool']}"}


def test_an_application_that_the_placement_does_not_know() -> None:
    for leaves in (False, True):
        with pytest.raises(UserError, match="placement.yml: application shopp is not defined; did you mean shop"):
            application.placed(placement(), parse(name="shopp"), "c", "test", "shop.yml", leaves)


class Stub:
    """An application on a cluster: whose it is, whether the new release comes up, whether there was one before."""

    def __init__(
        self, owner: str | None = "", comes_up: bool = True, before: bool = True, differs: bool = True
    ) -> None:
        self.of, self.comes_up, self.before, self.different = owner, comes_up, before, differs
        self.log: list[str] = []

    def owner(self) -> str | None:
        return self.of

    def differs(self) -> bool:
        return self.different

    def submit(self) -> None:
        self.log.append("submit")

    def wrong(self) -> str | None:
        if not self.comes_up and self.log:
            raise deploy.Failed("no such image")
        return None

    def take_back(self) -> bool:
        self.log.append("take back")
        return self.before

    def restored(self) -> str | None:
        return None

    def remove(self) -> None:
        self.log.append("remove")

    def left(self) -> str | None:
        return None


def test_a_release_is_deployed_once() -> None:
    new, same = Stub(None), Stub(differs=False)
    assert deploy.deploy(new, "shop", 1, False) and new.log == ["submit"]
    assert not deploy.deploy(same, "shop", 1, False) and same.log == []


def test_a_dry_run_submits_nothing() -> None:
    stub = Stub()
    assert deploy.deploy(stub, "shop", 1, True) and stub.log == []


def test_a_release_that_does_not_come_up_is_taken_back() -> None:
    stub = Stub(comes_up=False)
    with pytest.raises(
        deploy.DeployError, match="shop did not come up: no such image; it was taken back: the release before it runs"
    ):
        deploy.deploy(stub, "shop", 1, False)
    assert stub.log == ["submit", "take back"]


def test_a_first_release_that_does_not_come_up_is_removed() -> None:
    stub = Stub(None, comes_up=False, before=False)
    with pytest.raises(deploy.DeployError, match="it was removed, since nothing ran before"):
        deploy.deploy(stub, "shop", 1, False)
    assert stub.log == ["submit", "take back", "remove"]


def test_what_is_somebody_elses_stays() -> None:
    stub = Stub("another team")
    for act in (deploy.deploy, deploy.remove):
        with pytest.raises(deploy.DeployError, match="belongs to another team"):
            act(stub, "shop", 1, False)
    assert stub.log == []


def test_removing_what_is_gone_changes_nothing() -> None:
    assert not deploy.remove(Stub(None), "shop", 1, False)
    stub = Stub()
    assert deploy.remove(stub, "shop", 1, True) and stub.log == []
    assert deploy.remove(stub, "shop", 1, False) and stub.log == ["remove"]


def test_both_engines_run_it_without_rights() -> None:
    app = parse(command=["sleep", "60"], variables={"A": 1}, health="/up", user="1000")
    task = job(app)["TaskGroups"][0]["Tasks"][0]
    assert task["User"] == "1000" and task["Config"]["cap_drop"] == ["all"] and task["Config"]["command"] == "sleep"
    assert job(app)["NodePool"] == "web" and job(app)["Update"]["AutoRevert"]
    deployment = next(entry for _path, entry in objects(app))["spec"]["template"]["spec"]
    assert deployment["securityContext"]["runAsUser"] == 1000 and deployment["securityContext"]["runAsNonRoot"]
    assert deployment["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert deployment["containers"][0]["readinessProbe"]["httpGet"] == {"path": "/up", "port": 8080}
    assert [entry["kind"] for _path, entry in objects(app)] == ["Deployment", "Service", "PodDisruptionBudget"]
