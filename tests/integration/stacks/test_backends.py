# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backends, read from real servers: HTTP, S3 and EC2 (moto), PostgreSQL, the API of HCP Terraform."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg
import pytest
import servers
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from moto.server import ThreadedMotoServer
from servers import Reply
from stacks_world import World

REGION = "eu-central-1"


def hosts(world: World, **entry: Any) -> list[str]:
    """The names of pool web, with stack nodes read from ENTRY."""
    world.document["stacks"]["nodes"] = entry
    return world.load().groups["product_pool_web"].hosts


def fault(world: World, **entry: Any) -> str:
    """The message that reading stack nodes from ENTRY ends with."""
    with pytest.raises(StackError) as caught:
        hosts(world, **entry)
    return str(caught.value)


# --- HTTP


def test_http_with_credentials(world: World) -> None:
    state = (world.folder / "nodes.json").read_bytes()
    wanted = "Basic " + base64.b64encode(b"ann:s3cret").decode()

    def answer(path: str, headers: dict[str, str]) -> Reply:
        return Reply(body=state) if headers.get("authorization") == wanted else Reply(401)

    with servers.serving(answer) as root:
        entry = {"address": f"{root}/state", "username": "ann", "password": "s3cret"}
        assert hosts(world, http=entry) == ["web0", "web1"]
        message = fault(world, http={**entry, "password": "wrong"})
        assert message.endswith("/state: answers 401 Unauthorized. Give the right credentials.")
        assert "wrong" not in message


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(401), "answers 401 Unauthorized. Give the right credentials."),
        (Reply(403), "answers 403 Forbidden. Let these credentials read the state."),
        (Reply(404), "answers 404 Not Found. Correct the address, or apply the stack first."),
        (Reply(423), "answers 423 Locked. Wait until the run that holds the lock has ended."),
        (Reply(500), "answers 500 Internal Server Error. Ask who runs the server."),
        (Reply(418), "answers 418 I'm a Teapot. Correct the address."),
        (
            Reply(302, headers={"Location": "http://elsewhere.example.org/"}),
            "redirects to http://elsewhere.example.org/.",
        ),
        (Reply(200), "is empty. Apply the stack first, or fetch the file again."),
        (Reply(200, b"<html>"), "is not JSON: Expecting value at line 1 column 1."),
        (Reply(200, b'{"version": 4}', length=500), "sent 14 of 500 bytes. Try again; the connection was cut."),
        (Reply(200, b"{}", pause=3), "did not answer within 1 seconds. Try again, or raise `timeout`."),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
def test_http_faults(world: World, reply: Reply, text: str) -> None:
    with servers.serving(lambda path, headers: reply) as root:
        message = fault(world, http={"address": f"{root}/state", "timeout": 1})
        assert message.startswith(f"{world.path}: stacks.nodes.http: {root}/state: {text}")


def certificate(folder: pathlib.Path) -> tuple[str, str]:
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=x",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_tls(world: World) -> None:
    state = (world.folder / "nodes.json").read_bytes()
    cert, key = certificate(world.folder)
    with servers.serving(lambda path, headers: Reply(body=state), (cert, key)) as root:
        assert "shows a certificate that is not trusted: self-signed certificate. Name its CA with `ca_file`." in fault(
            world, http=f"{root}/state"
        )
        assert hosts(world, http={"address": f"{root}/state", "ca_file": "cert.pem"}) == ["web0", "web1"]
    with servers.serving(lambda path, headers: Reply(body=state)) as root:
        assert "does not speak TLS: " in fault(world, http=root.replace("http:", "https:"))


def test_cache_by_etag_holds_no_secret(world: World) -> None:
    content = world.state("nodes")
    content["outputs"]["token"] = {"value": "known-secret-9", "type": "string", "sensitive": True}
    content["outputs"]["db"] = {"value": {"password": "known-secret-8"}, "type": "dynamic"}
    state, seen = json.dumps(content).encode(), []

    def answer(path: str, headers: dict[str, str]) -> Reply:
        seen.append(headers.get("if-none-match"))
        return Reply(304) if seen[-1] == '"v1"' else Reply(body=state, headers={"ETag": '"v1"'})

    world.document["cache_folder"] = "cache"
    with servers.serving(answer) as root:
        first = hosts(world, http=f"{root}/state")
        assert hosts(world, http=f"{root}/state") == first
        assert seen == [None, '"v1"']
        kept = list((world.folder / "cache").iterdir())
        assert len(kept) == 1 and kept[0].stat().st_mode & 0o077 == 0
        assert "known-secret" not in kept[0].read_text()
        world.cluster()["vars"] = {"t": {"sensitive": "nodes.outputs.token"}}
        assert hosts(world, http=f"{root}/state") == first
        assert seen[-1] is None, "a stack that a secret is asked of is not read from the cache"
        world.cluster()["vars"] = {"t": {"deep": [{"sensitive": "nodes.outputs.token"}]}}
        assert hosts(world, http=f"{root}/state") == first and seen[-1] is None, "wherever it is asked"
        kept[0].write_text("{broken")
        del world.cluster()["vars"]
        assert hosts(world, http=f"{root}/state") == first


