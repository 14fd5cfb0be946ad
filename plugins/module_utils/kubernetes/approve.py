# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approve serving certificates that kubelets renew, by what the last installation knew of the inventory.

A timer on every manager runs this file with those it imports, copied to the host: the same rules as at the join.
usage: python3 -m utils.kubernetes.approve CLUSTER
"""

from __future__ import annotations

import sys

from . import requests
from .api import Api, ApiError


def main(cluster: str) -> int:
    """Look once; print what was approved, and what was not and why."""
    try:
        api = Api.from_env(cluster)
        approved, refused = requests.approve(api, requests.read_members(api), False)
    except ApiError as error:  # another manager's timer was first, or the API is away: there is a next time
        print(f"nothing was approved: {error}")
        return 0
    for name in approved:
        print(f"approved the serving certificate of {name}")
    for name, why in refused.items():
        print(f"did not approve {name}: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
