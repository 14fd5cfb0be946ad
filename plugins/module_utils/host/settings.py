# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel modules and parameters, swap and system accounts of a host."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import subprocess
from dataclasses import dataclass

from .booted import booted

SYSCTL_FILE = "/etc/sysctl.d/60-keelson.conf"
MODULES_FILE = "/etc/modules-load.d/60-keelson.conf"


class SettingError(Exception):
    """A setting cannot be brought about; the message says which and why."""


@dataclass(frozen=True)
class Account:
    """A system account without a login; its group has the same name."""

    name: str
    home: str


def sysctl_text(desired: dict[str, str]) -> str:
    """The content of the file that sets the parameters at every boot."""
    return "".join(f"{key} = {value}\n" for key, value in sorted(desired.items()))


def sysctl_changes(desired: dict[str, str], root: str = "/proc/sys") -> tuple[dict[str, str], list[str]]:
    """The parameters whose live value differs, and those this kernel does not have.

    None of either on a host that is not booted: the kernel that answers is its builder's.
    """
    differing: dict[str, str] = {}
    missing: list[str] = []
    if not booted():
        return differing, missing
    for key, value in sorted(desired.items()):
        try:
            with open(_parameter(key, root), encoding="utf-8") as handle:
                if handle.read().split() != str(value).split():
                    differing[key] = str(value)
        except FileNotFoundError:
            missing.append(key)
        except PermissionError:
            continue
    return differing, missing


def set_sysctls(changes: dict[str, str], root: str = "/proc/sys") -> None:
    """Set live values. Raises SettingError naming the parameter the kernel refuses."""
    for key, value in changes.items():
        try:
            with open(_parameter(key, root), "w", encoding="utf-8") as handle:
                handle.write(value)
        except OSError as error:
            raise SettingError(f"the kernel refuses {key} = {value} ({error.strerror})") from error


def modules(desired: list[str], tree: str = "", loaded: str = "/sys/module") -> tuple[list[str], list[str]]:
    """Those of C(desired) that this kernel has as modules, and those of them that are not loaded.

    What is built in needs none, and what is missing is for preflight to refuse. C(tree) is the kernel's /lib/modules.
    A host that is not booted has the modules of every kernel installed there, and loads them when it boots.
    """
    trees = [tree or f"/lib/modules/{os.uname().release}"] if booted() else glob.glob(tree or "/lib/modules/*")
    known: set[str] = set()
    for folder in trees:
        try:
            with open(os.path.join(folder, "modules.dep"), encoding="ascii", errors="replace") as handle:
                known |= {os.path.basename(line.split(":")[0]).split(".")[0].replace("-", "_") for line in handle}
        except OSError:
            continue
    present = [name for name in desired if name in known]
    return present, [name for name in present if booted() and not os.path.isdir(os.path.join(loaded, name))]


def load_module(name: str) -> None:
    """Load a kernel module now. Raises SettingError with what the tool said."""
    done = subprocess.run(["modprobe", name], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingError(f"the kernel module {name} cannot be loaded: {done.stderr.strip()}")


def missing_accounts(accounts: list[Account]) -> list[Account]:
    """The accounts this host does not have."""
    present = {entry.pw_name for entry in pwd.getpwall()}
    return [account for account in accounts if account.name not in present]


def add_account(account: Account) -> None:
    """Add one account and its group. Raises SettingError with what the tool said."""
    has_group = any(entry.gr_name == account.name for entry in grp.getgrall())
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    command += ["--home-dir", account.home, "--gid" if has_group else "--user-group"]
    command += [account.name, account.name] if has_group else [account.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingError(f"the account {account.name} cannot be added: {done.stderr.strip()}")


def swaps(path: str = "/proc/swaps") -> list[str]:
    """The swap areas in use; none on a host that is not booted, where those of its builder are shown."""
    if not booted():
        return []
    try:
        with open(path, encoding="utf-8") as handle:
            return [line.split()[0] for line in handle.readlines()[1:]]
    except OSError:
        return []


def fstab_without_swap(text: str) -> str:
    """The same C(/etc/fstab) with its swap lines commented out."""
    lines = []
    for line in text.splitlines(keepends=True):
        fields = line.split()
        is_swap = len(fields) >= 3 and fields[2] == "swap" and not fields[0].startswith("#")
        lines.append(f"# {line}" if is_swap else line)
    return "".join(lines)


def _parameter(key: str, root: str) -> str:
    return os.path.join(root, key.replace(".", "/"))
