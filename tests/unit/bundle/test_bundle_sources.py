# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of sources: commands, plans and listings as pure functions, and one real small Go build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import signature
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError, Unavailable
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.manifest import find
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.sources import module, package, upstream, wheel
from bundle_world import Filling, have


def test_build_takes_nothing_from_machine_or_moment() -> None:
    source = {"tags": ["release", "netgo"], "ldflags": ["-s", "-w", "-X main.version=1"]}
    assert module.command("/go", source, "example.com/p", Path("/out/p")) == [
        *("/go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-v"),
        *("-tags", "release,netgo", "-ldflags", "-s -w -X main.version=1", "-o", "/out/p", "example.com/p"),
    ]
    environment = module.settings("arm64", cgo=False)
    assert environment == {
        "GOOS": "linux",
        "GOARCH": "arm64",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def test_cgo_for_a_foreign_architecture_needs_the_cross_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(module.shutil, "which", lambda program: program if program == "gcc" else None)
    assert module.settings("amd64", cgo=True)["CC"] == "gcc"
    with pytest.raises(Unavailable, match="needs a C compiler: aarch64-linux-gnu-gcc is not on PATH"):
        module.settings("arm64", cgo=True)


def test_go_is_taken_from_path_else_from_beside_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    beside = tmp_path / "go"
    beside.touch()
    versions = {"/usr/bin/go": "1.19.8", str(beside): "1.26.1"}
    monkeypatch.setattr(module.shutil, "which", lambda _program: "/usr/bin/go")
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(module, "_version", lambda program: versions[program])
    assert module.toolchain((1, 19)) == ("/usr/bin/go", "1.19.8")
    assert module.toolchain(module.needed("module m\n\ngo 1.26.0\n")) == (str(beside), "1.26.1")
    with pytest.raises(
        Unavailable, match=r"needs Go 1\.27 or newer: /usr/bin/go is 1\.19\.8, .* is 1\.26\.1; the wheel"
    ):
        module.toolchain((1, 27))
    beside.unlink()
    monkeypatch.setattr(module.shutil, "which", lambda _program: None)
    with pytest.raises(Unavailable, match="none on PATH"):
        module.toolchain((1, 21))


def go_program(filling: Filling, text: str) -> None:
    """A wrapper module with one program, as the tool's only source."""
    folder = filling.manifests / "go" / "tool"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text("module example.com/tool\n\ngo 1.21\n")
    (folder / "main.go").write_text(text)
    source = {"kind": "module", "directory": "go/tool", "packages": {"tool": "."}, "ldflags": ["-s", "-w"]}
    filling.manifest(sources=[source])


@pytest.mark.skipif(not have("go"), reason="needs Go")
def test_module_is_built_and_two_builds_are_equal(filling: Filling) -> None:
    go_program(filling, "package main\n\nfunc main() {}\n")
    filling.fill()
    first = filling.entry()["files"][0]["digest"]
    assert filling.store.blob(first).read_bytes()[:4] == b"\x7fELF"
    filling.fill(refresh=True)
    assert filling.entry()["files"][0]["digest"] == first
    assert any("building tool from ." in line for line in filling.said)


@pytest.mark.skipif(not have("go"), reason="needs Go")
def test_module_that_does_not_build_says_why(filling: Filling) -> None:
    go_program(filling, "package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(
        BundleError, match=r"no source works here: module: go build of tool failed: .*undefined: nonsense"
    ):
        filling.fill()
    filling.manifest(sources=[{"kind": "module", "directory": "go/none", "packages": {"tool": "."}}])
    with pytest.raises(BundleError, match=r"go/none: no go\.mod there"):
        filling.fill()


@pytest.mark.skipif(not have("go"), reason="needs Go")
def test_pause_says_its_version_as_kubeadm_asks_for_it(tmp_path: Path) -> None:
    """The preflight of `kubeadm upgrade` runs it as a Job with -v, and waits for its end."""
    source = find("pause", None, "amd64").sources[-1]
    built = tmp_path / "pause"
    folder = Path(__file__).parents[3] / "artifacts" / source["directory"]
    command = module.command("go", source, source["packages"]["pause"], built)
    subprocess.run(command, cwd=folder, env={**os.environ, "GOCACHE": str(tmp_path / "cache")}, check=True)
    said = subprocess.run([built, "-v"], capture_output=True, text=True, check=True, timeout=5)
    assert said.stdout == f"pause {find('pause', None, 'amd64').version}\n"


def test_what_failed_is_told_and_not_what_was_compiled_beside_it() -> None:
    log = "go: downloading b v1.0.0\nb\n# b/rpc\nb/rpc/init.go:21:24: cannot use x\nb/c\nb/d\nb/e\n"
    assert module.cause(log) == "# b/rpc | b/rpc/init.go:21:24: cannot use x"


def test_file_of_a_pinned_module_is_taken_from_where_go_checked_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crds.yaml").touch()
    answers = {"code": 0, "out": json.dumps({"Dir": str(tmp_path)})}
    asked = []

    def answer(arguments: list[str], **_options: Any) -> Any:
        asked.append(arguments)
        return module.subprocess.CompletedProcess(arguments, answers["code"], answers["out"], "go: 403 Forbidden")

    monkeypatch.setattr(module.subprocess, "run", answer)
    place = {"module": "example.com/m", "path": "crds.yaml"}
    assert module.copied("go", place, tmp_path, {}) == tmp_path / "crds.yaml"
    assert asked[0] == ["go", "mod", "download", "-json", "example.com/m"]
    with pytest.raises(Unavailable, match=r"other of example\.com/m: "):
        module.copied("go", {**place, "path": "other"}, tmp_path, {})
    answers["code"] = 1
    with pytest.raises(Unavailable, match=r"crds\.yaml of example\.com/m: go: 403 Forbidden"):
        module.copied("go", place, tmp_path, {})


PLAN = """NOTE: This is only a simulation!
Inst base-files (12.4+deb12u11 Debian:12.11/oldstable [amd64])
Inst libc6 (2.36-9+deb12u10 Debian:12.11/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst procps (2:4.0.2-3 Debian:12.11/oldstable [amd64])
Conf procps (2:4.0.2-3 Debian:12.11/oldstable [amd64])
"""

STANZA = """Package: procps
Version: 2:4.0.2-3
Installed-Size: 2056
Depends: libc6 (>= 2.34),
 libncursesw6
Description: /proc file system utilities
Filename: pool/main/p/procps/procps_4.0.2-3_amd64.deb
SHA256: cc

Package: libc6
Version: 2.36
SHA256: dd
"""


def test_apts_plan_and_listings_are_read() -> None:
    plan = package.planned(PLAN)
    assert {name: version for name, (version, _) in plan.items()} == {
        "base-files": "12.4+deb12u11",
        "libc6": "2.36-9+deb12u10",
        "procps": "2:4.0.2-3",
    }
    assert package.distribution(plan) == "debian 12.11"
    assert package.distribution({"base-files": ("1", "localhost/bookworm")}) is None
    stanzas = package.parse_stanzas(STANZA)
    assert set(stanzas) == {("procps", "2:4.0.2-3"), ("libc6", "2.36")}
    flat = package.flat_stanza(stanzas["procps", "2:4.0.2-3"])
    assert "Depends: libc6 (>= 2.34),\n libncursesw6\n" in flat
    assert flat.endswith("SHA256: cc\nFilename: ./cc.deb\n\n")
    assert "pool/" not in flat
    assert "Description" not in flat


def test_private_root_knows_nothing_of_the_machine_but_proxies() -> None:
    text = package.configuration(Path("/r"), "arm64", Path("/s.list"), ['Acquire::http::Proxy "http://p:1";'])
    lines = text.splitlines()
    assert lines[0] == 'Acquire::http::Proxy "http://p:1";'
    assert 'Dir::State::status "/r/state/status";' in lines
    assert 'Dir::Etc::Parts "/dev/null";' in lines
    assert 'APT::Architectures { "arm64"; };' in lines
    assert 'Dir::Etc::sourcelist "/s.list";' in lines
    assert "sourceparts" not in package.configuration(Path("/r"), "amd64", None, [])


@pytest.mark.parametrize("present", [(), ("apt-get",)])
def test_a_machine_without_apt_is_told_before_anything_is_fetched(
    filling: Filling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: tuple[str, ...]
) -> None:
    packages = {"kind": "package", "packages": ["tool"]}
    filling.manifest()
    for name in ("first", "second"):
        filling.manifest(name=name, sources=[packages, {"kind": "directory"}], files={}, links={})
    monkeypatch.setattr(package.shutil, "which", lambda program: program if program in present else None)
    drop = filling.drop(tmp_path / "drop")
    lack = "dpkg-deb" if present else "apt-get and no dpkg-deb"
    only = rf"only source of first 1.0.0 \(amd64\), second .*this machine has no {lack}: fill the bundle on a machine"
    with pytest.raises(BundleError, match=only):
        filling.fill("tool", "first", "second", drop=drop, sources=["package"])
    with pytest.raises(BundleError, match=only):
        filling.fill("first", "second")
    assert filling.blobs() == set() and filling.said == []


def test_without_apt_the_next_source_is_tried(
    filling: Filling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filling.manifest(sources=[{"kind": "package", "packages": ["tool"]}, {"kind": "directory"}])
    monkeypatch.setattr(package.shutil, "which", lambda _program: None)
    filling.fill(drop=filling.drop(tmp_path / "drop"))
    assert "this machine has no apt-get and no dpkg-deb" in filling.said[0]
    assert filling.entry()["source"]["kind"] == "directory"


@pytest.mark.skipif(not have("apt-get"), reason="needs apt")
def test_package_nobody_has_gives_way(filling: Filling, tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "Packages").touch()
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] file:{tmp_path}/flat ./\n")
    filling.manifest(sources=[{"kind": "package", "packages": ["no-such-package"]}], files={}, links={})
    with pytest.raises(BundleError, match="no source works here: package: apt-get install: E: "):
        filling.fill(apt_sources=sources)


def test_wheel_is_asked_for_by_digest_and_platform(filling: Filling, monkeypatch: pytest.MonkeyPatch) -> None:
    command = wheel.command("arm64", "/w")
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert "--require-hashes" in command
    assert {"--platform=manylinux_2_31_aarch64", "--platform=manylinux2014_aarch64"} <= set(command)
    assert "--platform=manylinux_2_37_aarch64" not in command
    source = {"kind": "wheel", "project": "tool", "members": {"tool": "tool/bin/tool"}, "sha256": {"arm64": "0" * 64}}
    filling.manifest(sources=[source])
    with pytest.raises(BundleError, match="tool: no digest pinned for amd64"):
        filling.fill()

    answers = {
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES": "wrong digest: no wheel has",
        "ERROR: none": "ERROR: none",
    }
    for stderr, message in answers.items():

        def answer(*_arguments: Any, stderr: str = stderr, **_options: Any) -> Any:
            return wheel.subprocess.CompletedProcess([], 1, "", stderr)

        with monkeypatch.context() as patch:
            patch.setattr(wheel.subprocess, "run", answer)
            with pytest.raises(BundleError, match=message):
                filling.fill(architectures=["arm64"])


def test_tar_member_is_taken_by_name_only(tmp_path: Path) -> None:
    import tarfile

    (tmp_path / "x").write_bytes(b"program")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "x", arcname="tool-1.0/../../tool")
        archive.add(tmp_path, arcname="folder", recursive=False)
    got = upstream.unpack(tmp_path / "a.tar.gz", "tool-1.0/../../tool", tmp_path / "out", "here")
    assert got == tmp_path / "out"
    assert got.read_bytes() == b"program"
    for member in ("other", "folder"):
        with pytest.raises(BundleError, match=f"here: cannot take {member} out of it"):
            upstream.unpack(tmp_path / "a.tar.gz", member, tmp_path / "out", "here")
    (tmp_path / "bad").write_bytes(b"no archive")
    with pytest.raises(BundleError, match="here: cannot take tool out of it"):
        upstream.unpack(tmp_path / "bad", "tool", tmp_path / "out", "here")


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz", "zip"])
def test_a_damaged_archive_is_one_message(tmp_path: Path, packing: str) -> None:
    """Cut off or altered anywhere, it is either read all the same or refused by name."""
    import random
    import tarfile
    import zipfile

    chance = random.Random(packing)
    (tmp_path / "tool").write_bytes(chance.randbytes(20_000))
    archive = tmp_path / "archive"
    if packing == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
            writing.write(tmp_path / "tool", "tool")
    else:
        with tarfile.open(archive, f"w:{packing}") as packed:  # type: ignore[call-overload]
            packed.add(tmp_path / "tool", arcname="tool")
    whole, refused = archive.read_bytes(), 0
    for _turn in range(60):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        archive.write_bytes(data[: chance.randrange(len(data))] if chance.random() < 0.5 else data)
        try:
            upstream.unpack(archive, "tool", tmp_path / "out", "here")
        except BundleError as error:
            refused += "here: cannot take tool out of it" in str(error)
    assert refused > 20


