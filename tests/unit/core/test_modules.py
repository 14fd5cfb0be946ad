# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's modules as Ansible calls them: arguments in one JSON document, the answer in another."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from module_runs import Run


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on 127.0.0.1 that accepts; 127.0.0.2 refuses it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_dead_first_manager_is_passed_over(run: Run, listener: int) -> None:
    managers = {"m1": "127.0.0.2", "m2": "127.0.0.1", "m3": "127.0.0.3"}
    assert run("live_manager", managers=managers, port=listener)["manager"] == "m2"
    assert run("live_manager", managers=managers, port=listener)["dead"] == ["m1"]


def test_no_manager_lives(run: Run, listener: int) -> None:
    answer = run("live_manager", managers={"m1": "127.0.0.2"}, port=listener, attempts=1)
    assert answer["failed"] and f"No manager answers on port {listener}: m1 (127.0.0.2)" in answer["msg"]
    assert run("live_manager", check=True, managers={"m1": "127.0.0.2"}, port=listener)["manager"] == "m1"
    assert "none in the inventory" in run("live_manager", managers={}, port=listener, attempts=1)["msg"]


def test_config_files_name_the_file_and_what_was_done(run: Run, tmp_path: Path) -> None:
    good = {"path": str(tmp_path / "good"), "content": "x", "mode": "0600"}
    bad = {"path": str(tmp_path / "none" / "bad"), "content": "x", "mode": "0600"}
    assert run("config_files", component="nomad", check=True, files=[good])["changed_paths"] == [good["path"]]
    assert not (tmp_path / "good").exists()
    answer = run("config_files", component="nomad", files=[good, bad])
    assert answer["failed"] and answer["msg"].startswith(f"{bad['path']}: ")
    assert answer["changed_paths"] == [good["path"]]
    assert run("config_files", component="nomad", files=[good])["changed"] is False


def test_a_certificate_that_is_cut_off_between_its_files_is_made_again(run: Run, tmp_path: Path) -> None:
    ca = pki.make_ca("c1")
    old, new = (pki.issue(ca, pki.sort_names("h", ["h"]), 365) for _ in range(2))
    place = {"directory": str(tmp_path / "tls"), "ca_certificate": ca.certificate}
    assert (
        run("host_certificate", component="nomad", check=True, **place)["changed"] and not (tmp_path / "tls").exists()
    )
    assert run("host_certificate", component="nomad", **place)["certificate"] == ""
    assert run("host_certificate", component="nomad", **place, certificate=old.certificate, key=old.key)["changed"]
    assert run("host_certificate", component="nomad", **place)["certificate"] == old.certificate
    assert not run("host_certificate", component="nomad", **place)["changed"]
    (tmp_path / "tls" / "cert.pem").write_text(new.certificate)
    assert run("host_certificate", component="nomad", **place)["certificate"] == ""
    run("host_certificate", component="nomad", **place, certificate=new.certificate, key=new.key)
    assert run("host_certificate", component="nomad", **place)["certificate"] == new.certificate
    assert (tmp_path / "tls" / "key.pem").stat().st_mode & 0o777 == 0o640
    both = {**place, "ca_trusted": [ca.certificate, pki.make_ca("next").certificate]}
    assert run("host_certificate", component="nomad", **both)["changed_paths"] == [str(tmp_path / "tls" / "ca.pem")]
    assert (tmp_path / "tls" / "ca.pem").read_text() == "".join(both["ca_trusted"])


def test_a_unit_is_left_alone_when_its_files_cannot_be_had(run: Run, tmp_path: Path) -> None:
    bad = {"path": str(tmp_path / "none" / "bad"), "content": "x", "mode": "0600"}
    answer = run("service_unit", component="nomad", files=[bad], units=[{"name": "keelson-none.service"}])
    assert answer["failed"] and answer["msg"].startswith(f"{bad['path']}: ") and answer["actions"] == []
