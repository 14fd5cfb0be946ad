# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drills share one set of local servers; each says what state of it it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.mesh import SHOP, Mesh
from lab.servers import ENGINE, Lab
from lab.state import assert_whole
from lab.upgrades import old

# Drills of one engine alone lie in the folder of its name.
HERE = Path(__file__).parent
collect_ignore = [str(path) for path in HERE.iterdir() if path.is_dir() and path.name not in (ENGINE, "__pycache__")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed` chooses the cuts of the quick drill, `--keep` leaves the servers for a look and for the next run."""
    parser.addoption("--seed", type=int, default=1, help="which five cuts the quick drill makes")
    parser.addoption("--keep", action="store_true", help="use the servers an earlier run left, and leave them")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "quick: a drill that is part of `make test`")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print a failure at once: the drills that follow take long, and often end before their time."""
    if report.failed:
        print(f"\n{report.nodeid}\n{report.longreprtext}", flush=True)


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Three managers and three host nodes, bare servers at first."""
    servers, keep = Lab(), request.config.getoption("--keep")
    if not (keep and servers.exist()):
        servers.make()
    yield servers
    if not keep:
        servers.destroy()


@pytest.fixture
def cluster(lab: Lab) -> Lab:
    """The lab with a whole cluster of the plain configuration; one that an earlier drill broke is made anew."""
    try:
        assert_whole(lab)
    except (AssertionError, ValueError):
        if lab.play("install").code:
            lab.make()
            lab.play("install").expect()
        assert_whole(lab)
    return lab


@pytest.fixture
def outdated(lab: Lab) -> Lab:
    """A whole cluster of the old version."""
    old(lab)
    return lab


@pytest.fixture(scope="module")
def shop(lab: Lab) -> Iterator[Mesh]:
    """The shop, its services in the mesh."""
    mesh = Mesh(lab)
    variables = mesh.variables()
    lab.play("bundle", variables=variables).expect()
    if lab.ssh(lab.nodes[0], "systemctl is-active nomad", check=False).strip() != "active":
        lab.play("install").expect()
    lab.play(str(SHOP / "deploy.yml"), variables=variables).expect()
    lab.play("mesh", variables=variables).expect()
    yield mesh


@pytest.fixture
def mesh(shop: Mesh) -> Iterator[Mesh]:
    """The mesh as the example describes it, before and after."""
    yield shop
    shop.apply(shop.variables())
