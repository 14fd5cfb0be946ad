# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let Envoy judge a bootstrap before it is put into place. Standard library only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from . import places


def fault(bootstrap: Mapping[str, Any], binary: str = places.ENVOY) -> str:
    """What Envoy has against it, in one line, or ''. Raises OSError."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "static.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(bootstrap, file)
        command = [binary, "--mode", "validate", "--config-path", path, "--log-level", "error"]
        command += ["--disable-hot-restart", "--concurrency", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else reason(done.stderr + done.stdout)


def reason(output: str) -> str:
    """The line that tells why, without its time and its place in Envoy's source."""
    lines = [re.sub(r"^(\[[^]]*\]\s*)+", "", line).strip() for line in output.splitlines()]
    telling = [line for line in lines if re.search(r"error|invalid|fail|unable|no such|must|duplicate", line, re.I)]
    return ([line for line in lines if line] + telling or ["Envoy ended without a word"])[-1][:400]
