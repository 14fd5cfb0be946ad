# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardening profile: what its controls set, and whether a root file system meets them.

A control is an entry of the role's C(vars/main/hardening.yml), where the words are explained.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES

from ..errors import ImageError
from .packages import read_packages
from .tree import TreeError, inside

Control = Mapping[str, Any]

SYSCTL = "/etc/sysctl.d/50-hardening.conf"
MODPROBE = "/etc/modprobe.d/60-hardening.conf"
#: The first value counts, and Debian's sshd_config includes these first.
SSHD = "/etc/ssh/sshd_config.d/10-hardening.conf"
UNITS = "etc/systemd/system"
#: Whose files the controls speak of.
OWNER = 0


def applied(controls: Sequence[Control], exempt: Mapping[str, str]) -> list[Control]:
    """The controls without those a site exempts; raise ImageError for a number that is none, or without a reason."""
    known = {control["id"] for control in controls}
    for number, reason in exempt.items():
        if number not in known:
            raise ImageError(f"host_node_hardening_exempt: there is no control {number}; see vars/main/hardening.yml")
        if not str(reason).strip():
            raise ImageError(f"host_node_hardening_exempt: control {number} is exempt without a reason")
    return [control for control in controls if control["id"] not in exempt]


def merged(controls: Iterable[Control], word: str) -> dict[str, Any]:
    """All entries of a dictionary word, such as `sysctls`."""
    return {key: value for control in controls for key, value in control.get(word, {}).items()}


def listed(controls: Iterable[Control], word: str) -> list[str]:
    """All entries of a list word, such as `modules`, each once."""
    return sorted({entry for control in controls for entry in control.get(word, [])})


def files(controls: Sequence[Control]) -> list[dict[str, Any]]:
    """What the controls write, as module config_files takes it."""
    modules = "".join(f"install {name} /bin/false\nblacklist {name}\n" for name in listed(controls, "modules"))
    sysctls = "".join(f"{key} = {value}\n" for key, value in sorted(merged(controls, "sysctls").items()))
    options = "".join(f"{key} {value}\n" for key, value in merged(controls, "sshd").items())
    own = [{"path": SYSCTL, "content": sysctls, "mode": "0644"}, {"path": MODPROBE, "content": modules, "mode": "0644"}]
    own.append({"path": SSHD, "content": options, "mode": "0600"})
    return own + [dict(entry) for control in controls for entry in control.get("files", [])]


def units(controls: Sequence[Control]) -> list[dict[str, str]]:
    """The units the controls enable, as module service_unit takes them."""
    return [{"name": name} for name in listed(controls, "enabled")]


def faults(tree: Path, control: Control) -> list[str]:
    """What of a control a root file system does not meet; the words are those of the evidence."""
    installed = {package.name for package in read_packages(tree)} if control.get("absent") else set()
    blocked = _blocked(tree) if "modules" in control or "loadable" in control else set()
    found = [f"the package {name} is installed" for name in control.get("absent", []) if name in installed]
    found += [f"the module {name} can be loaded" for name in control.get("modules", []) if name not in blocked]
    found += [f"the module {name} cannot be loaded" for name in control.get("loadable", []) if name in blocked]
    found += list(_settings(tree, SYSCTL, control.get("sysctls", {}), r"{key}\s*=\s*{value}"))
    found += list(_settings(tree, SSHD, control.get("sshd", {}), r"{key}\s+{value}"))
    for entry in control.get("files", []):
        found += list(_file(tree, entry))
    for path, mode in control.get("modes", {}).items():
        found += list(_mode(tree, path, mode))
    for entry in control.get("expects", []):
        found += list(_expected(tree, entry))
    starting = enabled(tree)
    found += [f"{name} does not start" for name in control.get("enabled", []) if name not in starting]
    found += [f"{name} starts" for name in control.get("disabled", []) if name in starting]
    if "setuid" in control:
        found += [f"{path} runs with more rights" for path in privileged(tree) if path not in control["setuid"]]
    return found


def privileged(tree: Path) -> Iterator[str]:
    """Programs in a tree that run as their owner or group; container images are not looked into."""
    skipped = {str(tree / runtime.data) for runtime in RUNTIMES.values()}
    for folder, names, entries in os.walk(tree):
        names[:] = [name for name in names if os.path.join(folder, name) not in skipped]
        for name in entries:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                yield "/" + os.path.relpath(path, tree)


def _text(tree: Path, path: str) -> str | None:
    try:
        return inside(tree, path).read_text(encoding="utf-8", errors="replace")
    except (OSError, TreeError):
        return None


def _blocked(tree: Path) -> set[str]:
    """Modules that modprobe refuses."""
    texts = [path.read_text(errors="replace") for path in (tree / "etc/modprobe.d").glob("*.conf")]
    return set(re.findall(r"^install\s+(\S+)\s+/bin/(?:false|true)", "\n".join(texts), re.MULTILINE))


def _settings(tree: Path, path: str, desired: Mapping[str, str], form: str) -> Iterator[str]:
    text = _text(tree, path) or ""
    for key, value in desired.items():
        line = form.format(key=re.escape(key), value=re.escape(str(value)))
        if not re.search(rf"^{line}$", text, re.MULTILINE):
            yield f"{path} does not say {key} {value}"


def _file(tree: Path, entry: Mapping[str, Any]) -> Iterator[str]:
    if entry.get("state", "file") == "file":
        text = _text(tree, entry["path"])
        if text is None:
            yield f"{entry['path']} is not there"
        elif text != entry["content"]:
            yield f"{entry['path']} says something else"
    yield from _mode(tree, entry["path"], entry["mode"])


def _mode(tree: Path, path: str, desired: str) -> Iterator[str]:
    """A mode is met when nothing more is allowed, and root owns the file."""
    try:
        status = inside(tree, path).stat()
    except (OSError, TreeError):
        yield f"{path} is not there"
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~int(desired, 8):
        yield f"{path} has mode {mode:04o}, more than {desired}"
    if status.st_uid != OWNER:
        yield f"{path} belongs to user {status.st_uid}"


def _expected(tree: Path, entry: Mapping[str, str]) -> Iterator[str]:
    text = _text(tree, entry["path"])
    if text is None:
        yield f"{entry['path']} is not there"
        return
    if "contains" in entry and entry["contains"] not in text:
        yield f"{entry['path']} does not say {entry['contains']}"
    if "lacks" in entry and entry["lacks"] in text:
        yield f"{entry['path']} says {entry['lacks']}"
    if "mode" in entry:
        yield from _mode(tree, entry["path"], entry["mode"])


def enabled(tree: Path) -> list[str]:
    """The units that start by themselves; their links lead to paths of the tree, so they are not followed."""
    folders = [path for path in (tree / UNITS).glob("*") if path.suffix in (".wants", ".requires")]
    return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_symlink()})
