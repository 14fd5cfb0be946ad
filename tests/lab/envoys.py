# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Envoys of a mesh as processes of this machine: its hosts are addresses of loopback.

Files are those that hosts get, in a folder in place of theirs; keys and certificates are signed as the issuer signs them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle import packages
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import admin, places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import discovery, leaf, renew
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh.model import Mesh
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import hosts, secrets

from .runs import BIN


def program(version: str = "") -> Path:
    """Envoy, out of the default bundle, which gets it when it is not there."""
    subprocess.run(
        [
            BIN / "ansible-playbook",
            "keelson.cluster.bundle",
            "-i",
            "localhost,",
            "-e",
            '{"bundle_artifacts": ["envoy"]}',
        ],
        check=True,
        capture_output=True,
    )
    store = Store(default_root())
    chosen = version or manifest.default_version(*manifest.load("envoy"))
    (file,) = store.index()["artifacts"]["envoy"][chosen][packages.machine()]["files"]
    path: Path = store.blob(file["digest"])
    return path


class Envoys:
    """What runs of a mesh, by a copy of C(binary); C(folder) is short, since sockets lie in it."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.folder = folder
        self.binary = folder / "envoy"
        shutil.copy(binary, self.binary)
        self.binary.chmod(0o755)
        self.running: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self.authority: dict[str, Any] = {}

    def here(self, host: str, text: str) -> str:
        """A text in which the folders of a host are below ours."""
        for name in (places.CONFIG, places.STATE, places.RUN):
            text = text.replace(f"{name}/", f"{self.folder}/{host}{name}/")
        return text

    def start(self, mesh: Mesh, host: str, names: tuple[str, ...] = ()) -> None:
        """Write the files of all Envoys of a host (of C(names) alone when there are some), and start them."""
        self.authority = self.authority or secrets.make_secrets("lab", mesh.trust_domain)
        identities = {one.id: mesh.identity(one) for one in mesh.workloads.values()}
        for name, files in hosts.sidecars(mesh, host).items():
            if names and name not in names:
                continue
            self.identify(host, name, identities[name])
            self.write(host, name, files)
            log = (self.folder / f"{host}-{name}.log").open("wb")
            run = Path(self.here(host, f"{places.RUN}/{name}/"))
            run.mkdir(parents=True, exist_ok=True)
            path = self.here(host, f"{places.CONFIG}/{name}/bootstrap.json")
            command = [str(self.binary), "-c", path, "--disable-hot-restart", "--concurrency", "1", "-l", "warn"]
            self.running[host, name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        for key in [key for key in self.running if key[0] == host]:
            self.settled(*key)

    def write(self, host: str, name: str, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Rename files into place; what is read first comes last."""
        folder = Path(self.here(host, f"{places.CONFIG}/{name}/"))
        folder.mkdir(parents=True, exist_ok=True)
        last = ("rds_", "eds_", "cds.", "lds.", "bootstrap.")
        for file in sorted(files, key=lambda file: next(n for n, prefix in enumerate(last) if file.startswith(prefix))):
            text = self.here(host, json.dumps(files[file]))
            if not (folder / file).exists() or (folder / file).read_text() != text:
                (folder / f"{file}.new").write_text(text)
                os.replace(folder / f"{file}.new", folder / file)

    def identify(self, host: str, name: str, identity: str) -> None:
        """Give an Envoy its leaf and its trust."""
        chain = self.authority["intermediate"]
        key = certificate.make_key()
        signed = leaf.sign(certificate.make_request(key), identity, chain, self.authority["intermediate_key"], 60)
        self.secret(host, name, "identity", signed + chain, key)
        trust = {"validation_context": {"trusted_ca": {"inline_string": "".join(self.authority["roots"])}}}
        self._secret(host, name, "trust", trust)

    def secret(self, host: str, name: str, kind: str, chain: str, key: str) -> None:
        """Give an Envoy a certificate and its key."""
        pair = {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}
        self._secret(host, name, kind, {"tls_certificate": pair})

    def _secret(self, host: str, name: str, kind: str, content: Mapping[str, Any]) -> None:
        folder = Path(self.here(host, f"{places.STATE}/{name}/"))
        folder.mkdir(parents=True, exist_ok=True)
        resource = {"@type": renew.SECRET, "name": kind, **content}
        (folder / f"{kind}.new").write_text(json.dumps({"version_info": "", "resources": [resource]}))
        os.replace(folder / f"{kind}.new", folder / f"{kind}.json")

    def settled(self, host: str, name: str, seconds: float = 20) -> float:
        """Wait until an Envoy serves with its newest files; returns the seconds it took."""
        folder = Path(self.here(host, f"{places.CONFIG}/{name}/"))
        files = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
        start = time.monotonic()
        while True:
            log = self.folder / f"{host}-{name}.log"
            assert self.running[host, name].poll() is None, log.read_text()[-2000:]
            try:
                ready = self.ask(host, name, "/ready").strip() == "LIVE"
                stats = json.loads(self.ask(host, name, "/stats?format=json&filter=(version_text|update_rejected)$"))
                found = {entry["name"]: entry["value"] for entry in stats["stats"] if "name" in entry}
                assert not admin.rejected(found), log.read_text()[-2000:]
                if ready and not discovery.unsettled(found, files):
                    return time.monotonic() - start
            except (OSError, ValueError, KeyError):
                pass
            assert time.monotonic() - start < seconds, f"{name} on {host} is not ready: {log.read_text()[-2000:]}"
            time.sleep(0.01)

    def ask(self, host: str, name: str, path: str) -> str:
        """What an Envoy tells at its admin socket."""
        link = admin.Socket(self.here(host, f"{places.RUN}/{name}/admin.sock"))
        try:
            link.request("GET", path)
            return link.getresponse().read().decode()
        finally:
            link.close()

    def stop(self) -> None:
        """End all of them."""
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()
