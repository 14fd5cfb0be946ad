# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--check` says what a run would change: no more and no less."""

from __future__ import annotations

from lab.runs import Run
from lab.servers import Lab
from lab.state import assert_whole, store

CHANGE = {"cluster_manager_nomad_config": {"log_level": "DEBUG"}, "host_node_nomad_config": {"log_level": "DEBUG"}}


def differences(predicted: Run, done: Run) -> dict[str, list[tuple[str, str]]]:
    """What was foretold and not done, and what was done and not foretold."""
    foretold, happened = predicted.changed(), done.changed()
    return {"only foretold": sorted(foretold - happened), "only done": sorted(happened - foretold)}


def test_on_bare_servers(lab: Lab) -> None:
    lab.make()
    predicted = lab.play("install", "--check", "--diff").expect()
    assert not store(lab)
    for host in lab.hosts:
        assert lab.ssh(host, "ls -d /opt/keelson /etc/nomad.d /etc/keelson 2>/dev/null; true") == ""
    done = lab.play("install").expect()
    assert differences(predicted, done) == {"only foretold": [], "only done": []}
    assert_whole(lab)


def test_on_a_running_cluster(cluster: Lab) -> None:
    assert not cluster.play("install", "--check").expect().changed()


def test_a_change_of_configuration(cluster: Lab) -> None:
    predicted = cluster.play("install", "--check", "--diff", variables=CHANGE).expect()
    assert "DEBUG" in predicted.output
    assert not cluster.play("install", "--check").expect().changed(), "the check changed something"
    done = cluster.play("install", variables=CHANGE).expect()
    assert differences(predicted, done) == {"only foretold": [], "only done": []}
    cluster.play("install").expect()


def test_a_new_program_and_new_certificates(cluster: Lab) -> None:
    """The manager whose program is placed again is restarted, all others only reload their certificates."""
    cluster.ssh(cluster.managers[1], "rm /opt/keelson/nomad/current/nomad")
    renew = {"cluster_manager_certificate_renew_days": 366, "host_node_certificate_renew_days": 366}
    predicted = cluster.play("install", "--check", variables=renew).expect()
    done = cluster.play("install", variables=renew).expect()
    assert differences(predicted, done) == {"only foretold": [], "only done": []}
    assert any("Restart one manager" in task for task, _host in done.changed())
    assert not cluster.play("install").expect().changed()


def test_taking_the_cluster_away(cluster: Lab) -> None:
    confirmed = ("-e", f"uninstall_confirm={cluster.name}")
    predicted = cluster.play("uninstall", "--check", *confirmed).expect()
    assert_whole(cluster)
    done = cluster.play("uninstall", *confirmed).expect()
    assert differences(predicted, done) == {"only foretold": [], "only done": []}
    assert not cluster.play("uninstall", *confirmed).expect().changed()
