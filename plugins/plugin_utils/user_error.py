# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the errors that a user can act on."""

from __future__ import annotations


class UserError(Exception):
    """Ends the run: its text names the place and what to do."""
