# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is judged of a Nomad cluster, each good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.checks import sample_app
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Verdict
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.raft import parse_health
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import checks, sample
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.nodes import Desired, parse_nodes

MANAGERS = {"m1": "10.0.0.1", "m2": "10.0.0.2", "m3": "10.0.0.3"}


def peers(*addresses: str, voter: bool = True) -> dict[str, Any]:
    """A raft configuration."""
    return {"Servers": [{"Address": f"{address}:4647", "Voter": voter} for address in addresses]}


def joined_by(address: str) -> dict[str, Any]:
    """All managers, and a server that does not vote yet."""
    return {"Servers": [*peers(*MANAGERS.values())["Servers"], *peers(address, voter=False)["Servers"]]}


def health(healthy: bool = True, tolerance: int = 1, sick: str = "") -> Any:
    """An answer of autopilot about three servers."""
    servers = [{"Name": name, "Healthy": name != sick, "Version": "1.11.3"} for name in MANAGERS]
    return parse_health({"Healthy": healthy, "FailureTolerance": tolerance, "Servers": servers})


def node(**changes: Any) -> dict[str, Any]:
    """An entry of /v1/nodes."""
    good = {
        "ID": "id-w1",
        "Name": "w1",
        "Address": "10.0.0.9",
        "NodePool": "web",
        "Status": "ready",
        "SchedulingEligibility": "eligible",
        "Drivers": {"docker": {"Healthy": True}, "exec": {"Healthy": True}},
    }
    return {**good, **changes}


def ask(**changes: Any) -> Verdict:
    """Judge one node."""
    return checks.node(parse_nodes([node(**changes)]), Desired("w1", "10.0.0.9", "web"))


PLACED: dict[str, Any] = {"id": "1", "host": "w1", "address": "10.0.0.21", "port": 20001}
CASES: list[tuple[Callable[[], Verdict], bool, str]] = [
    (lambda: checks.leader("10.0.0.1:4647"), True, "10.0.0.1"),
    (lambda: checks.leader(""), False, "no leader"),
    (lambda: checks.peers(peers(*MANAGERS.values()), MANAGERS), True, "10.0.0.3"),
    (lambda: checks.peers(peers("10.0.0.1", "10.0.0.2"), MANAGERS), False, "missing: 10.0.0.3"),
    (lambda: checks.peers(peers(*MANAGERS.values(), "10.0.0.4"), MANAGERS), False, "not in the inventory: 10.0.0.4"),
    (lambda: checks.peers(peers(*MANAGERS.values(), voter=False), MANAGERS), False, "voters: none"),
    (lambda: checks.peers(joined_by("10.0.0.4"), MANAGERS), False, "not in the inventory: 10.0.0.4"),
    (lambda: checks.health(health()), True, "failure tolerance 1 of 1"),
    (lambda: checks.health(health(False)), False, "3 servers"),
    (lambda: checks.health(health(tolerance=0)), False, "tolerance 0 of 1"),
    (lambda: checks.health(health(sick="m2")), False, "unhealthy: m2"),
    (lambda: checks.versions({"m1": "1.11.3", "w1": "1.11.3"}), True, "2 agents run 1.11.3"),
    (lambda: checks.versions({"m1": "1.11.3", "w1": "1.10.0"}), False, "1.10.0: w1; 1.11.3: m1"),
    (lambda: checks.versions({}), False, "no agent"),
    (lambda: ask(), True, "docker, exec"),
    (lambda: ask(Name="w7"), False, "has not registered"),
    (lambda: ask(Status="down"), False, "is down"),
    (lambda: ask(NodePool="default"), False, "in pool default, not web"),
    (lambda: ask(Drivers={"exec": {"Healthy": True}, "docker": {"Healthy": False}}), False, "no healthy driver docker"),
    (lambda: ask(SchedulingEligibility="ineligible"), False, "takes no work: it is ineligible"),
    (lambda: ask(SchedulingEligibility="ineligible", Drain=True), False, "draining"),
    (lambda: sample_app.spread([{"host": "w1"}, {"host": "w2"}, {"host": "w1"}], 2), True, "w1: 2, w2: 1"),
    (lambda: sample_app.spread([{"host": "w1"}] * 3, 2), False, "w1: 3"),
    (lambda: sample_app.spread([{"host": "w1"}] * 3, 1), True, "w1: 3"),
    (lambda: sample_app.spread([], 1), False, "none"),
    (lambda: sample_app.published([PLACED], {"w1": "10.0.0.21"}), True, "cluster_address"),
    (lambda: sample_app.published([PLACED], {"w1": "10.9.0.1"}), False, "w1 publishes on 10.0.0.21, not on 10.9.0.1"),
    (lambda: sample_app.published([{**PLACED, "address": "FD00::0:1"}], {"w1": "fd00::1"}), True, "cluster_address"),
]


