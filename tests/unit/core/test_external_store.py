# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets kept besides the managers: an ansible-vault file, HashiCorp Vault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import Generation, digest_of
from ansible_collections.keelson.cluster.plugins.plugin_utils import external_store
from ansible_collections.keelson.cluster.plugins.plugin_utils.external_store import ExternalStoreError, open_store
from fake_vault import FakeVault

PAYLOAD = {"gossip_key": "very-secret"}
KEPT = Generation(3, digest_of(3, PAYLOAD), PAYLOAD)


def loader(*passwords: str) -> DataLoader:
    """Ansible's loader in a run with these vault passwords."""
    made = DataLoader()
    made.set_vault_secrets([("default", VaultSecret(password.encode())) for password in passwords] or None)
    return made


def file_store(path: Path, *passwords: str) -> external_store.ExternalStore:
    return open_store({"file": str(path)}, loader(*passwords))


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.vault"
    file_store(path, "right").write("c1", 3, PAYLOAD, check=False)
    return path


def test_a_file_is_written_encrypted_and_read_back(sealed: Path) -> None:
    text = sealed.read_text()
    assert text.startswith("$ANSIBLE_VAULT;") and "very-secret" not in text
    assert "very-secret" in VaultLib([("default", VaultSecret(b"right"))]).decrypt(text).decode()
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in sealed.parent.iterdir()] == [sealed.name]
    assert file_store(sealed, "right").read("c1") == KEPT
    assert file_store(sealed, "another", "right").read("c1") == KEPT


def test_no_file_is_no_generation(tmp_path: Path) -> None:
    assert file_store(tmp_path / "none", "right").read("c1") is None


def test_what_cannot_be_looked_at_is_not_the_same_as_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/not/mounted/secrets.vault")
    for path in (tmp_path / "file/secrets.vault", tmp_path / "link"):
        with pytest.raises(ExternalStoreError, match="cannot be read"):
            file_store(path, "right").read("c1")


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    file_store(tmp_path / "none", "right").write("c1", 1, PAYLOAD, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_password_is_named_with_the_file(sealed: Path) -> None:
    before = sealed.read_bytes()
    with pytest.raises(ExternalStoreError, match=f"{sealed} cannot be decrypted .*--vault-password-file or --vault-id"):
        file_store(sealed, "wrong").read("c1")
    assert sealed.read_bytes() == before


def test_a_missing_password_is_found_before_secrets_are_made(tmp_path: Path, sealed: Path) -> None:
    for path in (sealed, tmp_path / "none"):
        with pytest.raises(ExternalStoreError, match=f"names {path}, but this run has no vault password"):
            file_store(path).read("c1")
    with pytest.raises(ExternalStoreError, match="no vault password"):
        file_store(tmp_path / "none").write("c1", 1, PAYLOAD, check=True)


def test_a_file_that_is_not_encrypted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("cluster: c1\n")
    with pytest.raises(ExternalStoreError, match="plain is not encrypted; run 'ansible-vault encrypt"):
        file_store(tmp_path / "plain", "right").read("c1")


def test_the_file_of_another_cluster_is_refused(sealed: Path) -> None:
    with pytest.raises(ExternalStoreError, match="holds the secrets of the cluster c1, not of c2"):
        file_store(sealed, "right").read("c2")


@pytest.mark.parametrize("content", ["just text", "[]", "cluster: c1\n", "cluster: c1\ngeneration: x\npayload: {}\n"])
def test_a_file_with_something_else_in_it_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(VaultLib().encrypt(content, VaultSecret(b"right")))
    with pytest.raises(ExternalStoreError, match="other holds no secrets of a cluster"):
        file_store(path, "right").read("c1")


def test_a_file_that_cannot_be_written_leaves_the_old_one(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealed.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExternalStoreError, match=f"{sealed} cannot be written: .*No space left"):
        file_store(sealed, "right").write("c1", 4, PAYLOAD, check=False)
    assert sealed.read_bytes() == before and [path.name for path in sealed.parent.iterdir()] == [sealed.name]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExternalStoreError, match="none/secrets.vault cannot be written: .*No such file"):
        file_store(tmp_path / "none" / "secrets.vault", "right").write("c1", 1, PAYLOAD, check=False)


