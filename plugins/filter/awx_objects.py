# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Complete objects of AWX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import awx
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


def awx_objects(given: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """See the documentation of the filter."""
    try:
        return awx.complete(given, variable_types.playbook_names(), variable_types.playbooks(), hosts)
    except UserError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        """Map its name to it."""
        return {"awx_objects": awx_objects}
