# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of AWX: applied by the modules of awx.awx to a stand-in of its API, twice, pruned, and with every fault of the API."""

from __future__ import annotations

import copy
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_awx import FakeAwx

ROOT = Path(__file__).parents[3]
OBJECTS: dict[str, Any] = yaml.safe_load((ROOT / "examples/awx/objects.yml").read_text())["awx"]


@pytest.fixture
def fake() -> Iterator[FakeAwx]:
    started = FakeAwx()
    yield started
    started.server.shutdown()


def apply(fake: FakeAwx, tmp_path: Path, objects: dict[str, Any], **changes: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "objects.yml").write_text(yaml.safe_dump({"awx": objects}))
    hosts = {"w1": {"cluster_name": "product", "cluster_pool": "web"}}
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"all": {"children": {"clusters": {"hosts": hosts}}}}))
    command = ["ansible-playbook", "-i", str(tmp_path / "test.yml"), str(ROOT / "examples/awx/apply.yml")]
    access = {
        "CONTROLLER_HOST": fake.url,
        "CONTROLLER_OAUTH_TOKEN": "token",
        "CONTROLLER_VERIFY_SSL": "false",
        "CONTROLLER_REQUEST_TIMEOUT": "120",
        **changes,
    }
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    environment.update({name: value for name, value in access.items() if value})
    command += ["-e", f"awx_file={tmp_path}/objects.yml"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def small() -> dict[str, Any]:
    """Few of each kind, so that a run is short."""
    objects = copy.deepcopy(OBJECTS)
    kept = {"job_templates": ["Install", "Verify", "Check the placement"], "teams": ["operators", "developers"]}
    kept["credential_types"] = ["HCP Terraform token"]
    kept["credentials"] = ["hosts of test", "hosts of prod", "stacks of test", "stacks of prod"]
    for kind, names in kept.items():
        objects[kind] = [item for item in objects[kind] if item["name"] in names]
    for item in objects["environments"]:
        item["credentials"] = [f"hosts of {item['name']}"]
    for item in objects["inventory_sources"]:
        item["source_path"] = f"{item['inventory']}.yml"
    objects["workflows"] = [
        {"name": "Roll out", "environments": ["prod"], "steps": [{"approval": "Go on?"}, {"template": "Install"}]}
    ]
    objects["schedules"] = [{**objects["schedules"][0], "environments": ["test"]}]
    everything = {"environments": ["test", "prod"], "job_templates": ["Install", "Verify"]}
    objects["roles"] = [
        {"team": "operators", "role": "execute", **everything},
        {"team": "operators", "role": "execute", "environments": ["prod"], "workflows": ["Roll out"]},
        {"team": "developers", "role": "execute", **everything, "environments": ["test"]},
        {"team": "developers", "role": "execute", "environments": ["prod"], "job_templates": ["Verify"]},
    ]
    return objects


def launch(fake: FakeAwx, kind: str, name: str, team: str, **body: Any) -> int:
    """What AWX answers when a member of a team launches it: the number of the job's inventory, or the status of its refusal."""
    number = next(item["id"] for item in fake.objects[kind].values() if item["name"] == name)
    request = urllib.request.Request(f"{fake.url}/api/v2/{kind}/{number}/launch/", json.dumps(body).encode())
    request.add_header("Authorization", f"Bearer team {team}")
    try:
        with urllib.request.urlopen(request) as answer:
            return int(json.load(answer)["inventory"] or 0)
    except urllib.error.HTTPError as error:
        return error.code


def first_kinds() -> dict[str, Any]:
    """What a run that is to fail applies."""
    return {"organizations": [{"name": "Platform"}], "teams": [{"name": "platform", "organization": "Platform"}]}


def test_applied_twice_then_pruned(fake: FakeAwx, tmp_path: Path) -> None:
    objects = small()
    first = apply(fake, tmp_path, objects)
    assert first.returncode == 0, first.stdout + first.stderr
    made = ["Check the placement", "Install (prod)", "Install (test)", "Verify (prod)", "Verify (test)"]
    assert fake.names("job_templates") == made
    assert sorted(node["identifier"] for node in fake.objects["workflow_job_template_nodes"].values()) == [
        "Roll out (prod) 1",
        "Roll out (prod) 2",
    ]
    assert fake.names("workflow_approval_templates") == ["Go on? (prod)"] and any(
        key[2] == "success_nodes" for key in fake.links
    )
    install = next(item for item in fake.objects["job_templates"].values() if item["name"] == "Install (test)")
    questions = fake.surveys["job_templates", install["id"]]["spec"]
    assert questions[0]["variable"] == "cluster" and questions[0]["choices"] == ["product"]
    prod = next(item for item in fake.objects["job_templates"].values() if item["name"] == "Install (prod)")
    assert not fake.surveys["job_templates", prod["id"]]["spec"][0]["choices"], "clusters of its own environment only"
    assert fake.holders("job_templates", "Install (test)", "execute") == {"operators", "developers"}

    fake.requests.clear()
    second = apply(fake, tmp_path, objects)
    assert second.returncode == 0 and "changed=0" in second.stdout, second.stdout + second.stderr
    assert {method for method, _path in fake.requests} == {"GET"}
    assert "(item=Install (test))" in first.stdout and "(item=Install (test))" not in second.stdout, "only what differs"

    fake.objects["job_templates"][install["id"]]["timeout"] = 1
    fake.surveys["job_templates", install["id"]]["spec"][0]["required"] = True
    again = apply(fake, tmp_path, objects)
    assert "(item=Install (test))" in again.stdout and "(item=Verify (test))" not in again.stdout, (
        again.stdout + again.stderr
    )
    assert fake.objects["job_templates"][install["id"]]["timeout"] == 7200

    fake.add("job_templates", {"name": "theirs", "description": "made by hand"})
    fewer = {"organizations": objects["organizations"], "workflows": [], "job_templates": []}
    third = apply(fake, tmp_path, fewer)
    assert third.returncode == 0, third.stdout + third.stderr
    assert fake.names("job_templates") == ["theirs"] and fake.names("organizations") == ["Platform"]
    assert all(
        not fake.names(kind) for kind in ("workflow_job_templates", "schedules", "teams", "credentials", "projects")
    )


def test_a_team_launches_only_what_it_may_in_an_environment(fake: FakeAwx, tmp_path: Path) -> None:
    objects = small()
    done = apply(fake, tmp_path, objects)
    assert done.returncode == 0, done.stdout + done.stderr
    inventory = {item["name"]: item["id"] for item in fake.objects["inventories"].values()}
    teams = ("operators", "developers")
    tried = [(name, team) for name in fake.names("job_templates") if "(" in name for team in teams]
    allowed = {one: launch(fake, "job_templates", *one) for one in tried}
    refused = {("Install (prod)", "developers"): 403}
    assert allowed == {one: inventory[one[0][-5:-1]] for one in tried} | refused
    assert launch(fake, "workflow_job_templates", "Roll out (prod)", "developers") == 403
    assert launch(fake, "workflow_job_templates", "Roll out (prod)", "operators") == 0
    # A job template keeps its inventory, whatever is asked for.
    assert (
        launch(fake, "job_templates", "Install (test)", "developers", inventory=inventory["prod"]) == inventory["test"]
    )

    # The stand-in refuses a team without `use` where a template asks for the inventory.
    install = next(item for item in fake.objects["job_templates"].values() if item["name"] == "Install (test)")
    install["ask_inventory_on_launch"] = True
    assert launch(fake, "job_templates", "Install (test)", "developers", inventory=inventory["prod"]) == 403
    del install["ask_inventory_on_launch"]

    # A role that was given by hand on these objects is revoked; one of another team, or on another object, stays.
    theirs = fake.add("job_templates", {"name": "theirs"})
    guests = fake.add("teams", {"name": "guests"})
    developers = next(item for item in fake.objects["teams"].values() if item["name"] == "developers")
    prod = next(item for item in fake.objects["job_templates"].values() if item["name"] == "Install (prod)")
    for item, team in ((prod, developers), (prod, guests), (theirs, developers)):
        fake.roles[item["summary_fields"]["object_roles"]["execute_role"]["id"]]["teams"].append(team["id"])
    use = fake.objects["inventories"][inventory["prod"]]["summary_fields"]["object_roles"]["use_role"]["id"]
    fake.roles[use]["teams"].append(developers["id"])
    assert launch(fake, "job_templates", "Install (prod)", "developers") == inventory["prod"]
    again = apply(fake, tmp_path, objects)
    assert again.returncode == 0, again.stdout + again.stderr
    assert launch(fake, "job_templates", "Install (prod)", "developers") == 403
    assert fake.holders("job_templates", "Install (prod)", "execute") == {"operators", "guests"}
    assert fake.holders("inventories", "prod", "use") == set()
    assert fake.holders("job_templates", "theirs", "execute") == {"developers"}


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/api/v2/me/", 401, "Invalid authentication credentials for /api/v2/me/ (HTTP 401)"),
        ("POST", "/api/v2/teams/", 403, "You don't have permission to POST to /api/v2/teams/ (HTTP 403)"),
        ("POST", "/api/v2/teams/", 409, "Unable to create team platform: {'detail': 'told to fail with 409'}"),
        (
            "POST",
            "/api/v2/teams/",
            500,
            "The host sent back a server error (HTTP Error 500: Internal Server Error): /api/v2/teams/.",
        ),
    ],
)
def test_what_awx_answers_is_one_message_and_the_next_run_completes(
    fake: FakeAwx, tmp_path: Path, method: str, path: str, status: int, words: str
) -> None:
    objects = first_kinds()
    fake.failures[method, path] = status
    done = apply(fake, tmp_path, objects)
    assert done.returncode == 2 and words in " ".join((done.stdout + done.stderr).split()), done.stdout + done.stderr
    if status == 401:
        assert not any(asked == "POST" for asked, _path in fake.requests), "nothing was changed"
    fake.failures.clear()
    assert apply(fake, tmp_path, objects).returncode == 0 and fake.names("teams") == ["platform"]


