# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence for an auditor, for one regime: who did what, when, by which approval, on what, with which exceptions; versions,
certificates and checks of its clusters, and what they say about its controls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.host import atomic

from .. import shape, sign
from ..placement.model import Placement
from ..shape import Moment
from ..user_error import UserError
from .results import Entry

FORMAT = 2
HELD, FAILED, UNCHECKED = "held", "failed", "not checked"
_CHECK = ("check", "title", "host", "target", "passed", "evidence")
_CERTIFICATES = ("certificate", "certificates", "authority")


def environments(placement: Placement, regime: str) -> list[str]:
    """Where applications of a regime run."""
    shape.known(regime, placement.raw["regimes"], placement.path, "regime")
    found = placement.raw["applications"].values()
    return sorted({name for content in found if regime in content["regimes"] for name in content["environments"]})


def about(entries: Sequence[Entry], where: Sequence[str]) -> list[Entry]:
    """The entries about these environments, with the releases that they had and the approvals of their stages."""
    promoted = {e["release"] for e in entries if e["kind"] == "promotion" and e["environment"] in where}
    staged = {e["stage"] for e in entries if e["kind"] == "result" and e["environment"] in where}
    return [
        entry
        for entry in entries
        if entry.get("environment") in where
        or (entry["kind"] == "release" and entry["name"] in promoted)
        or (entry["kind"] == "approval" and entry["stage"] in staged)
    ]


def collect(
    placement: Placement, regime: str, entries: Sequence[Entry], reports: Sequence[Mapping[str, Any]], now: Moment
) -> dict[str, Any]:
    """What belongs to a regime. Of each of its clusters the newest of the reports counts."""
    where = environments(placement, regime)
    content = placement.raw["applications"].items()
    applications = {name: entry for name, entry in content if regime in entry["regimes"]}
    clusters = {run["cluster"] for entry in applications.values() for run in entry["runs"]}
    newest = {r["cluster"]: r for r in sorted(reports, key=lambda r: str(r["time"])) if r["cluster"] in clusters}
    exceptions = [entry for entry in placement.raw["exceptions"] if entry["application"] in applications]
    return {
        "format": FORMAT,
        "regime": regime,
        "at": now.isoformat(timespec="seconds"),
        "environments": where,
        "applications": {name: entry["runs"] for name, entry in applications.items()},
        "controls": {
            control: _judged(kinds, newest.values())
            for control, kinds in placement.raw["regimes"][regime]["controls"].items()
        },
        "clusters": {name: _cluster(newest[name]) for name in sorted(newest)},
        "unreported": sorted(clusters - set(newest)),
        "exceptions": [{**entry, "until": f"{entry['until']:%Y-%m-%d}"} for entry in exceptions],
        "entries": list(entries),
    }


def _judged(kinds: Sequence[str], reports: Any) -> dict[str, Any]:
    """What checks say about a control."""
    checks = [(r["cluster"], c) for r in reports for c in r["checks"] if _plain(c["check"]) in kinds]
    failed = [f"{cluster} {c['target'] or c['host']}: {c['evidence']}" for cluster, c in checks if not c["passed"]]
    state = FAILED if failed else HELD if checks else UNCHECKED
    return {"state": state, "checks": len(checks), "failed": failed, "kinds": list(kinds)}


def _plain(kind: str) -> str:
    return kind.split("_")[0] if kind.startswith("sample_") else kind


def _cluster(report: Mapping[str, Any]) -> dict[str, Any]:
    """A cluster as its report shows it."""
    kept = ("engine", "environment", "version", "collection", "made_of", "time", "passed", "counts", "digest", "result")
    return {
        **{key: report[key] for key in kept if key in report},
        "checks": [{key: check[key] for key in _CHECK} for check in report["checks"]],
    }


def write(content: Mapping[str, Any], path: str, key: str | None) -> str:
    """Sign it and write it; returns the path."""
    signed = sign.sealed(content, sign.load_key(Path(key) if key else sign.default_key()))
    atomic.write(path, json.dumps(signed, indent=1) + "\n", None)
    return path


def read(path: str, trusted: Any) -> dict[str, Any]:
    """Evidence as the trusted key signed it; raise UserError for what is none, or was altered."""
    try:
        content = sign.unsealed(json.loads(Path(path).read_text(encoding="utf-8")), trusted, path)
        known = content["format"] == FORMAT
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: evidence cannot be read there ({error})") from error
    if not known:
        raise UserError(f"{path}: format {content['format']!r}, but this release reads format {FORMAT}")
    return content


def flat(content: Mapping[str, Any]) -> dict[str, str]:
    """Evidence as lines that can be compared; of what changes by itself, such as the time of a report, there is none."""
    return dict(_lines(content))


def _lines(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for control, judged in content["controls"].items():
        yield f"control {control}", "; ".join([f"{judged['state']} ({judged['checks']} checks)", *judged["failed"]])
    for name, places in content["applications"].items():
        yield f"application {name}", ", ".join(f"{run['cluster']}/{run['pool']}" for run in places)
    for name in content["unreported"]:
        yield f"cluster {name}", "no report"
    for name, cluster in content["clusters"].items():
        yield f"cluster {name}", f"{cluster['engine']} {cluster['version']}, collection {cluster['collection']}"
        for part, identity in cluster.get("made_of", {}).items():
            yield f"{name} {part}", identity
        for check in cluster["checks"]:
            target = f"{name} {check['target'] or check['host']}"
            if check["check"] in _CERTIFICATES and check["passed"]:
                yield f"{check['check']} {target}", check["evidence"].partition(",")[0]
            elif not check["passed"]:
                yield f"check {check['check']} {target}", f"failed: {check['evidence']}"
    for entry in content["exceptions"]:
        text = f"{', '.join(entry['rules'])} until {entry['until']}, by {entry['approved_by']}: {entry['reason']}"
        yield f"exception {entry['application']} on {entry['cluster']}", text
    for entry in content["entries"]:
        keys = ("stage", "release", "name", "result", "decision", "by", "reason", "override_freeze")
        yield f"{entry['kind']} {entry['number']}", " ".join(str(entry[key]) for key in keys if entry.get(key))