def test_cache_leaves_a_managed_cluster_to_the_backend(world: World) -> None:
    """The CA lies among the keys that the cache leaves out."""
    content = world.state("nodes")
    ca = "-----BEGIN CERTIFICATE-----"
    attributes = {"name": "shop", "fqdn": "shop.example.org", "kube_config": [{"cluster_ca_certificate": ca}]}
    kind = "azurerm_kubernetes_cluster"
    content["resources"].append(
        {"mode": "managed", "type": kind, "name": "main", "instances": [{"attributes": attributes}]}
    )
    state = json.dumps(content).encode()
    world.document["cache_folder"] = "cache"
    world.document["clusters"]["cloud"] = {"managed": f"nodes.resources.{kind}.main"}
    with servers.serving(lambda path, headers: Reply(body=state, headers={"ETag": '"v1"'})) as root:
        for _run in range(2):
            hosts(world, http=f"{root}/state")
            assert world.load().groups["cloud"].variables["cluster_ca"] == ca
    assert not (world.folder / "cache").exists()


# --- HCP Terraform


def test_tfe(world: World) -> None:
    fake = servers.Tfe((world.folder / "nodes.json").read_bytes(), "token-1")
    with servers.serving(fake.answer, certificate(world.folder)) as fake.root:
        host = fake.root.removeprefix("https://")
        entry = {
            "organization": "acme",
            "workspace": "web",
            "hostname": host,
            "token": "token-1",
            "ca_file": "cert.pem",
        }
        assert hosts(world, tfe=entry) == ["web0", "web1"]
        assert fake.leaked == [], "the object store on another host got the token"
        assert "answers 401 Unauthorized" in fault(world, tfe={**entry, "token": "token-2"})
        assert "answers 404 Not Found" in fault(world, tfe={**entry, "workspace": "gone"})
        world.document["cache_folder"] = "cache"
        before = fake.downloads
        assert hosts(world, tfe=entry) == hosts(world, tfe=entry)
        assert fake.downloads == before + 1
        world.cluster()["pools"] = {
            "web": {"hosts": "nodes.outputs.batch_hosts", "host": {"name": "name", "address": "private_ip"}}
        }
        assert hosts(world, tfe={**entry, "read": "outputs"}) == ["batch0"]


