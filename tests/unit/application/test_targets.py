# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engines answer about an application, and what is made of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.application import (
    DeployError,
    Failed,
    FromBundle,
    artifacts,
    images,
)
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import application as kubernetes
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import application as nomad
from ansible_collections.keelson.cluster.plugins.plugin_utils import application

APP = application.parse({"name": "shop", "image": "a:1", "port": 80, "pool": "web", "instances": 2}, "f", "")
JOB = "/v1/job/shop?namespace=default"
POOLED = {"/v1/namespaces": [{"Name": "default"}], "/v1/node/pools": [{"Name": "all"}, {"Name": "web"}]}


class Fake:
    """Answers by path; what is not there is 404. Notes what is sent."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.sent = answers, list[tuple[str, str, Any]]()

    def get(self, path: str) -> Any:
        if path not in self.answers:
            raise ApiError(404, "not found")
        return copy.deepcopy(self.answers[path])

    def find(self, path: str) -> Any:
        return copy.deepcopy(self.answers.get(path))

    def items(self, path: str) -> Any:
        return self.get(path) if path in self.answers else []

    def post(self, path: str, body: Any) -> Any:
        self.sent.append(("POST", path, body))
        return copy.deepcopy(self.answers.get(f"POST {path}"))

    def apply(self, path: str, body: Any, dry_run: bool = False) -> Any:
        self.sent.append(("DRY" if dry_run else "APPLY", path, body))
        return copy.deepcopy(self.answers.get(f"APPLY {path}", body))

    def delete(self, path: str) -> Any:
        self.sent.append(("DELETE", path, None))


def on_nomad(**more: Any) -> tuple[nomad.Target, Fake]:
    """The application on a cluster whose job is version 3; C(more): deployment, versions, allocations, summary."""
    nothing = {JOB.replace("?", f"/{name}?"): [] for name in ("deployments", "allocations", "evaluations")}
    answers = {**POOLED, **nothing, JOB: {"Version": 3, "Meta": {"keelson_application": "true"}}}
    answers.update({JOB.replace("?", f"/{name}?"): value for name, value in more.items()})
    fake = Fake(answers)
    return nomad.Target(fake, APP), fake  # type: ignore[arg-type]


@pytest.mark.parametrize(("key", "value"), [("pool", "wbe"), ("namespace", "shop")])
def test_nomad_has_no_such_place(key: str, value: str) -> None:
    with pytest.raises(DeployError, match=f"the cluster has no {key} {value}; it has "):
        nomad.Target(Fake(POOLED), {**APP, key: value})  # type: ignore[arg-type]


def test_whose_a_job_is() -> None:
    target, fake = on_nomad()
    assert target.owner() == ""
    fake.answers[JOB] = {"Meta": None}
    assert "somebody" in str(target.owner())
    del fake.answers[JOB]
    assert target.owner() is None


@pytest.mark.parametrize(
    ("kind", "stopped", "differs"), [("None", False, False), ("Edited", False, True), ("None", True, True)]
)
def test_a_plan_tells_what_would_change(kind: str, stopped: bool, differs: bool) -> None:
    target, fake = on_nomad()
    fake.answers[JOB] = {"Stop": stopped, "Meta": {"keelson_application": "true"}}
    fake.answers["POST /v1/job/shop/plan?namespace=default"] = {"Diff": {"Type": kind}}
    assert target.differs() is differs


DONE = {"Status": "successful", "JobVersion": 3, "StatusDescription": "done"}
FAILED = {**DONE, "Status": "failed", "StatusDescription": "unhealthy"}


def test_a_deployment_is_judged() -> None:
    assert on_nomad(deployments=[DONE])[0].wrong() is None
    assert on_nomad(deployments=[{**DONE, "Status": "running", "StatusDescription": "going on"}])[0].wrong()
    event = {"Type": "Driver Failure", "Time": 1, "DisplayMessage": "no such image"}
    bad = [{"NodeName": "w1", "ClientStatus": "failed", "TaskStates": {"app": {"Events": [event]}}}]
    with pytest.raises(Failed, match="unhealthy; w1: no such image"):
        on_nomad(deployments=[FAILED], allocations=bad)[0].wrong()


def test_the_version_that_was_submitted_is_judged_not_the_one_that_nomad_went_back_to() -> None:
    target, fake = on_nomad()
    target.submit()
    assert "no deployment of version 3 yet" in str(target.wrong())
    assert target.restored() == "Nomad has not gone back yet"
    fake.answers[JOB]["Version"] = 4
    fake.answers[JOB.replace("?", "/deployments?")] = [{**DONE, "JobVersion": 4}, FAILED]
    with pytest.raises(Failed, match="unhealthy"):
        target.wrong()
    assert target.restored() is None


@pytest.mark.parametrize(("running", "wrong"), [(2, False), (1, True)])
def test_a_deployment_that_nomad_forgot_is_judged_by_what_runs(running: int, wrong: bool) -> None:
    summary = {"Summary": {"app": {"Running": running}}}
    target, _fake = on_nomad(summary=summary, allocations=[], evaluations=[])
    assert bool(target.wrong()) is wrong


def test_a_version_that_was_well_is_gone_back_to() -> None:
    versions = {"Versions": [{"Version": 3, "Stable": True}, {"Version": 2, "Stable": True}]}
    target, fake = on_nomad(versions=versions)
    target.submit()
    assert target.take_back()
    assert fake.sent[1:] == [("POST", "/v1/job/shop/revert?namespace=default", {"JobID": "shop", "JobVersion": 2})]
    target, fake = on_nomad(versions=versions, deployments=[FAILED])
    target.submit()
    assert target.take_back() and len(fake.sent) == 1, "Nomad does so itself"
    target, fake = on_nomad(versions={"Versions": [{"Version": 3, "Stable": False}]})
    target.submit()
    assert not target.take_back() and len(fake.sent) == 1


def test_a_stopped_job_is_forgotten_when_nothing_runs() -> None:
    target, fake = on_nomad(allocations=[{"NodeName": "w1", "ClientStatus": "running"}])
    target.remove()
    assert target.left() == "instances still run on w1"
    fake.answers[JOB.replace("?", "/allocations?")] = []
    assert target.left() is None
    assert [path for _verb, path, _body in fake.sent] == [JOB, "/v1/job/shop?purge=true&namespace=default"]


NODE = {
    "metadata": {"name": "w1", "labels": {"keelson.node-restriction.kubernetes.io/pool": "web"}},
    "spec": {},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [],
        "nodeInfo": {"kubeletVersion": "v1"},
    },
}
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/shop"


def on_kubernetes(before: dict[str, Any] | None = None, **status: Any) -> tuple[kubernetes.Target, Fake]:
    """The application on a cluster that has C(before) of it, in a state."""
    answers: dict[str, Any] = {"/api/v1/namespaces": [{"metadata": {"name": "default"}}], "/api/v1/nodes": [NODE]}
    if before:
        for path, entry in kubernetes.objects(before):
            answers[f"{path}/shop"] = entry
        answers[DEPLOYMENT]["metadata"]["generation"] = 4
        answers[DEPLOYMENT]["status"] = {"observedGeneration": 4, **status}
    fake = Fake(answers)
    return kubernetes.Target(fake, APP), fake  # type: ignore[arg-type]


def test_whose_a_deployment_is() -> None:
    assert on_kubernetes()[0].owner() is None
    target, fake = on_kubernetes(APP)
    assert target.owner() == ""
    fake.answers["/api/v1/namespaces/default/services/shop"]["metadata"]["labels"] = {}
    assert "(Service shop)" in str(target.owner())


def test_the_server_tells_what_would_change() -> None:
    target, fake = on_kubernetes(APP)
    assert not target.differs()
    changed = copy.deepcopy(fake.answers[DEPLOYMENT])
    changed["spec"]["replicas"] = 9
    fake.answers[f"APPLY {DEPLOYMENT}"] = changed
    assert target.differs() and {verb for verb, _path, _body in fake.sent} == {"DRY"}


def test_a_rollout_is_judged() -> None:
    good = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    assert on_kubernetes(APP, **good)[0].wrong() is None
    assert "availableReplicas 1" in str(on_kubernetes(APP, **{**good, "availableReplicas": 1})[0].wrong())
    stuck = [{"type": "Progressing", "status": "False", "message": "it has timed out"}]
    with pytest.raises(Failed, match="it has timed out"):
        on_kubernetes(APP, conditions=stuck)[0].wrong()


def test_the_release_before_is_applied_again() -> None:
    before = {**APP, "image": "a:0"}
    target, fake = on_kubernetes(before)
    assert target.take_back()
    applied = fake.sent[0][2]
    assert applied["spec"]["template"]["spec"]["containers"][0]["image"] == "a:0"
    assert json.loads(applied["metadata"]["annotations"]["keelson.cluster/application"]) == before
    assert not on_kubernetes()[0].take_back() and not on_kubernetes(APP)[0].take_back()


def test_nomad_tells_which_applications_need_the_bundle() -> None:
    mark = {"keelson_application": "true"}
    listed = [
        {"ID": "shop", "Namespace": "default", "NodePool": "web", "Meta": {**mark, "keelson_artifact": "shop"}},
        {"ID": "cache", "Namespace": "team", "NodePool": "all", "Meta": {**mark, "keelson_artifact": "cache=1.2"}},
        {
            "ID": "gone",
            "Namespace": "default",
            "NodePool": "web",
            "Meta": {**mark, "keelson_artifact": "gone"},
            "Stop": True,
        },
        {"ID": "plain", "Namespace": "default", "NodePool": "web", "Meta": mark},
        {"ID": "other", "Namespace": "default", "NodePool": "web", "Meta": {"keelson_artifact": "other"}},
    ]
    answers = {
        "/v1/jobs?namespace=*&meta=true": listed,
        JOB: nomad.job({**APP, "artifact": "shop"}),
        "/v1/job/cache?namespace=team": nomad.job({**APP, "image": "c:1", "artifact": "cache=1.2"}),
    }
    assert answers[JOB]["Meta"] == listed[0]["Meta"] and "keelson_artifact" not in nomad.job(APP)["Meta"]
    found = list(nomad.recorded(Fake(answers)))  # type: ignore[arg-type]
    assert found == [("default/shop", "web", "a:1", "shop"), ("team/cache", "", "c:1", "cache=1.2")]
    assert artifacts(found) == {"web": ["shop"], "": ["cache=1.2"]}


def test_kubernetes_tells_which_applications_need_the_bundle() -> None:
    def deployment(**changes: Any) -> dict[str, Any]:
        entry = next(kubernetes.objects({**APP, **changes}))[1]
        return {**entry, "metadata": {**entry["metadata"], "namespace": "default"}}

    foreign = {"metadata": {"name": "x", "namespace": "default", "annotations": {"keelson.cluster/application": "?"}}}
    listed = [deployment(artifact="shop"), deployment(), foreign, {"metadata": {"name": "y", "namespace": "default"}}]
    path = "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/managed-by%3Dkeelson.cluster"
    found = list(kubernetes.recorded(Fake({path: listed})))  # type: ignore[arg-type]
    assert found == [("default/shop", "web", "a:1", "shop")]


SHOP = FromBundle("default/shop", "web", "a:1", "shop")


@pytest.mark.parametrize(
    ("others", "lacking", "passed", "words"),
    [
        ({}, ["w1"], True, "all host nodes are of the inventory"),
        ({"b1": "web"}, ["w1"], True, "nothing tells that one is lacking on b1"),
        ({"b1": "web"}, ["b1"], False, "b1 lacks a:1 of default/shop"),
        ({"b1": "batch"}, ["b1"], True, "nothing tells"),
    ],
)
def test_host_nodes_that_joined_by_themselves_have_the_images(
    others: dict[str, str], lacking: list[str], passed: bool, words: str
) -> None:
    verdict = images([SHOP], others, lambda app: lacking)
    assert verdict.passed is passed and words in verdict.evidence


def test_nomad_tells_where_an_application_could_not_start() -> None:
    def allocation(host: str, status: str, kind: str = "") -> dict[str, Any]:
        events = [{"Type": kind, "Time": 1, "DisplayMessage": "pull access denied"}] if kind else []
        return {"NodeName": host, "ClientStatus": status, "TaskStates": {"app": {"Events": events}}}

    failed = allocation("b1", "failed", "Driver Failure")
    path = JOB.replace("?", "/allocations?")
    assert nomad.lacking(Fake({path: [failed, allocation("w1", "running")]}), SHOP) == {"b1"}  # type: ignore[arg-type]
    recovered = [failed, allocation("b1", "running"), allocation("w1", "failed", "Terminated")]
    assert nomad.lacking(Fake({path: recovered}), SHOP) == set()  # type: ignore[arg-type]


def test_kubernetes_tells_which_nodes_have_an_image() -> None:
    def node(name: str, *images: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "status": {"images": [{"names": [image]} for image in images]}}

    app = SHOP._replace(image="keelson/shop:1")
    nodes = [node("w1", "docker.io/keelson/shop:1"), node("b1", "docker.io/keelson/shop:10"), node("b2")]
    full = node("b3", *(f"docker.io/keelson/other:{number}" for number in range(50)))  # it has more than it tells
    assert kubernetes.lacking([*nodes, full], app) == {"b1", "b2"}
