# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses an ansible-core that this collection does not support, in one line, when it is imported.

The inventory plugin and the first action of every playbook import it (a test checks that).
"""

from __future__ import annotations

from ansible.errors import AnsibleError
from ansible.module_utils.ansible_release import __version__
from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import pip_command

OLDEST = (2, 19)  # as requires_ansible in meta/runtime.yml


def refusal(version: str) -> str:
    """Return why this version of ansible-core is refused and what to do, or an empty text."""
    if tuple(int(part) for part in version.split(".")[:2]) >= OLDEST:
        return ""
    oldest = ".".join(map(str, OLDEST))
    return (
        f"keelson.cluster needs ansible-core {oldest} or newer, and this is {version}; "
        f"with Python 3.11 or newer run: {pip_command(f'ansible-core>={oldest}')}"
    )


if refusal(__version__):
    raise AnsibleError(refusal(__version__))
