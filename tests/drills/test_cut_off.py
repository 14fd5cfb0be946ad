# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation that is cut off anywhere goes on where it was, and nothing is made twice."""

from __future__ import annotations

import random

import pytest
from lab.runs import Run
from lab.servers import Lab
from lab.state import assert_whole, store


@pytest.fixture(scope="module")
def plan(lab: Lab) -> list[tuple[int, str, bool]]:
    """(number, name, changes something) of every task of an installation on bare servers."""
    lab.make()
    run = lab.play("install").expect()
    assert_whole(lab)
    return [(task.number, task.name, "changed" in task.results.values()) for task in run.tasks]


def reset(lab: Lab, bare: bool) -> None:
    """Bare servers again; `bare` makes them anew, otherwise the distribution's packages stay on them."""
    if bare:
        lab.make()
    else:
        lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}").expect()
        assert not store(lab)


def cut_and_go_on(lab: Lab, cut: str) -> None:
    """Cut an installation off, run it twice again: whole after the second run, at rest in the third."""
    run: Run = lab.play("install", cut=cut)
    assert run.cut and run.code == -9, f"the run was not cut off at {cut} but ended with {run.code}"
    kept = store(lab)
    lab.play("install").expect()
    assert_whole(lab)
    assert all(digest == next(iter(store(lab).values())) for digest in kept.values()), "other secrets than before"
    third = lab.play("install").expect()
    assert not third.changed(), f"cut at {cut}, the third run still changes {sorted(third.changed())}"


@pytest.mark.quick
def test_five_cuts(lab: Lab, plan: list[tuple[int, str, bool]], pytestconfig: pytest.Config) -> None:
    """One cut in the preparation of bare servers and four after it, chosen by the seed."""
    chooser = random.Random(pytestconfig.getoption("--seed"))
    first = next(number for number, name, _changes in plan if "Secrets |" in name)
    changing = [number for number, _name, changes in plan if changes]
    chosen = [chooser.choice([number for number in changing if number < first])]
    chosen += sorted(chooser.sample([number for number in changing if number >= first], 4))
    for number in chosen:
        print(f"cut after task {number}: {plan[number - 1][1]}", flush=True)
        reset(lab, bare=number < first)
        cut_and_go_on(lab, str(number))


@pytest.mark.parametrize("when", ["", ".first"], ids=["after", "within"])
def test_every_cut(lab: Lab, plan: list[tuple[int, str, bool]], when: str) -> None:
    """After each task over all its hosts, and within it, when its first host is through.

    A cut after a task that changed nothing finds the hosts as the cut before it did, so it is not tried again.
    """
    first = next(number for number, name, _changes in plan if "Secrets |" in name)
    for number, name, changes in plan:
        if changes:
            print(f"cut {'within' if when else 'after'} task {number}: {name}", flush=True)
            reset(lab, bare=number < first)
            cut_and_go_on(lab, f"{number}{when}")
