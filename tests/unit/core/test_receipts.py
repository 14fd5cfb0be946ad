# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is placed is recorded before; what goes is what was recorded; what was there before comes back."""

from __future__ import annotations

import getpass
import grp
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.host import (
    claims,
    files,
    network,
    settings,
    trees,
    units,
    wipe,
)
from ansible_collections.keelson.cluster.plugins.module_utils.host import receipts as host_receipts
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import PATH, SYSCTL, TREE, Entry, Receipts
from ansible_collections.keelson.cluster.plugins.plugin_utils import components

ROOT = Path(__file__).parents[3]
USER, GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without systemd and network, whose files lie in a folder."""
    for name in ("SYSCTL_FILE", "MODULES_FILE"):
        monkeypatch.setattr(settings, name, str(tmp_path / name))
    monkeypatch.setattr(wipe, "_run", lambda command: subprocess.CompletedProcess(command, 0, "inactive", ""))
    monkeypatch.setattr(units, "read", lambda unit: units.State(False, False, False, False, False))
    monkeypatch.setattr(network, "_output", lambda _command: "")
    return tmp_path


def write(component: str, *entries: dict[str, Any], check: bool = False) -> None:
    """Place files as the module does."""
    plain = {"state": "file", "content": None, "data": None, "target": None, "mode": None, "secret": False}
    given = [{**plain, "owner": USER, "group": GROUP, **entry} for entry in entries]
    given = [{**entry, "path": str(entry["path"])} for entry in given]
    files.ensure_all(given, check, [], Receipts(component))


def remove(component: str) -> wipe.Wipe:
    """Remove a component as the module does."""
    removal = wipe.Wipe(Receipts(component), [])
    removal.refuse()
    removal.carry_out()
    return removal


def listing(folder: Path) -> dict[str, str]:
    """All below a folder with its content."""
    return {
        str(path.relative_to(folder)): "link" if path.is_symlink() else path.read_text() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def test_a_host_is_what_it_was_before(host: Path, receipts: Path) -> None:
    (host / "etc").mkdir()
    (host / "etc/daemon.json").write_text('{"mtu": 1400}')
    (host / "etc/daemon.json").chmod(0o640)
    before = listing(host)
    write(
        "nomad",
        {"path": host / "etc/nomad.d/tls", "state": "directory", "mode": "0700"},
        {"path": host / "etc/nomad.d/agent.json", "data": {"name": "w1"}, "mode": "0600"},
        {"path": host / "etc/daemon.json", "content": "{}", "mode": "0644"},
        {"path": host / "etc/link", "state": "link", "target": "nomad.d"},
    )
    write("nomad", {"path": host / "etc/nomad.d/agent.json", "data": {"name": "w2"}, "mode": "0600"})
    assert (receipts / "nomad.json").stat().st_mode & 0o777 == 0o600
    removal = remove("nomad")
    assert listing(host) == before and removal.kept == []
    assert (host / "etc/daemon.json").stat().st_mode & 0o777 == 0o640
    assert not receipts.exists() and not receipts.parent.exists()
    assert remove("nomad").removed == []


def test_nothing_is_placed_before_its_receipt(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    old = {"path": host / "a", "content": "old", "mode": "0600"}
    write("nomad", old)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            files.os,
            "replace",
            lambda source, target: target == str(host / "a") and killed() or os.rename(source, target),
        )
        write("nomad", {**old, "content": "new"}, {"path": host / "d", "state": "directory", "mode": "0755"})
    assert {str(host / "a"), str(host / "d")} <= Receipts("nomad").of(PATH).keys()
    assert remove("nomad").kept == [] and not (host / "a").exists()  # the old one is ours as well


def test_check_mode_records_nothing(host: Path, receipts: Path) -> None:
    write("nomad", {"path": host / "a", "content": "x", "mode": "0600"}, check=True)
    assert not receipts.exists()


def test_what_is_shared_goes_with_its_last_owner(host: Path) -> None:
    folder = {"path": host / "usr/lib/ours", "state": "directory", "mode": "0755"}
    shared = {"path": host / "usr/lib/ours/both", "content": "1", "mode": "0644"}
    write("nomad", folder, shared, {"path": host / "usr/lib/ours/one", "content": "1", "mode": "0644"})
    write(
        "mesh", folder, {**shared, "content": "2"}, {"path": host / "usr/lib/ours/two", "content": "1", "mode": "0644"}
    )
    assert remove("nomad").kept == []
    assert listing(host / "usr/lib/ours") == {"both": "2", "two": "1"}
    write("nomad", shared)  # nomad comes again
    assert remove("mesh").kept == [] and listing(host / "usr/lib/ours") == {"both": "1"}
    assert remove("nomad").kept == [] and listing(host) == {}


def test_what_others_changed_or_put_there_stays(host: Path) -> None:
    (host / "conf").write_text("the site's")
    write(
        "nomad",
        {"path": host / "d", "state": "directory", "mode": "0755"},
        {"path": host / "d/a", "content": "x", "mode": "0600"},
        {"path": host / "conf", "content": "ours", "mode": "0600"},
    )
    (host / "d/a").write_text("edited")
    (host / "conf").write_text("edited")
    kept = remove("nomad").kept
    assert listing(host) == {"d": "folder", "d/a": "edited", "conf": "edited"}
    assert [line.split(":")[0].removeprefix(f"{host}/") for line in kept] == ["d/a", "conf", "d"]


def test_directories_of_state_go_whole_but_for_data_of_before(host: Path) -> None:
    for name in ("ours", "empty", "foreign"):
        (host / name).mkdir()
    (host / "foreign/volume").write_text("data")
    (host / "ours").rmdir()
    trees_of = [str(host / name) for name in ("ours", "empty", "foreign", "never")]
    Receipts("nomad").record(claims.entries({"path": trees_of}, Receipts("nomad")))
    (host / "empty").chmod(0o700)
    (host / "ours").mkdir()
    deep = {"path": host / "ours/deep", "state": "directory", "mode": "0755"}
    write("nomad", deep)  # goes with the whole: nobody is warned
    for name in ("ours", "empty", "foreign"):
        (host / name / "deep/er").mkdir(parents=True)
        (host / name / "deep/er/file").write_text("x")
    Receipts("nomad").record(claims.entries({"path": trees_of}, Receipts("nomad")))  # a second run
    kept = remove("nomad").kept
    assert listing(host).keys() == {
        "empty",
        "foreign",
        "foreign/volume",
        "foreign/deep",
        "foreign/deep/er",
        "foreign/deep/er/file",
    }
    assert (host / "empty").stat().st_mode & 0o777 == 0o755  # as it was
    assert kept == [f"{host}/foreign: was here before nomad came"]


def test_a_link_in_a_directory_of_state_is_never_followed(host: Path) -> None:
    (host / "far").mkdir()
    (host / "far/data").write_text("x")
    (host / "state").mkdir()
    (host / "state/link").symlink_to(host / "far")
    trees.remove(str(host / "state"))
    assert listing(host) == {"far": "folder", "far/data": "x"}


def test_json_is_merged_over_what_was_there_before_and_again(host: Path) -> None:
    (host / "daemon.json").write_text('{"insecure-registries": ["r"], "log-opts": {"tag": "t", "max-size": "1k"}}')
    entry = {"path": host / "daemon.json", "data": {"log-opts": {"max-size": "10m"}}, "mode": "0644", "merge": True}
    write("nomad", entry)
    text = (host / "daemon.json").read_text()
    assert '"insecure-registries"' in text and '"tag": "t"' in text and '"max-size": "10m"' in text
    write("nomad", {**entry, "data": {"log-opts": {}}})  # ours is gone from it, theirs is not
    assert '"max-size": "1k"' in (host / "daemon.json").read_text()
    (host / "other.json").write_text("[]")
    with pytest.raises(files.FileError, match=r"other\.json: is no JSON object"):
        write("nomad", {**entry, "path": host / "other.json"})


def test_parameters_return_to_their_values(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = {"a": "0", "b": "5", "c": "1"}

    def changes(desired: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        there = {key: value for key, value in desired.items() if key in kernel}
        return {key: value for key, value in there.items() if kernel[key] != value}, [*(desired.keys() - kernel.keys())]

    monkeypatch.setattr(settings, "sysctl_changes", changes)
    monkeypatch.setattr(settings, "set_sysctls", kernel.update)
    monkeypatch.setattr(settings, "live", kernel.get)
    for component, desired in (("nomad", {"a": "1", "b": "6", "x": "1"}), ("mesh", {"a": "1", "c": "2"})):
        settings.Settings(Receipts(component), False).set_parameters(desired)
    assert Path(settings.SYSCTL_FILE).read_text() == "a = 1\nb = 6\nc = 2\n"
    kernel["b"] = "7"
    assert remove("nomad").kept == ["b = 7: somebody changed it since; it was 5"]
    assert kernel == {"a": "1", "b": "7", "c": "2"} and Path(settings.SYSCTL_FILE).read_text() == "a = 1\nc = 2\n"
    remove("mesh")
    assert kernel == {"a": "0", "b": "7", "c": "1"} and not Path(settings.SYSCTL_FILE).exists()


def test_damaged_receipts_are_named(receipts: Path) -> None:
    receipts.mkdir(parents=True)
    (receipts / "nomad.json").write_text("{")
    with pytest.raises(OSError, match=r"nomad\.json: damaged"):
        Receipts("nomad")


def test_what_is_ours_by_its_place_needs_no_past(monkeypatch: pytest.MonkeyPatch, host: Path) -> None:
    monkeypatch.setattr(host_receipts, "OWN", (str(host / "opt"),))
    (host / "opt/nomad").mkdir(parents=True)
    (host / "opt/nomad/file").touch()
    known = Receipts("nomad")
    known.record(claims.entries({"path": [str(host / "opt/nomad")]}, known))
    remove("nomad")
    assert listing(host) == {}


# --- mounts ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mounted(host: Path) -> Iterator[Path]:
    """A directory of state with a site's directory mounted below it."""
    for name in ("state/pods/volume", "site"):
        (host / name).mkdir(parents=True)
    (host / "site/data").write_text("precious")
    (host / "state/file").touch()
    point = str(host / "state/pods/volume")
    done = subprocess.run(["mount", "--bind", str(host / "site"), point], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.decode().strip()}")
    yield host
    subprocess.run(["umount", point], capture_output=True, check=False)


