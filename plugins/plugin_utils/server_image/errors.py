# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with an image: each a message that names the place and the remedy."""

from __future__ import annotations

from ..user_error import UserError


class ImageError(UserError):
    """An image cannot be built, checked or published; nothing was published, and nothing is left mounted."""
