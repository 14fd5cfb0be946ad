# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The allow rules that a sidecar has in its files, and why a call is refused by them. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OWN = "rds_inbound.json"


@dataclass(frozen=True)
class Rule:
    """Who may call, with which methods and paths (none: all of them). C(to) is a destination of a gateway, '' the sidecar's service."""

    to: str
    name: str
    caller: str
    methods: tuple[str, ...]
    paths: tuple[str, ...]

    def __str__(self) -> str:
        """The rule in one line: CALLER METHODS PATHS."""
        parts = [self.caller, ",".join(self.methods), ",".join(self.paths), self.to and f"to {self.to}"]
        return " ".join(part for part in parts if part)

    def faults(self, caller: str, method: str, path: str) -> list[str]:
        """What of a call this rule does not have, the caller first."""
        found = []
        if not _matches(self.caller, caller):
            found.append(f"caller {caller}")
        if self.methods and method not in self.methods:
            found.append(f"method {method}")
        if self.paths and not any(_matches(one, path.partition("?")[0]) for one in self.paths):
            found.append(f"path {path}")
        return found


def in_use(files: Mapping[str, Mapping[str, Any]]) -> list[Rule]:
    """The rules in the files of a sidecar or a gateway."""
    return [_rule(to, name, policy) for to, found in _policies(files) for name, policy in found.items()]


def refusal(rules: Sequence[Rule], caller: str, method: str, path: str) -> str:
    """Why none of the rules lets a call in, told by the rule that is nearest to it; '' when one does."""
    faults = {rule: rule.faults(caller, method, path) for rule in rules}
    if not all(faults.values()):
        return ""
    known = [rule for rule, found in faults.items() if not found[0].startswith("caller")]
    if not known:
        callers = ", ".join(sorted({rule.caller for rule in rules})) or "nobody"
        return f"no allow rule is for the caller {caller}; the rules are for {callers}"
    nearest = min(known, key=lambda rule: len(faults[rule]))
    return f"{nearest.name} ({nearest}) has not the {' and the '.join(faults[nearest])}"


def service(identity: str) -> str:
    """TENANT/NAME of a SPIFFE ID."""
    tenant, _svc, name = identity.partition("/ns/")[2].partition("/svc/")
    return f"{tenant}/{name}" if tenant else identity


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _policies(files: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Policies by what is called: routes have those of HTTP, listeners those of other protocols."""
    for file, content in files.items():
        for resource in content.get("resources", []):
            if file.startswith("rds_"):
                for host in resource["virtual_hosts"]:
                    for config in host.get("typed_per_filter_config", {}).values():
                        to = "" if file == OWN else resource["name"].replace("_", "/", 1)
                        yield to, config.get("rbac", {}).get("rules", {}).get("policies", {})
            elif file == "lds.json":
                for chain in resource["filter_chains"]:
                    name, _dot, tenant = "".join(chain.get("filter_chain_match", {}).get("server_names", [])).partition(
                        "."
                    )
                    for network in chain["filters"]:
                        if network["name"] == "rbac":
                            policies = network["typed_config"]["rules"].get("policies", {})
                            yield f"{tenant}/{name}" if tenant else "", policies


def _rule(to: str, name: str, policy: Mapping[str, Any]) -> Rule:
    principal = policy["principals"][0]["authenticated"]["principal_name"]
    caller = service(principal["exact"]) if "exact" in principal else f"{service(principal['prefix'])}*"
    methods: list[str] = []
    paths: list[str] = []
    for some in policy["permissions"][0].get("and_rules", {}).get("rules", []):
        for one in some["or_rules"]["rules"]:
            text = one["header"]["string_match"] if "header" in one else one["url_path"]["path"]
            (methods if "header" in one else paths).append(text.get("exact") or f"{text['prefix']}*")
    return Rule(to, name, caller, tuple(methods), tuple(paths))