def test_nothing_is_deleted_through_a_mount(mounted: Path) -> None:
    with pytest.raises(trees.TreeError, match=r"state/pods/volume .* is mounted below .*/state, .*Unmount it"):
        trees.remove(str(mounted / "state"))
    entry = {"path": mounted / "state", "state": "absent"}
    with pytest.raises(files.FileError, match="is mounted below"):
        write("nomad", entry)
    assert (mounted / "site/data").read_text() == "precious" and (mounted / "state/file").exists()


def test_a_link_on_the_way_hides_no_mount(mounted: Path) -> None:
    (mounted / "way").symlink_to(mounted)
    with pytest.raises(trees.TreeError, match="is mounted below"):
        trees.remove(str(mounted / "way/state"))
    assert (mounted / "site/data").read_text() == "precious"
    assert trees.is_mount_point(str(mounted / "way/state/pods/volume"))
    (mounted / "way").unlink()


def test_a_mount_that_appears_meanwhile_is_not_gone_through(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "below", lambda *_arguments: [])  # looked before it was mounted
    with pytest.raises(
        trees.TreeError, match=r"state/pods/volume is another mount: something was mounted there meanwhile"
    ):
        trees.remove(str(mounted / "state"))
    assert (mounted / "site/data").read_text() == "precious"


