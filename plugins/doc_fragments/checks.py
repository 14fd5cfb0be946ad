# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that answer checks."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of modules that only look."""

    DOCUMENTATION = r"""
author: keelson.cluster contributors (@keelson-cluster)
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - A check that fails does not fail the task. M(keelson.cluster.report) judges all checks of a run together.
"""
