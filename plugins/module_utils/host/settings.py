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
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import files as host_files
from .booted import booted
from .receipts import ACCOUNT, MODULE, SWAP, SYSCTL, Entry, Receipts
from .units import UNITS, show

FSTAB = "/etc/fstab"
SYSCTL_FILE = "/etc/sysctl.d/60-keelson.conf"
MODULES_FILE = "/etc/modules-load.d/60-keelson.conf"


class SettingError(Exception):
    """A setting cannot be made; the message says which and why."""


@dataclass(frozen=True)
class Account:
    """A system account without a login; its group has the same name."""

    name: str
    home: str


def sysctl_text(desired: dict[str, str]) -> str:
    """The content of the file that sets the parameters at every boot."""
    return "".join(f"{key} = {value}\n" for key, value in sorted(desired.items()))


def shared_files(receipts: Receipts, modules: Iterable[str], sysctls: dict[str, str]) -> list[host_files.Desired]:
    """The files that all components of this host share, with what the others have in them; one of nothing is absent."""
    others = {key: entry["ours"][-1] for key, entry in receipts.all_of(SYSCTL, mine=False).items()}
    names = sorted({*receipts.all_of(MODULE, mine=False), *modules})
    texts = {MODULES_FILE: "".join(f"{name}\n" for name in names), SYSCTL_FILE: sysctl_text({**others, **sysctls})}
    return [
        host_files.Desired(path, "file" if text else "absent", text, "", 0o644, "root", "root", False)
        for path, text in texts.items()
    ]


def live(key: str, root: str = "/proc/sys") -> str | None:
    """The value of a parameter, None where the kernel has or tells none, and on a host that is not booted."""
    try:
        with open(_parameter(key, root), encoding="utf-8") as handle:
            return " ".join(handle.read().split()) if booted() else None
    except OSError:
        return None


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


