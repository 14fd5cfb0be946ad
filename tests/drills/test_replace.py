# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of a cluster get new servers under their names: asked for, cut off, refused."""

from __future__ import annotations

import pytest
from lab.servers import Lab
from lab.stack import give, given_later
from lab.state import assert_whole
from lab.waiting import wait

# A run that was killed holds the lease for a while.
WAIT = ("-e", "cluster_lease_wait=120")


def whole(lab: Lab) -> None:
    """Wait until the cluster is whole with all servers at the addresses of the inventory."""
    wait(
        "a whole cluster",
        lambda: assert_whole(lab) is None and lab.driver.addresses(lab) == {h.name: h.address for h in lab.hosts},
        90,
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("replace_hosts=w9", "the inventory has no w9, and a server is replaced under its name"),
        ("replace_hosts=m1,m2", "m1, m2 are managers; replace one of them, then the next"),
        ("replace_wait=5", "replace_hosts is empty"),
    ],
)
def test_bad_input(cluster: Lab, given: str, message: str) -> None:
    """One message, and nothing was changed."""
    refused = cluster.play("replace", "-e", given).expect(2)
    assert message in refused.words(), refused.output[-3000:]
    assert not refused.changed()


@pytest.mark.parametrize("name", ["w1", "m2"])
def test_a_new_server_joins(cluster: Lab, name: str) -> None:
    """The old one is forgotten, and an installation has nothing to do afterwards."""
    lab = cluster
    assert "would be" in lab.play("replace", "-e", f"replace_hosts={name}", "--check").expect().words()
    whole(lab)
    with given_later(lab, name):
        done = lab.play("replace", "-e", f"replace_hosts={name}").expect()
    print(f"{name}: {done.seconds:.0f} s")
    whole(lab)
    assert not lab.play("install").expect().changed()


def test_a_run_that_is_killed_or_waits_in_vain_is_gone_on_with(cluster: Lab) -> None:
    """The next one needs no names: what was taken out is noted."""
    lab = cluster
    assert lab.play("replace", "-e", "replace_hosts=w2", cut="Take the cluster off the host").cut
    late = lab.play("replace", "-e", "replace_wait=3", *WAIT).expect(2)
    assert "After 3 s the inventory has w2 at" in late.words(), late.output[-3000:]
    assert "w2" not in lab.driver.addresses(lab)
    give(lab, "w2")
    assert lab.play("replace", *WAIT, cut=lab.driver.JOIN_TASK).cut
    lab.play("replace", *WAIT).expect()
    whole(lab)
    assert "replace_hosts is empty" in lab.play("replace").expect(2).words()
