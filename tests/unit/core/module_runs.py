# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests say of a module that is run as Ansible runs it, by the fixture C(run)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MODULES = "ansible_collections.keelson.cluster.plugins.modules"
Run = Callable[..., dict[str, Any]]
