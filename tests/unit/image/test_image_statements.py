# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about an image: manifest, statements, bill, list of files; and promotion, which believes only that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from ansible_collections.keelson.cluster.plugins.action import server_image_boot, server_image_channel
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import listing, sbom
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.packages import (
    Package,
    parse_status,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import (
    channels,
    labels,
    publish,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError
from image_tree import entry

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/reference/image.schema.json").read_text())
NAME = "host-node-nomad-1.0.0-amd64-20260101T0000Z"
DIGEST = "sha256:" + "0" * 64
GOOD = [{"check": "image.boot", "title": "It boots", "target": "", "passed": True}]
BAD = [{**GOOD[0], "passed": False}]


def manifest() -> dict[str, Any]:
    """The manifest of an image."""
    moment = publish.moment(0)
    return {
        "format": 1,
        "name": NAME,
        "engine": "nomad",
        "version": "1.0.0",
        "architecture": "amd64",
        "made": moment,
        "builder": "tree",
        "disk": {"format": "qcow2", "digest": DIGEST, "size": 4, "virtual_mib": 4096},
        "contents": {"files": 1, "packages": 1},
        "inputs": {
            "base": {"digest": DIGEST, "made": moment},
            "collection": {"version": "0.1.0", "digest": DIGEST},
            "packer": "1.16.0",
            "artifacts": publish.artifacts([entry()]),
            "parameters": {"kernel_options": "", "variables": {}},
        },
        "hardening": {"met": ["1.1.1.1"], "exempt": {"1.1.1.6": "layers"}},
    }


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key that signs, made as the first build makes it."""
    sign.load_key(tmp_path / "keys" / "image.pem")
    return tmp_path / "keys" / "image.pem"


@pytest.fixture
def image_directory(tmp_path: Path, key: Path) -> Path:
    """A directory with one image that was built and checked."""
    folder = tmp_path / "image_directory" / NAME
    folder.mkdir(parents=True)
    (folder / publish.DISK).write_bytes(b"disk")
    (folder / publish.MANIFEST).write_text(json.dumps(manifest()))
    (folder / publish.BILL).write_text("{}")
    (folder / publish.FILES).write_bytes(b"")
    now, private = publish.subjects(folder), sign.load_key(key)
    publish.state(folder, publish.PROVENANCE, now, publish.SLSA, publish.provenance(manifest()), private)
    publish.state(folder, publish.CHECKS, now, publish.TESTED, publish.results(publish.CHECKS, GOOD), private)
    return folder.parent


def booted(image_directory: Path, key: Path, answers: list[dict[str, Any]] = GOOD) -> None:
    """State that the image was booted."""
    folder = image_directory / NAME
    subjects = publish.subjects(folder)
    publish.state(
        folder, publish.BOOT, subjects, publish.TESTED, publish.results(publish.BOOT, answers), sign.load_key(key)
    )


def public(key: Path) -> Any:
    return sign.load_public(key.with_suffix(".pub"))


def promote(image_directory: Path, key: Path, channel: str) -> dict[str, Any]:
    return channels.promote(
        image_directory, NAME, channel, sign.load_public(key.with_suffix(".pub")), sign.load_key(key)
    )


def test_the_manifest_fits_its_schema_and_a_wrong_one_does_not() -> None:
    jsonschema.validate(manifest(), SCHEMA)
    for broken in ({"format": 2}, {"disk": {}}, {"made": "today"}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**manifest(), **broken}, SCHEMA)


def test_provenance_names_every_input_by_digest() -> None:
    stated = publish.provenance(manifest())["buildDefinition"]["resolvedDependencies"]
    assert [item["name"] for item in stated] == ["base", "collection", "tool@1.0.0/tool", "tool@1.0.0/images/pause.tar"]
    assert all(len(item["digest"]["sha256"]) == 64 for item in stated)


def test_an_image_is_promoted_step_by_step(image_directory: Path, key: Path) -> None:
    assert promote(image_directory, key, "candidate")["name"] == NAME
    booted(image_directory, key)
    assert promote(image_directory, key, "tested")["digest"] == publish.subjects(image_directory / NAME)[publish.DISK]
    promote(image_directory, key, "released")
    assert channels.choose(channels.read(str(image_directory), public(key)), "released")["name"] == NAME
    promote(image_directory, key, "released")
    assert len(channels.read(str(image_directory), public(key))["channels"]["released"]) == 1


def test_an_untested_image_is_not_promoted(image_directory: Path, key: Path) -> None:
    promote(image_directory, key, "candidate")
    with pytest.raises(ImageError, match="has no statement boot: it was not tested for that"):
        promote(image_directory, key, "tested")
    booted(image_directory, key, BAD)
    with pytest.raises(ImageError, match="boot FAILED; it cannot be tested"):
        promote(image_directory, key, "tested")
    booted(image_directory, key)
    with pytest.raises(ImageError, match="was never tested, so it cannot be released"):
        promote(image_directory, key, "released")
    assert channels.read(str(image_directory), public(key))["channels"]["tested"] == []


def predicted(action: Any, key: Path, **options: Any) -> Any:
    """What the action of a module answers in check mode."""
    given = {name: spec.get("default") for name, spec in action.ARGUMENTS.items()}
    plugin = object.__new__(action.ActionModule)
    plugin._task = SimpleNamespace(check_mode=True)
    public_key = {"public_key": str(key.with_suffix(".pub"))} if "public_key" in given else {}
    return plugin.act({**given, "key": str(key), **public_key, **options}, {})


def test_a_prediction_refuses_what_would_be_refused(image_directory: Path, key: Path, tmp_path: Path) -> None:
    where = {"image_directory": str(image_directory), "max_age": 0}
    assert predicted(server_image_channel, key, **where, name=NAME, channel="candidate") == {"changed": True}
    assert predicted(server_image_boot, key, path=str(image_directory / NAME)) == {"changed": True}
    with pytest.raises(ImageError, match="has no statement boot"):
        predicted(server_image_channel, key, **where, name=NAME, channel="tested")
    with pytest.raises(ImageError, match="no image is published there"):
        predicted(server_image_channel, key, **where, name="none", channel="candidate")
    with pytest.raises(ImageError, match="no image is published there"):
        predicted(server_image_boot, key, path=str(tmp_path))
    assert channels.read(str(image_directory), public(key))["channels"]["candidate"] == []


@pytest.mark.parametrize("name", [publish.DISK, publish.MANIFEST, publish.BILL, publish.FILES])
def test_an_altered_image_is_not_promoted(image_directory: Path, key: Path, name: str) -> None:
    path = image_directory / NAME / name
    text = json.dumps({**manifest(), "name": "other"}) if name == publish.MANIFEST else "altered"
    path.write_text(text)
    with pytest.raises(ImageError, match=f"{name}: the file is sha256:.*it was altered"):
        promote(image_directory, key, "candidate")
    assert not (image_directory / channels.INDEX).exists()


def test_a_statement_of_another_key_or_an_altered_one_is_not_believed(
    image_directory: Path, key: Path, tmp_path: Path
) -> None:
    sign.load_key(tmp_path / "other.pem")
    with pytest.raises(UserError, match=r"checks.json|provenance.json: the signature is not of the trusted key"):
        promote(image_directory, tmp_path / "other.pem", "candidate")
    path = image_directory / NAME / publish.STATEMENTS / "provenance.json"
    signed = json.loads(path.read_text())
    path.write_text(json.dumps({**signed, "payload": signed["payload"][:-8] + "AAAAAAA="}))
    with pytest.raises(UserError, match="what it signs was altered"):
        promote(image_directory, key, "candidate")
    path.write_text("{}")
    with pytest.raises(UserError, match="not a signed statement"):
        promote(image_directory, key, "candidate")


def test_a_statement_does_not_stand_for_another(image_directory: Path, key: Path) -> None:
    promote(image_directory, key, "candidate")
    statements = image_directory / NAME / publish.STATEMENTS
    for other in (publish.CHECKS, publish.PROVENANCE):
        (statements / "boot.json").write_bytes((statements / f"{other}.json").read_bytes())
        with pytest.raises(ImageError, match="another statement under the name boot"):
            promote(image_directory, key, "tested")
    now = publish.subjects(image_directory / NAME)
    few = {publish.BILL: now[publish.BILL]}
    results = publish.results(publish.BOOT, GOOD)
    publish.state(image_directory / NAME, publish.BOOT, few, publish.TESTED, results, sign.load_key(key))
    with pytest.raises(ImageError, match="not among them"):
        promote(image_directory, key, "tested")


@pytest.mark.parametrize("altered", [{"channels": {name: [] for name in channels.NEEDS}}, {"signature": None}])
def test_an_altered_or_unsigned_index_is_not_believed(
    image_directory: Path, key: Path, altered: dict[str, Any]
) -> None:
    promote(image_directory, key, "candidate")
    path = image_directory / channels.INDEX
    path.write_text(json.dumps({**json.loads(path.read_text()), **altered}))
    with pytest.raises(UserError, match=r"channels.json: (the signature is not of|is not signed)"):
        channels.read(str(image_directory), public(key))


def test_going_back_is_asking_for_the_one_before() -> None:
    index = channels.empty()
    for name in ("one", "two", "one"):
        index = channels.promoted(index, name, "candidate", DIGEST, "now")
    assert channels.choose(index, "candidate")["name"] == "one"
    assert channels.choose(index, "candidate", back=1)["name"] == "two"
    with pytest.raises(ImageError, match="none 2 before the newest"):
        channels.choose(index, "candidate", back=2)
    with pytest.raises(ImageError, match="there is no channel 'latest'"):
        channels.choose(index, "latest")


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 2, "channels": {}}'])
def test_what_is_no_index_is_named(text: str) -> None:
    with pytest.raises(ImageError, match=r"^/x: "):
        channels.parse(text, "/x")


@pytest.fixture
def address(image_directory: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(image_directory))
    handler.log_message = lambda *_args: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_a_channel_is_asked_for_over_http(image_directory: Path, key: Path, address: str) -> None:
    with pytest.raises(ImageError, match=r"channels.json: cannot be read"):
        channels.read(address, public(key))
    promote(image_directory, key, "candidate")
    assert channels.choose(channels.read(address, public(key)), "candidate")["name"] == NAME


def test_an_old_index_that_is_served_is_refused(image_directory: Path, key: Path, address: str) -> None:
    promote(image_directory, key, "candidate")
    path = image_directory / channels.INDEX
    index = json.loads(path.read_text())
    for written, told in (
        ("2020-03-01T10:00:00Z", "was written 2020-03-01"),
        (None, "does not say when it was written"),
    ):
        old = {name: value for name, value in index.items() if name != "written"} | (
            {"written": written} if written else {}
        )
        path.write_text(json.dumps(sign.sealed(old, sign.load_key(key))))
        with pytest.raises(UserError, match=rf"channels.json {told}.*, and none before 20\d\d-.* is accepted"):
            channels.read(address, public(key))
        assert channels.read(address, public(key), 0) and channels.read(str(image_directory), public(key))
    promote(image_directory, key, "candidate")
    assert channels.choose(channels.read(address, public(key), 1), "candidate")["name"] == NAME


def test_an_image_appears_whole_and_replaces_its_namesake(tmp_path: Path) -> None:
    for content in ("one", "two"):
        made = tmp_path / "work" / "image"
        made.mkdir(parents=True)
        (made / publish.DISK).write_text(content)
        publish.publish(made, tmp_path / NAME)
        assert (tmp_path / NAME / publish.DISK).read_text() == content
        assert not any((tmp_path / "work").iterdir())


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no image is published there"):
        publish.read(tmp_path)
    (tmp_path / publish.MANIFEST).write_text('{"format": 9}')
    with pytest.raises(ImageError, match="format 9, but this release reads format 1"):
        publish.read(tmp_path)


def test_the_key_is_private_and_one_of_another_kind_is_refused(key: Path, tmp_path: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    assert (
        sign.load_key(key).public_key().public_bytes_raw()
        == sign.load_public(key.with_suffix(".pub")).public_bytes_raw()
    )
    (tmp_path / "no.pem").write_text("no key")
    with pytest.raises(UserError, match="no private key in PEM"):
        sign.load_key(tmp_path / "no.pem")
    with pytest.raises(UserError, match="no public key in PEM"):
        sign.load_public(tmp_path / "no.pem")


def test_files_are_listed_and_compared(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/a b").write_text("1")
    (tree / "link").symlink_to("etc/a b")
    assert listing.write(tree, tmp_path / "one.gz") == 3
    (tree / "etc/a b").write_text("2")
    (tree / "etc/new").touch()
    (tree / "link").unlink()
    listing.write(tree, tmp_path / "two.gz")
    before, after = listing.read(tmp_path / "one.gz"), listing.read(tmp_path / "two.gz")
    found = listing.difference(before, after)
    assert found == {"removed": ["/link"], "added": ["/etc/new"], "changed": ["/etc/a b"]}
    listing.write(tree, tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


STATUS = """Package: tool
Status: install ok installed
Architecture: amd64
Source: tools (1.0)
Version: 1:1.0-1+b1
Description: first
 Version: not this

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 2
"""


def test_packages_are_read_as_dpkg_has_them() -> None:
    assert parse_status(STATUS) == [Package("tool", "1:1.0-1+b1", "amd64", "tools")]


def test_the_bill_is_the_same_for_the_same_image() -> None:
    pytest.importorskip("cyclonedx")
    made = [sbom.text(NAME, 0, parse_status(STATUS), [entry()]) for _ in range(2)]
    bill = json.loads(made[0])
    assert made[0] == made[1] and bill["specVersion"] == "1.6"
    found = {component["name"]: component for component in bill["components"]}
    assert found["tool"]["purl"] == "pkg:deb/debian/tool@1:1.0-1%2Bb1?arch=amd64&distro=debian-12&upstream=tools"
    assert found["tool/tool"]["hashes"][0]["content"] == entry()["files"][0]["digest"].split(":")[1]


def test_without_its_library_the_bill_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "HAS_CYCLONEDX", False)
    with pytest.raises(ImageError, match="cyclonedx-python-lib is missing"):
        sbom.text(NAME, 0, [], [])


def test_hosts_tell_their_images_and_their_age(image_directory: Path, key: Path) -> None:
    promote(image_directory, key, "candidate")
    texts = {
        "new": json.dumps({"name": NAME, "made": 9 * 86400}),
        "old": json.dumps({"name": "gone", "made": 0}),
        "plain": "",
    }
    assert labels.lines(texts, str(image_directory), str(key.with_suffix(".pub")), 10 * 86400) == [
        "old: gone, 10 days old",
        f"new: {NAME}, 1 days old, candidate",
        "plain: made from no image",
    ]
    with pytest.raises(ImageError, match="^broken: what its image says"):
        labels.lines({"broken": "{}"}, "", "", 0)
