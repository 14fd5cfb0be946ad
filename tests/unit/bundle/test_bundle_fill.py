# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling: which source is used, what is recorded, and what a failure leaves behind (nothing)."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import fill as fill_module
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, parse_index
from bundle_world import Filling, Key, Publisher, is_root, small_disk, upstream

ZIP = "/tool/1.0.0/tool_1.0.0_linux_amd64.zip"
SUMS = "/tool/1.0.0/tool_1.0.0_SHA256SUMS"


@pytest.fixture
def released(filling: Filling, publisher: Publisher, key: Key) -> Filling:
    """A tool with an upstream that serves it well and a drop folder as second choice."""
    publisher.release(key)
    key.save(filling.manifests / "keys")
    filling.manifest(sources=[upstream(publisher, key), {"kind": "directory"}])
    return filling


def test_first_source_that_works_is_used_and_recorded(released: Filling) -> None:
    filled = released.fill()
    entry = released.entry()
    assert filled == [entry]
    assert entry["source"]["kind"] == "upstream"
    assert entry["source"]["failures"] == []
    assert entry["licence"] == "MIT"
    [file] = entry["files"]
    assert (file["path"], file["mode"]) == ("tool", "0755")
    assert released.store.blob(file["digest"]).read_bytes() == b"#!/bin/sh\necho tool 1.0.0\n"
    assert hashlib.sha256(b"#!/bin/sh\necho tool 1.0.0\n").hexdigest() == file["digest"].split(":")[1]


def test_second_fill_does_and_fetches_nothing(released: Filling, publisher: Publisher) -> None:
    released.fill()
    publisher.asked.clear()
    assert released.fill() == []
    assert publisher.asked == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_source_that_refuses_gives_way_to_the_next(
    released: Filling, publisher: Publisher, tmp_path: Path, status: int
) -> None:
    publisher.status[SUMS] = status
    released.fill(drop=released.drop(tmp_path / "drop"))
    source = released.entry()["source"]
    assert source["kind"] == "directory"
    assert source["failures"][0]["kind"] == "upstream"
    assert f"answered {status}" in source["failures"][0]["reason"]


def test_dead_host_is_given_up_once_for_all(released: Filling, publisher: Publisher, tmp_path: Path) -> None:
    publisher.close()
    released.manifest(
        sources=[
            {"kind": "upstream", "url": publisher.url + "/a", "output": "tool", "sha256": {"amd64": "0" * 64}},
            {"kind": "upstream", "url": "http://nowhere.invalid/a", "output": "tool", "sha256": {"amd64": "0" * 64}},
            {"kind": "upstream", "url": "http://nowhere.invalid/b", "output": "tool", "sha256": {"amd64": "0" * 64}},
            {"kind": "directory"},
        ]
    )
    started = time.monotonic()
    released.fill(drop=released.drop(tmp_path / "drop"))
    assert time.monotonic() - started < 3
    reasons = [failure["reason"] for failure in released.entry()["source"]["failures"]]
    assert "refused" in reasons[0]
    assert reasons[1].split(": ")[-1] == reasons[2].split(": ")[-1]


