# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nomad's security model: by what of it hosts are looked at, and what does not hold, with the reason. The numbers are ours."""

from __future__ import annotations

from ..contract import MANAGER, NODE, Benchmark, Control

_BOTH = (MANAGER, NODE)
_AGENT = "/etc/nomad.d/agent.json"
_PAID = "a feature of Nomad Enterprise"


def _setting(
    number: str, title: str, name: str, value: str, *parts: str, rule: str = "is", target: str = _AGENT
) -> Control:
    return Control(number, title, parts or _BOTH, "setting", target, name, rule, value)


BENCHMARK = Benchmark(
    name="Nomad's security model",
    url="https://developer.hashicorp.com/nomad/docs/architecture/security",
    sections={"1": "TLS", "2": "access", "3": "files and accounts", "4": "drivers", "5": "other"},
    controls=(
        _setting("1.1", "TLS for HTTP", "tls.http", "true"),
        _setting("1.2", "TLS for RPC", "tls.rpc", "true"),
        _setting("1.3", "only servers act as servers", "tls.verify_server_hostname", "true"),
        _setting("1.4", "clients of the API need a certificate", "tls.verify_https_client", "true"),
        _setting(
            "1.5", "gossip is encrypted", "server.encrypt", "", MANAGER, rule="set", target="/etc/nomad.d/gossip.json"
        ),
        Control(
            "1.6",
            "no agent answers without TLS",
            covered="verify tries each port without TLS, and with another CA's certificate",
        ),
        _setting("2.1", "ACLs are on", "acl.enabled", "true"),
        _setting(
            "2.2",
            "new nodes are introduced",
            "server.client_introduction.enforcement",
            "warn,strict",
            MANAGER,
            rule="among",
        ),
        Control("2.3", "anonymous requests get nothing", covered="verify asks without a token"),
        Control(
            "2.4",
            "the bootstrap token is put away",
            reason="it stays on the managers, for root alone: every controller can go on",
        ),
        Control("2.5", "tokens with few rights, namespaces", reason="decides on objects that you make"),
        Control("3.1", "configuration for its service alone", _BOTH, "file", "/etc/nomad.d/*.json", "", "mode", "640"),
        Control("3.2", "keys for their service alone", _BOTH, "file", "/etc/nomad.d/tls/key.pem", "", "mode", "640"),
        Control("3.3", "servers do not run as root", (MANAGER,), "user", "nomad", "", "", "nomad"),
        Control("3.4", "clients run as root", covered="drivers need it; only root may write their configuration"),
        Control("3.5", "the client's data for root alone", (NODE,), "file", "/var/lib/nomad/alloc", "", "mode", "711"),
        _setting("4.1", "no `raw_exec`", "plugin.1.raw_exec.0.config.0.enabled", "false", NODE),
        _setting("4.2", "no privileged containers", "plugin.0.docker.0.config.0.allow_privileged", "false", NODE),
        Control(
            "4.3",
            "tasks do not use the host's network",
            reason="Nomad has no switch for it; review jobs, or use node pools",
        ),
        Control("4.4", "the metadata service is closed to workloads", covered="verify asks from inside one"),
        Control("5.1", "audit log, Sentinel, quotas", reason=_PAID),
        Control(
            "5.2",
            "keys that encrypt variables in a KMS",
            reason="needs a KMS of yours; set `keyring` by `cluster_manager_nomad_config`",
        ),
    ),
)
