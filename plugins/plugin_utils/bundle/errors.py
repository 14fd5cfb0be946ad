# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which getting an artifact can fail."""

from __future__ import annotations

from ..user_error import UserError


class BundleError(UserError):
    """Ends the run: its text names the place and the remedy. Nothing was kept."""


class Unavailable(BundleError):
    """This source cannot deliver here and now; the next one is tried and the reason recorded."""


class Refused(Unavailable):
    """The host wants to know who asks; ``challenge`` is its header WWW-Authenticate."""

    def __init__(self, text: str, challenge: str) -> None:
        super().__init__(text)
        self.challenge = challenge