def group_number(name: str) -> int | None:
    """The number of the group of this name, None where there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def add_account(account: Account) -> None:
    """Add one account and its group. Raises SettingError with what the tool said."""
    has_group = group_number(account.name) is not None
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    command += ["--home-dir", account.home, "--gid" if has_group else "--user-group"]
    command += [account.name, account.name] if has_group else [account.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingError(f"the account {account.name} cannot be added: {done.stderr.strip()}")


def remove_account(name: str, group: int | None) -> None:
    """Remove an account that was added. Its C(group), where that was there before, comes back: userdel takes it along.

    Raises SettingError with what the tool said.
    """
    done = subprocess.run(["userdel", name], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 6):  # 6: there is none
        raise SettingError(f"the account {name} cannot be removed: {done.stderr.strip()}")
    if group is not None and group_number(name) is None:
        _must(["groupadd", "--gid", str(group), name])


def swaps(path: str = "/proc/swaps") -> list[str]:
    """The swap areas in use; none on a host that is not booted, where those of its builder are shown."""
    if not booted():
        return []
    try:
        with open(path, encoding="utf-8") as handle:
            return [line.split()[0] for line in handle.readlines()[1:]]
    except OSError:
        return []


def swap_units(names: Iterable[str], shown: Callable[[str], dict[str, str]]) -> list[str]:
    """Those of these units that have a file and are not of fstab, so that swap comes back with them: swap units of an
    administrator or a generator, Debian's zramswap. C(shown) tells a unit's properties."""
    return [
        name
        for name in names
        if shown(name).get("FragmentPath") and shown(name).get("SourcePath") != FSTAB and "/" not in name
    ]


def swap_drop_in(unit: str) -> host_files.Desired:
    """What keeps a unit from making swap, whoever wrote or generated it."""
    path = f"{UNITS}/{unit}.d/60-keelson.conf"
    return host_files.Desired(path, "file", "[Unit]\nConditionPathExists=!/\n", "", 0o644, "root", "root", False)


def fstab_without_swap(text: str) -> str:
    """The same C(/etc/fstab) with its swap lines commented out."""
    lines = []
    for line in text.splitlines(keepends=True):
        fields = line.split()
        is_swap = len(fields) >= 3 and fields[2] == "swap" and not fields[0].startswith("#")
        lines.append(f"# {line}" if is_swap else line)
    return "".join(lines)


def _parameter(key: str, root: str) -> str:
    """The file of a parameter. Where its name begins with a dot, a slash in it is the dot of an interface (sysctl.d(5))."""
    first = next((sign for sign in key if sign in "./"), ".")
    return os.path.join(root, key if first == "/" else key.translate(str.maketrans("./", "/.")))


class Settings:
    """Settings of one component, each recorded before it is made. C(changes) and C(diff) tell what was, or would be, changed."""

    def __init__(self, receipts: Receipts, check: bool) -> None:
        self.changes: list[str] = []
        self.diff: list[dict[str, str]] = []
        self._receipts = receipts
        self._check = check
        self._modules: dict[str, str] = dict.fromkeys(receipts.of(MODULE), "")
        self._sysctls = {key: entry["ours"][-1] for key, entry in receipts.of(SYSCTL).items()}

    def add_accounts(self, accounts: list[Account]) -> None:
        """Add those that are missing. Raises SettingError."""
        absent = missing_accounts(accounts)
        shared = [account for account in accounts if self._receipts.others(ACCOUNT, account.name)]
        self._record(Entry(ACCOUNT, account.name, group_number(account.name)) for account in [*absent, *shared])
        for account in absent if not self._check else ():
            add_account(account)
        self.changes += [f"account {account.name}" for account in absent]

    def load_modules(self, desired: list[str]) -> None:
        """Load them now and at every boot. Raises SettingError."""
        found, unloaded = modules(desired)
        if desired:
            self._modules = dict.fromkeys(found, "")
        self._record(Entry(MODULE, name) for name in found)
        self._write(MODULES_FILE)
        for name in unloaded if not self._check else ():
            load_module(name)
        self.changes += [f"module {name}" for name in unloaded]

    def set_parameters(self, desired: dict[str, str]) -> list[str]:
        """Set them now and at every boot; returns those that this kernel does not have. Raises SettingError."""
        differing, missing = sysctl_changes(desired)
        settled = {key: value for key, value in desired.items() if key not in missing}
        if desired:
            self._sysctls = settled
        self._record(Entry(SYSCTL, key, live(key), value) for key, value in settled.items())
        if not self._check:
            set_sysctls(differing)
        self.changes += [f"{key} = {value}" for key, value in differing.items()]
        self._write(SYSCTL_FILE)
        return missing

    def switch_swap_off(self) -> None:
        """Switch swap off now and keep it off. Raises SettingError, FileError."""
        areas, drop_ins = swaps(), [swap_drop_in(name) for name in self._swap_units()]
        wants = [want for want in (*drop_ins, *_fstab_without_swap()) if host_files.ensure(want, True)]
        folders = [folder(os.path.dirname(want.path)) for want in drop_ins if want in wants]
        self._record(Entry(SWAP, area) for area in areas)
        self._record(entry for want in [*folders, *wants] for entry in host_files.recorded(want, self._receipts))
        for want in [*folders, *wants] if not self._check else ():
            host_files.ensure(want, False)
        if not self._check:
            for command in (
                ["systemctl", "daemon-reload"] if wants and booted() else [],
                ["swapoff", "--all"] if areas else [],
            ):
                _must(command)
        self.changes += [f"swap {area} off" for area in areas] + [want.path for want in wants]

    def _swap_units(self) -> list[str]:
        if not booted():
            return []
        command = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=swap"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        names = [line.split()[0] for line in listed.splitlines() if line.strip()]
        return swap_units([*names, "zramswap.service"], show)

    def _write(self, path: str) -> None:
        for want in shared_files(self._receipts, self._modules, self._sysctls):
            change = host_files.ensure(want, self._check) if want.path == path else None
            if change:
                self.changes.append(path)
                self.diff.append(change.diff)

    def _record(self, entries: Iterable[Entry]) -> None:
        if not self._check:
            self._receipts.record(entries)


def folder(path: str) -> host_files.Desired:
    """A directory that anybody may read."""
    return host_files.Desired(path, "directory", "", "", 0o755, "root", "root", False)


def _fstab_without_swap() -> list[host_files.Desired]:
    try:
        with open(FSTAB, encoding="utf-8") as handle:
            text = handle.read()
    except FileNotFoundError:
        return []
    mode = os.stat(FSTAB).st_mode & 0o7777
    return [host_files.Desired(FSTAB, "file", fstab_without_swap(text), "", mode, "root", "root", False)]


def _must(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False) if command else None
    if done and done.returncode:
        raise SettingError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")
