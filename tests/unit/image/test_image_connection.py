# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tree: commands run in the tree, files stay in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible_collections.keelson.cluster.plugins.connection import tree as plugin
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import tree as trees


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree/usr").mkdir(parents=True)
    return tmp_path / "tree"


def connect(tree: Path) -> Any:
    """The connection to a tree, with its option as an inventory sets it."""
    found = plugin.Connection(PlayContext())
    found.get_option = {"remote_addr": str(tree)}.get
    return found


def test_commands_run_in_the_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(tree)
    monkeypatch.setattr(plugin, "command", lambda where, argv: ["env", f"TREE={where}", *argv])
    code, out, _err = connection.exec_command("cat; echo in $TREE; exit 3", in_data=b"given\n")
    assert (code, out.decode()) == (3, f"given\nin {tree}\n")
    monkeypatch.setattr(plugin, "command", lambda _where, _argv: ["/no/such/program"])
    with pytest.raises(AnsibleError, match="/no/such/program: No such file or directory; install systemd-container"):
        connection.exec_command("true")


def test_files_are_copied_and_none_leaves_the_tree(tree: Path, tmp_path: Path) -> None:
    connection = connect(tree)
    (tmp_path / "file").write_text("text")
    connection.put_file(str(tmp_path / "file"), "/usr/file")
    assert (tree / "usr/file").read_text() == "text"
    connection.fetch_file("/usr/file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "text"
    (tree / "out").symlink_to(tmp_path)
    with pytest.raises(AnsibleError, match="/out/file leads out of"):
        connection.put_file(str(tmp_path / "back"), "/out/file")
    with pytest.raises(AnsibleError, match="does not exist"):
        connection.fetch_file("/usr/none", str(tmp_path / "back"))


def test_a_folder_without_a_root_file_system_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="holds no root file system"):
        connect(tmp_path).exec_command("true")


def test_a_tree_has_no_network_and_leaves_no_machine(tree: Path) -> None:
    argv = trees.command(tree, ["true"])
    assert "--private-network" in argv and "--register=no" in argv and argv[-1] == "true"
    assert argv != trees.command(tree / "usr", ["true"])
