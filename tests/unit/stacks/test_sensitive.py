# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as secret by its name, and that stripping leaves nothing of it."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import sensitive
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Resource


@pytest.mark.parametrize(
    "name",
    [
        "password", "admin_password", "adminPassword", "DbPassword", "pwd", "pw", "passphrase", "secret", "client_secret", "secrets", "secret_key",
        "secretAccessKey", "access_key", "accessKey", "api_key", "apiKey", "api-key", "token", "authToken", "bootstrap_token", "private_key",
        "private_key_pem", "privateKeyOpenssh", "kube_config", "kube_config_raw", "kubeconfig", "credentials", "user_data", "user_data_base64",
        "userData", "connection_string", "primary_connection_string", "storage_account_key", "PASSWORD",
    ],
)  # fmt: skip
def test_denied(name: str) -> None:
    assert sensitive.denied(name)


@pytest.mark.parametrize(
    "name",
    ["name", "private_ip", "public_key", "key_name", "keys", "tags", "Name", "passed", "compass", "secretary", "tokenizer", "id",
     "private_dns", "bypass", 0, None],
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


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(("b",), True), (("b", "c"), True), (("b", "c", "x"), True), (("b", "d"), False), (("a",), False)],
)
def test_a_path_that_touches_a_mark_is_sensitive(steps: tuple[str, ...], expected: bool) -> None:
    resource = Resource("r", "r", "t", None, {}, sensitive=(("b", "c"),))
    assert sensitive.is_sensitive(resource, steps) is expected