@pytest.mark.parametrize(("question", "good", "words"), CASES)
def test_verdicts(question: Callable[[], Verdict], good: bool, words: str) -> None:
    verdict = question()
    assert verdict.passed is good and words in verdict.evidence, verdict


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"SchedulingEligibility": "ineligible"}, "nomad node eligibility -enable n1"),
        ({"SchedulingEligibility": "ineligible", "Drain": True}, "nomad node drain -disable n1"),
        (
            {"SchedulingEligibility": "ineligible", "LastDrain": {"Meta": {"keelson": "maintenance"}}},
            "run the drain playbook with -e drain_hosts=w1 -e drain_state=ready",
        ),
        (
            {"SchedulingEligibility": "ineligible", "LastDrain": {"Meta": {"keelson": "patch"}}},
            "run the patch playbook again: it was interrupted",
        ),
        ({"SchedulingEligibility": "ineligible", "Status": "down"}, "look at journalctl -u nomad on it"),
        ({}, ""),
    ],
)
def test_what_has_a_host_node_take_work_again(changes: dict[str, Any], remedy: str) -> None:
    api = FakeApi(nodes=[node(ID="n1", **changes)], health=RuntimeError())
    found = checks.cluster_checks(api, [{"name": "w1", "address": "10.0.0.9", "pool": "web"}])  # type: ignore[arg-type]
    (told,) = (check["remedy"] for check in found if check["check"] == "node")
    assert told.startswith(remedy) and bool(told) is bool(remedy)


class FakeApi:
    """Answers by path (with method where it is not GET); remembers what was asked to change."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.changes: list[tuple[str, str, Any]] = []

    def get(self, path: str) -> Any:
        """Return the canned answer; an error is raised."""
        answer = self.answers[path.split("/")[-1].split("?")[0].replace("-", "_")]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def post(self, path: str, body: Any = None) -> None:
        """Remember."""
        self.changes.append(("POST", path, body))

    def delete(self, path: str) -> None:
        """Remember."""
        self.changes.append(("DELETE", path, None))


def placed(*nodes: dict[str, Any]) -> sample.Placed:
    """Where the sample goes."""
    return sample.choose_pool(parse_nodes(list(nodes)))


def test_the_pool_with_most_ready_nodes_is_chosen() -> None:
    nodes = [
        node(ID="1", NodePool="batch"),
        node(ID="2"),
        node(ID="3"),
        node(ID="4", NodePool="gpu", Status="down"),
        node(ID="5", NodePool="gpu"),
    ]
    assert placed(*nodes).pool == "web"
    assert sample.choose_pool(parse_nodes(nodes), "gpu").nodes.keys() == {"5"}


@pytest.mark.parametrize(
    "changes", [{"Status": "down"}, {"SchedulingEligibility": "ineligible"}, {"Drivers": {}}, {"NodePool": "other"}]
)
def test_a_pool_without_a_usable_node(changes: dict[str, Any]) -> None:
    with pytest.raises(sample_app.SampleError, match="pool web is ready, eligible"):
        sample.choose_pool(parse_nodes([node(**changes)]), "web")


def test_the_job_is_held_short() -> None:
    """What the checks rely on: never all at a time, health by the check, deregistered before it is stopped, no rights."""
    job = sample.job("web", "image:1", 3, "2")
    group, task = job["TaskGroups"][0], job["TaskGroups"][0]["Tasks"][0]
    assert (job["NodePool"], group["Count"], job["Update"]["MaxParallel"], job["Update"]["HealthCheck"]) == (
        "web",
        3,
        2,
        "checks",
    )
    assert group["ShutdownDelay"] >= 1_000_000_000 and group["Services"][0]["Provider"] == "nomad"
    assert task["Config"]["cap_drop"] == ["all"] and task["Env"]["RELEASE"] == "2"


def allocation(name: str, status: str = "running", desired: str = "run", **states: Any) -> dict[str, Any]:
    """An entry of a job's allocations."""
    found = {"ID": name, "ClientStatus": status, "DesiredStatus": desired, "NodeID": "id-w1", "NodeName": "w1"}
    return {**found, "TaskStates": states}