def test_truncated_download_gives_way_and_leaves_nothing(
    released: Filling, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.cut.add(ZIP)
    released.fill(drop=released.drop(tmp_path / "drop"))
    source = released.entry()["source"]
    assert source["kind"] == "directory"
    assert "truncated" in source["failures"][0]["reason"] or "IncompleteRead" in source["failures"][0]["reason"]
    assert len(released.blobs()) == 1


def test_no_source_works(released: Filling, publisher: Publisher) -> None:
    publisher.status[SUMS] = 403
    with pytest.raises(BundleError, match=r"tool 1\.0\.0 \(amd64\): no source works here: upstream: .* answered 403"):
        released.fill()
    assert released.blobs() == set()


def refused(filling: Filling, message: str) -> None:
    """Filling ends with the message; nothing is kept, and no further source is tried."""
    with pytest.raises(BundleError, match=message) as caught:
        filling.fill(drop=filling.drop(filling.store.root.parent / "drop"))
    assert str(caught.value).startswith("tool 1.0.0 (amd64): source upstream: ")
    assert "\n" not in str(caught.value)
    assert filling.blobs() == set()
    assert filling.store.index()["artifacts"] == {}
    assert list(filling.store.temporary.iterdir()) == []


def test_wrong_digest_is_an_error(released: Filling, publisher: Publisher) -> None:
    publisher.files[ZIP] += b"x"
    refused(released, f"{publisher.url}{ZIP}: wrong digest: [0-9a-f]{{64}}, expected [0-9a-f]{{64}}")


def test_altered_checksums_are_an_error(released: Filling, publisher: Publisher) -> None:
    publisher.files[SUMS] += b"\n"
    refused(released, "tool_1.0.0_SHA256SUMS: wrong signature: the signature does not fit the file")


def test_missing_signature_is_an_error(released: Filling, publisher: Publisher) -> None:
    publisher.status[f"{SUMS}.sig"] = 404
    refused(released, "SHA256SUMS: its signature is missing: .* answered 404")


def test_signature_that_is_none_is_an_error(released: Filling, publisher: Publisher) -> None:
    publisher.files[f"{SUMS}.sig"] = b"<html>not here</html>"
    refused(released, "wrong signature: it carries no signature that can be read")


def test_signature_of_another_key_is_an_error(released: Filling, publisher: Publisher, tmp_path: Path) -> None:
    publisher.files[f"{SUMS}.sig"] = Key(tmp_path / "other").sign(publisher.files[SUMS])
    refused(released, "wrong signature: it was signed by another key")


def test_expired_key_is_an_error(released: Filling, publisher: Publisher, tmp_path: Path) -> None:
    old = Key(tmp_path / "old", expires="2020-02-01", at="20200101T000000")
    publisher.files[f"{SUMS}.sig"] = old.sign(publisher.files[SUMS])
    old.save(released.manifests / "keys")
    released.manifest(sources=[upstream(publisher, old), {"kind": "directory"}])
    refused(released, "wrong signature: the pinned key has expired; put its renewed form there .*keys/")


def test_missing_key_is_an_error(released: Filling, key: Key) -> None:
    (released.manifests / "keys" / f"{key.fingerprint}.asc").unlink()
    refused(released, "the key the manifest pins is missing")


def test_broken_key_is_an_error(released: Filling, key: Key) -> None:
    (released.manifests / "keys" / f"{key.fingerprint}.asc").write_text("-----BEGIN")
    refused(released, "no armoured OpenPGP public key")


def test_checksums_without_the_file_are_an_error(released: Filling, publisher: Publisher, key: Key) -> None:
    publisher.files[SUMS] = b"0" * 64 + b"  other.zip\n"
    publisher.files[f"{SUMS}.sig"] = key.sign(publisher.files[SUMS])
    refused(released, "does not list tool_1.0.0_linux_amd64.zip")


def test_archive_without_the_member_is_an_error(released: Filling, publisher: Publisher, key: Key) -> None:
    released.manifest(sources=[{**upstream(publisher, key), "members": {"tool": "bin/tool"}}])
    refused(released, "cannot take bin/tool out of it")


def test_pinned_digest_needs_no_signature(filling: Filling, publisher: Publisher) -> None:
    publisher.files["/tool"] = b"binary"
    pinned = {"amd64": hashlib.sha256(b"binary").hexdigest()}
    filling.manifest(sources=[{"kind": "upstream", "url": publisher.url + "/tool", "output": "tool", "sha256": pinned}])
    filling.fill()
    assert filling.store.blob(filling.entry()["files"][0]["digest"]).read_bytes() == b"binary"


@pytest.mark.parametrize("listing", ["{digest}\n", "{digest}  tool\n", "{digest} *./tool\n"])
def test_publisher_that_signs_nothing_is_believed_over_tls(
    filling: Filling, publisher: Publisher, listing: str
) -> None:
    publisher.files["/tool"] = b"binary"
    publisher.files["/tool.sha256"] = listing.format(digest=hashlib.sha256(b"binary").hexdigest()).encode()
    # Loopback needs no TLS.
    place = publisher.url + "/tool"
    source = {"kind": "upstream", "url": place, "output": "tool", "sums": {"url": f"{place}.sha256"}}
    filling.manifest(sources=[source])
    filling.fill()
    publisher.files["/tool"] = b"another"
    with pytest.raises(BundleError, match="wrong digest"):
        filling.fill(refresh=True)


def test_asked_kinds_replace_the_order_and_replace_what_is_there(released: Filling, tmp_path: Path) -> None:
    released.fill()
    released.fill(sources=["directory"], drop=released.drop(tmp_path / "drop"))
    assert released.entry()["source"]["kind"] == "directory"
    assert len(released.blobs()) == 1  # the one from upstream is swept
    with pytest.raises(BundleError, match=r"unknown kind of source torrent: there are directory, upstream"):
        released.fill(sources=["torrent"])
    with pytest.raises(BundleError, match="none of the asked kinds is in its manifest"):
        released.fill(sources=["wheel"])


def test_changed_manifest_and_refresh_fill_anew(released: Filling, publisher: Publisher, key: Key) -> None:
    released.fill()
    assert released.fill(refresh=True) != []
    released.manifest(sources=[upstream(publisher, key)], licence="BSD-3-Clause")
    assert released.fill() != []
    assert released.entry()["licence"] == "BSD-3-Clause"


def test_lost_or_shortened_blob_is_obtained_again(released: Filling) -> None:
    released.fill()
    blob = released.store.blob(released.entry()["files"][0]["digest"])
    content = blob.read_bytes()
    for damage in (blob.unlink, lambda: blob.write_bytes(content[:5])):
        damage()
        assert released.fill() != []
        assert blob.read_bytes() == content


def test_altered_blob_is_found_by_verifying(released: Filling) -> None:
    released.fill()
    digest = released.entry()["files"][0]["digest"]
    blob = released.store.blob(digest)
    content = blob.read_bytes()
    blob.write_bytes(b"X" + content[1:])
    assert released.fill() == []
    assert released.store.discard_damaged(released.said.append) == [digest]
    assert released.fill() != []
    assert blob.read_bytes() == content


def test_drop_folder_faults_are_errors(filling: Filling, tmp_path: Path) -> None:
    filling.manifest()
    drop = filling.drop(tmp_path / "drop", digest="0" * 64)
    with pytest.raises(BundleError, match=r"drop/tool/1\.0\.0/amd64/tool: wrong digest"):
        filling.fill(drop=drop)
    (drop / "tool/1.0.0/amd64/SHA256SUMS").unlink()
    with pytest.raises(BundleError, match=r"SHA256SUMS: does not list tool; write it with sha256sum"):
        filling.fill(drop=drop)
    (drop / "tool/1.0.0/amd64/tool").unlink()
    with pytest.raises(BundleError, match=r"amd64/tool: missing"):
        filling.fill(drop=drop)
    with pytest.raises(BundleError, match="no such folder"):
        filling.fill(drop=tmp_path / "nowhere")
    assert filling.blobs() == set()


def test_index_is_as_documented(filling: Filling, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(__file__).parents[3] / "docs/reference/bundle-index.schema.json").read_text())
    image = {"name": "example/tool:{version}", "files": {"/tool": "tool"}}
    missing = {"kind": "module", "directory": "none", "packages": {"tool": "."}}
    filling.manifest(images=[image], sources=[missing, {"kind": "directory"}])
    filling.fill(drop=filling.drop(tmp_path / "drop"))
    index = filling.store.index()
    jsonschema.validate(index, schema)
    index["artifacts"]["tool"]["1.0.0"]["amd64"]["images"][0]["colour"] = "red"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(index, schema)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 99, "artifacts": {}}'])
