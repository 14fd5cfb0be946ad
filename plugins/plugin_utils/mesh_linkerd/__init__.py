# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a mesh as objects of Linkerd, which are written and not applied: this collection runs no Linkerd."""

from __future__ import annotations

NO_COMPONENT = (
    "Linkerd is not run by this collection, and its objects were not tried live. Take it out of cluster_components, and let the "
    "playbook keelson.cluster.mesh_linkerd write the objects of your mesh_services"
)
