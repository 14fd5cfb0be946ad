# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh of three services on two hosts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import model

SHOP = Path(__file__).parents[3] / "examples/apps/shop/services.yml"
HOSTS = (model.Host("w1", "10.0.0.21", ("web",)), model.Host("w2", "10.0.0.22", ("web",)))


@pytest.fixture
def variables() -> dict[str, Any]:
    """The variables of the example."""
    found: dict[str, Any] = yaml.safe_load(SHOP.read_text())
    return copy.deepcopy({name: value for name, value in found.items() if name in model.VARIABLES})


@pytest.fixture
def mesh(variables: dict[str, Any]) -> model.Mesh:
    """The mesh of the example."""
    return model.read(variables, HOSTS, "product")
