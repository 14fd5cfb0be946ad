# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until this NATS server has caught up with its streams, or 30 seconds have passed."""

import sys
import time
import urllib.error
import urllib.request

END = time.monotonic() + 30
while time.monotonic() < END:
    try:
        with urllib.request.urlopen("http://127.0.0.1:8222/healthz", timeout=5):
            sys.exit(0)
    except OSError:
        time.sleep(0.5)
sys.exit("this NATS server has not caught up in 30 seconds")
