# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says of its functions: every bad input has one clear line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs

TENANTS: list[dict[str, Any]] = [{"name": "shop", "tokens": ["a" * 64]}, {"name": "bank", "tokens": ["b" * 64]}]


def function(**given: Any) -> dict[str, Any]:
    """A function without a fault."""
    return {
        "name": "greet",
        "tenant": "shop",
        "artifact": "greet.py",
        "digest": f"sha256:{'0' * 64}",
        "command": ["python3", "greet.py"],
        "http": ["/greet"],
        **given,
    }


def faults(*declared: Any, tenants: Any = None) -> list[str]:
    """The lines of the error."""
    with pytest.raises(functions.FunctionError) as caught:
        functions.read(TENANTS if tenants is None else tenants, list(declared))
    return str(caught.value).splitlines()


def test_a_function_with_all_defaults() -> None:
    (found,) = functions.read(TENANTS, [function()]).functions
    assert (found.isolation, found.contract, found.retries, found.timeout) == ("per_request", "http/v1", 3, 30)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"cron": ["every day"]}, "faas_functions[0].cron[0]: 'every day' must be a schedule"),
        ({"cron": ["61 * * * *"]}, "'61' is none of 0 to 59"),
        ({"cron": ["* * * * 9-8"]}, "'9-8' is none of 0 to 6, Sunday is 0"),
        ({"contract": "http/v2"}, "faas_functions[0].contract: 'http/v2' is unknown; use http/v1 or cloudevents/v1"),
        ({"isolation": "shared"}, "'shared' is unknown; use per_request or per_function"),
        ({"digest": "latest"}, "'latest' must be the artifact's digest: sha256: and the 64"),
        ({"timeout": 0}, "faas_functions[0].timeout: 0 must be a whole number from 1 to 3600"),
        ({"timeout": True}, "faas_functions[0].timeout: True must be a whole number"),
        ({"timeout": 61}, "61 seconds are more than the 60 that tenant shop may take"),
        ({"concurrency": 51}, "51 are more than the 50 at once that tenant shop may have"),
        ({"memroy": 64}, "faas_functions[0].memroy: is unknown; use answer, artifact, canary, command"),
        ({"http": ["greet"]}, "faas_functions[0].http[0]: 'greet' must be a path"),
        ({"http": ["/dead/letters"]}, "'/dead/letters' must be a path"),
        ({"http": []}, "faas_functions[0]: has no trigger; give http, cron or queue"),
        ({"queue": ["orders.>"]}, "faas_functions[0].queue[0]: 'orders.>' must be a subject"),
        ({"command": []}, "faas_functions[0].command: must begin with a program"),
        ({"env": {"A-B": "x"}}, "faas_functions[0].env: 'A-B' must be the name of an environment variable"),
        ({"env": {"A": "x\ny"}}, "faas_functions[0].env.A: must be a text of one line"),
        ({"env": {"A": "x"}, "secrets": {"A": "a"}}, "faas_functions[0].secrets: A is in env too"),
        ({"egress": ["10.0.0.0/33"]}, "'10.0.0.0/33' must be a network or a name"),
        ({"egress": ["10.0.0.1/8"]}, "faas_functions[0].egress[0]: '10.0.0.1/8' is no network; use 10.0.0.0/8"),
        ({"egress": ["api.example.com:0"]}, "'api.example.com:0' must be a network or a name"),
        ({"egress": ["https://api.example.com"]}, "must be a network or a name"),
        ({"egress": [443]}, "443 must be a network or a name"),
        ({"egress": ["169.254.169.254:80"]}, "is closed to functions (169.254.0.0/16)"),
        ({"egress": ["localhost"]}, "'localhost' must be a network or a name"),
        (
            {"services": {"DB": "10.0.0.0/24:5432"}},
            "faas_functions[0].services.DB: '10.0.0.0/24:5432' must be HOST:PORT, such as db.example.com:5432",
        ),
        ({"services": {"DB": "db.example.com"}}, "'db.example.com' must be HOST:PORT"),
        (
            {"services": {"DB": "127.0.0.1:5432"}},
            "faas_functions[0].services.DB: '127.0.0.1:5432' is closed to functions (127.0.0.0/8)",
        ),
        ({"env": {"DB": "x"}, "services": {"DB": "db:5432"}}, "faas_functions[0].services: DB is in env too"),
        ({"tenant": "nobody"}, "faas_functions[0].tenant: there is no tenant nobody in faas_tenants"),
        ({"instances": {"max": 3}}, "per_request makes an instance for each call; leave it out"),
        (
            {"isolation": "per_function", "instances": {"min": 3, "max": 2}},
            "faas_functions[0].instances: min is larger than max",
        ),
        (
            {"isolation": "per_function", "instances": {"most": 2}},
            "faas_functions[0].instances.most: is unknown; use max, min",
        ),
    ],
)
def test_a_bad_function_has_one_line(given: dict[str, Any], line: str) -> None:
    found = faults(function(**given))
    assert len(found) == 1 and line in found[0], found


@pytest.mark.parametrize(
    ("canary", "line"),
    [
        ({}, "faas_functions[0].canary: has no weight"),
        ({"weight": 101}, "faas_functions[0].canary.weight: 101 must be a whole number from 0 to 100"),
        ({"weight": 5, "http": ["/b"]}, "faas_functions[0].canary.http: is unknown; use answer, artifact, command"),
        ({"weight": 5, "timeout": 61}, "faas_functions[0].canary.timeout: 61 seconds are more than the 60"),
        ({"weight": 5, "secrets": {"A": "a"}}, "faas_functions[0].canary.secrets: A is in env too"),
        ("10%", "faas_functions[0].canary: must be a mapping"),
    ],
)
def test_a_bad_canary_has_one_line(canary: Any, line: str) -> None:
    found = faults(function(env={"A": "x"}, canary=canary))
    assert len(found) == 1 and line in found[0], found


