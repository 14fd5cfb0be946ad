# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as secret by its name, and that stripping leaves nothing of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import sensitive
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.cache import Cache
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Output, Resource, Stack
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.source import Source
from stacks_world import World


@pytest.mark.parametrize(
    "name",
    [
        "password", "admin_password", "adminPassword", "DbPassword", "pwd", "pw", "passphrase", "secret", "client_secret", "secrets", "secret_key",
        "secretAccessKey", "access_key", "accessKey", "api_key", "apiKey", "api-key", "token", "authToken", "bootstrap_token", "private_key",
        "private_key_pem", "privateKeyOpenssh", "kube_config", "kube_config_raw", "kubeconfig", "credentials", "user_data", "user_data_base64",
        "db_pass", "dbpass", "rootPass", "ssh_key", "sshKey", "psk", "wifi_psk", "dsn", "sentryDsn", "sas_url", "sasToken", "database_url", "tls_key",
        "signing_key_pem", "masterKey", "license_key", "dbpassword", "jwt", "otp_seed", "htpasswd", "webhook_url", "conn_str", "redisUrl",
        "passphrase2", "db_creds", "clientsecret", "accesstoken", "credentials_json", "jdbc_url", "keystore", "hmac",
        "unseal_keys", "userdata", "custom_data", "customData", "cloud_init", "startup_script", "metadata_startup_script", "keytab", "pfx", "pkcs12",
        "p12_data", "masterkey", "bindpw", "ldap_bindpw", "erlang_cookie", "recovery_codes", "bearer", "basic_auth", "github_pat", "ssh_private",
        "wireguard_private", "slack_webhook",
        "rootpw", "auth_header", "private_jwk", "vault_unseal", "dkim_private", "kubeAdminConfigRaw", "join_command", "gossip_encryption",
        "consul_encrypt", "snmp_community", "dburi", "amqps_url", "jdbc", "slack_url", "pgp_private", "ssh_privkey", "privkey", "id_rsa",
        "id_ed25519", "cloud_config", "cloudinit", "service_account_json", "appkey", "dockerconfigjson", "dockercfg", "registry_auth",
        "htdigest", "key_pem", "jks", "client_assertion",
        "userData", "connection_string", "primary_connection_string", "storage_account_key", "PASSWORD",
        "private_pem", "privatePem", "private_pem_b64", "rsa_pem", "pkcs8", "ecdsa_private", "ed25519_private", "key_private", "jwks_private", "private_cert",
        "key_material", "cakey", "clientkey", "tlskey", "deploykey", "agekey", "rootKey", "sessionkey", "cryptokey", "serviceaccountkey", "sshprivatekey",
        "privatekeypem", "unsealkeys", "recovery_keys", "shamir_shares", "backup_codes", "seed_phrase", "preshared", "pre_shared", "mysqlpwd", "PGPASSWORD",
        "shared_access_signature", "rabbitmq_url", "sentry_url", "nats_url", "hook_url", "slack_hook", "webhooks", "join_cmd", "sasl_jaas_config",
        "ignition_config", "talosconfig", "machine_config", "preseed", "unattend", "protectedSettings", "npmrc", "netrc", "dotenv", "fernet",
        "nomad_encrypt", "gossip_keyring", "auth_string", "authString", "auths", "pat", "invite_link", "magicLink", "registration_code", "enrollment_url",
        "activation_code", "one_time_code", "pepper", "radius_shared", "sqlalchemy_uri", "celery_broker_url",
    ],
)  # fmt: skip
def test_denied(name: str) -> None:
    assert sensitive.denied(name)


@pytest.mark.parametrize(
    "name",
    ["name", "private_ip", "public_key", "key_name", "keys", "tags", "Name", "passed", "compass", "secretary", "tokenizer", "id",
     "private_dns", "bypass", "ssh_keys", "ssh_key_ids", "public_key", "kms_key_id", "kms_key", "host_key", "partition_key", "url", "self_url",
     "compass", "overpass", "key", "keyboard", "key_pair", "endpoint_url", "passing", "sasquatch", "psketch",
     "path", "dispatch", "status_code", "postal_code", "zip_code", "link", "self_link",
     "ip_private", "is_private", "private", "pattern", "author", "seed_nodes", "startup", "spin", "bearing",
     "monkey", "turnkey", "hotkey", "pubkey", "hostkey", "publicKey", "public_key_pem", "public_key_openssh",
     "public_key_fingerprint_md5", "object_key", "bucket_key", "s3_key", "monkey_data", "keyring_name", "key_vault_id", "webhooked", "chassis",
     "pkcs", 0, None],
)  # fmt: skip
def test_not_denied(name: object) -> None:
    assert not sensitive.denied(name)


def test_strip_by_mark_and_by_name() -> None:
    value = {"a": 1, "password": 2, "b": {"c": 3, "d": [{"e": 4, "token": 5}, 6]}, "f": [7, 8]}
    left_out: list[str] = []
    assert sensitive.strip(value, [("b", "c"), ("f", 1)], left_out) == {
        "a": 1,
        "b": {"d": [{"e": 4}, 6]},
        "f": [7, None],
    }
    assert left_out == ["password", "b.c", "b.d[0].token"]
    assert value["password"] == 2, "the original is another's"


