# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file without anything from elsewhere. All texts are escaped: names come from outside."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check

from .drawing import draw
from .model import Report

STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --soft: #5b6b7b; --paper: #fff; --back: #eef2f6; --line: #d6dee7;
  --good: #14804a; --good-back: #e3f4ea; --bad: #b3261e; --bad-back: #fdeae8; --off: #8794a1; --band: #f6f9fc;
  --manager: #e8effb; --manager-line: #b9cbee; --pool: #f1eefb; --pool-line: #cfc6ef; --instance: #7057c9 }
@media (prefers-color-scheme: dark) { :root { --ink: #e2e9f0; --soft: #9babbb; --paper: #17202a; --back: #0e151c;
  --line: #2c3a49; --good: #55c98c; --good-back: #123322; --bad: #ff8a80; --bad-back: #3d1917; --off: #6b7885;
  --band: #131b24; --manager: #192a44; --manager-line: #34517f; --pool: #241f3d; --pool-line: #4a3f7d;
  --instance: #a48ff0 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px }
header { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; margin-bottom: 18px }
h1 { font-size: 24px; margin: 0; flex: 1 1 auto; overflow-wrap: anywhere }
h2 { font-size: 17px; margin: 30px 0 10px }
.verdict { font-weight: 600; padding: 7px 16px; border-radius: 999px }
.verdict.good { color: var(--good); background: var(--good-back) } .verdict.bad { color: var(--bad); background: var(--bad-back) }
.facts { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 0 0 20px } .facts div { display: flex; gap: 8px }
.facts dt { color: var(--soft) } .facts dd { margin: 0; overflow-wrap: anywhere }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 14px; padding: 18px }
details.card { padding: 0; margin-bottom: 12px; overflow: hidden }
summary { cursor: pointer; padding: 13px 18px; font-weight: 600; display: flex; gap: 12px; align-items: center }
summary::before { content: "▸"; color: var(--soft) } details[open] summary::before { content: "▾" }
summary span { margin-left: auto; font-weight: 500; font-size: 14px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th { text-align: left; color: var(--soft); font-weight: 500 }
th, td { padding: 8px 12px; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
th:first-child, td:first-child { padding-left: 18px; width: 84px; white-space: nowrap } td:nth-child(2) { width: 250px }
td:nth-child(3) { width: 190px } td:nth-child(5), th:nth-child(5) { text-align: right; width: 70px; white-space: nowrap;
  color: var(--soft) }
td small { color: var(--soft); display: block } code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace }
.good { color: var(--good) } .bad { color: var(--bad) } tr.failed td { background: var(--bad-back) }
.remedy { display: block; margin-top: 4px }
svg { width: 100%; height: auto; display: block; font: 13px system-ui, "Segoe UI", sans-serif }
svg text { fill: var(--ink) } svg .address { fill: var(--soft); font-size: 12px; font-family: ui-monospace, monospace }
svg .band { fill: var(--band); stroke: var(--line) } svg .band-title { font-weight: 600 } svg .name { font-weight: 600 }
svg .frame-title { fill: var(--soft) } svg .managers .frame { fill: var(--manager); stroke: var(--manager-line) }
svg .pool .frame { fill: var(--pool); stroke: var(--pool-line) } svg .host rect { fill: var(--paper); stroke: var(--line) }
svg .host.bad > rect:first-child { stroke: var(--bad); stroke-width: 2 } svg .host.off { opacity: .65 }
svg .host circle { fill: var(--good) } svg .host.bad circle { fill: var(--bad) } svg .host.off circle { fill: var(--off) }
svg .host .instance { fill: var(--instance); stroke: var(--instance) } svg .host .moved { fill: none; stroke-dasharray: 2 }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; color: var(--soft); font-size: 13px; margin-top: 12px }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 7px; vertical-align: -1px }
.filters { display: flex; flex-wrap: wrap; gap: 8px 16px; margin: 0 0 12px } .filters label { color: var(--soft) }
select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 3px 8px }
details.passed { border: 0 } details.passed > summary { font-weight: 500; border-top: 1px solid var(--line) }
@media (max-width: 640px) { main { padding: 16px 10px 40px } .drawing { overflow-x: auto } .drawing svg { min-width: 620px }
  table, tbody, tr, td { display: block; width: auto !important } tr:has(th) { display: none }
  tr { padding: 8px 12px; border-top: 1px solid var(--line) }
  td, td:first-child { border: 0; padding: 1px 0; text-align: left !important } }