def test_checksum_files_are_read() -> None:
    a, b = "a" * 64, "B" * 64
    assert signature.parse_sums(f"{a}  x.zip\n{b} *./y.zip\nnot a sum\n") == {"x.zip": a, "y.zip": b.lower()}


GOOD = "[GNUPG:] GOODSIG 1 Test\n[GNUPG:] VALIDSIG SUB 2026-01-01 1 0 4 0 22 8 00 PRIMARY\n"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (GOOD, None),
        (GOOD.replace("PRIMARY", "OTHER"), "another key"),
        (GOOD.replace("GOODSIG", "EXPKEYSIG"), "expired"),
        (GOOD.replace("GOODSIG", "REVKEYSIG"), "revoked"),
        ("[GNUPG:] BADSIG 1 Test\n", "altered"),
        ("[GNUPG:] ERRSIG 1 22 8 00 1 9 -\n[GNUPG:] NO_PUBKEY 1\n", "another key"),
        ("[GNUPG:] GOODSIG 1 Test\n", "no signature"),
        ("GOODSIG VALIDSIG PRIMARY\n", "no signature"),
        ("", "no signature"),
    ],
)
def test_gpgvs_words_are_judged(status: str, verdict: str | None) -> None:
    said = signature.judge(status, "PRIMARY")
    assert said is None if verdict is None else verdict in str(said)


def test_components_name_artifacts_that_have_manifests() -> None:
    for component in components.known().values():
        for request in (*component.bundled, *component.image.artifacts):
            name, _, version = request.partition("/")[0].partition("=")
            find(name, version or None, "amd64")


def test_nomad_is_built_as_release() -> None:
    source = find("nomad", None, "amd64").sources[-1]
    assert source["tags"] == ["release"]
    assert source["cgo"] is True