def test_index_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match=r"index\.json: .*remove it and fill the bundle again"):
        parse_index(text, "bundle/index.json")


def test_interruption_leaves_the_bundle_as_it_was(
    released: Filling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = released.drop(tmp_path / "drop", b"old")
    released.fill(sources=["directory"], drop=drop)
    before = (released.store.index(), released.blobs())
    released.drop(tmp_path / "drop", b"new")
    for step in ("add", "save"):
        with monkeypatch.context() as patch:
            patch.setattr(Store, step, lambda *_arguments: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                released.fill(sources=["directory"], drop=drop, refresh=True)
        assert released.store.index() == before[0]
        assert before[1] <= released.blobs()
    released.fill(sources=["directory"], drop=drop, refresh=True)
    assert len(released.blobs()) == 1


SLOW_FILL = """
import sys, time
sys.path.insert(0, {collections!r})
from pathlib import Path
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import fill as module
deliver = module.KINDS["directory"]
def slow(*arguments):
    (arguments[2].scratch / "half").write_bytes(b"x" * 1000)
    print("delivering", flush=True)
    time.sleep({seconds})
    return deliver(*arguments)
module.KINDS = {{**module.KINDS, "directory": slow}}
request = module.FillRequest(artifacts=["tool"], architectures=["amd64"], manifests=[Path({manifests!r})], drop=Path({drop!r}))
print(len(module.fill(module.Store(Path({bundle!r})), request, lambda text: print(text, flush=True))))
"""


def slow_fill(filling: Filling, drop: Path, seconds: float) -> subprocess.Popen[str]:
    """A filler in a process of its own that takes its time."""
    text = SLOW_FILL.format(
        collections=next(path for path in sys.path if path.endswith("collections")),
        seconds=seconds,
        manifests=str(filling.manifests),
        drop=str(drop),
        bundle=str(filling.store.root),
    )
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)


def test_killed_filler_leaves_a_correct_bundle_and_no_lock(filling: Filling, tmp_path: Path) -> None:
    filling.manifest()
    drop = filling.drop(tmp_path / "drop")
    process = slow_fill(filling, drop, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "delivering\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(filling.store.temporary.rglob("half"))
    assert filling.store.index()["artifacts"] == {}
    assert len(filling.fill(drop=drop)) == 1
    assert list(filling.store.temporary.iterdir()) == []


def test_second_filler_waits_and_finds_all_done(filling: Filling, tmp_path: Path) -> None:
    filling.manifest()
    drop = filling.drop(tmp_path / "drop")
    first = slow_fill(filling, drop, 3)
    assert first.stdout is not None
    assert first.stdout.readline() == "delivering\n"
    assert filling.fill(drop=drop) == []
    assert filling.said == [f"waiting: process {first.pid} is obtaining tool-1.0.0-amd64"]
    assert first.communicate()[0].splitlines()[-1] == "1"
    third = slow_fill(filling, drop, 60)
    try:
        assert third.communicate(timeout=30)[0] == "0\n"  # nothing to do: neither delivers nor waits
    finally:
        third.kill()


def test_filler_of_something_else_neither_waits_nor_disturbs(filling: Filling, tmp_path: Path) -> None:
    filling.manifest()
    drop = filling.drop(tmp_path / "drop")
    first = slow_fill(filling, drop, 3)
    assert first.stdout is not None
    assert first.stdout.readline() == "delivering\n"
    (drop / "tool").rename(drop / "other")
    (drop / "other/1.0.0/amd64/tool").write_text("other")
    digest = hashlib.sha256(b"other").hexdigest()
    (drop / "other/1.0.0/amd64/SHA256SUMS").write_text(f"{digest}  tool\n")
    filling.manifest(name="other")
    assert len(filling.fill("other", drop=drop)) == 1
    assert filling.said == ["other 1.0.0 (amd64): filled from directory"]
    filling.drop(drop)
    assert first.communicate()[0].splitlines()[-1] == "1"
    assert set(filling.store.index()["artifacts"]) == {"tool", "other"}
    assert filling.store.complete(filling.entry())
    assert filling.store.complete(filling.entry("other"))


@pytest.mark.skipif(not is_root(), reason="mounting a small disk needs root")
def test_full_disk_is_one_message_and_leaves_nothing(filling: Filling, tmp_path: Path) -> None:
    filling.manifest()
    drop = filling.drop(tmp_path / "drop", b"x" * 300_000)
    with small_disk(tmp_path / "disk", "256k") as disk:
        filling.store = Store(disk / "bundle")
        with pytest.raises(BundleError, match=r"/disk/bundle: disk full \(\d+ bytes free\)"):
            filling.fill(drop=drop)
        assert filling.blobs() == set()
        assert list(filling.store.temporary.iterdir()) == []


def test_bundle_that_cannot_be_written_is_named(filling: Filling, tmp_path: Path) -> None:
    filling.manifest()
    (tmp_path / "file").touch()
    filling.store = Store(tmp_path / "file" / "bundle")
    with pytest.raises(BundleError, match=r"file/bundle: cannot be written: Not a directory"):
        filling.fill()


def test_recipe_covers_the_wrapper_module(filling: Filling) -> None:
    module = filling.manifests / "go" / "tool"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module tool\n")
    source = {"kind": "module", "directory": "go/tool", "packages": {"tool": "."}}
    filling.manifest(sources=[source])
    request = fill_module.FillRequest(artifacts=["tool"], architectures=["amd64"], manifests=[filling.manifests])
    before = fill_module.recipe(request.resolve()[0])
    (module / "go.mod").write_text("module tool\n\ngo 1.21\n")
    assert fill_module.recipe(request.resolve()[0]) != before


@pytest.mark.parametrize("at_once", [1, 2])
def test_progress_counts_the_artifacts(
    filling: Filling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(fill_module, "AT_ONCE", at_once)
    for name in ("tool", "other", "third"):
        filling.manifest(name=name, links={})
        place = filling.drop(tmp_path / "drop") / name / "1.0.0" / "amd64"
        place.mkdir(parents=True, exist_ok=True)
        for file in ("tool", "SHA256SUMS"):
            (place / file).write_bytes((tmp_path / "drop/tool/1.0.0/amd64" / file).read_bytes())
    assert len(filling.fill("tool", "other", "third", drop=tmp_path / "drop")) == 3
    assert [line for line in filling.said if " of 3 artifacts" in line] == [
        f"{number} of 3 artifacts are there" for number in (1, 2, 3)
    ]