def entry(name: str) -> dict[str, Any]:
    """An entry of service discovery."""
    return {"AllocID": name, "NodeID": "id-w1", "Address": "10.0.0.9", "Port": 25000}


def trying(**answers: Any) -> sample.Sample:
    """A sample application on a cluster that answers as given."""
    api: Any = FakeApi(**{"evaluations": [], **answers})
    return sample.Sample(api, placed(node()), "image:1", 0.1)


@pytest.mark.parametrize(
    ("allocations", "registered", "words"),
    [
        ([allocation("a"), allocation("b")], ["a", "b"], None),
        ([allocation("a"), allocation("b", "pending")], ["a"], "1 instances run and 1 are registered, 2 desired"),
        ([allocation("a"), allocation("b")], ["a"], "2 instances run and 1 are registered"),
        ([allocation("a"), allocation("b"), allocation("c", desired="stop")], ["a", "b", "c"], "3 are registered"),
    ],
)
def test_instances_are_counted(allocations: list[Any], registered: list[str], words: str | None) -> None:
    found = trying(allocations=allocations, keelson_sample=[entry(name) for name in registered]).count_wrong(2)
    assert found is None if words is None else words in str(found)


def test_why_an_instance_does_not_start_is_told() -> None:
    event = {"Type": "Driver Failure", "Time": 5, "DisplayMessage": "image not found"}
    failed = allocation("a", "failed", app={"Events": [event]})
    running = {"Version": 0, "JobVersion": 0, "Status": "running", "StatusDescription": "x"}
    known = trying(allocations=[failed], keelson_sample=running, deployment=running)
    with pytest.raises(sample_app.SampleError, match="after 0 s: the deployment is running: x; w1: image not found"):
        known.submit(3, "1")


def test_why_an_instance_cannot_be_placed_is_told() -> None:
    blocked = [{"FailedTGAllocs": {"app": {"DimensionExhausted": {"memory": 2}}}}]
    assert "could not be placed: {'memory': 2}" in trying(allocations=[], evaluations=blocked).trouble()


def test_a_failed_deployment_ends_the_wait_at_once() -> None:
    failed = {"Version": 1, "JobVersion": 1, "Status": "failed", "StatusDescription": "progress deadline"}
    known = trying(allocations=[], keelson_sample=failed, deployment=failed)
    known.timeout = 60
    with pytest.raises(sample_app.SampleError, match="the deployment failed: progress deadline"):
        known.scale(4)


def test_a_drain_ends_even_when_nothing_moves() -> None:
    known = trying(allocations=[allocation("a")], keelson_sample=[entry("a")])
    with pytest.raises(sample_app.SampleError, match="still registered on w1"):
        known.drain(known.busiest(), 1)
    api: Any = known.api
    assert [body for _m, path, body in api.changes if path.endswith("/drain")][-1]["MarkEligible"] is True