def test_what_an_agent_mounted_is_unmounted_first(mounted: Path) -> None:
    Receipts("nomad").record([Entry(PATH, str(mounted / "state"), None, TREE)])
    with (mounted / "state/pods/volume/data").open(), pytest.raises(trees.TreeError, match="cannot be unmounted.*busy"):
        remove("nomad")
    assert (mounted / "site/data").read_text() == "precious"
    remove("nomad")
    assert listing(mounted) == {"site": "folder", "site/data": "precious"}


def test_a_data_volume_is_emptied_and_stays_also_one_of_this_device(mounted: Path) -> None:
    point = mounted / "state/pods/volume"
    trees.remove(str(point))
    assert point.is_dir() and listing(mounted / "site") == {}


MOUNTS = r"""20 1 254:1 / / rw - ext4 /dev/vda1 rw
30 20 0:40 / /var/lib/kubelet/pods/u/volumes/kubernetes.io~projected/token rw shared:1 - tmpfs tmpfs rw
31 20 254:1 /srv/logs /var/lib/kubelet/pods/u/volume-subpaths/logs/0 rw - ext4 /dev/vda1 rw
32 20 0:50 / /var/lib/kubelet/pods/u/volumes/kubernetes.io~nfs/my\040data rw - nfs4 nas:/data rw
33 20 254:16 / /var/lib/kubelet/plugins/csi/globalmount rw - xfs /dev/vdb rw
34 20 0:50 /sub /var/lib/kubelet/pods/u/volume-subpaths/x/1 rw - nfs4 nas:/data rw
35 20 0:60 / /var/lib/kubelet2/other rw - nfs4 nas:/other rw
"""


