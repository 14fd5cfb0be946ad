# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our table of nftables: only a sidecar reaches its service, only a service its upstreams, and an isolated one nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places

from .model import Mesh, Service

TABLE = "inet keelson_mesh"


def owner_rules(
    mesh: Mesh, host: str, more: Sequence[str] = (), private: Mapping[str, Sequence[int]] | None = None
) -> str:
    """The table for a host, in a form that replaces it as a whole; C(more) are accounts that reach services to see if they are well.

    C(private) are further ports of sidecars by their names: for the sidecar itself and for root.
    """
    services = mesh.on(host)
    taken = {service.mesh_port for service in services}
    output = [line for service in services for line in _output(service, taken, more)]
    closed = [service.port for service in services if service.strict and service.port not in taken]
    for name, ports in (private or {}).items():
        for port in ports:
            output.append(f'oifname "lo" {_refused(["root", places.account(name)], port)}')
        closed += ports
    return "\n".join(
        [
            f"table {TABLE}",
            f"delete table {TABLE}",
            f"table {TABLE} {{",
            *_chain("output", output),
            *_chain("input", [f'iifname != "lo" tcp dport {port} reject with tcp reset' for port in closed]),
            "}",
            "",
        ]
    )


def _chain(hook: str, rules: list[str]) -> list[str]:
    return [
        f"  chain {hook} {{",
        f"    type filter hook {hook} priority filter; policy accept;",
        *(f"    {rule}" for rule in rules),
        "  }",
    ]


def _output(service: Service, taken: set[int], more: Sequence[str]) -> Iterator[str]:
    """Packets to a port of the host itself, by the account that sends them."""
    if service.strict:
        yield from _only([places.account(service.id), *more], service.port, service.port in taken)
    for upstream in service.upstreams:
        yield from _only([service.run_as], upstream.bind, True)
    if service.isolated:
        yield f'oifname != "lo" meta skuid "{service.run_as}" ct state new reject'


def _only(accounts: Sequence[str], port: int, loopback: bool) -> Iterator[str]:
    """The host's own address has a sidecar on the port where C(loopback) says so; that one asks for certificates itself."""
    rule = _refused(accounts, port)
    if not loopback:
        yield f'oifname "lo" {rule}'
        return
    yield f"ip daddr 127.0.0.0/8 {rule}"
    yield f"ip6 daddr ::1 {rule}"


def _refused(accounts: Sequence[str], port: int) -> str:
    """The rule for a port that others than these accounts do not reach."""
    others = " ".join(f'meta skuid != "{account}"' for account in accounts)
    return f"tcp dport {port} {others} reject with tcp reset"
