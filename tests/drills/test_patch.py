# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates and reboots of a cluster's hosts: under load, cut off, refused."""

from __future__ import annotations

import pytest
from lab import packages
from lab.servers import Lab
from lab.state import assert_whole, boots
from lab.waiting import wait

# A run that was killed holds the lease for a while.
WAIT = ("-e", "cluster_lease_wait=120")
ALL = ("-e", "patch_packages=all")


def versions(lab: Lab, name: str) -> dict[str, str]:
    """By host, the version of a package."""
    return {host.name: packages.installed(lab, host, name) for host in lab.hosts}


def offer(lab: Lab, version: str) -> None:
    """Have two toy packages at this version in the hosts' repositories, of which one is a security update, and newer ones of the engine."""
    for host in lab.hosts:
        packages.only_local(lab, host)
        packages.serve(lab, host, "/srv/plain", "Plain", {"toy": version} | dict.fromkeys(lab.driver.HELD, "999"))
        packages.serve(lab, host, "/srv/security", "Debian-Security", {"toy-security": version})


@pytest.fixture
def offered(cluster: Lab) -> Lab:
    """A whole cluster whose hosts have an older version of both packages than their repositories."""
    for host in cluster.hosts:
        packages.only_local(cluster, host)
        packages.serve(cluster, host, "/srv/old", "Old", {"toy": "1", "toy-security": "1"})
        cluster.ssh(host, "cd /srv/old && dpkg -i ./toy-1.deb ./toy-security-1.deb && rm -f /run/reboot-required")
        cluster.ssh(host, "rm -f /etc/apt/sources.list.d/Old.list")
    offer(cluster, "2")
    return cluster


def whole(lab: Lab) -> None:
    """Wait until the cluster is whole."""
    wait("a whole cluster", lambda: assert_whole(lab) is None, 60)


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ("patch_packages=some", 4, "patch_packages: 'some' is none of"),  # while Ansible reads the play
        ("patch_reboot=sometimes", 4, "patch_reboot: 'sometimes' is none of"),
        ("patch_max_unavailable=0", 2, "patch_max_unavailable: '0' is neither a number"),
        ("patch_packages=none patch_reboot=never", 2, "so there is nothing to do; set one of them"),
    ],
)
def test_bad_input(cluster: Lab, given: str, code: int, message: str) -> None:
    """One message, and nothing was changed."""
    refused = cluster.play("patch", "-e", given).expect(code)
    assert message in refused.words(), refused.output[-3000:]
    assert not refused.changed()


def test_a_repository_that_does_not_answer(offered: Lab) -> None:
    """The message has apt's words, and nothing was changed."""
    lab, host = offered, offered.managers[1]
    lab.ssh(host, "mv /srv/plain /srv/away")
    refused = lab.play("patch").expect(2)
    assert "apt-get update failed" in refused.words() and "Correct that on the host" in refused.words()
    assert not refused.changed()
    lab.ssh(host, "mv /srv/away /srv/plain")


def test_a_package_that_cannot_be_installed(offered: Lab) -> None:
    """The host takes work again, the message has apt's words, and the next run goes on once that is corrected."""
    lab, host = offered, offered.nodes[0]
    lab.ssh(host, "touch /run/refuse-packages")
    try:
        refused = lab.play("patch", *ALL, "--limit", host.name).expect(2)
    finally:
        lab.ssh(host, "rm /run/refuse-packages")
    told = refused.words()
    assert "upgrade failed: " in told and "Correct that on the host" in told, refused.output[-3000:]
    assert lab.driver.drained(lab) == [] and packages.installed(lab, host, "toy") == "1"
    lab.play("patch", *ALL, "--limit", host.name).expect()
    whole(lab)
    assert packages.installed(lab, host, "toy") == "2"


def test_updates_under_load(offered: Lab) -> None:
    """No request fails, a batch job ends once, every host is rebooted once, and the second run changes nothing."""
    lab, before = offered, boots(offered)
    foreseen = lab.play("patch", *ALL, "--check").expect()
    assert f"1 of {len(lab.hosts)}" in foreseen.output and "2 packages (toy, toy-security)" in foreseen.output
    assert foreseen.changed() and boots(lab) == before
    with lab.work.load(lab) as asking:
        lab.work.begin_once(lab, 60)
        done = lab.play("patch", *ALL).expect()
        whole(lab)
        assert lab.work.ended_once(lab)
    assert asking.failed == [] and asking.asked > 500, (asking.asked, asking.failed[:5])
    print(f"seconds: {done.seconds:.0f}, requests: {asking.asked}, failed: {len(asking.failed)}")
    assert set(versions(lab, "toy").values()) == {"2"} and set(versions(lab, "toy-security").values()) == {"2"}
    for name in lab.driver.HELD:
        assert "999" not in versions(lab, name).values() and "left as they are" in done.output
    after = boots(lab)
    assert all(after[name] != before[name] for name in before), (before, after)
    again = lab.play("patch", *ALL).expect()
    assert not again.changed() and "every host is up to date" in again.output and boots(lab) == after
    assert not lab.play("install").expect().changed()


def test_security_updates_without_a_reboot(offered: Lab) -> None:
    """The other package stays, and so do all hosts."""
    lab, before = offered, boots(offered)
    lab.play("patch", "-e", "patch_reboot=never").expect()
    assert set(versions(lab, "toy").values()) == {"1"} and set(versions(lab, "toy-security").values()) == {"2"}
    assert boots(lab) == before
    assert not lab.play("patch", "-e", "patch_reboot=never").expect().changed()
    lab.play("patch", "--limit", "w1").expect()
    assert [name for name, start in boots(lab).items() if start != before[name]] == ["w1"]
    whole(lab)


@pytest.mark.parametrize("cut", ["Move work off the host nodes", "Install the updates.first", "Reboot the host"])
def test_a_run_that_is_killed_is_gone_on_with(offered: Lab, cut: str) -> None:
    """The next run finishes what is left, and gives back the hosts that were drained."""
    lab, two = offered, ",".join(host.name for host in offered.nodes[-2:])
    assert lab.play("patch", *ALL, "--limit", two, *WAIT, cut=cut).cut
    assert lab.driver.drained(lab), cut
    lab.play("patch", *ALL, *WAIT).expect()
    assert lab.driver.drained(lab) == []
    whole(lab)
    assert set(versions(lab, "toy").values()) == {"2"}
    assert not lab.play("patch", *ALL).expect().changed()


def test_a_host_that_somebody_drained_stays_drained(offered: Lab) -> None:
    """It is updated, rebooted, and takes no work until its drain is ended."""
    lab, host = offered, offered.nodes[0]
    lab.play("drain", "-e", f"drain_hosts={host.name}").expect()
    lab.play("patch", *ALL, "--limit", host.name).expect()
    assert packages.installed(lab, host, "toy") == "2" and lab.driver.drained(lab) == [host.name]
    lab.play("drain", "-e", f"drain_hosts={host.name} drain_state=ready").expect()
    whole(lab)
