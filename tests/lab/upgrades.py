# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of an older version, which drills and benches upgrade."""

from __future__ import annotations

import json

from .servers import Lab
from .state import assert_whole
from .waiting import wait


def fill(lab: Lab) -> None:
    """Bring both versions into the bundle; what is there already takes no time."""
    driver = lab.driver
    names = [f"{name}={version}" for version in (driver.OLD, driver.NEW) for name in driver.VERSIONED]
    lab.play("bundle", "-e", json.dumps({"bundle_artifacts": names})).expect()


def at(lab: Lab, version: str) -> bool:
    """Whether every member runs the version and takes work; AssertionError with what differs."""
    found = lab.driver.versions(lab)
    assert found == {host.name: version for host in lab.hosts}, found
    assert_whole(lab)
    return True


def make_old(lab: Lab) -> None:
    """Make a whole cluster of the old version on bare servers."""
    lab.make()
    fill(lab)
    lab.play("install", variables={f"cluster_{lab.engine}_version": lab.driver.OLD}).expect()
    wait("the old version", lambda: at(lab, lab.driver.OLD), 120)


def old(lab: Lab) -> None:
    """See to a whole cluster of the old version; one that is there already is kept."""
    try:
        wait("the old version", lambda: at(lab, lab.driver.OLD), 10)
    except (AssertionError, ValueError):
        make_old(lab)


def upgraded(lab: Lab) -> None:
    """Every member runs the new version, one CA is in use, and nothing is left to do."""
    wait("the new version", lambda: at(lab, lab.driver.NEW), 120)
    again = lab.play("upgrade", "-e", f"upgrade_to={lab.driver.NEW}").expect()
    assert not again.changed() and "every member has it already" in again.output
    assert not lab.play("install").expect().changed()
