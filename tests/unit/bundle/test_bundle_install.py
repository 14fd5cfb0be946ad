# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side: placing, mending, going back, and what a failure leaves there."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import busy, install, packages, runtimes
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.host import Host
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import InstallError
from bundle_world import entry_of, is_root, small_disk


@pytest.fixture(autouse=True)
def links_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Links lie below the test's own folder."""
    monkeypatch.setattr(install, "LINKS", f"{tmp_path}/")


class World:
    """A host's folders below a temporary one, and commands that answer as told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "opt"
        self.staged = folder / "staged"
        self.link = folder / "bin" / "tool"
        self.commands: list[list[str]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}

    def entry(self, content: bytes = b"one", version: str = "1.0.0", **more: Any) -> dict[str, Any]:
        more.setdefault("links", {str(self.link): "tool"})
        return entry_of({"tool": content, "share/data": b"data"}, self.staged, version, **more)

    def with_image(self) -> dict[str, Any]:
        contents = {"tool": b"one", IMAGE["path"]: b"archive"}
        return entry_of(contents, self.staged, "1.0.0", links={str(self.link): "tool"}, images=[IMAGE])

    def run(self, command: list[str], **_options: Any) -> tuple[int, str, str]:
        self.commands.append(command)
        return self.answers.get(" ".join(command[:2]), self.answers.get(command[0], (0, "", "")))

    def bring(self, entry: dict[str, Any] | None, check: bool = False, **options: Any) -> dict[str, Any]:
        item = {"name": "tool", "version": options.pop("version", (entry or {}).get("version")), "architectures": {}}
        if entry:
            item["architectures"] = {packages.machine(): entry}
        settings = {
            "root": str(self.root),
            "staged": str(self.staged),
            "url": None,
            "stage": False,
            "start_services": False,
            "package_timeout": 0,
            "component": "nomad",
            "claims": {},
            "runtime": None,
            "desired": [item],
            **options,
        }
        return Host(settings, self.run).bring(check, lambda: self.folder)

    def tree(self) -> dict[str, str]:
        """Everything below the root but receipts: path to contents or link."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.name in (".keelson.json", ".lock") or (path.is_dir() and not path.is_symlink()):
                continue
            text = f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
            found[str(path.relative_to(self.root))] = text
        return found


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of these tests runs, wherever the tests do."""
    monkeypatch.setattr(runtimes, "booted", lambda: True)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(install, "RESERVE", 0)
    return World(tmp_path)


def test_placing_predicts_does_and_is_done(world: World) -> None:
    entry = world.entry()
    predicted = world.bring(entry, check=True)
    assert not world.root.exists()
    done = world.bring(entry)
    assert done["changed"] is predicted["changed"] is True
    assert done["diff"] == predicted["diff"]
    assert done["diff"][0]["before"] == "tool absent\n"
    assert done["diff"][0]["after"] == "tool 1.0.0\n"
    assert done["versions"] == {"tool": "1.0.0"}
    assert world.tree() == {
        "tool/1.0.0/share/data": "data",
        "tool/1.0.0/tool": "one",
        "tool/current": "-> 1.0.0",
    }
    assert world.link.read_text() == "one"
    assert world.link.stat().st_mode & 0o777 == 0o755
    again = world.bring(entry)
    assert (again["changed"], again["diff"], again["missing"]) == (False, [], {})


def test_one_program_under_two_names_arrives_once(world: World) -> None:
    entry = entry_of({"tool": b"same", "tool-too": b"same"}, world.staged, "1.0.0", links={})
    assert world.bring(entry)["changed"]
    assert world.tree()["tool/1.0.0/tool"] == world.tree()["tool/1.0.0/tool-too"] == "same"
    assert not world.bring(entry)["changed"]


def test_no_link_ever_leads_nowhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = install.lead

    def watched(link: Path, target: str) -> None:
        switch(link, target)
        assert link.exists(), f"{link} leads nowhere"

    monkeypatch.setattr(install, "lead", watched)
    assert world.bring(world.entry())["changed"] is True


def test_missing_blobs_are_asked_for_before_anything_changes(world: World) -> None:
    entry = world.entry()
    answer = world.bring(entry, staged=None)
    assert answer["changed"] is False
    assert answer["missing"] == {item["digest"]: item["size"] for item in entry["files"]}
    assert world.tree() == {}


def test_state_is_read_by_stamps_not_contents(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = world.entry()
    world.bring(entry)
    with monkeypatch.context() as patch:
        patch.setattr(install, "digest", lambda _path: pytest.fail("read a file"))
        assert world.bring(entry)["changed"] is False
    # A copied tree (an image that was baked) has other stamps: read once, noted, then known again.
    shutil.copytree(world.root, world.folder / "copy", symlinks=True)
    shutil.rmtree(world.root)
    (world.folder / "copy").rename(world.root)
    assert world.bring(entry)["changed"] is False
    with monkeypatch.context() as patch:
        patch.setattr(install, "digest", lambda _path: pytest.fail("read a file"))
        assert world.bring(entry)["changed"] is False


def test_damage_of_any_kind_is_mended(world: World) -> None:
    entry = world.entry()
    world.bring(entry)
    tool = world.root / "tool" / "1.0.0" / "tool"
    whole = world.tree()

    def same_size_and_time() -> None:
        status = tool.stat()
        tool.write_bytes(b"two")
        os.utime(tool, ns=(status.st_atime_ns, status.st_mtime_ns))

    def replaced_by_link() -> None:
        twin = tool.rename(world.folder / "twin")
        tool.symlink_to(twin)

    damages = (
        lambda: tool.write_bytes(b"longer"),
        same_size_and_time,
        tool.unlink,
        replaced_by_link,
        lambda: tool.chmod(0o4777),
        lambda: (world.root / "tool" / "1.0.0" / "share" / "data").unlink(),
        lambda: world.link.unlink(),
        lambda: (world.root / "tool" / "current").unlink(),
    )
    for damage in damages:
        damage()
        world.entry()  # staged again
        answer = world.bring(entry)
        assert answer["changed"] is True
        assert world.tree() == whole
        assert tool.stat().st_mode & 0o7777 == 0o755
        assert world.link.read_text() == "one"
        assert world.bring(entry)["changed"] is False


def test_newer_version_lies_beside_and_going_back_is_one_link(world: World) -> None:
    world.bring(world.entry())
    up = world.bring(world.entry(b"two", "2.0.0"))
    assert up["diff"][0]["before"] == "tool 1.0.0\n"
    assert up["diff"][0]["after"] == "tool 2.0.0\n"
    assert world.link.read_text() == "two"
    assert (world.root / "tool" / "1.0.0" / "tool").read_text() == "one"
    assert list(install.versions(world.root, "tool")) == ["1.0.0", "2.0.0"]
    # Neither in the bundle nor staged: the receipt on the host knows what belongs to it.
    shutil.rmtree(world.staged)
    back = world.bring(None, version="1.0.0", staged=None)
    assert back["changed"] is True
    assert world.link.read_text() == "one"


def test_version_that_is_nowhere_and_foreign_architecture_are_named(world: World) -> None:
    machine = packages.machine()
    with pytest.raises(
        InstallError, match=rf"tool 3\.0\.0 \({machine}\) is neither on this host nor in the bundle: fill it"
    ):
        world.bring(None, version="3.0.0")
    settings = {
        "root": str(world.root),
        "staged": None,
        "url": None,
        "stage": False,
        "start_services": False,
        "package_timeout": 0,
        "component": "nomad",
        "claims": {},
        "runtime": None,
    }
    desired = [{"name": "tool", "version": "1.0.0", "architectures": {"riscv64": world.entry()}}]
    with pytest.raises(InstallError, match="nor in the bundle, which has it for riscv64"):
        Host({**settings, "desired": desired}, world.run)


@pytest.mark.parametrize("foreign", ["file", "folder"])
def test_what_is_not_ours_stays(world: World, foreign: str) -> None:
    world.link.parent.mkdir()
    world.link.write_text("mine") if foreign == "file" else world.link.mkdir()
    for check in (True, False):
        with pytest.raises(InstallError, match=r"bin/tool is not a link of ours; nothing was changed, move it away"):
            world.bring(world.entry(), check=check)
    assert world.tree() == {}


def test_wrong_digest_after_the_transfer_leaves_nothing(world: World) -> None:
    entry = world.entry()
    blob = world.staged / entry["files"][0]["digest"].split(":")[1]
    for damage in (lambda: blob.write_bytes(b"xxx"), blob.unlink):
        damage()
        with pytest.raises(InstallError, match="tool: wrong digest after the transfer; nothing was changed, run again"):
            world.bring(entry)
        assert [path.name for path in world.root.iterdir()] == [".lock"]


@pytest.mark.parametrize("check", [False, True])
def test_space_is_checked_before_anything_arrives(world: World, monkeypatch: pytest.MonkeyPatch, check: bool) -> None:
    monkeypatch.setattr(install, "RESERVE", 1 << 60)
    with pytest.raises(
        InstallError, match=r": not enough space: needs \d+ bytes, has \d+; nothing was changed, free some"
    ):
        world.bring(world.entry(), staged=None, check=check)
    assert world.tree() == {}


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_a_runtime_has_room_for_an_image_as_it_comes_and_unpacked(
    world: World, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    """One that it has already needs none."""
    asked: list[dict[Path, int]] = []
    monkeypatch.setattr(
        install, "check_space", lambda needs: asked.append({path: size for path, size in needs if size})
    )
    monkeypatch.setattr(install, "nearest", lambda path: path if path.exists() else Path("/store", path.name))
    entry = world.with_image()
    world.bring(entry, runtime=runtime)
    world.answers[runtimes.RUNTIMES[runtime].listing[0]] = (0, KNOWN[runtime], "")
    shutil.rmtree(world.root / "tool")
    world.bring(world.with_image(), runtime=runtime)
    (archive,) = (file["size"] for file in entry["files"] if file["path"] == IMAGE["path"])
    store = install.nearest(Path("/", runtimes.RUNTIMES[runtime].data))
    assert asked[0][store] == 2 * archive and store not in asked[1]


@pytest.mark.skipif(not is_root(), reason="mounting a small disk needs root")
def test_disk_that_fills_while_unpacking_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"tool": b"1" * 100_000, "more": b"2" * 200_000}
    entry = entry_of(content, world.staged, links={str(world.link): "tool"})
    with small_disk(world.root, "256k"):
        with pytest.raises(InstallError, match=r"needs 300000 bytes, has \d+; nothing was changed"):
            world.bring(entry)
        # Somebody else fills it between the check and the copy.
        monkeypatch.setattr(install, "check_space", lambda _needs: None)
        free = shutil.disk_usage(world.root).free
        with pytest.raises(InstallError, match=r"opt/tool: not enough space: needs 300000 bytes, has \d+; nothing was"):
            world.bring(entry)
        assert world.tree() == {}
        assert [path.name for path in world.root.iterdir()] == [".lock"]
        assert shutil.disk_usage(world.root).free >= free - 8192
        assert not world.link.is_symlink()


def test_other_errors_are_not_called_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_path: Path) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(install, "_sync", broken)
    with pytest.raises(OSError, match="broken"):
        world.bring(world.entry())
    assert world.tree() == {}


@pytest.mark.parametrize("step", ["_build", "note", "_sync", "lead"])
def test_cut_off_anywhere_the_next_run_ends_well(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    world.bring(world.entry())
    entry = world.entry(b"two", "2.0.0")
    with monkeypatch.context() as patch:
        # As a killed process: nothing is cleaned up.
        patch.setattr(install, step, lambda *_arguments: (_ for _ in ()).throw(SystemExit))
        patch.setattr(install.shutil, "rmtree", lambda *_arguments, **_options: None)
        with pytest.raises(SystemExit):
            world.bring(entry)
    assert world.link.read_text() == "one"
    world.entry(b"two", "2.0.0")
    world.bring(entry)
    assert world.link.read_text() == "two"
    assert sorted(path.name for path in (world.root / "tool").iterdir()) == ["1.0.0", "2.0.0", "current"]
    assert [path.name for path in world.link.parent.iterdir()] == ["tool"]
    assert world.bring(entry)["changed"] is False


def test_a_server_that_sends_without_end_fills_no_disk(
    world: World, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, sizes, digest = world.entry(), list[int](), install.digest
    publisher.files["/b/blobs/sha256/" + entry["files"][0]["digest"].split(":")[1]] = b"x" * (8 << 20)
    monkeypatch.setattr(install, "digest", lambda path: sizes.append(path.stat().st_size) or digest(path))
    with pytest.raises(InstallError, match="wrong digest"):
        world.bring(entry, staged=None, url=publisher.url + "/b/")
    assert sizes[-1] <= 1 << 20


def test_blobs_are_downloaded_from_a_served_bundle(world: World, publisher: Any) -> None:
    entry = world.entry()
    for blob in world.staged.iterdir():
        publisher.files[f"/b/blobs/sha256/{blob.name}"] = blob.read_bytes()
    served = {"staged": None, "url": publisher.url + "/b/"}
    path = "/b/blobs/sha256/" + entry["files"][0]["digest"].split(":")[1]
    good = publisher.files[path]
    publisher.files[path] = b"wrong"
    with pytest.raises(InstallError, match=f"{publisher.url}{path}: wrong digest or cut short; nothing was changed"):
        world.bring(entry, **served)
    publisher.status[path] = 403
    with pytest.raises(InstallError, match=f"{publisher.url}{path}: download failed: HTTP Error 403"):
        world.bring(entry, **served)
    assert world.tree() == {}
    assert [path.name for path in world.root.iterdir()] == [".lock"]
    publisher.files[path] = good
    del publisher.status[path]
    assert world.bring(entry, **served)["changed"] is True
    assert world.link.read_text() == "one"
    publisher.asked.clear()
    assert world.bring(entry, **served)["changed"] is False
    assert publisher.asked == []


def packaged(world: World, **more: Any) -> dict[str, Any]:
    """An entry of two packages, one of them asked for."""
    files = entry_of({"a": b"deb a", "b": b"deb b", "list": b"Package: a\n\n"}, world.staged)["files"]
    listed = [
        {"name": name, "version": "1.0", "installed_bytes": 10, **{key: item[key] for key in ("digest", "size")}}
        for name, item in zip("ab", files)
    ]
    here = {"install": ["a"], "package_list": files[2], "distribution": packages.distribution()}
    return entry_of({}, world.staged, packages=listed, **{**here, **more})


@pytest.fixture
def dpkg(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(packages, "POLICY", world.folder / "policy-rc.d")
    monkeypatch.setattr(busy, "LOCKS", (str(world.folder / "lock"),))
    return world


def test_packages_are_installed_offline_once(dpkg: World) -> None:
    entry = packaged(dpkg)
    predicted = dpkg.bring(entry, check=True)
    assert predicted["changed"] is True
    assert predicted["diff"][0]["before"] == "package a absent\npackage b absent\n"
    assert dpkg.bring(entry, staged=None)["missing"].keys() == {
        *(item["digest"] for item in entry["packages"]),
        entry["package_list"]["digest"],
    }
    dpkg.commands.clear()
    dpkg.bring(entry)
    install = dpkg.commands[-1]
    assert install[-2:] == ["install", "a"]
    assert "-oDir::Etc::sourceparts=/dev/null" in install
    assert "--no-remove" in install
    dpkg.answers["dpkg-query"] = (0, "a 1.0 installed\n", "")
    assert dpkg.bring(entry)["changed"] is False


def test_newer_package_stays_older_is_replaced(dpkg: World) -> None:
    entry = packaged(dpkg)
    dpkg.answers["dpkg-query"] = (0, "a 2.0 installed\nb 0.9 installed\n", "")
    dpkg.answers["dpkg --compare-versions"] = (1, "", "")
    assert dpkg.bring(entry)["changed"] is False
    dpkg.answers["dpkg --compare-versions"] = (0, "", "")
    assert dpkg.bring(entry, check=True)["diff"][0]["before"] == "package a 2.0\npackage b 0.9\n"
    dpkg.answers["dpkg-query"] = (0, "a 1.0 half-configured\n", "")
    assert dpkg.bring(entry, check=True)["changed"] is True


def test_failed_installation_is_one_message(dpkg: World) -> None:
    dpkg.answers["apt-get -qy"] = (100, "Reading lists\n", "E: Unable to correct problems\nE: you have held packages\n")
    with pytest.raises(InstallError, match=r"failed \(apt-get\): E: Unable to correct problems \| E: you have held"):
        dpkg.bring(packaged(dpkg))
    assert not (dpkg.folder / "policy-rc.d").exists()


def test_damaged_package_is_not_installed(dpkg: World) -> None:
    entry = packaged(dpkg)
    for item in (entry["packages"][1], entry["package_list"]):
        blob = dpkg.staged / item["digest"].split(":")[1]
        content = blob.read_bytes()
        blob.write_bytes(content + b"x")
        with pytest.raises(InstallError, match=f"{blob}: wrong digest after the transfer; no package was installed"):
            dpkg.bring(entry)
        blob.write_bytes(content)
    assert not [command for command in dpkg.commands if command[0] == "apt-get"]


def test_packages_of_another_distribution_are_refused(dpkg: World) -> None:
    with pytest.raises(InstallError, match=r"the bundle's packages are of ubuntu 24\.04, this is .*bundle_apt_sources"):
        dpkg.bring(packaged(dpkg, distribution="ubuntu 24.04"))


@pytest.mark.parametrize(
    ("host", "bundle", "verdict"),
    [
        ("debian 12", "debian 12.11", True),
        ("debian 12", "debian 12", True),
        ("debian 12", None, True),
        ("debian 1", "debian 12.11", False),
        ("debian 13", "debian 12.11", False),
        ("ubuntu 24.04", "ubuntu 24.04", True),
        ("ubuntu 22.04", "ubuntu 24.04", False),
    ],
)
def test_which_packages_fit_a_host(host: str, bundle: str | None, verdict: bool) -> None:
    assert packages.fits(host, bundle) is verdict


def test_os_release_is_read(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('PRETTY_NAME="Debian 12"\n# note\nVERSION_ID="12"\nID=debian\n')
    assert packages.distribution(tmp_path / "os-release") == "debian 12"


def test_services_stay_stopped_only_while_we_install(dpkg: World) -> None:
    def answer() -> int:
        return os.waitstatus_to_exitcode(os.system(str(packages.POLICY)))

    with packages.policy(start_services=False):
        assert answer() == 101
        left = packages.POLICY.read_text()
    assert not packages.POLICY.exists()
    # Of a process that was killed: allows again at once, and is taken for ours by the next.
    packages.POLICY.write_text(left.replace(f"/proc/{os.getpid()} ", "/proc/999999999 "))
    packages.POLICY.chmod(0o755)
    assert answer() == 0
    with packages.policy(start_services=False):
        assert answer() == 101
    assert not packages.POLICY.exists()
    # A site's own stays as it is; when services may start, none is written.
    packages.POLICY.write_text("#!/bin/sh\nexit 104\n")
    with packages.policy(start_services=False):
        assert "104" in packages.POLICY.read_text()
    packages.POLICY.unlink()
    with packages.policy(start_services=True):
        assert not packages.POLICY.exists()


IMAGE = {
    "name": "example/tool:1",
    "full_name": "docker.io/example/tool:1",
    "id": "sha256:aa",
    "manifest": "sha256:bb",
    "path": "images/tool.tar",
}
CTR = ["ctr", "--namespace", "k8s.io", "images"]
KNOWN = {
    "docker": "example/tool:1 sha256:aa\nother:2 sha256:cc\n",
    "containerd": "REF TYPE DIGEST SIZE PLATFORMS LABELS\ndocker.io/example/tool:1 application/x sha256:bb 1 MiB linux/amd64 "
    "io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned\n",
}


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_images_are_loaded_when_the_runtime_lacks_them(world: World, runtime: str) -> None:
    program = runtimes.RUNTIMES[runtime].listing[0]
    entry = world.with_image()
    archive = world.root / "tool" / "1.0.0" / IMAGE["path"]
    world.answers[program] = (0, "", "")
    assert world.bring(entry, runtime=runtime)["diff"][0]["after"] == "tool 1.0.0\nimage example/tool:1 sha256:aa\n"
    done = world.commands[-1 if runtime == "docker" else -2 :]
    assert done[0][-1] == str(archive)
    assert done[1:] == (
        [] if runtime == "docker" else [[*CTR, "label", IMAGE["full_name"], runtimes.Containerd.pinned]]
    )
    assert not archive.exists() and (archive.parents[1] / "tool").is_file()
    world.answers[program] = (0, KNOWN[runtime], "")
    count = len(world.commands)
    assert world.bring(entry, runtime=runtime)["changed"] is False
    assert world.bring(entry)["changed"] is False
    assert len(world.commands) == count + 1
    world.answers[program] = (0, KNOWN[runtime].replace("aa", "dd").replace("bb", "dd"), "")
    world.with_image()
    assert world.bring(entry, runtime=runtime)["changed"] is True
    assert str(archive) in (world.commands[-1][-1], world.commands[-2][-1]) and not archive.exists()


def test_archives_of_images_come_when_there_is_a_runtime(world: World) -> None:
    entry = world.with_image()
    world.bring(entry)
    assert "tool/1.0.0/images/tool.tar" not in world.tree()
    world.answers["docker"] = (0, "", "")
    assert world.bring(entry, runtime="docker")["diff"][0]["after"] == "tool 1.0.0\nimage example/tool:1 sha256:aa\n"
    alone = entry_of({IMAGE["path"]: b"other archive"}, world.staged, "2.0.0", links={}, images=[IMAGE])
    assert world.bring(alone)["changed"] is False
    assert not (world.root / "tool" / "2.0.0").exists()


def test_an_image_that_kubelet_may_collect_is_loaded_anew() -> None:
    managed = KNOWN["containerd"].replace(",io.cri-containerd.pinned=pinned", "")
    run = lambda _command: (0, managed, "")  # noqa: E731
    assert runtimes.pending("containerd", [IMAGE], run, False) == [IMAGE]
    assert not runtimes.pending("containerd", [IMAGE], lambda _command: (0, KNOWN["containerd"], ""), False)


def test_docker_lists_its_own_registry_without_its_name() -> None:
    for name in ("docker.io/library/tool:1", "docker.io/tool:1", "tool:1"):
        assert runtimes.Docker.desired({**IMAGE, "name": name})[0] == "tool:1"


def test_runtime_that_does_not_answer_is_named_but_for_a_prediction(world: World) -> None:
    entry = world.with_image()
    world.answers["docker"] = (1, "", "Cannot connect to the Docker daemon")
    assert world.bring(entry, check=True, runtime="docker")["changed"] is True
    with pytest.raises(InstallError, match="docker does not answer; start it before loading images: Cannot connect"):
        world.bring(entry, runtime="docker")


def test_image_that_cannot_be_loaded_is_named(world: World) -> None:
    world.answers["docker image"] = (0, "", "")

    def run(command: list[str], **_options: Any) -> tuple[int, str, str]:
        return (1, "", "no space left on device") if "load" in command else (0, "", "")

    world.run = run  # type: ignore[method-assign]
    with pytest.raises(
        InstallError, match=r"tool/1\.0\.0/images/tool\.tar: docker cannot load it: no space left on device"
    ):
        world.bring(world.with_image(), runtime="docker")


def test_broken_receipt_counts_as_none(world: World) -> None:
    entry = world.entry()
    world.bring(entry)
    path = world.root / "tool" / "1.0.0" / ".keelson.json"
    for text in ("{", "[]", json.dumps({"stamps": {}})):
        path.write_text(text)
        assert world.bring(entry)["changed"] is False
        assert json.loads(path.read_text())["entry"] == entry


def test_on_a_host_that_is_not_booted_the_runtime_runs_for_the_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "booted", lambda: False)
    pids = tmp_path / "pids"
    monkeypatch.setattr(
        runtimes.Docker, "daemon", ["/bin/sh", "-c", f"echo $$ > {pids}; touch {tmp_path}/up; exec sleep 600"]
    )
    with runtimes.awake("docker", lambda _command: (0 if (tmp_path / "up").exists() else 1, "", "")):
        assert Path("/proc", pids.read_text().strip()).exists()
    assert not Path("/proc", pids.read_text().strip()).exists()


def test_what_a_runtime_need_not_keep_goes_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "booted", lambda: False)
    monkeypatch.setattr(runtimes.Containerd, "daemon", ["/bin/sleep", "600"])
    commands: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str, str]:
        commands.append(command)
        return (1, "", "no such namespace") if "prune" in command else (0, "", "")

    with (
        pytest.raises(install.InstallError, match="cannot remove the archives of unpacked layers: no such namespace"),
        runtimes.awake("containerd", run),
    ):
        pass
    assert commands[-1] == runtimes.Containerd.settle


def test_a_runtime_that_cannot_be_started_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "booted", lambda: False)
    monkeypatch.setattr(runtimes.Docker, "daemon", ["/bin/sh", "-c", "echo no such storage driver; exit 1"])
    with (
        pytest.raises(install.InstallError, match="docker cannot be started .*no such storage driver"),
        runtimes.awake("docker", lambda _command: (1, "", "")),
    ):
        pass


def test_what_is_in_use_is_told_by_version_and_digest(world: World) -> None:
    first = world.entry()
    assert world.bring(first)["changed"]
    (told,) = install.made_of(world.root).items()
    assert told[0] == "tool" and re.fullmatch(r"1\.0\.0 sha256:[0-9a-f]{64}", told[1])
    assert world.bring(world.entry(b"two", "1.0.0"))["changed"]
    other = install.made_of(world.root)["tool"]
    assert other.startswith("1.0.0 ") and other != told[1], "another file of the same version is told"
    (world.root / "tool/1.0.0" / install.RECEIPT).write_text("{")
    assert install.made_of(world.root) == {"tool": "1.0.0 without a receipt"}
    assert install.made_of(world.folder / "nothing") == {}
