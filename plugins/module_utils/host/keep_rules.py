# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring back packet filter rules that a firewall has flushed when it was loaded anew. Standard library only.

Units say which nft table they load (X-Table=FAMILY NAME); one that is missing while its unit is active is loaded by a reload
of the unit. A unit that names none (X-Table=) is reloaded after every flush. Rules of iptables that runtimes write once, for
ports of applications, are remembered from round to round. A table of our own, which goes with all others, tells that there was
a flush: without one nothing that is missing is brought back.

usage: keep_rules.py [PATTERN ...]     names of iptables chains, and of interfaces, whose rules are remembered
"""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from . import network, programs

UNITS = "/etc/systemd/system/"
MARK = "inet keelson_rules"
PAUSE = 10.0  # seconds


def tables(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{unit: the table it loads} of (path, text) of unit files and their drop-ins."""
    found = {}
    for path, text in texts:
        line = re.search(r"^X-Table=(.*)$", text, re.MULTILINE)
        if line:
            found[path.removeprefix(UNITS).partition("/")[0].removesuffix(".d")] = line[1].strip()
    return found


def lost(saved: str, present: str, ours: Callable[[str], bool]) -> str:
    """For iptables-restore --noflush: what of our rules iptables-save printed in C(saved) and not in C(present). Empty for none."""
    before, now = network.tables(saved), network.tables(present)
    parts: list[str] = []
    for table, lines in before.items():
        there = now.get(table, [])
        known = set(network.chains("\n".join(there)))
        rules = [line for line in lines if line.startswith("-A ")]
        desired = [rule for rule in rules if ours(rule.split()[1]) or network.leads(rule, ours, ours, ())]
        back = [rule for rule in desired if rule not in there]
        made = [name for name in network.chains("\n".join(lines)) if ours(name) and name not in known]
        if made or back:
            parts += [table, *(f":{name} - [0:0]" for name in made), *back, "COMMIT"]
    return "\n".join([*parts, ""]) if parts else ""


class Keeper:
    """What was there at the last round, and what to do about it at the next."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Remember nothing yet."""
        self.patterns = tuple(patterns)
        self.saved: dict[str, str] = {}
        self.begun = False
        self.units: dict[str, str] = {}
        self.files: dict[str, int] = {}

    def ours(self, name: str) -> bool:
        """Whether a chain or interface is one whose rules are remembered."""
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)

    def round(self) -> list[str]:
        """Bring back what is missing after a flush; returns what that was. Raises OSError, subprocess.CalledProcessError."""
        shown = programs.run(["nft", "list", "tables"], check=True).stdout
        listed = {line.removeprefix("table ").strip() for line in shown.splitlines()}
        flushed = MARK not in listed
        done = self._reload(listed | (set() if flushed and self.begun else {""}))
        self.begun = True
        for program in network.PROGRAMS if self.patterns else ():
            present = programs.run([f"{program}-save"], check=True).stdout
            given = lost(self.saved.get(program, ""), present, self.ours) if flushed else ""
            if given:
                programs.run([f"{program}-restore", "--noflush"], given, check=True)
                done.append(f"{given.count('-A ')} rules of {program}")
                present = programs.run([f"{program}-save"], check=True).stdout
            self.saved[program] = present
        if flushed:
            programs.run(["nft", "add", "table", *MARK.split()], check=True)
        return done

    def _reload(self, listed: set[str]) -> list[str]:
        done = []
        for unit, table in self._tables().items():
            if table not in listed and programs.run(["systemctl", "is-active", unit]).returncode == 0:
                programs.run(["systemctl", "reload", unit], check=True)
                done.append(f"table {table}" if table else f"what {unit} stands for")
        return done

    def _tables(self) -> dict[str, str]:
        """The units with their tables; files are read again only when one has changed."""
        paths = glob.glob(f"{UNITS}*.service") + glob.glob(f"{UNITS}*.d/*.conf")
        files = {path: _changed(path) for path in paths}
        if files != self.files:
            self.units, self.files = tables(map(_read, paths)), files
        return self.units


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_ctime_ns
    except FileNotFoundError:  # gone in between, or a link to nothing
        return 0


def _read(path: str) -> tuple[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            return path, file.read()
    except FileNotFoundError:  # gone in between
        return path, ""


def tell(text: str) -> None:
    """Write a line to the journal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(*patterns: str) -> None:
    """Keep the rules for ever; say what was brought back, and once what is wrong."""
    keeper, reported = Keeper(patterns), ""
    while True:
        try:
            for found in keeper.round():
                tell(f"a firewall has flushed it, it is back: {found}")
            fault = ""
        except subprocess.CalledProcessError as error:
            fault = f"{' '.join(error.cmd)}: {error.stderr.strip()}"
        except OSError as error:
            fault = str(error)
        if fault and fault != reported:
            tell(fault)
        reported = fault
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