def test_awx_vanishes_half_way(fake: FakeAwx, tmp_path: Path) -> None:
    objects = first_kinds()
    fake.dies_after = 4
    done = apply(fake, tmp_path, objects)
    assert done.returncode == 2 and fake.url in done.stdout
    fake.dies_after = None
    assert apply(fake, tmp_path, objects).returncode == 0 and fake.names("teams") == ["platform"]


HTML = b"<html><body>Please log in</body></html>"
TEAMS, ME = ("POST", "/api/v2/teams/"), ("GET", "/api/v2/me/")
PLAIN, JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}
THROTTLED = b'{"detail": "Request was throttled."}'


@pytest.mark.parametrize(
    ("asked", "answer", "words"),
    [
        (ME, (200, PLAIN, HTML, 0), "Failed to parse the response json: Expecting value"),
        (ME, (302, {"Location": "/login"}, b"", 0), "The requested object could not be found at /api/v2/me/"),
        (ME, (200, JSON, b'{"count": 1, "resu', 0), "Failed to parse the response json: Unterminated string"),
        (ME, (200, JSON, b'{"count": 0, "results": []}', 0), "AWX does not say who asks; set CONTROLLER_OAUTH_TOKEN"),
        (ME, (503, PLAIN, HTML, 0), "The host sent back a server error (HTTP Error 503: Service Unavailable)"),
        (ME, (200, JSON, b"{}", 8), "Failed to read response body: timed out"),
        (TEAMS, (429, {"Retry-After": "1"}, THROTTLED, 0), "Unable to create team platform: {'detail': 'Request was"),
        (TEAMS, (302, {"Location": "/login"}, b"", 0), "The requested object could not be found at /api/v2/teams/"),
        (TEAMS, (201, PLAIN, HTML, 0), "Failed to parse the response json: Expecting value"),
        (TEAMS, (201, {"Content-Length": "100"}, b'{"id": ', 0), "IncompleteRead(7 bytes read, 93 more expected)"),
    ],
)
def test_what_is_no_answer_of_awx_is_one_message(
    fake: FakeAwx, tmp_path: Path, asked: tuple[str, str], answer: Any, words: str
) -> None:
    fake.odd[asked] = answer
    done = apply(fake, tmp_path, first_kinds(), CONTROLLER_REQUEST_TIMEOUT="4")
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2 and words in told, told
    assert "Traceback" not in told
    if asked == ME:
        assert f"{fake.url}: " in told and "Nothing was changed" in told, "the message names the place"
        assert not any(method == "POST" for method, _path in fake.requests)
        return
    fake.odd.clear()
    assert apply(fake, tmp_path, first_kinds()).returncode == 0 and fake.names("teams") == ["platform"]


def test_lists_come_in_pages(fake: FakeAwx, tmp_path: Path) -> None:
    """What is not on the first page is neither made again nor left behind."""
    fake.page_size = 2
    kinds = first_kinds()
    kinds["teams"] = [{"name": f"t{number}", "organization": "Platform"} for number in range(5)]
    assert apply(fake, tmp_path, kinds).returncode == 0
    fake.requests.clear()
    again = apply(fake, tmp_path, kinds)
    assert again.returncode == 0 and "changed=0" in again.stdout and {m for m, _p in fake.requests} == {"GET"}
    assert any("page=3" in path for _method, path in fake.requests)
    assert apply(fake, tmp_path, first_kinds()).returncode == 0 and fake.names("teams") == ["platform"]


def test_a_certificate_that_nobody_trusts(fake: FakeAwx, tmp_path: Path) -> None:
    """Verified unless told otherwise, by the lookup, the modules and the task that removes alike."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    fake.server.socket = context.wrap_socket(fake.server.socket, server_side=True)
    fake.url = fake.url.replace("http:", "https:")
    done = apply(fake, tmp_path, first_kinds(), CONTROLLER_VERIFY_SSL="")
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2 and "certificate verify failed: self-signed certificate" in told, told
    assert not fake.requests
