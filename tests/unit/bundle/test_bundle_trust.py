# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle does not vouch for itself: its index is pinned or signed, and no entry reaches outside its folders."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.action import artifacts
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import install
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import fetch, index
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import Unavailable
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.index import read_remote
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError
from bundle_world import entry_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A bundle whose index is signed by key.pem."""
    made = Store(tmp_path / "bundle", sign.load_key(tmp_path / "key.pem"))
    with made.workspace():
        made.save({"format": 1, "artifacts": {}})
    return made


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(store.root))
    handler.log_message = lambda *_args: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_http_without_a_proof_is_refused(address: str) -> None:
    with pytest.raises(UserError, match=r"use https://, or add the digest of its index.json \(#sha256="):
        read_remote(address, "")
    with pytest.raises(UserError, match="#md5=1 is neither #sha256=DIGEST"):
        read_remote(address, "md5=1")


class Answer(io.BytesIO):
    """What an address answers in the end."""

    def __init__(self, url: str, content: bytes = b'{"format": 1, "artifacts": {}}') -> None:
        super().__init__(content)
        self.url, self.headers = url, dict[str, str]()

    def geturl(self) -> str:
        return self.url


class Web:
    """Addresses that lead on to others, as open_url follows them, and who was sent the header Authorization."""

    def __init__(self, leads: dict[str, str]) -> None:
        self.leads, self.told = leads, list[str]()
        self.content = Answer("").getvalue()

    def open(
        self, url: str, headers: dict[str, str] | None = None, follow_redirects: Any = "urllib2", **_more: Any
    ) -> Answer:
        self.told += [url] if "Authorization" in (headers or {}) else []
        while url in self.leads:
            if follow_redirects == "none":
                raise HTTPError(self.leads[url], 302, "Found", {}, None)  # type: ignore[arg-type]
            url = self.leads[url]
        return Answer(url, self.content)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web({})
    for module in (fetch, index):
        monkeypatch.setattr(module, "open_url", made.open, raising=False)
    return made


@pytest.mark.parametrize(
    ("first", "then", "refused"),
    [
        ("https://a/b/index.json", ["https://c/index.json"], False),
        ("https://a/b/index.json", ["http://c/index.json"], True),
        ("https://a/b/index.json", ["http://c/index.json", "https://evil/index.json"], True),
        ("http://a/b/index.json", ["https://c/index.json"], True),
    ],
)
def test_an_index_does_not_come_by_http_on_its_way(web: Web, first: str, then: list[str], refused: bool) -> None:
    web.leads = dict(zip([first, *then], then))
    if refused:
        with pytest.raises(UserError, match="anybody on the way can alter what comes by http"):
            read_remote(first.removesuffix("/index.json"), "")
    else:
        assert read_remote(first.removesuffix("/index.json"), "")["artifacts"] == {}


def test_what_a_publisher_sends_does_not_come_by_http_on_its_way(web: Web, tmp_path: Path) -> None:
    asking = fetch.Fetcher()
    web.leads = {"https://a/sums": "https://b/sums", "https://b/sums": "https://c/sums"}
    asking.get("https://a/sums", tmp_path / "sums", {"Authorization": "Bearer x"})
    assert web.told == ["https://a/sums"]
    web.leads = {"https://a/sums": "http://b/sums"}
    with pytest.raises(Unavailable, match="https://a/sums: leads on to http://b/sums"):
        asking.get("https://a/sums", tmp_path / "sums")
    web.leads = {"https://a/1": "https://a/2", "https://a/2": "https://a/1"}
    with pytest.raises(Unavailable, match="leads on again and again"):
        asking.get("https://a/1", tmp_path / "sums")


def test_a_pinned_index_is_read_and_another_is_not(address: str, store: Store) -> None:
    digest = hashlib.sha256((store.root / "index.json").read_bytes()).hexdigest()
    assert read_remote(address, f"sha256={digest}")["artifacts"] == {}
    with store.workspace():
        store.save({"format": 1, "artifacts": {"tool": {}}})
    with pytest.raises(UserError, match=f"not {digest} as pinned"):
        read_remote(address, f"sha256={digest}")


def test_an_index_of_any_size_and_depth_is_refused_in_one_line(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(web.content).hexdigest()
    web.content = b"[" * 200_000
    with pytest.raises(UserError, match=f"not {digest} as pinned"):
        read_remote("https://a/b", f"sha256={digest}")
    with pytest.raises(UserError, match="https://a/b/index.json: not JSON"):
        read_remote("https://a/b", "")
    monkeypatch.setattr(index, "LARGEST", 100_000)
    with pytest.raises(UserError, match="more than 100000 bytes"):
        read_remote("https://a/b", "")


def test_a_signed_index_is_read_and_an_altered_one_is_not(address: str, store: Store, tmp_path: Path) -> None:
    proof = f"key={tmp_path / 'key.pub'}"
    content = read_remote(address, proof)
    assert content.pop("written")[:4].isdigit() and content == {"format": 1, "artifacts": {}}
    path = store.root / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "artifacts": {"tool": {}}}))
    with pytest.raises(UserError, match=r"index.json: the signature is not of the trusted key"):
        read_remote(address, proof)
    with Store(store.root).workspace():  # filled by somebody without the key
        Store(store.root).save(json.loads(path.read_text()))
    with pytest.raises(UserError, match=r"index.json: is not signed"):
        read_remote(address, proof)
    sign.load_key(tmp_path / "other.pem")
    with store.workspace():
        store.save({"format": 1, "artifacts": {}})
    with pytest.raises(UserError, match="the signature is not of the trusted key"):
        read_remote(address, f"key={tmp_path / 'other.pub'}")


def test_an_index_is_signed_where_nothing_is_left_to_fill(address: str, store: Store, tmp_path: Path) -> None:
    with Store(store.root).workspace():
        Store(store.root).save({"format": 1, "artifacts": {}})
    Store(store.root).sign()
    with pytest.raises(UserError, match=r"index.json: is not signed"):
        read_remote(address, f"key={tmp_path / 'key.pub'}")
    store.sign()
    assert read_remote(address, f"key={tmp_path / 'key.pub'}&days=1")["artifacts"] == {}
    Store(tmp_path / "none", sign.load_key(tmp_path / "key.pem")).sign()
    assert not (tmp_path / "none").exists()


def test_an_old_signed_index_is_refused(address: str, store: Store, tmp_path: Path) -> None:
    proof = f"key={tmp_path / 'key.pub'}"
    assert read_remote(address, f"{proof}&since=2020-01-01")["artifacts"] == {}
    with pytest.raises(UserError, match=r"index.json was written 20.*, and none before 2999-01-01 is accepted"):
        read_remote(address, f"{proof}&since=2999-01-01")
    assert read_remote(address, f"{proof}&days=1&since=2020-01-01")["artifacts"] == {}
    key = sign.load_key(tmp_path / "key.pem")
    old = sign.sealed({"format": 1, "artifacts": {}, "written": "2020-03-01T10:00:00+00:00"}, key)
    (store.root / "index.json").write_text(json.dumps(old))
    assert read_remote(address, f"{proof}&since=2020-03-01")["artifacts"] == {}
    for limit in ("days=30", "since=2020-01-01&days=30"):
        with pytest.raises(
            UserError, match=r"index.json was written 2020-03-01.*, and none before 20\d\d-.* is accepted"
        ):
            read_remote(address, f"{proof}&{limit}")
    for limit in ("days=", "days=x", "since=30", "sinc=2020-01-01", "since"):
        with pytest.raises(UserError, match=r"is neither #sha256=DIGEST of index.json nor #key="):
            read_remote(address, f"{proof}&{limit}")
    (store.root / "index.json").write_text(json.dumps(sign.sealed({"format": 1, "artifacts": {}}, key)))
    assert read_remote(address, proof)["artifacts"] == {}, "an index of an earlier release"
    with pytest.raises(UserError, match="does not say when it was written"):
        read_remote(address, f"{proof}&since=2020-01-01")


@pytest.mark.parametrize(
    "change",
    [
        {"name": ".."},
        {"name": "a/b"},
        {"version": "../../etc"},
        {"files": [{"path": "../../../etc/cron.d/x", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0644"}]},
        {"files": [{"path": "/etc/passwd", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0644"}]},
        {"files": [{"path": "a//b", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0644"}]},
        {"files": [{"path": "tool", "digest": "sha256:../../x", "size": 1, "mode": "0644"}]},
        {"files": [{"path": "tool", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "4755"}]},
        {"files": [{"path": "tool", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0777"}]},
        {"files": [{"path": "to\0ol", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0755"}]},
        {"files": [{"path": "tool\n", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0755"}]},
        {"files": [{"path": ".keelson.json", "digest": "sha256:" + "0" * 64, "size": 1, "mode": "0755"}]},
        {"files": [{"path": "tool", "digest": "sha256:" + kind * 64, "size": 1, "mode": "0755"} for kind in "01"]},
        {"version": "current"},
        {"links": {"/etc/cron.d/x": "tool"}},
        {"links": {"/usr/local/../../etc/cron.d/x": "tool"}},
        {"links": {"/usr/local/bin/tool": "../../../../etc/shadow"}},
        {"images": [{"name": "x", "path": "../x.tar"}]},
        {"packages": [{"name": "../x", "digest": "sha256:" + "0" * 64, "version": "1"}]},
        {"package_list": {"digest": "sha256:x", "size": 1}},
    ],
)
def test_no_entry_reaches_outside(tmp_path: Path, change: dict[str, Any]) -> None:
    good = entry_of({"tool": b"one", "share/data": b"two"}, tmp_path / "staged", links={"/usr/local/bin/tool": "tool"})
    install.validate(good)
    with pytest.raises(install.InstallError, match="is not accepted: .*nothing was changed"):
        install.validate({**good, **change})


class Asked(artifacts.ActionModule):  # type: ignore[misc]
    """The action on a host that asks for these blobs; remembers which files were sent to it."""

    def __init__(self, bundle: Path, missing: list[str]) -> None:
        self.missing, self.sent = missing, list[str]()
        self._task = SimpleNamespace(args={})
        self._templar = SimpleNamespace(template=lambda value: value)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(join_path=lambda *parts: "/".join(parts), quote=str))
        given = {"component": "nomad", "names": ["nomad=1.0.0"], "bundle": str(bundle), "manifests": []}
        self.given = {**dict.fromkeys(artifacts.ARGUMENTS), **given}

    def validate_argument_spec(self, *_arguments: Any) -> tuple[None, dict[str, Any]]:
        return None, self.given

    def _execute_module(self, _name: str, _arguments: Any, task_vars: Any = None) -> dict[str, Any]:
        return {"missing": dict.fromkeys([] if self.sent else self.missing, 1)}

    def _make_tmp_path(self) -> str:
        return "/tmp/staged"

    def _transfer_file(self, local: str, _remote: str) -> None:
        self.sent.append(local)

    def _low_level_execute_command(self, _command: str) -> dict[str, Any]:
        return {"rc": 0}


def test_a_host_gets_no_file_that_the_bundle_does_not_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    blobs = tmp_path / "bundle/blobs/sha256"
    blobs.mkdir(parents=True)
    entry = entry_of({"tool": b"one"}, blobs)
    index = {"format": 1, "artifacts": {"nomad": {"1.0.0": {"amd64": {**entry, "name": "nomad"}}}}}
    (tmp_path / "bundle/index.json").write_text(json.dumps(index))
    (tmp_path / "id_ed25519").write_text("the controller's key")
    good = Asked(tmp_path / "bundle", [entry["files"][0]["digest"]])
    good.run()
    assert len(good.sent) == 1
    bad = Asked(tmp_path / "bundle", ["sha256:../../../id_ed25519"])
    with pytest.raises(AnsibleActionFail, match="asks for 'sha256:../../../id_ed25519', which is none of the bundle's"):
        bad.run()
    assert bad.sent == []
