# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration entries of Consul brought to the desired state; those of others are left alone. Standard library only.

Consul refuses an entry that contradicts another one, such as a split to a version that no entry has yet. So what is refused is tried
again after the rest, and a resolver first keeps the versions that it had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .api import Api, ApiError

MARK = ("managed-by", "keelson")
KINDS = (
    *("proxy-defaults", "mesh", "service-defaults", "service-resolver", "service-splitter", "service-router"),
    "service-intentions",
)
Change = tuple[str, Callable[[], Any]]


class ForeignEntry(Exception):
    """An entry of somebody else is in the way; the message names it."""


def has(actual: Any, desired: Any) -> bool:
    """Whether an answer of Consul has all that is desired; it adds what it knows itself."""
    if isinstance(desired, Mapping):
        return isinstance(actual, Mapping) and all(has(actual.get(name), part) for name, part in desired.items())
    if isinstance(desired, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(desired)
            and all(has(one, other) for one, other in zip(actual, desired))
        )
    return bool(actual == desired or (actual is None and desired in (False, "", 0)))


def read(api: Api) -> dict[tuple[str, str], dict[str, Any]]:
    """All entries of the kinds that a mesh has. Raises ApiError."""
    return {key(entry): entry for kind in KINDS for entry in api.get(f"/v1/config/{kind}") or []}


def key(entry: Mapping[str, Any]) -> tuple[str, str]:
    """How an entry is known."""
    return str(entry["Kind"]), str(entry.get("Name") or "mesh")


def _ours(entry: Mapping[str, Any]) -> bool:
    return (entry.get("Meta") or {}).get(MARK[0]) == MARK[1]


def changes(
    api: Api, held: Mapping[tuple[str, str], dict[str, Any]], desired: Sequence[dict[str, Any]]
) -> list[Change]:
    """What is to be done, in an order that mostly works. Raises ForeignEntry."""
    described = {key(entry): entry for entry in desired}
    found: list[Change] = []
    for name, entry in described.items():
        old = held.get(name, {})
        if old and not _ours(old):
            raise ForeignEntry(f"the entry {' '.join(name)} is not of this collection: remove it, or the service")
        if has(old, entry) and set(entry.get("Subsets", ())) == set(old.get("Subsets") or ()):
            continue
        between = {**(old.get("Subsets") or {}), **entry.get("Subsets", {})}
        if len(between) > len(entry.get("Subsets", ())):
            found.append((f"prepare {' '.join(name)}", _put(api, {**entry, "Subsets": between})))
        found.append((f"{'change' if old else 'make'} {' '.join(name)}", _put(api, entry)))
    gone = [name for name, entry in held.items() if name not in described and _ours(entry)]
    gone.sort(key=lambda name: -KINDS.index(name[0]))
    return [*found, *((f"remove {' '.join(name)}", _delete(api, name)) for name in gone)]


def _put(api: Api, entry: dict[str, Any]) -> Callable[[], Any]:
    return lambda: api.put("/v1/config", entry)


def _delete(api: Api, name: tuple[str, str]) -> Callable[[], Any]:
    return lambda: api.delete("/v1/config/" + "/".join(name))


def carry_out(due: Iterable[Change]) -> None:
    """Do it; what is refused is tried again as long as anything else goes through. Raises ApiError with the first refusal."""
    waiting = list(due)
    while waiting:
        refused: list[tuple[Change, ApiError]] = []
        for change in waiting:
            try:
                change[1]()
            except ApiError as error:
                refused.append((change, error))
        if len(refused) == len(waiting):
            first, refusal = refused[0]
            raise ApiError(refusal.status, f"{first[0]}: {refusal.message}")
        waiting = [change for change, _refusal in refused]


def lifetime(api: Api, minutes: int, check: bool) -> list[str]:
    """Have leaf certificates of a lifetime; returns what was, or would be, done. Raises ApiError."""
    path, ttl = "/v1/connect/ca/configuration", f"{minutes}m"
    given = api.get(path)
    if given["Config"].get("LeafCertTTL") == ttl:
        return []
    if not check:
        body = {"Provider": given["Provider"], "Config": {**given["Config"], "LeafCertTTL": ttl}}
        api.put(path, body)
    return [f"leaf certificates of {minutes} minutes"]
