# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this is a server that runs, or the root file system of one that will boot later (an image being built)."""

from __future__ import annotations

import os


def booted(runtime: str = "/run/systemd/system") -> bool:
    """Tell whether systemd runs this host, as sd_booted(3) does; where it does not, settings are for the next boot."""
    return os.path.isdir(runtime)
