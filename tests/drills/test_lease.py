# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers change one cluster at the same moment: one does, the other refuses or waits, and nothing is mixed."""

from __future__ import annotations

import random
import re
import time

import pytest
from lab.controllers import Controller, held
from lab.servers import Lab
from lab.state import assert_whole, store

TTL = 60.0
TURNS = range(10)


def prepare(lab: Lab, fresh: bool) -> None:
    """Servers without a cluster, or with a whole one."""
    if not lab.exist():
        lab.make()
    if fresh:
        lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()
        assert not store(lab)
    else:
        lab.play("install").expect()


def at_rest(lab: Lab) -> None:
    """A whole cluster of one generation of secrets, in which nothing is left to do, and no lease."""
    assert_whole(lab)
    assert not lab.play("install").expect().changed()
    for manager in lab.managers:
        for _try in range(20):
            if not lab.ssh(manager, f"ls /var/lib/keelson/{lab.name} 2>/dev/null", check=False):
                break
            time.sleep(0.5)
        else:
            raise AssertionError(f"{manager.name} still has a lease")


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "living"])
@pytest.mark.parametrize("turn", TURNS)
def test_two_at_the_same_moment(lab: Lab, turn: int, fresh: bool, pytestconfig: pytest.Config) -> None:
    """One changes the cluster, the other names it in one line and changes nothing meanwhile."""
    offset = random.Random(f"{pytestconfig.getoption('--seed')}/{turn}/{fresh}").choice(
        [0, random.Random(turn).random()]
    )
    print(f"second controller {offset:.2f} s later, {'fresh' if fresh else 'living'}", flush=True)
    prepare(lab, fresh)
    first = Controller(lab, "first")
    time.sleep(offset)
    second = Controller(lab, "second")
    codes = {run: run.wait() for run in (first, second)}
    told = {run.log.name: (code, run.said()[-1500:]) for run, code in codes.items()}
    late = [run for run in codes if held(run.said())]
    assert len(late) == 1 and min(codes.values()) == 0, told
    assert any(run.holds() for run in codes), told
    # The late one refuses, unless the other one has ended before it could be seen at work.
    if codes[late[0]]:
        assert codes[late[0]] == 2 and not late[0].holds(), told
        assert not re.search(r"changed=[1-9]", late[0].said()), told
    else:
        assert all(code == 0 for code in codes.values()), told
    at_rest(lab)


@pytest.mark.parametrize("turn", TURNS)
def test_one_of_two_is_killed(lab: Lab, turn: int, pytestconfig: pytest.Config) -> None:
    """The other one waits, and goes on where it was when the lease has ended by itself."""
    chance = random.Random(f"{pytestconfig.getoption('--seed')}/{turn}/killed")
    prepare(lab, fresh=turn % 2 == 0)
    first = Controller(lab, "first")
    while not first.holds():
        assert first.process.poll() is None, first.said()[-2000:]
        time.sleep(0.1)
    second = Controller(lab, "second", "-e", "cluster_lease_wait=120")
    after = chance.uniform(1, 15)
    time.sleep(after)
    over = first.process.poll() is not None
    first.kill()
    start = time.monotonic()
    while not second.holds() and second.process.poll() is None:
        time.sleep(0.1)
    waited = time.monotonic() - start
    print(f"killed after {after:.1f} s; the other one went on {waited:.1f} s later", flush=True)
    assert second.wait() == 0, second.said()[-2000:]
    assert over or held(second.said())
    assert waited < TTL + 20
    at_rest(lab)