def test_a_canary_is_its_function_but_for_what_it_has_itself() -> None:
    canary = {"weight": 5, "digest": f"sha256:{'1' * 64}", "env": {"A": "y"}}
    stable, other = functions.read(TENANTS, [function(env={"A": "x"}, memory=80, canary=canary)]).functions
    assert (stable.weight, stable.env, stable.job, stable.service) == (5, {"A": "x"}, "faas-greet", "faas-greet")
    assert (other.digest, other.env, other.memory, other.http) == (canary["digest"], {"A": "y"}, 80, ())
    assert (other.label, other.job, other.service) == ("shop/greet_canary", "faas-greet_canary", "canary-faas-greet")
    assert nomad_jobs.account(stable) != nomad_jobs.account(other)


def test_two_functions_on_one_path() -> None:
    (line,) = faults(function(), function(name="other", tenant="bank"))
    assert line == "faas_functions[1].http[0]: the path /greet is shop/greet's already; a function has its own"


def test_two_functions_of_one_queue_or_one_name() -> None:
    (line,) = faults(function(queue=["a"]), function(name="other", http=["/b"], queue=["a"]))
    assert line.startswith("faas_functions[1].queue[0]: the queue a of shop is shop/greet's already")
    functions.read(TENANTS, [function(queue=["a"]), function(tenant="bank", http=["/b"], queue=["a"])])
    (line,) = faults(function(), function(http=["/b"]))
    assert "the name shop/greet is shop/greet's already" in line


def test_all_faults_at_once() -> None:
    found = faults(function(timeout="x", http=["y"]), "no mapping", {"name": "a-b"})
    assert len(found) == 7 and found[2] == "faas_functions[1]: must be a mapping", found


def test_bad_tenants() -> None:
    assert faults(tenants=[{"name": "Shop"}])[0].startswith("faas_tenants[0].name: 'Shop' must be lower-case letters")
    assert faults(tenants=[{"name": ["shop"]}])[0].startswith("faas_tenants[0].name: ['shop'] must be")
    assert "another tenant shop" in faults(tenants=[{"name": "shop"}, {"name": "shop"}])[0]
    same = [{**tenant, "tokens": ["c" * 64]} for tenant in TENANTS]
    assert faults(tenants=same) == ["faas_tenants[1].tokens[0]: is a token of shop too; give each tenant its own"]
    assert "SHA-256 sum of a token" in faults(tenants=[{"name": "shop", "tokens": ["secret"]}])[0]
    with pytest.raises(functions.FunctionError, match="faas_functions: must be a list"):
        functions.read(TENANTS, {})


OWN = {"isolation": "per_function", "memory": 100, "cpu": 50}


@pytest.mark.parametrize(
    ("quota", "line"),
    [
        (
            {"instances": 2},
            "faas_tenants[0].instances: the functions of shop may take 3 at once (other 2, greet 1), which is",
        ),
        ({"memory": 299}, "faas_tenants[0].memory: the functions of shop may take 300 at once (other 200, greet 100)"),
        ({"cpu": 100}, "faas_tenants[0].cpu: the functions of shop may take 150 at once (other 100, greet 50)"),
    ],
)
def test_a_tenant_over_quota(quota: dict[str, int], line: str) -> None:
    two = [function(**OWN), function(name="other", http=["/b"], **OWN, instances={"max": 2})]
    (found,) = faults(*two, tenants=[{**TENANTS[0], **quota}])
    assert line in found and found.endswith("lower their instances, concurrency, memory or cpu, or raise the quota")
    functions.read([{**TENANTS[0], "instances": 3, "memory": 300, "cpu": 150}], two)


def test_every_gateway_starts_calls_and_a_canary_stands_beside_its_function() -> None:
    tenants = [{**TENANTS[0], "instances": 19}]
    functions.read(tenants, [function(concurrency=9)], gateways=2)
    with pytest.raises(
        functions.FunctionError, match=r"may take 27 at once \(greet 27\), which is over its quota of 19"
    ):
        functions.read(tenants, [function(concurrency=9)], gateways=3)
    (line,) = faults(function(canary={"weight": 1}), tenants=tenants)
    assert "may take 20 at once (greet 10, greet_canary 10)" in line


def test_a_fault_names_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "functions.yml"
    path.write_text('- name: greet\n  tenant: shop\n  artifact: a.py\n  digest: "0"\n  command: [a]\n  http: [/a]\n')
    (line,) = faults(*DataLoader().load_from_file(str(path)))
    assert re.match(rf"{re.escape(str(path))}:4:\d+ \(faas_functions\[0\]\.digest\): '0' must be", line), line


def test_an_artifact_that_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("print(1)\n")
    declared = functions.read(TENANTS, [function(artifact=str(path))])
    with pytest.raises(
        artifacts.ArtifactError, match=r"a\.py has the digest sha256:[0-9a-f]{64}, not sha256:0+; deploy what"
    ):
        artifacts.read(declared)
    good = artifacts.digest(path.read_bytes())
    assert artifacts.read(functions.read(TENANTS, [function(artifact=str(path), digest=good)])) == {
        str(path): b"print(1)\n"
    }
    with pytest.raises(artifacts.ArtifactError, match=r"shop/greet: the artifact nowhere\.py cannot be read from /"):
        artifacts.read(functions.read(TENANTS, [function(artifact="nowhere.py")]))
    path.write_bytes(b"x" * (functions.LARGEST_CODE + 1))
    with pytest.raises(artifacts.ArtifactError, match="has more than 262144 bytes; serve it over https"):
        artifacts.read(declared)
