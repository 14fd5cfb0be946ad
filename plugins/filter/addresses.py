# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of a cluster: their families, their one spelling, and how they stand before a port."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import canonical
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import model


def address_families(addresses: list[str], networks: Any = None) -> list[int]:
    """4 and 6, first the family of the addresses; see the documentation of the filter."""
    try:
        return model.families(addresses, networks)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"address_families": address_families, "bracketed_address": bracketed, "canonical_address": canonical}