SECRETS = [
    "-----BEGIN RSA PRIVATE KEY-----\nMII", "-----BEGIN PRIVATE KEY-----", "postgres://app:known@10.0.0.1/db", "https://:known@x.example.org",
    "https://x.example.org/c?sv=1&sig=known", "https://x.example.org/?X-Amz-Signature=known", "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl",
    "ghp_0123456789abcdefghij0123456789abcdef", "github_pat_11ABCDEFG0123456789_abcdefghij", "glpat-0123456789abcdefghij", "sk_live_0123456789abcdef01234567",
    "xoxb-123456789012-abcdefghijkl", "hvs.CAESIJ0123456789abcdefghij", "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQ", "PuTTY-User-Key-File-3: ssh-ed25519",
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=Zm9vYmFy", "Server=x;User Id=a;Password=hunter2;", "host=db password=hunter2 user=a",
    "npm_abcdefghijklmnopqrstuvwxyz0123456789", "dop_v1_0123456789abcdef0123456789abcdef", "dckr_pat_abcdefghijklmnopqrstuv", "pypi-AgEIcHlwaS5vcmc",
    "AIzaSyA1234567890abcdefghijklmnopqrstuvw", "xapp-1-A0-123-abcdef", "hvb.AAAAAQJabcdefgh", "kubeadm join 10.0.0.1:6443 --token abcdef.0123",
    "https://x.example.org/?api_key=abcdef", "https://x/?access_token=abcdef", "https://storage.example.org/x?X-Goog-Signature=abc",
    "https://discord.com/api/webhooks/123/abcdef", "https://x.webhook.office.com/webhookb2/abc", "Authorization: Basic dXNlcjpwYXNz",
    "$argon2id$v=19$m=65536$abc", "admin:$apr1$abcdefgh$ijk", "DB_PASSWORD=hunter2\nX=1", '{"auths": {"r": {"auth": "dXNlcjpwdw=="}}}',
    "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUk=", "#cloud-config\npassword: hunter2", "users:\n- user:\n    client-key-data: LS0t",
    "https://hooks.slack.com/services/T0/B0/abcdefgh", "$6$salt$0123456789abcdefghij", "$2b$12$0123456789abcdefghijkl",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_a_value_that_shows_what_it_is(text: str) -> None:
    assert sensitive.shows(text)
    assert sensitive.strip({"a": text, "b": [text, "c"]}) == {"b": [None, "c"]}


@pytest.mark.parametrize(
    "text",
    [
        "https://x.example.org:6443/a?b=c",
        "ssh-ed25519 AAAA me@host",
        "-----BEGIN CERTIFICATE-----",
        "git@example.org:a/b",
        "eyJ",
        "a:b@c",
        "ask for the password = none today",
        "price: $6 or $12 a month",
        "the task_live_2026 of hvs",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSQ==",
        "arn:aws:secretsmanager:eu-central-1:1:secret:x",
        "",
    ],
)
def test_a_value_that_shows_nothing(text: str) -> None:
    assert not sensitive.shows(text)


def test_long_names_and_values_take_no_time() -> None:
    start = time.process_time()
    for part in (
        "_",
        "a",
        "eyJ",
        "-----BEGIN A",
        "://a",
        "://a:",
        "?sig",
        "pass_",
        "a_key",
        "Password=",
        "$6$",
        "ghp_",
        "basic_",
    ):
        sensitive.denied(part * 50_000)
        sensitive.shows(part * 50_000)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("asked", ["network.outputs.db", ["network.outputs.db"], {"a": "network.outputs.db"}])
def test_such_a_value_is_asked_for_by_name(world: World, asked: Any) -> None:
    state = world.state("network")
    state["outputs"]["db"] = {"value": "postgres://app:known-secret@10.0.0.1/db"}
    world.write("network", state)
    world.cluster()["vars"] = {"x": asked}
    with pytest.raises(StackError, match="`network.outputs.db` is a secret by its looks"):
        world.load()
    world.cluster()["vars"] = {"x": {"sensitive": "network.outputs.db"}}
    assert "x" in world.load().groups["product"].variables
    world.cluster().update(vars={}, endpoint="https://app:known-secret@x.example.org")
    with pytest.raises(StackError, match=r"endpoint: holds a password\."):
        world.load()


@pytest.mark.parametrize("value", ["postgres://app:known-secret@10.0.0.1/db", {"a": ["Password=known-secret;"]}])
def test_the_cache_keeps_no_secret_of_any_name(tmp_path: Path, value: Any) -> None:
    source = Source("network", "http", "https://x.example.org", str(tmp_path), "stacks.network")
    kept = Cache(str(tmp_path / "cache"))
    kept.save(source, "v1", Stack("network", "terraform", "place", {"db": Output(value), "open": Output("10.0.0.1")}))
    (file,) = (tmp_path / "cache").iterdir()
    assert "known-secret" not in file.read_text()
    entry = kept.load(source)
    assert entry and entry.stack.outputs["open"] == Output("10.0.0.1", fault=[])
    assert isinstance(value, dict) or entry.stack.outputs["db"].sensitive, "who asks for it is told"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(("b",), True), (("b", "c"), True), (("b", "c", "x"), True), (("b", "d"), False), (("a",), False)],
)
def test_a_path_that_touches_a_mark_is_sensitive(steps: tuple[str, ...], expected: bool) -> None:
    resource = Resource("r", "r", "t", None, {}, sensitive=(("b", "c"),))
    assert sensitive.is_sensitive(resource, steps) is expected
