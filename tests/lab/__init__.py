# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local servers, runs of playbooks on them with all their tasks observed, and questions to the cluster."""

import sys
from pathlib import Path

# The package local_servers, which makes the servers; the collection, of which nothing else tells benches.
_ROOT = Path(__file__).parents[2]
sys.path += [str(_ROOT / "tools"), str(_ROOT / ".ansible/collections")]
