# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A placement on Nomad: who deploys in one environment can see, reach, read and change nothing of another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.sample import SECOND
from lab.servers import Lab

TEST, PROD = "shop-test-web", "shop-prod-web"
APP: dict[str, Any] = {
    "name": "hello",
    "artifact": "sample-app",
    "image": "keelson/sample-app:1.1.0",
    "pool": "web",
    "port": 8080,
    "health": "/healthz",
    "cpu": 20,
    "memory": 32,
    "variables": {"LISTEN": ":8080"},
}
ASK = r"""
import http.client, ssl, sys
address, token, method, path = sys.argv[1:5]
tls = ssl.create_default_context(cafile="/etc/nomad.d/tls/ca.pem")
tls.load_cert_chain("/etc/nomad.d/tls/cert.pem", "/etc/nomad.d/tls/key.pem")
connection = http.client.HTTPSConnection(address, 4646, timeout=20, context=tls)
connection.request(method, path, sys.argv[5] or None, {"X-Nomad-Token": token} if token else {})
answer = connection.getresponse()
print(answer.status, answer.read(100000).decode("utf-8", "replace"))
"""


def ask(lab: Lab, token: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and text of what the API answers to a token."""
    host = lab.managers[0]
    said = "" if body is None else json.dumps(body)
    words = " ".join("'" + word.replace("'", "") + "'" for word in (host.address, token, method, path, said))
    status, _space, text = lab.ssh(host, f"python3 - {words}", given=ASK).partition(" ")
    return int(status), text


def job(space: str, **group: Any) -> dict[str, Any]:
    """A small job, with more of its group."""
    driver, pool = group.pop("Driver", "docker"), group.pop("NodePool", "web")
    task = {"Name": "t", "Driver": driver, "Config": {"image": "keelson/sample-app:1.1.0"}}
    body = {"Name": "g", "Count": 1, "Tasks": [task], "ShutdownDelay": SECOND, **group}
    kind = {"Type": "service", "Datacenters": ["*"], "NodePool": pool}
    return {"Job": {"ID": "probe", "Name": "probe", "Namespace": space, **kind, "TaskGroups": [body]}}


def content(lab: Lab, *environments: str) -> dict[str, Any]:
    """A placement of one application in these environments, on one pool."""
    runs = [{"environment": name, "cluster": lab.name, "pool": "web"} for name in environments]
    both = ["test", "prod"]
    return {
        "environments": {"test": {}, "prod": {}},
        "teams": {"shop": {}},
        "clusters": {
            lab.name: {"engine": "nomad", "environments": both, "pools": {"web": {}, "batch": {}, "burst": {}}}
        },
        "applications": {"hello": {"team": "shop", "environments": both, "runs": runs}},
    }


def install(lab: Lab, folder: Path, *environments: str, code: int = 0) -> Any:
    path = folder / "placement.yml"
    path.write_text(yaml.safe_dump(content(lab, *environments)))
    return lab.play("install", variables={"cluster_placement": str(path)}).expect(code)


def deploy(lab: Lab, folder: Path, environment: str, *arguments: str) -> Any:
    (folder / "hello.yml").write_text(yaml.safe_dump(APP))
    given = ("-e", f"deploy={folder}/hello.yml", "-e", f"deploy_environment={environment}", *arguments)
    return lab.play("deploy", *given, variables={"cluster_placement": str(folder / "placement.yml")})


def secret(lab: Lab, name: str) -> str:
    """The secret of a token of deploys, as the management token reads it."""
    (found,) = [t["AccessorID"] for t in lab.driver.ask(lab, "/v1/acl/tokens") if t["Name"] == f"keelson-deploy-{name}"]
    return str(lab.driver.ask(lab, f"/v1/acl/token/{found}")["SecretID"])


@pytest.fixture(name="shared", scope="module")
def _shared(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Path]]:
    """A cluster with one application in two environments."""
    folder = tmp_path_factory.mktemp("placement")
    install(lab, folder, "test", "prod")
    for name in ("test", "prod"):
        deploy(lab, folder, name).expect()
    yield lab, folder
    for name in ("test", "prod"):
        deploy(lab, folder, name, "-e", "deploy_state=absent").expect()
    management = lab.secrets()["bootstrap_token"]
    for name in (TEST, PROD):
        ask(lab, management, "DELETE", f"/v1/var/shop/probe?namespace={name}")
        ask(lab, management, "DELETE", f"/v1/job/probe?purge=true&namespace={name}")
    install(lab, folder)
    assert [entry["Name"] for entry in lab.driver.ask(lab, "/v1/namespaces")] == ["default"]


def attempts(lab: Lab, space: str) -> dict[str, tuple[str, str, Any]]:
    """Ways to see, read and change what is in a namespace: what is asked of the API."""
    (running,) = [
        a["ID"]
        for a in lab.driver.ask(lab, f"/v1/job/hello/allocations?namespace={space}")
        if a["ClientStatus"] == "running"
    ]
    where = f"namespace={space}"
    return {
        "jobs": ("GET", f"/v1/jobs?{where}", None),
        "job": ("GET", f"/v1/job/hello?{where}", None),
        "allocations": ("GET", f"/v1/allocations?{where}", None),
        "deployments": ("GET", f"/v1/deployments?{where}", None),
        "logs": ("GET", f"/v1/client/fs/logs/{running}?task=app&type=stdout&plain=true&{where}", None),
        "files": ("GET", f"/v1/client/fs/ls/{running}?path=/&{where}", None),
        "figures of an instance": ("GET", f"/v1/client/allocation/{running}/stats?{where}", None),
        "service": ("GET", f"/v1/service/hello?{where}", None),
        "variables": ("GET", f"/v1/vars?{where}", None),
        "variable": ("GET", f"/v1/var/shop/probe?{where}", None),
        "plan": ("POST", f"/v1/job/probe/plan?{where}", job(space)),
        "deploy": ("POST", f"/v1/jobs?{where}", job(space)),
        "stop": ("DELETE", f"/v1/job/probe?{where}", None),
        "write": ("PUT", f"/v1/var/shop/probe?{where}", {"Path": "shop/probe", "Items": {"a": "b"}}),
    }


def passed(lab: Lab, token: str, space: str) -> set[str]:
    """Which of the attempts are answered with something; of what may not be seen, lists are empty or refused."""
    found = set()
    for name, (method, path, body) in attempts(lab, space).items():
        status, text = ask(lab, token, method, path, body)
        if status < 400 and text.strip() not in ("[]", "null"):
            found.add(name)
    return found


def test_one_environment_is_closed_to_the_deploys_of_the_other(shared: tuple[Lab, Path]) -> None:
    lab, _folder = shared
    management = lab.secrets()["bootstrap_token"]
    for space in (TEST, PROD):
        body = {"Path": "shop/probe", "Items": {"password": "x"}}
        assert ask(lab, management, "PUT", f"/v1/var/shop/probe?namespace={space}", body)[0] == 200
    everything = set(attempts(lab, PROD))
    assert passed(lab, management, PROD) == everything  # an attempt that cannot pass proves nothing
    assert passed(lab, secret(lab, "shop-test"), TEST) == everything
    assert passed(lab, secret(lab, "shop-test"), PROD) == set()
    assert passed(lab, secret(lab, "shop-prod"), TEST) == set()
    assert passed(lab, "", PROD) == set()


def test_what_is_the_cluster_s_is_closed_to_deploys(shared: tuple[Lab, Path]) -> None:
    lab, _folder = shared
    token, management = secret(lab, "shop-test"), lab.secrets()["bootstrap_token"]
    paths = ["/v1/nodes", "/v1/acl/tokens", "/v1/acl/policies", "/v1/agent/self", "/v1/operator/snapshot"]
    assert [ask(lab, management, "GET", path)[0] for path in paths] == [200] * 5
    kinds = ["/v1/nodes", "/v1/acl/tokens", "/v1/agent/self", "/v1/operator/snapshot"]
    assert [ask(lab, token, "GET", path)[0] for path in kinds] == [403] * 4
    status, text = ask(lab, token, "GET", "/v1/namespaces")
    assert status == 200 and [entry["Name"] for entry in json.loads(text)] == [TEST]
    every = quote("*")
    names = {entry["Namespace"] for entry in json.loads(ask(lab, token, "GET", f"/v1/jobs?namespace={every}")[1])}
    assert names == {TEST}
    listed = json.loads(ask(lab, token, "GET", f"/v1/services?namespace={every}")[1])
    assert {entry["Namespace"] for entry in listed} == {TEST}


def test_what_would_reach_the_node_is_refused(shared: tuple[Lab, Path]) -> None:
    lab, _folder = shared
    token = secret(lab, "shop-test")
    status, text = ask(lab, token, "POST", f"/v1/jobs?namespace={TEST}", job(TEST, Driver="raw_exec"))
    assert status >= 400 and 'driver "raw_exec" is not allowed in namespace' in text
    host = job(TEST, Networks=[{"Mode": "host"}])
    status, text = ask(lab, token, "POST", f"/v1/jobs?namespace={TEST}", host)
    assert status >= 400 and 'network mode "host" is not allowed in namespace' in text


def test_how_far_the_community_edition_goes(shared: tuple[Lab, Path]) -> None:
    """What a check of placement needs a cluster for, or tells: any pool may be named, and metrics are for all."""
    lab, _folder = shared
    token = secret(lab, "shop-test")
    assert ask(lab, token, "POST", f"/v1/jobs?namespace={TEST}", job(TEST, NodePool="batch"))[0] == 200
    status, text = ask(lab, token, "GET", "/v1/metrics?format=prometheus")
    assert status == 200 and "nomad_" in text


def test_a_second_run_changes_nothing_and_a_namespace_in_use_stays(shared: tuple[Lab, Path]) -> None:
    lab, folder = shared
    assert not install(lab, folder, "test", "prod").changed()
    refused = install(lab, folder, "test", code=2).words()
    assert f"namespace {PROD} is not in cluster_namespaces any more, but still holds" in refused
    assert lab.driver.ask(lab, f"/v1/job/hello?namespace={PROD}")["Status"] == "running"