def test_volumes_are_told_from_what_agents_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(trees, "TABLE", str(tmp_path / "mountinfo"))
    found = trees.below(["/var/lib/kubelet"])
    assert len(found) == 5 and [mount.source for mount in found if not mount.passing] == [
        "nas:/data",
        "nas:/data",
        "/dev/vdb",
    ]
    with pytest.raises(trees.TreeError) as error:
        trees.refuse_foreign(["/var/lib/kubelet"])
    assert "kubernetes.io~nfs/my data (nfs4 from nas:/data)" in str(error.value) and "drain the host" in str(
        error.value
    )
    trees.refuse_foreign(["/var/lib/nomad"])
    trees.refuse_foreign([])


# --- packet filter ---------------------------------------------------------------------------------------------------

SAVED = """# Generated by iptables-save
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:california - [0:0]
:autoscaling - [0:0]
:cali-INPUT - [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A INPUT -p tcp -m comment --comment "the office in california -j cali-INPUT" -j ACCEPT
-A INPUT -p tcp --dport 22 -m comment --comment "autoscaling KUBE-" -j ACCEPT
-A INPUT -j california
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
-A FORWARD -i docker01 -j ACCEPT
-A california -j ACCEPT
-A cali-INPUT -j RETURN
-A KUBE-FIREWALL -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
COMMIT
"""


def test_only_chains_of_our_names_go() -> None:
    def ours(name: str) -> bool:
        return network.named(name, "cali-*") or network.named(name, "KUBE-*")

    assert network.script(SAVED, ours, ["docker0"], [f"cali:{'?' * 16}"]).splitlines() == [
        "*filter",
        '-D INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT',
        '-D FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT',
        "-D FORWARD -i docker0 -j ACCEPT",
        "-F cali-INPUT",
        "-F KUBE-FIREWALL",
        "-X cali-INPUT",
        "-X KUBE-FIREWALL",
        "COMMIT",
    ]
    assert network.script(SAVED, lambda _name: False, [], []) == ""


def test_a_table_with_a_rule_or_a_policy_is_not_empty() -> None:
    chain = '{"chain": {"name": "INPUT", "hook": "input", "policy": "%s"}}'
    for policy, more, desired in (("accept", "", True), ("drop", "", False), ("accept", ', {"rule": {}}', False)):
        assert (
            network.empty(f'{{"nftables": [{{"metainfo": {{}}}}, {{"table": {{}}}}, {chain % policy}{more}]}}')
            is desired
        )
    assert network.empty('{"nftables": [{"chain": {"name": "mine"}}]}') is False and network.empty("") is False


def test_names_of_before_are_not_ours(monkeypatch: pytest.MonkeyPatch, host: Path) -> None:
    names = ["cali-podman"]
    monkeypatch.setattr(claims, "booted", lambda: True)
    monkeypatch.setattr(network, "matching", lambda kind, _pattern: list(names) if kind == "interface" else [])
    gone: list[str] = []
    monkeypatch.setattr(network, "remove_interface", gone.append)
    known = Receipts("kubernetes")
    known.record(claims.entries({"interface": ["cali*"]}, known))
    names.append("cali1")
    remove("kubernetes")
    assert gone == ["cali1"]


