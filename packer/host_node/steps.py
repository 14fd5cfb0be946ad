# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""steps.py root|disk|look WORK: what is done before and after the role, and the checks of the file; see module steps."""

import sys
from pathlib import Path

from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import steps
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.spec import FAULT
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.errors import ImageError

try:
    {"root": steps.root, "disk": steps.disk, "look": steps.look}[sys.argv[1]](Path(sys.argv[2]))
except (ImageError, OSError) as error:
    sys.exit(f"{FAULT}{error}")
