# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approve serving certificates that kubelets renew, by what the last installation knew of the inventory, and whom the enrollment service let in.

Hosts that were let in and have not come in time are forgotten.

A timer on every manager runs this file with those it imports, copied to the host: the same rules as at the join.
usage: python3 -m utils.kubernetes.approve CLUSTER
"""

from __future__ import annotations

import sys
import time

from . import requests
from .api import Api, ApiError


def main(cluster: str) -> None:
    """Look once; say what was approved, and what was not and why."""
    try:
        api = Api.from_env(cluster)
        approved, refused = requests.approve(api, requests.read_members(api), False)
        gone = requests.forget_absent(api, time.time())
    except ApiError as error:  # another manager's timer was first, or the API is away: there is a next time
        sys.stdout.write(f"nothing was approved: {error}\n")
        return
    for name in approved:
        sys.stdout.write(f"approved the serving certificate of {name}\n")
    for name in gone:
        sys.stdout.write(f"forgot {name}, which was let in and has not come\n")
    for name, why in refused.items():
        sys.stdout.write(f"did not approve {name}: {why}\n")


if __name__ == "__main__":
    main(sys.argv[1])