@pytest.mark.parametrize("settings", [{"vault": "x"}, {"file": "x", "hashicorp_vault": {}}])
def test_an_unknown_kind_of_store_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ExternalStoreError, match="give either 'file' or 'hashicorp_vault'"):
        open_store(settings, loader())


# --- HashiCorp Vault ---


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    fake = FakeVault()
    yield fake
    fake.close()


def vault_store(vault: FakeVault, **differences: str) -> external_store.ExternalStore:
    settings = {"url": vault.url, "mount": "secret", "path": "keelson/c1", "token": "root", **differences}
    return open_store({"hashicorp_vault": settings}, loader())


def test_vault_keeps_versions_and_gives_the_newest(vault: FakeVault) -> None:
    store = vault_store(vault)
    assert store.read("c1") is None
    store.write("c1", 1, {"gossip_key": "old"}, check=False)
    store.write("c1", 3, PAYLOAD, check=False)
    store.write("c1", 4, PAYLOAD, check=True)
    assert store.read("c1") == KEPT
    assert [version["generation"] for version in vault.versions["keelson/c1"]] == [1, 3]


@pytest.mark.parametrize(
    "deleted",
    [{"deletion_time": "2026-11-01T00:00:00Z", "destroyed": False}, {"deletion_time": "", "destroyed": True}],
    ids=["deleted", "destroyed"],
)
def test_a_version_that_was_deleted_is_not_the_same_as_none(vault: FakeVault, deleted: dict[str, Any]) -> None:
    store = vault_store(vault)
    store.write("c1", 3, PAYLOAD, check=False)
    vault.deleted = deleted
    with pytest.raises(ExternalStoreError, match=r"version 1 of .*keelson/c1 was deleted.*vault kv undelete"):
        store.read("c1")


def test_of_two_first_runs_one_is_told(vault: FakeVault) -> None:
    first, second = vault_store(vault), vault_store(vault)
    assert first.read("c1") is None and second.read("c1") is None
    first.write("c1", 1, {"gossip_key": "first"}, check=False)
    with pytest.raises(ExternalStoreError, match="keelson/c1 has generation 1 already; run again"):
        second.write("c1", 1, {"gossip_key": "second"}, check=False)

    def other() -> None:
        vault.before_write = lambda: None
        first.write("c1", 2, {"gossip_key": "other"}, check=False)

    vault.before_write = other
    with pytest.raises(
        ExternalStoreError, match="keelson/c1 was changed while generation 2 was written .*check-and-set"
    ):
        second.write("c1", 2, {"gossip_key": "second"}, check=False)
    assert [version["payload"]["gossip_key"] for version in vault.versions["keelson/c1"]] == ["first", "other"]


def test_vault_of_another_cluster_is_refused(vault: FakeVault) -> None:
    vault_store(vault).write("c1", 3, PAYLOAD, check=False)
    with pytest.raises(ExternalStoreError, match="holds the secrets of the cluster c1, not of c2"):
        vault_store(vault).read("c2")


@pytest.mark.parametrize("verb", ["read", "written"])
def test_vault_refuses_a_wrong_token(vault: FakeVault, verb: str) -> None:
    store = vault_store(vault, token="very-secret")
    with pytest.raises(ExternalStoreError, match=f"secret/keelson/c1 cannot be {verb}: permission denied") as caught:
        store.read("c1") if verb == "read" else store.write("c1", 1, PAYLOAD, check=False)
    assert "very-secret" not in str(caught.value)


def test_vault_is_sealed_or_away(vault: FakeVault) -> None:
    vault.sealed = True
    with pytest.raises(ExternalStoreError, match="cannot be read: .*sealed"):
        vault_store(vault).read("c1")
    vault.close()
    with pytest.raises(ExternalStoreError, match="cannot be read: .*refused"):
        vault_store(vault).read("c1")


def test_vault_without_its_settings_or_its_library(vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExternalStoreError, match="lacks mount, token, url"):
        open_store({"hashicorp_vault": {"path": "x"}}, loader())
    monkeypatch.setattr(external_store, "HAS_HVAC", False)
    with pytest.raises(ExternalStoreError, match="Python package hvac is missing .* -m pip install hvac"):
        vault_store(vault)
