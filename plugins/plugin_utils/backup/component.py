# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that managers take by a timer: a component besides the engine, of managers alone."""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import BackupError
from ansible_collections.keelson.cluster.plugins.module_utils.backup.targets import open_target

from ..age import RECIPIENT, key_of
from ..contract import MANAGER, Component, Owned, Part
from ..preflight.model import Cluster, Fault


def settings(cluster: Cluster) -> list[Fault]:
    """Settings that every backup would fail by."""
    given = cluster.hosts[0].variables.get("cluster_backup") if cluster.hosts else None
    if not isinstance(given, dict) or not given.get("recipients") or not isinstance(given.get("target"), dict):
        text = "cluster_components has backup, and cluster_backup does not name recipients and a target"
        return [
            Fault(
                "",
                "backup",
                text,
                "set cluster_backup as docs/how-to/backup.md describes, or take backup out of the list",
            )
        ]
    faults = []
    for recipient in given["recipients"]:
        try:
            key_of(str(recipient), RECIPIENT)
        except ValueError as error:
            text = f"cluster_backup.recipients has {str(recipient)[:20]!r}, which {error}"
            faults.append(Fault("", "backup", text, "give the public key that age-keygen prints (age1...)"))
    try:
        open_target(given["target"])
    except BackupError as error:
        faults.append(Fault("", "backup", str(error), "correct cluster_backup.target"))
    return faults


COMPONENT = Component(
    name="backup",
    parts={
        MANAGER: Part(
            services=("keelson-backup.timer",),
            artifacts=("age",),
            owned=Owned(trees=("/var/lib/keelson/backup",)),
        )
    },
    rules=(settings,),
    checks_module="keelson.cluster.backup_checks",
    groups={"Backups": ("backup_age", "backup_last")},
)
