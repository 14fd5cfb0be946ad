# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit XML, which every CI system reads: a test suite a group, a test case a check."""

from __future__ import annotations

from xml.etree import ElementTree

from .model import Report


def clean(text: str) -> str:
    """Return text without the characters XML 1.0 cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) <= 0xFFFD)


def render(report: Report) -> str:
    """Return the XML document."""
    root = ElementTree.Element("testsuites", name=clean(f"cluster {report.cluster}"))
    for name, checks in report.grouped().items():
        failed = sum(not check["passed"] for check in checks)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=name,
            tests=str(len(checks)),
            failures=str(failed),
            errors="0",
            skipped="0",
            time=f"{sum(check['seconds'] for check in checks):.3f}",
            timestamp=report.time,
        )
        for check in checks:
            title = f"{check['title']}: {check['target']}" if check["target"] else check["title"]
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=clean(f"{report.cluster}.{check['host']}"),
                name=clean(title),
                time=f"{check['seconds']:.3f}",
            )
            if not check["passed"]:
                failure = ElementTree.SubElement(case, "failure", message=clean(check["evidence"]), type=check["check"])
                failure.text = clean(f"{check['evidence']}\ncure: {check['remedy']}")
            else:
                ElementTree.SubElement(case, "system-out").text = clean(check["evidence"])
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
