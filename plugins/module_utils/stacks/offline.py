# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be checked of a stacks file against the stacks' code, before anything is applied."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import code as hcl
from . import config, host_types, paths, reference
from .code import Code, Declared, Unknown
from .errors import StackError, known

# Addresses of a network that no server gets: a cloud keeps five (AWS VPC User Guide, "Subnet sizing"), the most of all.
RESERVED = 5
# Where a pool resource says how many servers it makes at most.
_KINDS = {
    "endpoint": ("string",),
    "environment": ("string",),
    "networks": ("map", "list", "string"),
    "size": ("number", "string"),
}
MAXIMUM = ("max_size", "maximum_capacity", "max_replicas", "instances", "target_size", "desired_capacity", "size")


class Check(NamedTuple):
    """One finding. passed: None where it cannot be known yet, or was not tried."""

    title: str
    passed: bool | None
    evidence: str
    remedy: str = ""


def check(document: Any, path: str, folders: Mapping[str, str]) -> list[Check]:
    """Check the stacks file at PATH. FOLDERS: the folder of each stack's code, where it is not the one of its state."""
    stacks = config.mapping(config.mapping(document, path).get("stacks"), f"{path}: stacks")
    base = os.path.dirname(os.path.abspath(path))
    codes: dict[str, Code] = {}
    checks = []
    for name, entry in stacks.items():
        folder = folders.get(name) or _folder(entry)
        if folder is None:
            checks.append(
                Check(
                    f"code of stack {name}",
                    None,
                    "it is not known where it lies",
                    f"Give its folder as `{name}` under `code`",
                )
            )
            continue
        try:
            codes[name] = hcl.read(os.path.normpath(os.path.join(base, os.path.expanduser(folder))))
            checks.append(Check(f"code of stack {name}", True, codes[name].place))
            checks.extend(_binary(name, codes[name].place))
        except StackError as error:
            checks.append(Check(f"code of stack {name}", False, f"{error.place}: {error.fault}", error.remedy))
    if document.get("clusters") is None:
        found = [name for name, stack in codes.items() if "clusters" in stack.outputs]
        checks.append(
            Check(
                "clusters",
                bool(found),
                f"described by {', '.join(found) or 'no stack'}",
                "Declare an output named clusters, or add `clusters:`",
            )
        )
        return checks
    for cluster in config.clusters(document["clusters"], f"{path}: clusters").values():
        checks.extend(_cluster(cluster, codes, set(stacks)))
    return checks


def _folder(entry: Any) -> str | None:
    """Where the code of a stack lies unless the caller names another folder: beside its state."""
    value = entry.get("pull") or entry.get("state") if isinstance(entry, dict) else None
    value = value.get("folder") if isinstance(value, dict) else value
    if not isinstance(value, str):
        return None
    return value if "pull" in entry or not value.endswith((".tfstate", ".json")) else os.path.dirname(value) or "."


def _cluster(cluster: config.Cluster, codes: Mapping[str, Code], stacks: set[str]) -> list[Check]:
    """The references of a cluster, and whether its networks hold it."""
    values = {name: getattr(cluster, name) for name in ("endpoint", "networks", "environment")}
    checks = _values(cluster.place, {**values, "vars": cluster.variables}, codes, stacks)
    networks = _evaluated(cluster.networks, codes)
    if cluster.managed:
        checks.append(_hosts(cluster.place, cluster.managed, codes, stacks, "managed")[0])
    sizes: dict[str, int | None] = {}
    parts = {"managers": cluster.managers} if cluster.managers else {}
    for name, part in {**parts, **cluster.pools}.items():
        sizes[name] = 0
        for where, item in _items("hosts", part.hosts):
            if reference.is_reference(item):
                check, size = _hosts(part.place, item, codes, stacks, where)
                checks.append(check)
            else:
                checks.extend(_values(part.place, {where: item}, codes, stacks))
                size = 1
            so_far = sizes[name]
            sizes[name] = None if size is None or so_far is None else so_far + size
        checks.extend(_values(part.place, {"labels": part.labels, "size": part.size}, codes, stacks))
        if isinstance(part.size, int):
            sizes[name] = max(part.size, sizes[name] or 0)
    checks.extend(_networks(cluster.place, networks, sizes) if networks is not None else [])
    return checks


