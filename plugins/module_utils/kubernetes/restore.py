# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a Kubernetes manager on the state of a backup before kubeadm is called. Standard library only.

A manager without the mark of the cluster's restore is of before it: its node is taken down and its data of etcd are moved aside.
The manager that has the backup's files gets them as the data of etcd's only member, and looks like one whose 'kubeadm init' was cut
off: that goes on, and makes certificates, the cluster's configuration and add-ons for the addresses there are now. The others join it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ..backup import restoring
from ..backup.restoring import marked, unused
from ..cluster.parts import MANAGER
from ..host.trees import TreeError
from . import etcd, kubeadm, membership
from .backup import SNAPSHOT

MARK = "/etc/keelson/{cluster}/restored"
ASIDE = "/var/lib/etcd-before-restore"
FAULTS = (etcd.EtcdError, kubeadm.KubeadmError, OSError, TreeError, subprocess.SubprocessError)


@dataclass(frozen=True)
class Restore(restoring.Restore):
    """See the base. C(data) is etcd's directory."""

    data: str = "/var/lib/etcd"
    mark: str = MARK
    aside: str = ASIDE

    def done(self) -> bool:
        """Whether this manager is of this restore."""
        return marked(self._mark, self.id)

    def make(self, ignore: Sequence[str]) -> None:
        """Make it so; nothing is taken down before the backup was read. Raises one of FAULTS."""
        made, snapshot = (
            os.path.join(self.data, f"restore-{self.id}"),
            os.path.join(self.folder, "kubernetes", SNAPSHOT),
        )
        shutil.rmtree(made, ignore_errors=True)
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        loads = bool(self.folder) and os.path.exists(snapshot)
        if loads:
            etcd.restore(snapshot, made, self.name, self.address, self.id)
        if membership.by_files(MANAGER, membership.read_note(self.cluster)) != membership.ABSENT:
            # With its access to a cluster that may have lost its quorum, kubeadm would wait for that one.
            with contextlib.suppress(FileNotFoundError):
                os.unlink("/etc/kubernetes/admin.conf")
            kubeadm.reset(ignore, leave=False)
        member = os.path.join(self.data, "member")
        if os.path.isdir(member):
            os.makedirs(self.aside, mode=0o700, exist_ok=True)
            shutil.move(member, unused(os.path.join(self.aside, self.id)))
        if loads:
            membership.write_note(self.cluster, membership.Note("restore", False))
            os.rename(os.path.join(made, "member"), member)
        shutil.rmtree(made, ignore_errors=True)
        with open(os.open(self._mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(self.id)

    @property
    def _mark(self) -> str:
        return self.mark.format(cluster=self.cluster)
