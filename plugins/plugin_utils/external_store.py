# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places besides the managers where a cluster's secrets may be kept: an ansible-vault file, HashiCorp Vault."""

from __future__ import annotations

import json
import os
from typing import Any, Protocol

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import Generation, digest_of
from ansible_collections.keelson.cluster.plugins.module_utils.host import atomic
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

try:
    import yaml

    HAS_YAML = True
except ImportError:  # Ansible itself brings it
    HAS_YAML = False

try:
    import hvac
    from hvac.exceptions import InvalidPath, InvalidRequest, VaultError

    HAS_HVAC = True
except ImportError:
    HAS_HVAC = False


class ExternalStoreError(Exception):
    """The place cannot be read or written; the message names it and the remedy."""


class ExternalStore(Protocol):
    """Where a copy of the newest generation is kept."""

    name: str

    def read(self, cluster: str) -> Generation | None:
        """The generation kept there, or None."""

    def write(self, cluster: str, number: int, payload: dict[str, Any], check: bool) -> None:
        """Keep a generation there; C(check) changes nothing."""


def open_store(settings: dict[str, Any], loader: Any) -> ExternalStore:
    """The store that C(cluster_secrets_store) describes. Raises ExternalStoreError for an unknown description."""
    if set(settings) == {"file"}:
        return VaultFile(str(settings["file"]), loader)
    if set(settings) == {"hashicorp_vault"}:
        return HashicorpVault(settings["hashicorp_vault"])
    raise ExternalStoreError(
        f"cluster_secrets_store has the keys {sorted(settings)}; give either 'file' or 'hashicorp_vault', or leave it out"
    )


class VaultFile:
    """A file on the controller, encrypted with ansible-vault by the identity the run has the password of."""

    def __init__(self, path: str, loader: Any) -> None:
        self.name = path
        # The loader offers decryption to everybody, encryption only by the library it keeps.
        self._vault = loader._vault

    def read(self, cluster: str) -> Generation | None:
        """Decrypt the file. Raises ExternalStoreError without the right password or with broken content."""
        try:
            with open(self.name, "rb") as handle:
                sealed = handle.read()
        except OSError as error:
            # A link that leads nowhere, as to a share that is not mounted, says nothing of what lies there.
            if not isinstance(error, FileNotFoundError) or os.path.islink(self.name):
                raise ExternalStoreError(f"{self.name} cannot be read: {error}") from error
            self._password()
            return None
        if not sealed.startswith(b"$ANSIBLE_VAULT;"):
            raise ExternalStoreError(f"{self.name} is not encrypted; run 'ansible-vault encrypt {self.name}'")
        self._password()
        try:
            document = yaml.safe_load(self._vault.decrypt(sealed))
        except Exception as error:
            raise ExternalStoreError(
                f"{self.name} cannot be decrypted ({error}); give its password with --vault-password-file or --vault-id"
            ) from error
        return _generation(document, cluster, self.name)

    def write(self, cluster: str, number: int, payload: dict[str, Any], check: bool) -> None:
        """Encrypt and replace the file atomically."""
        identity, secret = self._password()
        if check:
            return
        text = json.dumps({"cluster": cluster, "generation": number, "payload": payload})
        sealed = self._vault.encrypt(text, secret, identity)
        try:
            atomic.write(self.name, sealed)
        except OSError as error:
            raise ExternalStoreError(f"{self.name} cannot be written: {error}; make its folder writable") from error

    def _password(self) -> tuple[str, Any]:
        secrets = self._vault.secrets
        if not secrets:
            raise ExternalStoreError(
                f"cluster_secrets_store names {self.name}, but this run has no vault password; give one with "
                "--vault-password-file or --vault-id"
            )
        identity, secret = secrets[0]
        return identity, secret


class HashicorpVault:
    """A secret of a KV version 2 engine, read and written with the library hvac."""

    def __init__(self, settings: dict[str, str]) -> None:
        absent = sorted({"url", "mount", "path", "token"} - set(settings))
        if absent:
            raise ExternalStoreError(f"cluster_secrets_store.hashicorp_vault lacks {', '.join(absent)}")
        if not HAS_HVAC:
            raise ExternalStoreError(missing("hvac"))
        self.name = f"{settings['url']} {settings['mount']}/{settings['path']}"
        self._settings = settings

    def read(self, cluster: str) -> Generation | None:
        """Read the newest version of the secret. Raises ExternalStoreError when Vault refuses."""
        try:
            answer = self._engine().read_secret_version(
                path=self._settings["path"], mount_point=self._settings["mount"], raise_on_deleted_version=True
            )
        except InvalidPath as error:
            kept = ((error.json or {}).get("data") or {}).get("metadata") or {}
            if not kept:
                return None
            raise ExternalStoreError(
                f"version {kept.get('version')} of {self.name} was deleted or destroyed; that is not the same as never written, and new "
                "secrets would lock a running cluster out. Undelete it (vault kv undelete), or delete the secret's metadata when the "
                "cluster is to be made anew"
            ) from error
        except (VaultError, OSError) as error:
            raise ExternalStoreError(f"{self.name} cannot be read: {error}") from error
        return _generation(answer["data"]["data"], cluster, self.name)

    def write(self, cluster: str, number: int, payload: dict[str, Any], check: bool) -> None:
        """Add a version of the secret, unless somebody has added one meanwhile. Raises ExternalStoreError."""
        if check:
            return
        version = self._version(cluster, number)
        try:
            self._engine().create_or_update_secret(
                path=self._settings["path"],
                mount_point=self._settings["mount"],
                secret={"cluster": cluster, "generation": number, "payload": payload},
                cas=version,
            )
        except InvalidRequest as error:
            raise ExternalStoreError(
                f"{self.name} was changed while generation {number} was written ({error}); run again: it adopts what is there"
            ) from error
        except (VaultError, OSError) as error:
            raise ExternalStoreError(f"{self.name} cannot be written: {error}") from error

    def _version(self, cluster: str, number: int) -> int:
        """The version that a new generation follows, 0 where there is none."""
        try:
            answer = self._engine().read_secret_version(
                path=self._settings["path"], mount_point=self._settings["mount"], raise_on_deleted_version=True
            )
        except InvalidPath:
            return 0
        except (VaultError, OSError) as error:
            raise ExternalStoreError(f"{self.name} cannot be written: {error}") from error
        there = _generation(answer["data"]["data"], cluster, self.name).number
        if there >= number:
            raise ExternalStoreError(f"{self.name} has generation {there} already; run again: it adopts what is there")
        return int(answer["data"]["metadata"]["version"])

    def _engine(self) -> Any:
        return hvac.Client(url=self._settings["url"], token=self._settings["token"]).secrets.kv.v2


def _generation(document: Any, cluster: str, place: str) -> Generation:
    try:
        if document["cluster"] != cluster:
            raise ExternalStoreError(
                f"{place} holds the secrets of the cluster {document['cluster']}, not of {cluster}"
            )
        number, payload = int(document["generation"]), dict(document["payload"])
    except (TypeError, KeyError, ValueError) as error:
        raise ExternalStoreError(f"{place} holds no secrets of a cluster ({error!r})") from error
    return Generation(number, digest_of(number, payload), payload)