# --- AWS


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def client(service: str, aws: str) -> Any:
    return boto3.client(
        service, endpoint_url=aws, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


def test_s3(world: World, aws: str) -> None:
    s3 = client("s3", aws)
    s3.create_bucket(Bucket="states", CreateBucketConfiguration={"LocationConstraint": REGION})
    state = (world.folder / "nodes.json").read_bytes()
    s3.put_object(Bucket="states", Key="nodes/terraform.tfstate", Body=state)
    s3.put_object(Bucket="states", Key="env:/qa/nodes/terraform.tfstate", Body=state)
    entry = {"bucket": "states", "key": "nodes/terraform.tfstate", "region": REGION, "endpoint": aws}
    assert hosts(world, s3=entry) == ["web0", "web1"]
    assert hosts(world, s3=entry, workspace="qa") == ["web0", "web1"]
    world.document["cache_folder"] = "cache"
    assert hosts(world, s3=entry) == hosts(world, s3=entry)
    assert (
        "s3://states/gone: answers NoSuchKey: The specified key does not exist. Correct the key, or apply the stack first."
        in fault(world, s3={**entry, "key": "gone"})
    )
    assert "answers NoSuchBucket: " in fault(world, s3={**entry, "bucket": "gone"})
    assert "cannot be read: Could not connect to the endpoint URL" in fault(
        world, s3={**entry, "endpoint": "http://127.0.0.1:1", "timeout": 1}
    )


def test_live_cloudformation(world: World, aws: str) -> None:
    template = {
        "Resources": {
            "Manager": {
                "Type": "AWS::EC2::Instance",
                "Properties": {
                    "ImageId": "ami-12c6146b",
                    "InstanceType": "t3.micro",
                    "Tags": [{"Key": "Name", "Value": "cm1"}],
                },
            }
        },
        "Outputs": {"Vlans": {"Value": json.dumps({"all": "10.0.0.0/8"})}},
    }
    client("cloudformation", aws).create_stack(StackName="shop", TemplateBody=json.dumps(template))
    world.document["stacks"] = {"shop": {"cloudformation": {"stack": "shop", "region": REGION, "endpoint": aws}}}
    world.document["clusters"] = {
        "c": {"engine": "nomad", "networks": "shop.outputs.Vlans", "managers": {"hosts": "shop.resources.Manager"}}
    }
    del world.document["host"]
    assert world.load().hosts["cm1"]["cluster_address"].startswith("10.")
    world.document["stacks"]["shop"]["cloudformation"]["stack"] = "gone"
    with pytest.raises(StackError, match="stack gone: answers ValidationError: Stack with id gone does not exist"):
        world.load()


def test_live_members(world: World, aws: str) -> None:
    ec2, scaling = client("ec2", aws), client("autoscaling", aws)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId="ami-12c6146b", InstanceType="t3.micro")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web-asg",
        LaunchConfigurationName="web",
        MinSize=2,
        MaxSize=4,
        DesiredCapacity=2,
        VPCZoneIdentifier=subnet,
    )
    state = world.state("nodes")
    attributes = {"name": "web-asg", "desired_capacity": 3}
    state["resources"] = [
        {"mode": "managed", "type": "aws_autoscaling_group", "name": "web", "instances": [{"attributes": attributes}]}
    ]
    world.write("nodes", state)
    del world.cluster()["networks"]
    world.cluster()["pools"] = {
        "web": {"hosts": "nodes.resources.aws_autoscaling_group.web", "host": {"name": "id", "address": "private_ip"}}
    }
    entry = {"state": "nodes.json", "members": {"ec2": {"region": REGION, "endpoint": aws}}}
    assert len(hosts(world, **entry)) == 2
    assert [line for line in world.load().warnings if "wants 3 servers and has 2" in line]
    ids = hosts(world, **entry)
    ec2.terminate_instances(InstanceIds=ids[:1])
    assert ids[0] not in hosts(world, **entry)


# --- PostgreSQL


def test_pg(world: World) -> None:
    programs = servers.postgres_programs()
    assert programs, "install PostgreSQL (Debian: postgresql) to try the pg backend"
    state = (world.folder / "nodes.json").read_text()
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        servers.postgres(pathlib.Path(folder), programs) as conn_str,
    ):
        assert "has no table of states. Correct `schema_name`, or run `terraform init` of the stack first." in fault(
            world, pg=conn_str
        )
        with psycopg.connect(conn_str, autocommit=True) as connection:
            # The table as Terraform's backend makes it (internal/backend/remote-state/pg/backend.go).
            connection.execute("CREATE SCHEMA terraform_remote_state")
            connection.execute(
                "CREATE TABLE terraform_remote_state.states (id bigint PRIMARY KEY, name text UNIQUE, data text)"
            )
            connection.execute(
                "INSERT INTO terraform_remote_state.states VALUES (1, 'default', %s), (2, 'qa', %s)", (state, state)
            )
            assert hosts(world, pg=conn_str) == ["web0", "web1"]
            assert hosts(world, pg={"conn_str": conn_str}, workspace="qa") == ["web0", "web1"]
            assert "schema terraform_remote_state, workspace prod: holds no state." in fault(
                world, pg=conn_str, workspace="prod"
            )
            world.document["cache_folder"] = "cache"
            assert hosts(world, pg=conn_str) == hosts(world, pg=conn_str) == ["web0", "web1"]
            connection.execute("BEGIN")
            connection.execute("LOCK TABLE terraform_remote_state.states IN ACCESS EXCLUSIVE MODE")
            assert "did not answer within 1 seconds" in fault(world, pg={"conn_str": conn_str, "timeout": 1})
            connection.execute("ROLLBACK")
    message = fault(world, pg={"conn_str": "host=127.0.0.1 port=1 user=x password=hunter2 dbname=x", "timeout": 2})
    assert "cannot be read: " in message and "hunter2" not in message
    message = fault(world, pg="postgres//ann:hunter2@127.0.0.1/x")
    assert "cannot be read: " in message and "hunter2" not in message