def _items(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What stands in a list or a mapping, or VALUE itself where it is neither, each with its place."""
    if isinstance(value, dict):
        yield from ((f"{where}.{key}", item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((f"{where}[{number}]", item) for number, item in enumerate(value))
    else:
        yield where, value


def _values(place: str, values: Mapping[str, Any], codes: Mapping[str, Code], stacks: set[str]) -> list[Check]:
    """The checks of every reference in VALUES, wherever it stands."""
    checks = []
    for where, value in values.items():
        if reference.is_reference(value):
            checks.append(_value(place, where, value, codes, stacks, _KINDS.get(where, ())))
        elif isinstance(value, (dict, list)):
            checks.extend(_values(place, dict(_items(where, value)), codes, stacks))
    return checks


def _title(place: str, what: str, text: str) -> str:
    return f"{place.rsplit(': ', 1)[-1]}.{what}: {text}"


def _parsed(text: str) -> reference.Reference:
    try:
        return reference.parse(text)
    except ValueError as error:
        raise StackError(text, str(error), "Write STACK.outputs.NAME[.path] or STACK.resources.ADDRESS") from None


def _value(
    place: str, what: str, text: str, codes: Mapping[str, Code], stacks: set[str], kinds: tuple[str, ...]
) -> Check:
    """Whether an output is declared, and of a kind that fits."""
    title, ref = _title(place, what, text), _parsed(text)
    if ref.pattern is not None:
        return Check(title, False, "it names resources where one value is wanted", "Name an output")
    missing = _missing(title, ref, codes, stacks)
    if missing:
        return missing
    kind = hcl.kind_of(_evaluated(text, codes))
    if kinds and kind and kind not in kinds:
        return Check(title, False, f"it is a {kind}", f"Make it a {' or '.join(kinds)}")
    return Check(title, True, f"declared in {codes[ref.stack].place}{f', a {kind}' if kind else ''}")


def _missing(title: str, ref: reference.Reference, codes: Mapping[str, Code], stacks: set[str]) -> Check | None:
    if ref.stack not in stacks:
        return Check(
            title, False, f"there is no stack {ref.stack}", f"Correct it; {known(ref.stack, stacks, 'stacks')}"
        )
    if ref.stack not in codes:
        return Check(title, None, f"the code of {ref.stack} is not available")
    if ref.pattern is None and ref.name not in codes[ref.stack].outputs:
        outputs = codes[ref.stack].outputs
        return Check(
            title,
            False,
            f"{codes[ref.stack].place} declares no output {ref.name}",
            f"Declare it; {known(ref.name, outputs, 'outputs')}",
        )
    return None


def _evaluated(value: Any, codes: Mapping[str, Code]) -> Any:
    """VALUE with its references replaced by what the code tells of them."""
    if isinstance(value, dict):
        return {key: _evaluated(item, codes) for key, item in value.items()}
    if isinstance(value, list):
        return [_evaluated(item, codes) for item in value]
    if not reference.is_reference(value):
        return value
    ref = _parsed(value)
    stack = codes.get(ref.stack)
    if stack is None or ref.name not in stack.outputs:
        return Unknown()
    value = paths.resolve(hcl.evaluate(stack, stack.outputs[ref.name].get("value")), ref.path)
    return Unknown() if value is paths.MISSING else value


def _hosts(
    place: str, text: str, codes: Mapping[str, Code], stacks: set[str], what: str = "hosts"
) -> tuple[Check, int | None]:
    """Whether the hosts of a part are declared, and how many there may be at most."""
    title, ref = _title(place, what, text), _parsed(text)
    if ref.pattern is None:
        value = _evaluated(text, codes)
        size = len(value) if isinstance(value, (list, dict)) else None
        return _value(place, what, text, codes, stacks, ("list", "map", "string")), size
    missing = _missing(title, ref, codes, stacks)
    if missing:
        return missing, None
    stack = codes[ref.stack]
    try:
        declared = hcl.addresses(stack)
    except StackError as error:
        return Check(title, False, f"{error.place}: {error.fault}", error.remedy), None
    address = text.split(".resources.", 1)[1]
    found = {name: item for name, item in declared.items() if item and _names(ref, name)}
    if not found:
        elsewhere = [name for name in declared if name.endswith(".**") and address.split(".")[0] == "module"]
        if elsewhere:
            return Check(title, None, f"it may stand in {', '.join(elsewhere)}, whose code is not available"), None
        return Check(
            title,
            False,
            f"{stack.place} declares no resource of that address",
            f"Declare it; {known(address, declared, 'addresses')}",
        ), None
    sizes = [_maximum(item) for item in found.values() if item]
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    return Check(title, True, f"declared: {', '.join(found)}{f', {total} at most' if total is not None else ''}"), total


def _names(ref: reference.Reference, address: str) -> bool:
    """Whether a reference, its indexes apart, names a declared address."""
    if ref.pattern is None:
        return False
    bare = ref.text.split(".resources.", 1)[1]
    while "[" in bare:
        start = bare.index("[")
        end = bare.find('"]', start) + 2 if bare[start + 1 : start + 2] == '"' else bare.find("]", start) + 1
        bare = bare[:start] + bare[end:] if end > start + 1 else bare[:start]
    pattern = reference.parse(f"s.resources.{bare}").pattern
    return (
        pattern is not None and pattern.fullmatch(address) is not None and (ref.data or not address.startswith("data."))
    )


def _maximum(item: Declared) -> int | None:
    """How many servers a resource makes at most; a pool resource tells by its own attributes."""
    if item.type not in host_types.POOLS:
        return item.number
    for key in MAXIMUM:
        value = hcl.evaluate(item.code, item.body[key]) if key in item.body else None
        if isinstance(value, int):
            return None if item.number is None else value * item.number
    return None


def _networks(place: str, value: Any, sizes: Mapping[str, int | None]) -> list[Check]:
    """Networks overlap nowhere, the one named after a part holds it, and all together hold all."""
    title = f"{place.rsplit(': ', 1)[-1]}.networks"
    items = (
        value.items()
        if isinstance(value, dict)
        else [(str(text), text) for text in value]
        if isinstance(value, list)
        else [("network", value)]
    )
    networks: dict[str, Any] = {}
    for name, entry in items:
        text = entry
        if isinstance(entry, dict):
            text = next((entry[key] for key in host_types.CIDR if entry.get(key)), None)
        if not isinstance(text, str):
            return [Check(title, None, "they are known only after the stack is applied")]
        try:
            networks[name] = ipaddress.ip_network(text)
        except ValueError:
            return [Check(f"{title}.{name}", False, f"{text} is no network", "Give a CIDR text such as 10.0.1.0/24")]
    checks = []
    listed = list(networks.items())
    for number, (name, network) in enumerate(listed):
        for other, another in listed[number + 1 :]:
            if network.version == another.version and network.overlaps(another):
                checks.append(
                    Check(
                        title,
                        False,
                        f"{name} {network} and {other} {another} overlap",
                        "Give each an address range of its own",
                    )
                )
    checks = checks or [Check(title, True, "none overlaps another")]
    room = {name: max(network.num_addresses - RESERVED, 0) for name, network in networks.items()}
    for part, size in sizes.items():
        if part in room:
            evidence = f"{networks[part]} has room for {room[part]}, it grows to {'an unknown number' if size is None else size}"
            checks.append(
                Check(
                    f"{title}.{part} holds its part",
                    None if size is None else size <= room[part],
                    evidence,
                    "Widen the network, or lower the maximum",
                )
            )
    if None not in sizes.values():
        total = sum(size for size in sizes.values() if size is not None)
        checks.append(
            Check(
                f"{title} hold the cluster",
                total <= sum(room.values()),
                f"room for {sum(room.values())}, it grows to {total}",
                "Widen a network, or add one",
            )
        )
    return checks


def _binary(name: str, folder: str) -> list[Check]:
    """`fmt -check`, and `validate` where the folder is initialised, by the binary of PATH."""
    binary = shutil.which("terraform") or shutil.which("tofu")
    if not binary:
        return [
            Check(
                f"format and validity of stack {name}",
                None,
                "neither terraform nor tofu is on PATH",
                "Install one to have this checked",
            )
        ]
    checks = []
    for title, argv in (("format", ["fmt", "-check", "-recursive"]), ("validity", ["validate", "-no-color"])):
        if title == "validity" and not os.path.isdir(os.path.join(folder, ".terraform")):
            checks.append(
                Check(
                    f"validity of stack {name}",
                    None,
                    "the folder is not initialised",
                    "Run `init -backend=false` there to have this checked",
                )
            )
            continue
        try:
            done = subprocess.run(
                [binary, *argv],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            checks.append(Check(f"{title} of stack {name}", False, str(error), "Make the binary work by hand first"))
            continue
        output = " ".join((done.stdout + done.stderr).split())[:300]
        remedy = f"Run `{os.path.basename(binary)} fmt -recursive`" if title == "format" else "Correct the code"
        checks.append(Check(f"{title} of stack {name}", done.returncode == 0, output or "no difference", remedy))
    return checks
