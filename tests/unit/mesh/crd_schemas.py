# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of custom resources: taken out of their definitions, and closed, so that an unknown field is a fault.

An API server drops unknown fields without a word unless it is asked to be strict. C(data/*.json) are made of definitions::

    python tests/unit/mesh/crd_schemas.py HTTPRoute,GRPCRoute FILE... > tests/unit/mesh/data/NAME.json

Templates of charts are read too: their lines with C({{) are left out. C(data/*.yml) are written by hand, for kinds whose definitions
were not to be had; where both have a kind, that of the definition counts.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

DATA = Path(__file__).with_name("data")
KEPT = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string")


def schemas(texts: Iterable[str], kinds: Iterable[str]) -> dict[str, Any]:
    """The schema of these kinds' stored version by C(apiVersion kind), without descriptions and status."""
    found = {}
    for text in texts:
        plain = "\n".join(line for line in text.splitlines() if "{{" not in line)
        for definition in filter(None, yaml.safe_load_all(plain)):
            spec = definition["spec"]
            if spec["names"]["kind"] not in kinds:
                continue
            (version,) = [one for one in spec["versions"] if one["storage"]]
            schema = _bare(version["schema"]["openAPIV3Schema"])
            schema["properties"].pop("status", None)
            found[f"{spec['group']}/{version['name']} {spec['names']['kind']}"] = schema
    return found


def _bare(node: Any) -> Any:
    """A schema without what says nothing to a validator; properties may have any name."""
    if isinstance(node, list):
        return [_bare(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _bare(one) for name, one in value.items()} if key == "properties" else _bare(value)
        for key, value in node.items()
        if key != "description" and (not key.startswith("x-") or key in KEPT)
    }


def closed(node: Any) -> Any:
    """A schema that takes no field which it does not name, and both a number and text where the definition says so."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {key: closed(value) for key, value in node.items() if key != "properties"}
    if "properties" in node:
        found["properties"] = {name: closed(value) for name, value in node["properties"].items()}
        if "type" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    return found


@functools.cache
def stored() -> dict[str, Any]:
    """Every schema that is stored, by C(apiVersion kind)."""
    found = {}
    for path in sorted(DATA.glob("*.yml")):
        by_hand = yaml.safe_load(path.read_text())
        found |= {name: {**schema, "$defs": by_hand["$defs"]} for name, schema in by_hand["schemas"].items()}
    for path in sorted(DATA.glob("*.json")):
        found |= json.loads(path.read_text())
    return found


def faults(entry: dict[str, Any]) -> Iterator[str]:
    """What of an object its schema does not take."""
    kind = f"{entry['apiVersion']} {entry['kind']}"
    for error in _validator(kind).iter_errors(entry):
        yield f"{kind} {entry['metadata'].get('name')}: {error.json_path}: {error.message}"


@functools.cache
def _validator(kind: str) -> Any:
    schema = closed(stored()[kind])
    # Metadata is the same for all kinds; definitions leave it open.
    schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": closed(stored()["metadata"])}
    return jsonschema.Draft202012Validator(schema)


if __name__ == "__main__":
    found = schemas((Path(name).read_text() for name in sys.argv[2:]), sys.argv[1].split(","))
    print(json.dumps(found, indent=1, sort_keys=True))