def test_what_an_interrupted_run_left_is_removed() -> None:
    ours = node(ID="1", SchedulingEligibility="ineligible", LastDrain={"Meta": {sample.MARK: "drill"}})
    theirs = node(ID="2", SchedulingEligibility="ineligible", LastDrain={"Meta": {}})
    api: Any = FakeApi(
        nodes=[ours, theirs], keelson_sample={"ID": sample.JOB}, allocations=[allocation("a", "complete")]
    )
    assert sample.remove(api, 1) == ["drain of w1", f"job {sample.JOB}"]
    paths = [path for _method, path, _body in api.changes]
    assert not any("/node/2/" in path for path in paths)
    assert paths[-2:] == [f"/v1/job/{sample.JOB}", f"/v1/job/{sample.JOB}?purge=true"]


def test_nothing_to_remove() -> None:
    api: Any = FakeApi(nodes=[node()], keelson_sample=ApiError(404, "job not found"))
    assert sample.remove(api, 1) == [] and api.changes == []


def test_an_api_that_is_down_is_not_taken_for_a_job_that_is_gone() -> None:
    api: Any = FakeApi(nodes=[], keelson_sample=ApiError(0, "does not answer"))
    with pytest.raises(ApiError):
        sample.remove(api, 1)


def test_trial_ends_where_nothing_is_left_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise sample_app.SampleError("no room")

    monkeypatch.setattr(sample.Sample, "submit", fail)
    found = sample_app.deploy(trying(allocations=[]))
    assert [(c["check"], c["passed"], c["evidence"]) for c in found] == [
        ("sample_deploy", False, "SampleError: no room")
    ]


def test_what_a_sample_module_returns() -> None:
    def fail() -> Any:
        raise ApiError(0, "does not answer")

    def perform(state: str, means: Any) -> dict[str, Any]:
        return sample_app.perform({"state": state, "timeout": 1, "drills": False, "outage_host": {}}, means, "the logs")

    broken = perform("present", fail)["checks"][0]
    assert (broken["passed"], broken["evidence"], broken["remedy"]) == (False, "does not answer", "look at the logs")
    assert perform("absent", fail)["checks"][0]["title"] == "The sample application is removed"
    gone = sample_app.Means(lambda timeout: [f"job after {timeout}"], fail)
    assert perform("absent", lambda: gone) == {"changed": True, "checks": [], "removed": ["job after 1"]}
    assert perform("moved", lambda: gone)["checks"][0]["evidence"] == "after 1 s: does not answer"


def test_host_nodes_that_take_no_work_for_a_moment_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter([sample_app.SampleError("no host node in any pool is ready"), "the application"])

    def place() -> Any:
        found = next(tries)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(sample_app, "moved", lambda application, _host: {"application": application})
    given = {"state": "moved", "timeout": 5, "drills": False, "outage_host": {}}
    assert sample_app.perform(given, lambda: sample_app.Means(lambda _timeout: [], place), "") == {
        "application": "the application"
    }


def test_a_pool_of_one_cannot_be_drained() -> None:
    check = sample_app.drain(trying(allocations=[allocation("a")], keelson_sample=[entry("a")]))
    assert not check["passed"] and "pool web has no other host node to move to" in check["evidence"]


def test_applications_are_published_where_the_cluster_s_services_listen() -> None:
    """By an interface that is found by the address; without one Nomad takes that of the default route."""
    text = (Path(__file__).parents[3] / "roles/host_node/vars/main/nomad.yml").read_text()
    found = yaml.safe_load(text)
    clients = [value["client"] for value in found.values() if isinstance(value, dict) and "client" in value]
    assert [client["network_interface"] for client in clients if "network_interface" in client] == [
        "{{ __host_node_nomad_interface }}"
    ]
    assert (
        'include "address"' in found["__host_node_nomad_interface"]
        and "cluster_address" in found["__host_node_nomad_interface"]
    )
