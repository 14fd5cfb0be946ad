# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-time bootstrap of an access control with a secret that is stored before it is used. Standard library only."""

from __future__ import annotations

from collections.abc import Callable

from .remote import ApiError


class ForeignBootstrap(Exception):
    """The access control answers, but to another token than the stored one."""


def once(is_ours: Callable[[], bool], act: Callable[[], None], was_done: Callable[[ApiError], bool]) -> bool:
    """Make the stored token the first one that rules; returns whether that was still to be done.

    The store came first, so a run that was cut off after C(act) finds its own token at work and is content. C(was_done) tells the
    refusal of a second bootstrap. Raises ForeignBootstrap when somebody else was first, ApiError.
    """
    if is_ours():
        return False
    try:
        act()
    except ApiError as error:
        if not was_done(error):
            raise
        if is_ours():
            return False
        raise ForeignBootstrap(error.message) from error
    return True
