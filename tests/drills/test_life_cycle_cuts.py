# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller gets SIGKILL at every changing task of an upgrade, a rotation and a restore, and at random moments.

The next run goes on. Each run of a chain is cut at the first task that changes something, so that every such task is met once, after
runs that were all cut off; a chain ends with a run that is not. Applications answer all the while.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lab.backup import Backups
from lab.runs import Run
from lab.servers import Lab
from lab.state import assert_whole
from lab.upgrades import fill, make_old, upgraded

WAIT = ("-e", "cluster_lease_wait=120")  # a run that was killed may hold the lease for a while
MOST = 80  # cuts of a chain: more are no progress
MOMENTS = 20
LONGEST = 60.0  # seconds into a run at which it may be killed


@dataclass
class Verb:
    """A playbook as it is run, what tells that it is done, and whether a run that goes on changes less than the one before."""

    arguments: tuple[str, ...]
    done: Callable[[], None]
    variables: dict[str, Any] = field(default_factory=dict)
    lessens: bool = True

    def run(self, lab: Lab, cut: str = "") -> Run:
        """One run."""
        return lab.play(*self.arguments, *WAIT, variables=self.variables, cut=cut)


def upgrade(lab: Lab, _folder: Path) -> Verb:
    """From the old version, on servers made anew."""
    make_old(lab)
    return Verb(("upgrade", "-e", f"upgrade_to={lab.driver.NEW}"), lambda: upgraded(lab))


def rotate(lab: Lab, _folder: Path) -> Verb:
    """To the next CA."""
    lab.play("install").expect()
    ask, had = f"rotate_ca={lab.number('ca') + 1}", lab.generations

    def done() -> None:
        lab.generations = had + 3
        assert_whole(lab)
        assert not lab.play("rotate", "-e", ask).expect().changed()
        assert not lab.play("install").expect().changed()

    return Verb(("rotate", "-e", ask), done)


def restore(lab: Lab, folder: Path) -> Verb:
    """To a backup of a moment ago, of the cluster that is well."""
    backups = Backups(lab, folder)
    backups.prepare()
    backups.play("install").expect()
    backups.take().expect()
    given = f"restore_identity={backups.identity} restore_file={backups.fetch()} restore_confirm={lab.name}"

    def done() -> None:
        assert_whole(lab, stores=False)
        assert not backups.play("install").expect().changed()

    return Verb(("restore", "-e", given), done, backups.variables, lessens=False)


@contextlib.contextmanager
def answering(lab: Lab) -> Iterator[None]:
    """No request to an application fails meanwhile."""
    with lab.work.load(lab) as asking:
        yield
        asked, failed = asking.asked, list(asking.failed)
    print(f"requests: {asked}, failed: {len(failed)}", flush=True)
    assert asked > 300 and failed == [], (asked, failed[:5])


def chain(lab: Lab, verb: Verb, when: str = "") -> None:
    """Cut a run at each task that changes something, until one ends by itself."""
    for at in range(1, MOST):
        run = verb.run(lab, cut=f"changed#{1 if verb.lessens else at}{when}")
        if not run.cut:
            run.expect()
            return
        print(f"cut {at}: {run.tasks[-1].name}", flush=True)
    raise AssertionError(f"{MOST} runs were cut off, and the last one still changes {run.tasks[-1].name}")


@pytest.mark.quick
def test_five_cuts(lab: Lab, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Two of an upgrade, two of a rotation and one of a restore, chosen by the seed."""
    chance = random.Random(pytestconfig.getoption("--seed"))
    fill(lab)
    for make, cuts in ((upgrade, 2), (rotate, 2), (restore, 1)):
        verb = make(lab, tmp_path)
        for _turn in range(cuts):
            run = verb.run(lab, cut=f"changed#{chance.randint(1, 5)}")
            print(f"{verb.arguments[0]}: cut after {run.tasks[-1].name}", flush=True)
        verb.run(lab).expect()
        verb.done()


@pytest.mark.parametrize("when", ["", ".first"], ids=["after", "within"])
@pytest.mark.parametrize("make", [upgrade, rotate, restore])
def test_every_changing_task(lab: Lab, tmp_path: Path, make: Callable[[Lab, Path], Verb], when: str) -> None:
    """After each over all its hosts, and within it, when the first host is through."""
    verb = make(lab, tmp_path)
    with answering(lab):
        chain(lab, verb, when)
    verb.done()


@pytest.mark.parametrize("make", [upgrade, rotate, restore])
def test_random_moments(
    lab: Lab, tmp_path: Path, make: Callable[[Lab, Path], Verb], pytestconfig: pytest.Config
) -> None:
    """Whatever is done at that moment; a verb that is done meanwhile begins anew."""
    chance = random.Random(f"{pytestconfig.getoption('--seed')}/{make.__name__}")
    verb, cuts = make(lab, tmp_path), 0
    while cuts < MOMENTS:
        moment = chance.uniform(3, LONGEST)
        run = verb.run(lab, cut=f"@{moment:.1f}")
        cuts += run.cut
        print(f"{cuts}: {moment:.1f} s: {run.tasks[-1].name if run.cut and run.tasks else 'done'}", flush=True)
        if not run.cut:
            run.expect()
            verb.done()
            verb = make(lab, tmp_path)
    verb.run(lab).expect()
    verb.done()
