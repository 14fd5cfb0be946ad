# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle from the playbook to a real host over ssh: as root and as a user with sudo, from a directory and over HTTP.

Needs podman (one local server is made and removed) and Debian's mirror.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SUBNET = os.environ.get("KEELSON_BUNDLE_SUBNET", "10.89.70.0/24")
NAME = os.environ.get("KEELSON_BUNDLE_NAME", "kb")
PREFIX = SUBNET.rpartition(".")[0]
ADDRESS = f"{PREFIX}.11"


class Site:
    """A bundle with a versioned tool, a distribution package and an image, and a host to bring them to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle = folder / "bundle"
        self.manifests = folder / "manifests"
        self.drop = folder / "drop"
        self.manifests.mkdir()
        common = {"summary": "test", "licence": "MIT", "architectures": ["amd64", "arm64"]}
        self._save(
            name="tool",
            versions=[{"version": "2.0.0"}, {"version": "1.0.0"}],
            sources=[{"kind": "directory"}],
            files={"tool": "0755", "share/data": "0640"},
            links={"/usr/local/bin/tool": "tool"},
            **common,
        )
        versions = [{"version": "distribution"}]
        self._save(name="tini", versions=versions, sources=[{"kind": "package", "packages": ["tini", "jq"]}], **common)
        image = {"name": "example/tool:{version}", "files": {"/tool": "tool"}, "packages": ["nftables"]}
        self._save(
            name="image",
            versions=[{"version": "1.0.0"}],
            sources=[{"kind": "directory"}],
            images=[image],
            **common,
        )
        for version in ("1.0.0", "2.0.0"):
            self.release(version, f"#!/bin/sh\necho tool {version}\n")

    def _save(self, **manifest: Any) -> None:
        (self.manifests / f"{manifest['name']}.yml").write_text(yaml.safe_dump(manifest))

    def release(self, version: str, text: str, name: str = "tool") -> None:
        """Put a version of an artifact into the drop folder."""
        place = self.drop / name / version / architecture()
        (place / "share").mkdir(parents=True, exist_ok=True)
        (place / "tool").write_text(text)
        (place / "share" / "data").write_text("x" * 5_000_000)
        sums = subprocess.run(
            ["sha256sum", "tool", "share/data"], cwd=place, capture_output=True, text=True, check=True
        )
        (place / "SHA256SUMS").write_text(sums.stdout)

    def play(self, *arguments: str, check: bool = True, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run ansible-playbook and return what it printed."""
        (self.folder / "variables.json").write_text(json.dumps(variables))
        command = [str(ROOT / ".venv/bin/ansible-playbook"), *arguments, f"-e@{self.folder}/variables.json"]
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        }
        environment["ANSIBLE_INVENTORY_ENABLED"] = "ansible.builtin.yaml,ansible.builtin.host_list"
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=check)

    def fill(self, *names: str, check: bool = True, **variables: Any) -> str:
        """Fill the bundle with the playbook of the collection."""
        options = {
            "bundle_artifacts": names,
            "cluster_bundle": str(self.bundle),
            "bundle_manifests": [str(self.manifests)],
            "bundle_directory": str(self.drop),
        }
        done = self.play("keelson.cluster.bundle", "-i", "localhost,", check=check, **{**options, **variables})
        return done.stdout + done.stderr

    def place(self, *names: str, check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        """Bring artifacts to the host by one task and return its result."""
        user = options.pop("user", "root")
        become = options.pop("become", user != "root")
        arguments = {
            "component": "test",
            "names": names,
            "bundle": str(self.bundle),
            "manifests": [str(self.manifests)],
            **options,
        }
        register = {"name": "t | Place", "keelson.cluster.artifacts": arguments, "register": "placed"}
        tasks = [
            {**register, "ignore_errors": fails},
            {
                "name": "t | Note",
                "ansible.builtin.copy": {"content": "{{ placed | to_json }}", "dest": f"{self.folder}/placed.json"},
                "delegate_to": "localhost",
                "become": False,
                "check_mode": False,
                "diff": False,
                "vars": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            },
        ]
        play = {"hosts": "all", "gather_facts": False, "remote_user": user, "become": become, "tasks": tasks}
        (self.folder / "play.yml").write_text(json.dumps([play]))
        flags = ["--check"] if check else []
        done = self.play(
            f"{self.folder}/play.yml", "-i", str(ROOT / ".demo" / NAME / "hosts.yml"), "--diff", *flags,
            check=False, ansible_user=user,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads((self.folder / "placed.json").read_text())
        assert bool(result.get("failed")) is fails, result
        return result


def architecture() -> str:
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def host(script: str, check: bool = True) -> str:
    """Run a script on the host as root and return what it printed."""
    command = ["podman", "exec", f"{NAME}-h1", "sh", "-ec", script]
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    hosts = [str(ROOT / "tools" / "hosts")]
    subprocess.run([*hosts, "up", "--name", NAME, "--subnet", SUBNET, f"h1={ADDRESS}"], check=True)
    host(
        "id admin 2>/dev/null || useradd -m -s /bin/bash admin; mkdir -p /home/admin/.ssh;"
        "cp /root/.ssh/authorized_keys /home/admin/.ssh/; chown -R admin: /home/admin/.ssh;"
        "echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin"
    )
    yield Site(tmp_path_factory.mktemp("site"))
    subprocess.run([*hosts, "down", "--name", NAME], check=True)


@pytest.fixture(scope="module")
def filled(site: Site) -> Site:
    said = site.fill("tool", "tool=1.0.0", "tini", "pause")
    assert "filled from directory" in said
    assert "filled from package" in said
    assert "changed=0" in site.fill("tool", "tool=1.0.0", "tini", "pause")
    return site


def names(archive: tarfile.TarFile, layer: str) -> list[str]:
    """What a layer of an image's archive holds."""
    with tarfile.open(fileobj=archive.extractfile(layer)) as opened:
        return opened.getnames()


def test_image_may_stand_on_packages_of_the_distribution(filled: Site) -> None:
    filled.release("1.0.0", "#!/bin/sh\n", name="image")
    filled.fill("image")
    index = json.loads((filled.bundle / "index.json").read_text())
    entry = index["artifacts"]["image"]["1.0.0"][architecture()]
    [image] = entry["images"]
    assert {"nftables", "libnftables1", "libc6"} <= {item["name"] for item in image["packages"]}
    [file] = entry["files"]
    with tarfile.open(filled.bundle / "blobs" / file["digest"].replace(":", "/")) as archive:
        [docker] = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        base, top = (names(archive, layer) for layer in docker["Layers"])
    assert "usr/sbin/nft" in base
    assert any(name.endswith("/libnftables.so.1") for name in base)
    assert top == ["tool"]


@pytest.fixture
def clean() -> None:
    """The host without anything of ours."""
    host("rm -rf /opt/keelson /usr/local/bin/tool; apt-get -y -q purge tini jq libjq1 libonig5 >/dev/null 2>&1 || true")


@pytest.fixture
def served(filled: Site) -> Iterator[tuple[str, list[str]]]:
    """The bundle over HTTP on the network of the host, with the paths that were asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: Any) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer((f"{PREFIX}.1", 0), functools.partial(Handler, directory=str(filled.bundle)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{PREFIX}.1:{server.server_port}", asked
    server.shutdown()


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("user", ["root", "admin"])
def test_one_task_brings_all_predicted_and_once(filled: Site, user: str) -> None:
    names = ("tool", "tini", "pause")
    before = host("find / -xdev -newer /proc/1/cmdline -path /opt/keelson; dpkg -l | sha256sum")
    predicted = filled.place(*names, check=True, user=user)
    assert host("find / -xdev -newer /proc/1/cmdline -path /opt/keelson; dpkg -l | sha256sum") == before
    done = filled.place(*names, user=user)
    assert done["changed"] is predicted["changed"] is True
    assert done["diff"] == predicted["diff"]
    after = done["diff"][0]["after"].splitlines()
    assert {line.split()[0] + " " + line.split()[1] for line in after} >= {"tool 2.0.0", "package tini", "package jq"}
    assert done["versions"]["tool"] == "2.0.0"
    assert host("tool") == "tool 2.0.0\n"
    assert "tini version" in host("tini --version")
    assert host("stat -c '%U %G %a' /opt/keelson/tool/2.0.0/share/data /opt/keelson/tool/2.0.0/tool") == (
        "root root 640\nroot root 755\n"
    )
    # An image's archive comes only to be loaded, which is for the module images to do.
    assert not host("find /opt/keelson -name '*.tar'")
    # Dependencies are marked as such, so that `apt-get autoremove` can take them away later.
    assert "libjq1" in host("apt-mark showauto libjq1")
    assert "jq" in host("apt-mark showmanual jq")
    assert not host(
        "ls -A /tmp /var/tmp /home/admin/.ansible/tmp /root/.ansible/tmp 2>/dev/null | grep -E 'ansible-tmp|keelson'",
        check=False,
    )
    again = filled.place(*names, user=user)
    assert (again["changed"], again["diff"]) == (False, [])


@pytest.mark.usefixtures("clean")
def test_host_downloads_from_a_served_bundle_only_what_it_lacks(filled: Site, served: tuple[str, list[str]]) -> None:
    url, asked = served
    url += f"#sha256={hashlib.sha256((filled.bundle / 'index.json').read_bytes()).hexdigest()}"
    filled.place("tool", "tini", bundle=url)
    assert host("tool") == "tool 2.0.0\n"
    assert len([path for path in asked if path.startswith("/blobs/")]) >= 6
    asked.clear()
    assert filled.place("tool", "tini", bundle=url)["changed"] is False
    assert asked == ["/index.json"]
    assert host("ls -A /opt/keelson") == ".lock\ntool\n"


@pytest.mark.usefixtures("clean")
def test_going_back_carries_nothing(filled: Site) -> None:
    filled.place("tool=1.0.0")
    filled.place("tool")
    inode = host("stat -c %i /opt/keelson/tool/1.0.0/tool")
    back = filled.place("tool=1.0.0", bundle=str(filled.folder / "none"))
    assert back["changed"] is True
    assert back["diff"][0]["before"] == "tool 2.0.0\n"
    assert host("tool; stat -c %i /opt/keelson/tool/1.0.0/tool") == f"tool 1.0.0\n{inode}"


@pytest.mark.usefixtures("clean")
def test_full_disk_is_one_message_and_leaves_nothing(filled: Site) -> None:
    host("mkdir -p /small; mountpoint -q /small || mount -t tmpfs -o size=4m keelson /small")
    failed = filled.place("tool", root="/small/keelson", fails=True)
    assert "/small/keelson: not enough space: needs" in failed["msg"]
    assert "nothing was changed" in failed["msg"]
    assert host("find /small -type f") == "/small/keelson/.lock\n"
    assert host("ls /usr/local/bin") == ""
    host("umount /small")


@pytest.mark.usefixtures("clean")
def test_bundle_faults_are_named(filled: Site, tmp_path: Path) -> None:
    assert "unknown artifact 'tol'" in filled.place("tol", fails=True)["msg"]
    assert (
        "/var/lib/keelson/receipts/test.json: Permission denied; placing artifacts needs root (become)"
        in (filled.place("tool", user="admin", become=False, fails=True)["msg"])
    )
    assert "tool 9 (" in filled.place("tool=9", fails=True)["msg"]
    index = json.loads((filled.bundle / "index.json").read_text())
    digest = index["artifacts"]["tool"]["2.0.0"][architecture()]["files"][0]["digest"].split(":")[1]
    blob = filled.bundle / "blobs" / "sha256" / digest
    content = blob.read_bytes()
    try:
        blob.write_bytes(b"X" + content[1:])
        assert "wrong digest after the transfer; nothing was changed" in filled.place("tool", fails=True)["msg"]
        assert "damaged, removed" in filled.fill("tool", bundle_verify=True)
        blob.unlink()
        failed = filled.place("tool", fails=True)
        assert f"{blob} is missing: fill the bundle again" in failed["msg"]
    finally:
        blob.write_bytes(content)
    assert host("ls -A /opt/keelson") == ".lock\n"


@pytest.mark.usefixtures("clean")
def test_killed_while_placing_the_next_run_ends_well(filled: Site) -> None:
    """A placed version is there whole or not at all, whenever the module is killed."""
    for delay in (0.05, 0.3):
        killer = f"(for i in $(seq 200); do [ -e /opt/keelson/.lock ] && break; sleep 0.05; done; sleep {delay};"
        host(f"{killer} pkill -9 -f AnsiballZ_artifact_install) >/dev/null 2>&1 &")
        user = {
            "component": "test",
            "names": ["tool"],
            "bundle": str(filled.bundle),
            "manifests": [str(filled.manifests)],
        }
        play = [{"hosts": "all", "gather_facts": False, "tasks": [{"keelson.cluster.artifacts": user}]}]
        (filled.folder / "killed.yml").write_text(json.dumps(play))
        filled.play(f"{filled.folder}/killed.yml", "-i", str(ROOT / ".demo" / NAME / "hosts.yml"), check=False)
        if host("ls /usr/local/bin/tool 2>/dev/null", check=False):
            assert host("tool") == "tool 2.0.0\n"
        filled.place("tool")
        assert host("tool") == "tool 2.0.0\n"
        assert host("ls -A /opt/keelson/tool") == "2.0.0\ncurrent\n"
        host("rm -rf /opt/keelson /usr/local/bin/tool")
