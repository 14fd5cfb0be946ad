# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts get modules through a file on their disk, where secrets among the arguments would lie in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import become_loader, connection_loader

from .model import Cluster, Fault

KIND = "pipelining"
#: What the roles set, so that neither ansible.cfg nor the inventory decides.
FORCED = ("ansible_pipelining", "ansible_ssh_pipelining")


def faults(cluster: Cluster, extra: Mapping[str, Any], keep: bool | None = None) -> Iterator[Fault]:
    """Yield a fault for each host whose connection or become plugin cannot pipeline, and where a setting has files written.

    C(extra) variables are stronger than those of the roles; C(keep) is whether files are kept on hosts.
    """
    if constants.DEFAULT_KEEP_REMOTE_FILES if keep is None else keep:
        text = "ANSIBLE_KEEP_REMOTE_FILES leaves modules with secrets in their arguments on every host"
        yield Fault("", KIND, text, "unset it, and keep_remote_files in ansible.cfg")
    for name in FORCED:
        if not boolean(extra.get(name, True), strict=False):
            text = f"-e {name} has secrets written into the login user's temporary folder on every host"
            yield Fault("", KIND, text, f"leave {name} out")
    for host in cluster.hosts:
        for plugin in _unable(host.variables):
            text = f"{plugin} cannot pipeline, so secrets would be written into the login user's temporary folder"
            yield Fault(host.name, KIND, text, "use ssh and sudo, or another plugin that pipelines")


def _unable(variables: Mapping[str, Any]) -> Iterator[str]:
    name = str(variables.get("ansible_connection") or constants.DEFAULT_TRANSPORT)
    connection = connection_loader.get("ssh" if name == "smart" else name, class_only=True)
    if connection is not None and not connection.has_pipelining:
        yield f"the connection plugin {name}"
    method = str(variables.get("ansible_become_method") or constants.DEFAULT_BECOME_METHOD)
    become = become_loader.get(method, class_only=True)
    if str(variables.get("cluster_become", True)).lower() in ("true", "yes", "1") and become and not become.pipelining:
        yield f"the become plugin {method}"
