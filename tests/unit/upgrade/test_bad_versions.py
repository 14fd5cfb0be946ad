# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions that no cluster of an engine can be brought to: refused for each engine, with one line."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade import read
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.plan import Host, PlanError, plan

sys.path.append(str(Path(__file__).parents[1] / "preflight"))
from preflight_world import cluster, with_facts

ENGINES = components.engines()
OLD = {"kubernetes": "1.35.4", "nomad": "1.10.5"}
NEW = {"kubernetes": "1.36.3", "nomad": "1.11.3"}
#: A version from which the step is too wide, and the first one that lies between.
FAR = {"kubernetes": ("1.33.9", "1.34"), "nomad": ("1.8.4", "1.10")}


def of(engine: str) -> Cluster:
    """A cluster of an engine."""
    return dataclasses.replace(cluster(), engine=components.engine(engine))


def refused(engine: str, before: str, after: str) -> str:
    """What is said of an upgrade of a cluster that runs the version before."""
    found = read.targets(of(engine), after)
    with pytest.raises(PlanError) as error:
        plan([Host("m1", "manager", version=before, status="alive")], found, after, of(engine).engine.refuse_step)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_engine_is_tried() -> None:
    assert set(ENGINES) == set(OLD) == set(NEW) == set(FAR)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_version_that_nobody_knows(engine: str) -> None:
    with pytest.raises(BundleError, match=rf"has no version 9\.9\.9 \(it lists .*{NEW[engine]}"):
        read.targets(of(engine), "9.9.9")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_version_before_the_one_at_work(engine: str) -> None:
    assert f"m1: {OLD[engine]} is older than {NEW[engine]}, which is at work" in refused(
        engine, NEW[engine], OLD[engine]
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_that_is_too_wide(engine: str) -> None:
    before, between = FAR[engine]
    assert f"upgrade to {between}" in refused(engine, before, NEW[engine])
    assert not of(engine).engine.refuse_step(OLD[engine], NEW[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_version_that_the_bundle_lacks(engine: str) -> None:
    """All of the engine's artifacts are named, and what the bundle has is enough for nobody without them."""
    versioned = of(engine).engine.versioned
    found = with_facts(of(engine), "m1", artifacts=dict.fromkeys(versioned, OLD[engine]))
    desired = read.targets(found, NEW[engine])
    with pytest.raises(PlanError) as error:
        read.check_bundle(found, ["m1"], desired, {"artifacts": {}}, "/b")
    held = [name for name in versioned if name in desired["manager"]]
    assert held and all(f"{name}={NEW[engine]}" in str(error.value) for name in held) and "/b lacks" in str(error.value)
