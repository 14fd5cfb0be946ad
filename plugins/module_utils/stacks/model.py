# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records every reader fills and everything else reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Union

Key = Union[str, int, None]
Steps = tuple[Union[str, int], ...]


class Output(NamedTuple):
    """One stack output. type: the tool's own type description where the source carries one. fault: as that of a resource."""

    value: Any
    sensitive: bool = False
    type: Any = None
    fault: Sequence[str] = ()


class Resource(NamedTuple):
    """One instance of a resource.

    address: the tool's own address, index included. base: the address of the resource without the instance's own index.
    key: the index (for_each key or count number) or None. sensitive: paths of attributes the tool marks.
    mode: managed or data. note: why it is not an ordinary live object (tainted, planned), or empty.
    fault: what is wrong with it and what to do, raised only when a reference names it.
    """

    address: str
    base: str
    type: str
    key: Key
    attributes: dict[str, Any]
    sensitive: tuple[Steps, ...] = ()
    mode: str = "managed"
    note: str = ""
    fault: Sequence[str] = ()


class Skipped(NamedTuple):
    """An object that is no host, and why."""

    stack: str
    address: str
    reason: str


@dataclass
class Stack:
    """What one stack holds. place: where it was read, for messages. kind: terraform, pulumi, cloudformation or static.

    upstream: for each stack read by this one (terraform_remote_state), the outputs it saw at its own last apply.
    members: for each pool resource (by address or by its name), the servers it made.
    """

    name: str
    kind: str
    place: str
    outputs: dict[str, Output] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)
    workspace: str | None = None
    serial: int | None = None
    lineage: str | None = None
    warnings: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    upstream: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass
class Group:
    """An Ansible group: its hosts, child groups and variables."""

    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)


class Secret(NamedTuple):
    """A sensitive value that the stacks file asks for by name: the plugin marks it before Ansible sees it."""

    value: Any


@dataclass
class Inventory:
    """The whole result. hosts: variables by host name. records: the resource a host was read from, for compose."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    records: dict[str, Resource] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
