# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local servers: the command line, the set's files, what podman is asked for, and the recipes of images."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from local_servers import cli, debian, published
from local_servers.programs import ROOT, Fault
from local_servers.servers import Servers, inventory, mac, placed
from stand_ins import Programs


@pytest.fixture
def servers(tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Servers:
    """A set of servers whose podman and ssh are stand-ins; nothing runs yet."""
    programs.replace("podman", "ssh", "ssh-keygen")
    programs.answer("ssh-keygen", 'for last; do :; done; echo private > "$last"; echo public > "$last.pub"')
    programs.answer("podman network exists", "exit 1")
    programs.answer("podman exec lab-m1 timeout", "echo running")
    programs.answer("podman exec lab-m1 cat", "echo ssh-ed25519 AAAA")
    monkeypatch.setattr(debian, "image", lambda recipe, changes: f"image-of-{recipe.title}")
    return Servers("lab", tmp_path / "clone")


def test_a_server_without_an_address_gets_one_by_its_place() -> None:
    assert placed(["m1", "w1=10.0.0.99", "w2"], "10.0.0.0/24") == {
        "m1": "10.0.0.11",
        "w1": "10.0.0.99",
        "w2": "10.0.0.13",
    }
    assert mac("10.89.60.11") == "0a:58:0a:59:3c:0b"


def test_the_inventory_is_one_that_ansible_reads() -> None:
    read = yaml.safe_load(inventory(Path("/clone/.demo/lab"), {"m1": "10.0.0.11"}))["all"]
    assert read["hosts"] == {"m1": {"ansible_host": "10.0.0.11", "cluster_address": "10.0.0.11"}}
    assert read["vars"]["ansible_ssh_common_args"] == "-F /clone/.demo/lab/ssh_config"


def test_up_makes_the_network_the_key_and_a_server_that_answers(servers: Servers, programs: Programs) -> None:
    servers.up(["m1"], "10.0.0.0/24")
    (created,) = programs.calls("podman network create")
    assert "--subnet=10.0.0.0/24" in created
    assert f"--label=keelson.folder={servers.folder}" in created
    (started,) = programs.calls("podman --runtime")
    assert "--mac-address 0a:58:0a:00:00:0b --ip=10.0.0.11 --privileged --cgroupns=private --systemd=false" in started
    assert started.endswith("image-of-host /lib/systemd/systemd")
    assert (servers.folder / "known_hosts.d" / "10.0.0.11").read_text() == "10.0.0.11 ssh-ed25519 AAAA\n"
    assert programs.calls("ssh ")[-1] == f"ssh -F {servers.folder}/ssh_config 10.0.0.11 true"


def test_servers_of_both_families_are_reached_by_their_first_address(servers: Servers, programs: Programs) -> None:
    servers.up(["m1"], "fd00:1::/64,10.0.0.0/24")
    (created,) = programs.calls("podman network create")
    assert "--subnet=fd00:1::/64 --subnet=10.0.0.0/24" in created
    (started,) = programs.calls("podman --runtime")
    assert "--mac-address 0a:58:00:00:00:0b --ip6=fd00:1::b --ip=10.0.0.11 --privileged" in started
    assert (servers.folder / "known_hosts.d" / "fd00:1::b").read_text() == "fd00:1::b ssh-ed25519 AAAA\n"
    read = yaml.safe_load((servers.folder / "hosts.yml").read_text())["all"]
    assert read["hosts"]["m1"] == {"ansible_host": "fd00:1::b", "cluster_address": "fd00:1::b"}
    assert programs.calls("ssh ")[-1] == f"ssh -F {servers.folder}/ssh_config fd00:1::b true"


def test_up_keeps_what_runs_at_its_address(servers: Servers, programs: Programs) -> None:
    servers.up(["m1"], "10.0.0.0/24")
    programs.answer("podman inspect -f {{.State", "echo true")
    programs.answer("podman inspect -f {{index", "echo 10.0.0.11")
    key = (servers.folder / "id_ed25519").read_text()
    servers.up(["m1"], "10.0.0.0/24")
    assert len(programs.calls("podman --runtime")) == 1
    servers.up(["m1=10.0.0.12"], "10.0.0.0/24")
    assert len(programs.calls("podman --runtime")) == 2
    (servers.folder / "known_hosts.d" / "10.0.0.11").unlink(missing_ok=True)  # cut off before its key was known
    servers.up(["m1"], "10.0.0.0/24")
    assert len(programs.calls("podman --runtime")) == 3
    assert (servers.folder / "id_ed25519").read_text() == key


def test_a_server_that_comes_up_degraded_names_the_units(servers: Servers, programs: Programs) -> None:
    programs.answer("podman exec lab-m1 timeout", "echo degraded; exit 1")
    programs.answer("podman exec lab-m1 systemctl --failed", "echo 'a.service  failed'")
    with pytest.raises(Fault, match=r"m1 came up degraded: a\.service failed"):
        servers.up(["m1"], "10.0.0.0/24")


def test_a_server_needs_its_network_first(servers: Servers) -> None:
    with pytest.raises(Fault, match="tools/hosts network --name lab --subnet CIDR"):
        servers.server("m1", "10.0.0.11")


def test_a_subnet_in_use_leaves_nothing(servers: Servers, programs: Programs) -> None:
    programs.answer("podman network create", "echo 'subnet is already used' >&2; exit 125")
    with pytest.raises(Fault, match=r"network lab: .*already used.*a subnet of its own"):
        servers.network("10.0.0.0/24")
    assert not servers.folder.exists()


@pytest.mark.parametrize("verb", ["network", "server", "down"])
def test_the_servers_of_another_clone_are_left_alone(
    verb: str, servers: Servers, programs: Programs, tmp_path: Path
) -> None:
    other = tmp_path / "other" / ".demo" / "lab"
    other.mkdir(parents=True)
    programs.answer("podman network inspect", f"echo {other}")
    arguments = {"network": ["10.0.0.0/24"], "server": ["m1", "10.0.0.11"], "down": [["m1"]]}[verb]
    with pytest.raises(Fault, match=f"belong to {other}"):
        getattr(servers, verb)(*arguments)
    assert not programs.calls("podman rm")
    other.rmdir()  # a clone that was deleted keeps nothing
    servers.down([])


def test_down_removes_servers_with_their_volumes_the_network_and_the_files(
    servers: Servers, programs: Programs
) -> None:
    servers.up(["m1"], "10.0.0.0/24")
    programs.answer("podman ps", "echo lab-m1; echo lab-w1")
    programs.answer("podman inspect -f {{index", "echo 10.0.0.11")
    programs.answer("podman network exists", "exit 0")
    servers.down(["m1"])
    assert programs.calls("podman rm") == ["podman rm -f -v -t 0 lab-m1"]
    assert servers.folder.exists()
    assert not (servers.folder / "known_hosts.d" / "10.0.0.11").exists()
    servers.down([])
    assert programs.calls("podman rm")[1:] == ["podman rm -f -v -t 0 lab-m1", "podman rm -f -v -t 0 lab-w1"]
    assert programs.calls("podman network rm") == ["podman network rm lab"]
    assert not servers.folder.exists()


def test_the_name_of_an_image_changes_with_all_it_is_made_of() -> None:
    plain = debian.PLAIN_SERVER
    others = [
        replace(plain, title="x"),
        replace(plain, suite="trixie"),
        replace(plain, packages=("systemd",)),
        replace(plain, variant="minbase"),
        replace(plain, customize="true"),
    ]
    digests = {plain.digest("amd64"), plain.digest("arm64"), *(other.digest("amd64") for other in others)}
    assert len(digests) == 7


def test_an_image_is_made_once_and_half_made_ones_are_dropped(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.replace("podman", "mmdebstrap", "dpkg")
    programs.answer("podman image exists", "exit 1")
    programs.answer("mmdebstrap", 'for last; do :; done; echo tar > "$last"')
    monkeypatch.setattr(debian, "CACHE", tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ".part-old.tar").touch()
    name = debian.image(debian.PLAIN_SERVER, debian.BOOTS)
    assert debian.image(debian.PLAIN_SERVER, debian.BOOTS) == name
    assert len(programs.calls("mmdebstrap")) == 1
    assert programs.calls("podman import")[0].endswith(f".tar {name}")
    assert not (tmp_path / "cache" / ".part-old.tar").exists()


def test_the_script_that_makes_a_server_is_shell() -> None:
    subprocess.run(["sh", "-n", "-c", debian.SERVER], check=True)


def test_a_disk_is_read_by_mounts_that_end_with_the_shell() -> None:
    lines = published.script(Path("/w"), {"/": (1024, 4096), "/boot/efi": (8192, 512)}, ["a.timer"]).splitlines()
    assert lines[0] == "set -eu"
    assert lines[1] == "mount -o ro,noload,loop,offset=1024,sizelimit=4096 /w/disk /w/lower/"
    assert lines[2] == "mount -o ro,noload,loop,offset=8192,sizelimit=512 /w/disk /w/lower/boot/efi"
    assert "--exclude=./etc/systemd/system/a.timer" in lines[3]
    assert lines[4].endswith("--directory /w/mask etc/systemd/system/a.timer")


def test_what_reads_a_disk_is_where_it_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="nothing: No such file"):
        published.file_systems(tmp_path / "nothing")
    assert published.CONTAINER.exists()


def test_a_folder_without_a_published_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=f"{tmp_path}: no image is published there"):
        published.image(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "up m1",
        "up --name x m1",
        "up --name x --subnet 10.0.0.0/24",
        "server --name x m1",
        "ssh m1",
        "other --name x",
    ],
)
def test_a_wrong_command_line_ends_with_2(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(wrong.split())
    assert ended.value.code == 2
    assert "usage: tools/hosts" in capsys.readouterr().err


def test_what_follows_the_host_is_the_command() -> None:
    given = cli.parser().parse_args(["ssh", "--name", "x", "m1", "ls", "-l", "--name"])
    assert (given.host, given.command) == ("m1", ["ls", "-l", "--name"])


def test_a_fault_is_one_line(programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    programs.replace("podman")
    assert cli.main(["ssh", "--name", "no-such-set", "m1"]) == 1
    assert capsys.readouterr().err == "hosts: there is no server no-such-set-m1\n"


def test_the_tool_runs_without_the_virtual_environment() -> None:
    shown = subprocess.run(
        ["python3", "-I", "-S", "-c", "import runpy, sys; sys.path.insert(0, 'tools'); import local_servers.cli"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
