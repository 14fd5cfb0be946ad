# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a Kubernetes cluster, compared and applied by kubectl on a manager. Standard library only."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..host import programs
from .api import ACCESS_FILE, FIELD_MANAGER

PROGRAM = "/usr/local/bin/kubectl"
OPTIONS = ("--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "-f", "-")


class ManifestError(Exception):
    """kubectl refused; the message is what it said."""


def documents(text: str) -> Iterator[str]:
    """The YAML documents of a text that say something."""
    for document in re.split(r"^---.*$", text, flags=re.MULTILINE):
        if re.search(r"^[^#\s]", document, re.MULTILINE):
            yield document.strip("\n") + "\n"


def chosen(document: str, kinds: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether a document is of one of C(kinds) and C(names), read from its own first-level lines."""
    kind = re.search(r"^kind: *[\"']?([\w.-]+)", document, re.MULTILINE)
    name = re.search(r"^metadata:\n(?:[ #].*\n)*?  name: *[\"']?([\w.:-]+)", document, re.MULTILINE)
    return all(
        not desired or (found is not None and found[1] in desired) for found, desired in ((kind, kinds), (name, names))
    )


def compose(files: Sequence[dict[str, Any]], objects: Sequence[dict[str, Any]]) -> str:
    """One text of the chosen documents of C(files) ({path, kinds, names}; a path may be a folder) and of C(objects). Raises ManifestError."""
    found = []
    for file in files:
        path = Path(file["path"])
        text = "---\n".join(
            one.read_text("utf-8") for one in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])
        )
        taken = [entry for entry in documents(text) if chosen(entry, file["kinds"], file["names"])]
        if not taken:
            raise ManifestError(
                f"{file['path']} has no object of {', '.join(file['kinds'] or file['names']) or 'any kind'}"
            )
        found += taken
    found += [json.dumps(entry) + "\n" for entry in objects]
    return "---\n".join(found)


def diff(text: str) -> str:
    """Return what would change, '' for nothing. Raises ManifestError."""
    done = _kubectl("diff", text)
    if done.returncode > 1:
        raise ManifestError(_words("diff", done))
    return done.stdout if done.returncode else ""


def apply(text: str) -> None:
    """Apply the objects. Raises ManifestError."""
    done = _kubectl("apply", text)
    if done.returncode:
        raise ManifestError(_words("apply", done))


def _kubectl(verb: str, text: str) -> subprocess.CompletedProcess[str]:
    return programs.run([PROGRAM, verb, *OPTIONS], text, more={"KUBECONFIG": ACCESS_FILE})


def _words(verb: str, done: subprocess.CompletedProcess[str]) -> str:
    return f"'kubectl {verb}' failed: {' | '.join(done.stderr.split(chr(10))).strip(' |')[:800]}"