def test_interfaces_that_begin_as_those_of_calico_are_others() -> None:
    names = components.engine("kubernetes").parts["node"].owned.interfaces
    kept = ["california0", "cali-lan", "calico0", "cali0"]
    assert not [name for name in kept if any(network.named(name, pattern) for pattern in names)]
    assert any(network.named("cali0ef24b1e5f3", pattern) for pattern in names)


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_a_group_that_was_there_before_an_account_is_there_after_it(
    monkeypatch: pytest.MonkeyPatch, receipts: Path
) -> None:
    groups, commands = {"site": 950}, []

    def run(command: list[str], **_how: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if command[0] == "userdel":  # USERGROUPS_ENAB of login.defs
            groups.pop(command[-1], None)
        elif "--user-group" in command:
            groups[command[-1]] = 999
        elif command[0] == "groupadd":
            groups[command[-1]] = int(command[2])
        return subprocess.CompletedProcess(command, 0, "", "")

    def number(name: str) -> int | None:
        return groups.get(name)

    monkeypatch.setattr(settings.subprocess, "run", run)
    monkeypatch.setattr(settings, "group_number", number)
    made = settings.Settings(Receipts("nomad"), check=False)
    made.add_accounts([settings.Account("site", "/nonexistent"), settings.Account("ours", "/nonexistent")])
    assert groups == {"site": 950, "ours": 999}
    for _run in range(2):  # the second goes on after one that was cut off
        wipe.Wipe(Receipts("nomad"), [])._settings()
        assert groups == {"site": 950} and ["groupadd", "--gid", "950", "site"] in commands


# --- swap ------------------------------------------------------------------------------------------------------------


def test_units_that_make_swap_at_the_next_boot() -> None:
    shown = {
        "swapfile.swap": {"FragmentPath": "/etc/systemd/system/swapfile.swap"},
        "dev-zram0.swap": {
            "FragmentPath": "/run/systemd/generator/dev-zram0.swap",
            "SourcePath": "/etc/systemd/zram.conf",
        },
        "dev-sda2.swap": {"FragmentPath": "/run/systemd/generator/dev-sda2.swap", "SourcePath": "/etc/fstab"},
        "dev-sdb.swap": {"FragmentPath": ""},
        "zramswap.service": {},
    }
    assert settings.swap_units(shown, shown.__getitem__) == ["swapfile.swap", "dev-zram0.swap"]
    want = settings.swap_drop_in("dev-zram0.swap")
    assert (
        want.path == "/etc/systemd/system/dev-zram0.swap.d/60-keelson.conf" and "ConditionPathExists=!/" in want.content
    )


# --- every call ------------------------------------------------------------------------------------------------------

OWNING = (
    "artifacts",
    "config_files",
    "container_images",
    "host_certificate",
    "host_settings",
    "service_unit",
    "host_wipe",
)


def tasks(entries: Any) -> Iterator[dict[str, Any]]:
    """All tasks of a file, also those in blocks."""
    for entry in entries or ():
        yield entry
        for word in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks"):
            yield from tasks(entry.get(word))


def test_every_task_that_places_something_names_its_component() -> None:
    found = 0
    for path in [*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("packer/**/*.yml")]:
        for task in tasks(yaml.safe_load(path.read_text())):
            for module in OWNING:
                arguments = task.get(f"keelson.cluster.{module}")
                if arguments is not None:
                    found += 1
                    assert arguments.get("component"), f"{path.relative_to(ROOT)}: {task['name']}: component is missing"
            # What writes without these modules is nobody's.
            written = [
                name
                for name in task
                if re.fullmatch(r"ansible\.builtin\.(copy|template|lineinfile|get_url|unarchive)", name)
            ]
            assert not written or task.get("delegate_to") == "localhost", f"{path.relative_to(ROOT)}: {task['name']}"
    assert found > 20


def test_receipts_of_sysctls_hold_the_newest_value(host: Path) -> None:
    for value in ("1", "2", "1"):
        Receipts("nomad").record([Entry(SYSCTL, "a", "0", value)])
    assert Receipts("nomad").of(SYSCTL)["a"] == {"before": "0", "ours": ["2", "1"]}


def test_images_go_where_their_runtime_stays(monkeypatch: pytest.MonkeyPatch, host: Path) -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(wipe, "_run", run)
    monkeypatch.setattr(wipe.shutil, "which", lambda name: name if name == "ctr" else None)
    for own, shared in (
        ("containerd a.example/one:1", False),
        ("containerd a.example/two:1", True),
        ("docker x:1", False),
    ):
        for component in ("mine", "theirs") if shared else ("mine",):
            Receipts(component).record([Entry("image", own)])
    removal = wipe.Wipe(Receipts("mine"), [])
    removal._images()
    assert asked == [["ctr", "--namespace", "k8s.io", "images", "remove", "a.example/one:1"]]
    assert removal.removed == ["image a.example/one:1"]