@media print { body { background: #fff } details > * { display: block } .card { break-inside: avoid } }
"""

SHORT = 20  # checks; longer groups show what failed, and fold what passed

# Rows that a filter leaves out are hidden by style alone: the page has no program.
_BY_RESULT = "main:has(#result option[value={0}]:checked) tr[data-host]:not(.{0}) {{ display: none }}"
_BY_HOST = 'main:has(#host option[value="{0}"]:checked) tr[data-host]:not([data-host="{0}"]) {{ display: none }}'

_LEGEND = (
    ("good", "", "all checks passed"),
    ("bad", "", "a check failed"),
    ("off", "", "did not answer"),
    ("instance", "border-radius:3px;", "instance of the sample application (dashed: where it was before a drill)"),
)


def _row(check: Check, numbers: Mapping[str, int]) -> str:
    mark = '<td class="good">passed</td>' if check["passed"] else '<td class="bad"><b>failed</b></td>'
    target = f"<small>{escape(check['target'])}</small>" if check["target"] else ""
    remedy = f'<span class="remedy">Remedy: {escape(check["remedy"])}</span>' if check["remedy"] else ""
    return (
        f'<tr class="{"passed" if check["passed"] else "failed"}" data-host="{numbers[check["host"]]}">{mark}<td>{escape(check["title"])}</td>'
        f"<td>{escape(check['host'])}{target}</td><td><code>{escape(check['evidence'])}</code>{remedy}</td>"
        f"<td>{check['seconds']:.2f} s</td></tr>"
    )


def _table(checks: list[Check], numbers: Mapping[str, int]) -> str:
    head = "<tr><th></th><th>Check</th><th>Host and target</th><th>Evidence</th><th>Time</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(_row(check, numbers) for check in checks)}</table></div>'


def _group(name: str, checks: list[Check], numbers: Mapping[str, int]) -> str:
    failed = sum(not check["passed"] for check in checks)
    count = f'<span class="bad">{failed} of {len(checks)} failed</span>' if failed else (
        f'<span class="good">{len(checks)} passed</span>'
    )  # fmt: skip
    bad, good = [c for c in checks if not c["passed"]], [c for c in checks if c["passed"]]
    body = _table([*bad, *good], numbers)
    if bad and len(checks) > SHORT:
        folded = f'<details class="passed"><summary>{len(good)} that passed</summary>{_table(good, numbers)}</details>'
        body = _table(bad, numbers) + (folded if good else "")
    shown = " open" if bad or len(checks) <= SHORT else ""
    return f'<details class="card"{shown}><summary>{escape(name)}{count}</summary>{body}</details>'


def _filters(numbers: Mapping[str, int]) -> str:
    hosts = "".join(f'<option value="{number}">{escape(name)}</option>' for name, number in numbers.items())
    rules = [_BY_RESULT.format(result) for result in ("failed", "passed")]
    rules += [_BY_HOST.format(number) for number in numbers.values()]
    return (
        f'<style>{" ".join(rules)}</style><p class="filters"><label>Host <select id="host"><option value="">all</option>'
        f'{hosts}</select></label> <label>Result <select id="result"><option value="">all</option>'
        '<option value="failed">failed</option><option value="passed">passed</option></select></label></p>'
    )


def render(report: Report) -> str:
    """Return the HTML document."""
    failed, total = len(report.failed), len(report.checks)
    numbers = {name: number for number, name in enumerate(sorted({check["host"] for check in report.checks}))}
    verdict = f"{total - failed} of {total} checks passed" if failed else f"All {total} checks passed"
    verdict = verdict if total else "Nothing was checked"
    facts = {
        "Engine": f"{report.engine} {report.version}".strip(),
        "Environment": report.environment,
        "Endpoint": report.endpoint,
        "Hosts": str(len(report.hosts)),
        "Verified": report.time,
        "Duration": f"{report.seconds:.0f} s" if report.seconds else "",
        "Collection": report.collection,
    }
    lines = "".join(f"<div><dt>{n}</dt><dd>{escape(v)}</dd></div>" for n, v in facts.items() if v)
    legend = "".join(
        f'<span><i style="{shape}background:var(--{colour})"></i>{text}</span>' for colour, shape, text in _LEGEND
    )
    faults = f'<h2>What failed</h2><div class="card" style="padding:0;overflow:hidden">{_table(report.failed, numbers)}</div>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Cluster {escape(report.cluster)}: {verdict}</title><style>{STYLE}</style></head><body><main>"
        f"<header><h1>Cluster {escape(report.cluster)}</h1>"
        f'<span class="verdict {"good" if report.passed else "bad"}">{verdict}</span></header>'
        f'<dl class="facts">{lines}</dl>'
        f'<div class="card"><div class="drawing">{draw(report)}</div><div class="legend">{legend}</div></div>'
        f"{faults if failed else ''}"
        f"<h2>Every check</h2>{_filters(numbers)}{''.join(_group(name, checks, numbers) for name, checks in report.grouped().items())}"
        "</main></body></html>\n"
    )
