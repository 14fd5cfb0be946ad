# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions as jobs of Nomad, and what is done to bring Nomad there."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime import checks
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad import checks as nomad_checks
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad import deploy
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import ApiError
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import (
    artifacts,
    events,
    functions,
    gateway,
    preflight,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import model

from .test_faas_functions import TENANTS, function

PROGRAMS = {"launcher.py": b"launcher", "relay.py": b"relay"}


def job(guards: str = nomad_jobs.SANDBOX, **given: Any) -> dict[str, Any]:
    """The job of a function."""
    declared = functions.read(TENANTS, [function(**given)])
    (one,) = declared.functions
    return nomad_jobs.job(one, declared.tenants[one.tenant], b"code {{ x }}", PROGRAMS, guards)


def files(found: dict[str, Any]) -> dict[str, bytes]:
    """What the templates of a job write."""
    texts = {one["DestPath"]: one["EmbeddedTmpl"] for one in found["TaskGroups"][0]["Tasks"][0]["Templates"]}
    patterns = {path: re.fullmatch(r'\{\{ base64Decode "([A-Za-z0-9+/=]*)" \}\}', text) for path, text in texts.items()}
    return {
        path: base64.b64decode(match.group(1)) if match else texts[path].encode() for path, match in patterns.items()
    }


def test_a_call_of_per_request_is_an_allocation_that_is_never_tried_again_by_nomad() -> None:
    found = job()
    (group,) = found["TaskGroups"]
    assert (found["Type"], found["Namespace"], found["ParameterizedJob"]) == (
        "batch",
        "faas-shop",
        {"Payload": "required"},
    )
    assert group["RestartPolicy"]["Attempts"] == group["ReschedulePolicy"]["Attempts"] == 0
    (task,) = group["Tasks"]
    assert task["Driver"] == "exec" and re.fullmatch(r"fn-[0-9a-f]{12}", task["User"])
    assert task["VolumeMounts"][0]["ReadOnly"] and group["Volumes"]["python"]["ReadOnly"]
    assert files(found)["local/code/greet.py"] == b"code {{ x }}"
    assert json.loads(files(found)["local/function.json"])["sandbox"] is True


def test_functions_have_accounts_of_their_own() -> None:
    declared = functions.read(TENANTS, [function(), function(tenant="bank", http=["/b"])])
    assert len({account["name"] for account in nomad_jobs.accounts(declared)}) == 3


def test_without_guards_a_test_can_see_what_they_keep_out() -> None:
    (task,) = job(nomad_jobs.NONE)["TaskGroups"][0]["Tasks"]
    assert task["Driver"] == "raw_exec" and "User" not in task and "VolumeMounts" not in task
    assert json.loads(files(job(nomad_jobs.EXEC))["local/function.json"])["sandbox"] is False


def test_per_function_is_a_service_between_min_and_max() -> None:
    found = job(isolation="per_function", instances={"min": 1, "max": 4})
    (group,) = found["TaskGroups"]
    assert (found["Type"], group["Count"], group["Scaling"]["Max"]) == ("service", 1, 4)


def test_an_instance_ends_its_calls_before_it_stops() -> None:
    (group,) = job(isolation="per_function", timeout=7)["TaskGroups"]
    assert group["ShutdownDelay"] == 7 * 10**9


def test_secrets_are_named_not_written() -> None:
    text = files(job(secrets={"PASSWORD": "db"}))["secrets/env"].decode()
    assert text == '{{ with nomadVar "nomad/jobs/faas-greet" }}PASSWORD={{ .db | toJSON }}\n{{ end }}'


def test_only_a_function_with_a_list_has_a_way_out() -> None:
    found = job(egress=["10.0.0.0/24:443"], services={"DB": "db.example.com:5432"})
    (group,) = found["TaskGroups"]
    (task,) = group["Tasks"]
    assert group["Volumes"]["egress"]["ReadOnly"] and task["VolumeMounts"][1]["Destination"] == "/egress"
    assert json.loads(files(found)["local/function.json"])["services"] == {"DB": "db.example.com:5432"}
    assert "egress" not in job()["TaskGroups"][0]["Volumes"] and "local/relay.py" not in files(job())
    declared = functions.read(TENANTS, [function(egress=["10.0.0.0/24:443"]), function(name="other", http=["/o"])])
    told = nomad_jobs.egress(declared, ["10.0.1.11"])
    assert list(told["functions"].values()) == [
        {"function": "shop/greet", "egress": [{"network": "10.0.0.0/24", "port": 443}]}
    ]
    assert "169.254.0.0/16" in told["closed"] and "10.0.1.11" in told["closed"]


def test_an_artifact_with_an_address_is_fetched_by_its_digest() -> None:
    (task,) = job(artifact="https://mirror/greet.tar.gz")["TaskGroups"][0]["Tasks"]
    assert task["Artifacts"][0]["GetterOptions"]["checksum"] == f"sha256:{'0' * 64}"


def test_another_code_is_another_digest_of_the_job() -> None:
    declared = functions.read(TENANTS, [function()])
    (one,) = declared.functions
    marks = {
        nomad_jobs.job(one, declared.tenants["shop"], code, PROGRAMS)["Meta"][nomad_jobs.MARK]
        for code in (b"a", b"b", b"a")
    }
    assert len(marks) == 2


# --- what is done ---------------------------------------------------------------------------------------------------


def listed(found: dict[str, Any], **given: Any) -> dict[str, Any]:
    """A job as Nomad lists it."""
    return {"Namespace": found["Namespace"], "ID": found["ID"], "Meta": found["Meta"], "Stop": False, **given}


def test_a_plan_deploys_what_is_new_changed_or_stopped_and_removes_what_is_gone() -> None:
    one, other = job(), job(name="other", http=["/o"])
    assert deploy.plan([one], ["shop"], [], []).lines() == [
        "namespace faas-shop is made",
        "function shop/greet is deployed",
    ]
    assert deploy.plan([one], ["shop"], [listed(one)], ["faas-shop"]).lines() == []
    assert deploy.plan([one], ["shop"], [listed(one, Stop=True)], ["faas-shop"]).register == [one]
    assert deploy.plan([one], ["shop"], [listed(one), listed(other)], ["faas-shop"]).remove == [
        ("faas-shop", "faas-other")
    ]
    assert deploy.plan([], [], [listed(one)], ["faas-shop"]).empty == ["faas-shop"]


def test_a_plan_leaves_alone_what_is_not_ours() -> None:
    foreign = {"Namespace": "faas-shop", "ID": "faas-x", "Meta": None}
    call = listed(job(), ID="faas-greet/dispatch-1", ParentID="faas-greet")
    found = deploy.plan([], [], [foreign, call, listed(job())], ["faas-shop"])
    assert found.remove == [("faas-shop", "faas-greet")] and not found.empty


class Variables:
    """An API that knows some variables."""

    def __init__(self, items: dict[str, str] | None) -> None:
        self.items = items

    def get(self, path: str) -> Any:
        """The variable of a job."""
        if self.items is None:
            raise ApiError(404, "no such variable")
        return {"Items": self.items}


@pytest.mark.parametrize("items", [None, {"other": "x"}])
def test_a_secret_that_does_not_exist(items: dict[str, str] | None) -> None:
    found = deploy.plan([job()], ["shop"], [], [])
    with pytest.raises(
        deploy.SecretMissing, match="shop/greet has no secret db for PASSWORD: nomad var put -namespace faas-shop"
    ):
        deploy.secrets_present(Variables(items), found, {"faas-shop/faas-greet": {"PASSWORD": "db"}})  # type: ignore[arg-type]
    deploy.secrets_present(Variables({"db": "x"}), found, {"faas-shop/faas-greet": {"PASSWORD": "db"}})  # type: ignore[arg-type]


class Pools:
    """An API that has one pool and some policies, and notes what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Any]] = []

    def get(self, path: str) -> Any:
        """Pools and policies."""
        known = {
            "/v1/node/pools": ["default"],
            "/v1/acl/policies": ["same", "other", "keelson-faas-tenant-gone", "site"],
        }
        return [{"Name": name} for name in known[path]] if path in known else {"Rules": "same"}

    def put(self, path: str, body: Any) -> None:
        """Note it."""
        self.given.append((path, body.get("Name")))

    def delete(self, path: str) -> None:
        """Note it."""
        self.given.append((path, "deleted"))


def test_a_pool_that_no_host_has_joined_is_made_before_its_jobs() -> None:
    found = deploy.plan([{**job(), "NodePool": "web"}], ["shop"], [], [])
    api = Pools()
    assert deploy.apply(api, found, {"same": "same"}) == ["keelson-faas-tenant-gone"]  # type: ignore[arg-type]
    assert api.given == [
        ("/v1/node/pools", "web"),
        ("/v1/namespace", "faas-shop"),
        ("/v1/acl/policy/keelson-faas-tenant-gone", "deleted"),
        ("/v1/jobs", None),
    ]


def test_policies_that_are_new_or_other_ones_are_written() -> None:
    api = Pools()
    changed = deploy.apply(api, deploy.Plan(), {"same": "same", "other": "x", "new": "y"})  # type: ignore[arg-type]
    assert changed == ["keelson-faas-tenant-gone", "new", "other"]
    assert ("/v1/acl/policy/new", "new") in api.given and ("/v1/acl/policy/site", "deleted") not in api.given


def host(name: str, part: str, **variables: Any) -> model.Host:
    """A host of the inventory."""
    return model.Host(
        name, "product", part, "10.0.0.1", "", variables={"cluster_components": ["faas_runtime"], **variables}
    )


def test_preflight_tells_every_fault_of_functions_before_anything_is_changed() -> None:
    def judged(tenants: Any, declared: Any) -> list[str]:
        hosts = (
            host("m1", "manager", faas_tenants=tenants, faas_functions=declared),
            host("w1", "node", cluster_pool="web"),
        )
        cluster = model.Cluster("product", components.engine("nomad"), {}, hosts)
        return [fault.text for fault in preflight.declared(cluster, nomad_jobs.refused)]

    assert judged([{"name": "shop", "pool": "web"}], []) == []
    assert judged([{"name": "shop", "pool": "weeb"}], []) == [
        "faas_tenants[0].pool: shop has the pool weeb, which has no host"
    ]
    assert len(judged([{"name": "shop"}], [function(timeout=0, http=["x"])])) == 2
    one = function(artifact=__file__, digest=artifacts.digest(Path(__file__).read_bytes()), egress=["10.0.0.1:443"])
    assert judged([{"name": "shop", "pool": "web"}], [one]) == [
        "faas_functions[0].egress: shop/greet may not reach 10.0.0.1:443: 10.0.0.1 is a host of the cluster"
    ]


def test_the_gateway_may_only_act_in_the_tenants_namespaces() -> None:
    found = nomad_jobs.policies(functions.read(TENANTS, []))
    text = found[deploy.POLICY]
    assert found[f"{deploy.TENANT_POLICY}shop"] == (
        'namespace "faas-shop" {\n  capabilities = ["list-jobs", "read-job", "read-logs"]\n}\n'
    )
    assert re.findall(r'namespace "([^"]+)"', text) == ["faas-bank", "faas-shop"]
    assert "node" not in text and "operator" not in text and "variables" not in text


def test_passwords_differ_and_do_not_tell_the_secret() -> None:
    tenants = list(functions.read(TENANTS, []).tenants.values())
    found = events.events(tenants, "secret", 3)
    assert len(set(found["passwords"].values())) == 2
    assert found["passwords"] != events.events(tenants, "other", 3)["passwords"]
    assert found["accounts"]["shop"]["jetstream"]["max_file"] == 256 * 3 * 1024 * 1024


# --- checks, each seen failing --------------------------------------------------------------------------------------


def test_a_gateway_in_trouble() -> None:
    assert checks.gateway(200, {"functions": 2, "tenants": ["shop"]}).evidence == "2 functions of 1 tenants"
    assert checks.gateway(503, {"trouble": "shop: not connected"}) == (False, "shop: not connected")


def jetstream(**peer: Any) -> dict[str, Any]:
    """What a server says of three."""
    peers = [{"name": "m2", "current": True, **peer}, {"name": "m3", "current": True}]
    return {"config": {}, "meta_cluster": {"leader": "m1", "cluster_size": 3, "replicas": peers}}


def test_events_without_a_leader_or_a_replica() -> None:
    assert checks.events(jetstream(), 3) == (True, "leader m1, 3 servers")
    assert checks.events(jetstream(offline=True), 3) == (False, "leader m1, 3 servers; behind or gone: m2")
    assert not checks.events({"meta_cluster": {}}, 3).passed
    assert not checks.events(jetstream(), 5).passed
    behind = {"name": "EVENTS", "cluster": {"replicas": [{"name": "m3", "offline": True}]}}
    told = {**jetstream(), "account_details": [{"name": "shop", "stream_detail": [behind]}]}
    assert "shop/EVENTS on m3" in checks.events(told, 3).evidence


def test_a_function_that_is_not_deployed() -> None:
    declared = gateway.gateway(functions.read(TENANTS, [function()]))["functions"]
    assert nomad_checks.functions([listed(job())], declared).passed
    assert nomad_checks.functions([], declared) == (False, "not deployed: shop/greet")
    assert not nomad_checks.functions([listed(job(), Stop=True)], declared).passed


def test_every_internal_variable_of_the_role_is_defined() -> None:
    """A name that another file lost would be found on hosts alone."""
    role = Path(__file__).parents[3] / "roles/faas_runtime"
    texts = [path.read_text() for path in role.rglob("*") if path.suffix in (".yml", ".j2")]
    used = {name for text in texts for name in re.findall(r"__faas_runtime_\w+", text)}
    defined = {name for text in texts for name in re.findall(r"(?m)^(?:  register: )?(__faas_runtime_\w+)", text)}
    assert used == defined
