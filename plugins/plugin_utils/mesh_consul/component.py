# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh with Consul as its control plane: servers on the managers, an agent on each host node, Envoy beside each service."""

from __future__ import annotations

from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import known

from ..contract import (
    ANY_PORT,
    MANAGER,
    NODE,
    Component,
    Listener,
    Owned,
    Part,
    Probe,
    Requirements,
    ServerImage,
    Trace,
)
from ..mesh import picture, shared
from ..mesh.owner_rules import TABLE
from . import secrets
from .mesh import NAME, mesh_of

_ARTIFACTS = ("consul", "envoy", "mesh-host")
_ALL = (MANAGER, NODE)
_KEY = f"{known.FOLDER}/tls/key.pem"
_SECRETS = (f"{known.FOLDER}/gossip.json", known.TOKENS)

# The first byte says what follows: 3 is TLS, 0 a call (agent/pool/conn.go). A ping of the gossip is type 0 and a MessagePack map.
_RPC = Probe("tls", preface=b"\x03", request=b"\x00\x82\xadServiceMethod\xabStatus.Ping\xa3Seq\x01\x80")
_GOSSIP = Probe("gossip", request=b"\x00\x82\xa5SeqNo\x01\xa4Node\xa0", refusals=bytes((10, 13)))
# Its authority is not the cluster's: a client with a certificate and without a token is tried by the component's own checks.
_API = Probe("tls", request=b"GET /v1/status/leader HTTP/1.1\r\nHost: consul\r\n\r\n")


def _gossip(purpose: str) -> tuple[Listener, ...]:
    return (
        Listener(known.SERF, "tcp", "cluster", "consul", purpose, probe=_GOSSIP, clients=_ALL),
        Listener(known.SERF, "udp", "cluster", "consul", purpose, clients=_ALL),
    )


COMPONENT = Component(
    name=NAME,
    own_secrets=secrets.own_secrets,
    rules=(shared.rule(NAME, mesh_of),),
    diagrams=shared.diagrams(NAME),
    host_checks_module="keelson.cluster.mesh_consul_checks",
    processes=("consul", "envoy"),
    traces=(Trace(f"{known.FOLDER}/agent.json", name="datacenter"), Trace(f"{known.FOLDER}/*.hcl")),
    image=ServerImage(
        artifacts=_ARTIFACTS, unshared=("etc/consul.d", "var/lib/consul", "etc/keelson-mesh", "var/lib/keelson-mesh")
    ),
    parts={
        MANAGER: Part(
            requirements=Requirements(memory_mib=300, disk_mib={"/opt": 250, "/var/lib": 1000}, features=("systemd",)),
            listeners=(
                Listener(
                    known.HTTPS, "tcp", "cluster", "consul", "HTTPS API of Consul", probe=_API, clients=(MANAGER,)
                ),
                Listener(known.RPC, "tcp", "cluster", "consul", "RPC of Consul's agents", probe=_RPC, clients=_ALL),
                *_gossip("gossip of Consul's agents"),
            ),
            services=(known.UNIT,),
            secrets=(_KEY, *_SECRETS, "/etc/keelson/*/consul.json", "/etc/keelson/*/consul.env"),
            account=known.ACCOUNT,
            artifacts=("consul",),
            owned=Owned(trees=(known.DATA, known.FOLDER)),
        ),
        NODE: Part(
            requirements=Requirements(
                memory_mib=400, disk_mib={"/opt": 600, "/var/lib": 200}, features=("systemd", "nf_tables")
            ),
            listeners=(
                *_gossip("gossip of Consul's agents"),
                Listener(known.GRPC, "tcp", "loopback", "consul", "what Consul's agent tells sidecars"),
                Listener(ANY_PORT, "tcp", "cluster", "envoy", "sidecars", optional=True),
            ),
            services=(known.UNIT, "keelson-mesh-rules.service"),
            secrets=(*_SECRETS, known.SERVICES, known.HOST),
            account=known.ACCOUNT,
            artifacts=_ARTIFACTS,
            owned=Owned(trees=(known.DATA, known.FOLDER, places.CONFIG, places.STATE, places.RUN), tables=(TABLE,)),
        ),
    },
    groups={
        "Mesh": (
            "mesh_servers",
            "mesh_api",
            "mesh_agent",
            "mesh_sidecar",
            "mesh_leaf",
            "mesh_closed",
            "mesh_default",
            "mesh_owner",
            "mesh_boundary",
            picture.CALLS,
        )
    },
)
