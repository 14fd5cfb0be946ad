# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that no host may have, because something else answers to them, and names that no group may have."""

from __future__ import annotations

import re

from . import addresses

# Groups that the playbooks make during a run, to choose hosts by.
GROUPS = (
    *("cluster_part_manager", "cluster_part_node", "cluster_answers", "cluster_drain_chosen"),
    *("cluster_has_joined", "cluster_remove_live", "cluster_remove_staying", "patch_managers", "patch_nodes"),
    *(
        "upgrade_managers",
        "upgrade_nodes",
        "upgrade_brought",
        "rotate_prepare",
        "rotate_use",
        "rotate_finish",
        "rotate_renew",
    ),
)
# What a certificate for such a name would vouch for, or who a task sent to it would reach.
_RESERVED = (
    (
        r"(.+\.)?localhost\d?(\.localdomain\d?)?|localhost\d?\..*|localdomain|loopback|broadcasthost"
        r"|ip6-(localhost|loopback|localnet|all\w+)|.+\.(docker|containers|lima|minikube|orb)\.internal"
        r"|_(gateway|outbound|localdnsstub|localdnsproxy)",  # systemd's nss-myhostname
        "the machine itself",
    ),
    (r"metadata\.google\.internal|instance-data(\..+)?", "a cloud's metadata"),
    (r".+\.nomad", "Nomad"),
    (r".+\.consul", "Consul"),
    (r".+\.placeholder|.+\.invalid|_meta", "this collection"),
    (r"kubernetes(\.default(\..*)?)?|.+\.svc|.+\.cluster\.local|system:.*", "Kubernetes"),
)
# What programs write for a value that is not there.
ABSENT = ("null", "none", "nil", "undefined", "nan")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PATTERNS = [(re.compile(pattern), owner) for pattern, owner in _RESERVED]


def reserved(name: str) -> str:
    """What the name of a host means to others; empty where it may be a host's."""
    plain = name.lower().rstrip(".")
    if addresses.numeric(plain):
        return "an address"
    if plain in GROUPS:
        return "a group of the playbooks"
    if plain in ABSENT:
        return "the text of an absent value"
    return next((f"a name of {owner}" for pattern, owner in _PATTERNS if pattern.fullmatch(plain)), "")


def endpoint(text: str) -> tuple[str, str]:
    """Host and port of an endpoint, which is a URL, a name or an address; an address in its one spelling, a port where it has one."""
    found = re.fullmatch(r"(?:\w+://)?(\[[^\]]*\]|[^:/]*)(?::(\d+))?(?:/.*)?", text.lower())
    host, port = (found[1], found[2] or "") if found else (text.lower(), "")
    try:
        return str(addresses.read(host)), port
    except ValueError:
        return host.rstrip("."), port


def endpoint_fault(text: str) -> str:
    """Why nobody reaches a cluster at this endpoint; empty where somebody may."""
    host, port = endpoint(text)
    try:
        why = addresses.never(addresses.read(host))
    except ValueError:
        parts = host.split(".")
        why = "no whole address" if addresses.numeric(host) else reserved(host)
        if not why and (parts[-1].isdigit() or len(host) > 253 or not all(map(_LABEL.fullmatch, parts))):
            why = "neither an address nor a name of DNS"
    return why or ("at a port that does not exist" if port and not 0 < int(port) < 65536 else "")


def misread(group: str) -> str:
    """What a group that is no pool's and no managers' would be taken for by its name; empty where it would not."""
    if group in ("all", "ungrouped", "localhost", "_meta"):
        return "Ansible's own"
    if group in GROUPS:
        return "one that the playbooks make"
    return "a pool" if "_pool_" in group else ""
